# cli_memory.sh - a host that has no memory left, at any moment of a command; sourced by cli.sh.

# starves CODE N COMMAND...: N times, the last no later than its last allocation, the host has no
# memory from some allocation of the command on. Each time it ends with CODE and a message that
# speaks of memory, keep.img and keep.d are as they were, and no half a file is left.
starves() {
    local code=$1 n=$2 at=1 calls i
    shift 2
    calls=$(STARVE_AT=0 LD_PRELOAD=$tmp/starve.so "$@" 2>&1 >/dev/null </dev/null | tail -n 1)
    [ "$calls" -ge "$n" ] || { echo "$calls allocations, expected $n"; return 1; }
    for ((i = 0; i < n; i++)); do
        at=$((1 + i * (calls - 1) / (n - 1)))
        STARVE_AT=$at LD_PRELOAD=$tmp/starve.so exits "$code" "$@" </dev/null || { echo "at $at of $calls"; return 1; }
        grep -q '^pwsim: ' err && grep -qiE 'memory|no room' err out && cmp -s keep.img keep.old && diff -r keep.d keep.d.old && ! ls ./*.part 2>/dev/null && continue
        echo "allocation $at of $calls:"
        cat err
        return 1
    done
}
t "a library that starves a program" "$CC" -O1 -shared -fPIC -o starve.so "$root/tests/starve.c"
if ASAN_OPTIONS="" limited 1000000 "$pwsim" --version >/dev/null 2>&1; then # AddressSanitizer has an allocator of its own
    mkdir -p keep.d/sub && echo one >keep.d/one && cp "$B/guest/sample.txt" keep.d/sub/two && cp -r keep.d keep.d.old
    truncate -s 16M keep.img && cp keep.img keep.old
    t "no host memory: exec" starves 125 40 "$pwsim" exec "$B/guest/hello.wasm"
    t "no host memory: files that go back to the host" starves 125 60 "$pwsim" exec --dir keep.d --sync-out "$B/guest/hello.wasm"
    t "no host memory: exec with traps on an out-of-order core" starves 125 40 "$pwsim" exec -s core.model=ooo -s kernel.boundary=trap "$B/guest/hello.wasm"
    t "no host memory: run that commits, with a checker" starves 2 40 "$pwsim" run "$root/sim/configs/hello.cfg" -o starved -s nvdimm.image=keep.img -s nvdimm.commit=true -s pmem.check=true
    t "no host memory: a full checkpoint" starves 2 40 "$pwsim" run "$root/sim/configs/hello.cfg" -o starved --checkpoint-at instructions=9000 starved.ck --checkpoint-kind full
    t "no host memory: a trace" starves 2 6 "$pwsim" trace info hello.trace
    t "no host memory: a replay" starves 2 20 "$pwsim" replay hello.trace
    t "no host memory: crash images" starves 2 30 "$pwsim" crash empty.cfg -s boot.image="$B/persistency.elf" -s program.name=c5 -s program.args=correct -s "power.recovery=c5 check" -j 1 --console
fi
