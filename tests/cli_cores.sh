# cli_cores.sh - core models, bundled machines and instruction traces at a terminal; read by cli.sh.

# ---- machines ----
machines() {
    local cfg
    for cfg in skylake zen3 zen4 granite-rapids tiny-inorder; do
        exits 0 "$pwsim" exec -v -m "$root/sim/configs/$cfg.cfg" "$B/guest/hello.wasm" one || return 1
        grep -q ' cycles, IPC ' "$tmp/err" || return 1
    done
}
t "the bundled machines run a program" machines
t "the out-of-order core does the same as the others" hello_says -m "$root/sim/configs/skylake.cfg"
t "and with traps" hello_says -m "$root/sim/configs/zen4.cfg" -s kernel.boundary=trap -s kernel.kpti=true
t "ports are digits" refuses 125 'core.ports_alu: "01x"' "$pwsim" exec -s core.model=ooo -s core.ports_alu=01x "$B/guest/hello.wasm"

cycles_of() { "$pwsim" exec -v -m "$root/sim/configs/zen4.cfg" "$@" "$B/guest/hello.wasm" 2>&1 | sed -n 's/.* instructions, \([0-9,]*\) cycles.*/\1/p'; }
stack_off() { # it is told nothing, and takes as long
    local on off
    on=$(cycles_of) && off=$(cycles_of -s core.cpi_stack=false) && [ -n "$on" ] && [ "$on" = "$off" ]
}
t "without a CPI stack as many cycles" stack_off

# ---- kernels on the host and in the simulator ----
validate() { (cd "$root" && exec "$B/tests/validate_host" "$B" "$@"); }
validates() { # it fails unless the checksums of all three builds agree
    exits 0 validate zen4 fib crc || return 1
    grep -q '^simulated: zen4' "$tmp/out" && grep -q '^fib  ' "$tmp/out" && grep -q '^crc  ' "$tmp/out" &&
        grep -q '^against native: .* rank correlation of CPI' "$tmp/out"
}
t "kernels are compared with the host" validates
no_such() { exits 1 validate "$@" || return 1; grep -q "^pwsim: validate-host: .*" "$tmp/err"; }
t "a machine that is none is refused" no_such nothing fib
t "and so is a kernel" no_such zen4 nothing

# ---- instruction traces ----
stream_record() { # instruction pointer's low byte, register read, register written, 6 bytes of an address read
    printf '\x'"$1"'\x10\x40\0\0\0\0\0\0\0\x'"$3"'\0\x'"$2"'\0\0\0'
    printf '\0%.0s' {1..16}
    printf "$4"'\0\0'
    printf '\0%.0s' {1..24}
}
for i in {1..50}; do
    stream_record 00 01 02 '\x40\x12\x34\x56\x78\x7f'
    stream_record 04 02 01 '\0\0\0\0\0\0'
done >few.champsim
for i in {1..40}; do cat few.champsim; done >plain.champsim
gzip -c plain.champsim >gz.champsim
xz -c plain.champsim >xz.champsim
head -c 6410 plain.champsim >cut.champsim
replays_streams() { # packings count the same
    local f
    for f in plain gz xz; do
        exits 0 "$pwsim" replay --core ooo --warmup 1000 --length 2000 $f.champsim || return 1
        grep -q "2,000 instructions, 5,0[0-9][0-9] cycles" "$tmp/out" || return 1
        sed '$d' "$tmp/out" >$f.table
    done
    cmp plain.table gz.table && cmp plain.table xz.table
}
t "instruction traces, plain, gzip and xz, are timed alike" replays_streams
t "a cut record is refused by its number" refuses 2 'cut.champsim: record 100: cut off' "$pwsim" replay --core ooo cut.champsim
t "a trace that the warm-up uses up is refused" refuses 2 'the warm-up takes all' "$pwsim" replay --core ooo --warmup 5000 plain.champsim
t "a number that is none is refused" refuses 2 '--length "many"' "$pwsim" replay --core ooo --length many plain.champsim
t "models that take no instructions are refused" refuses 2 '"inorder" times no instruction traces' "$pwsim" replay --core inorder plain.champsim
t "a warm-up without a core is refused" refuses 2 'go with --core' "$pwsim" replay --warmup 5 plain.champsim
stream_json() { "$pwsim" replay --core ooo --json plain.champsim >json && grep -q '"hart0.upc"' json; }
t "and as JSON" stream_json

# ---- harts ----
all_harts() { # with a run directory, whose series has all their counters
    exits 0 "$pwsim" run "$root/sim/configs/hello.cfg" -s machine.harts=64 -s core.model=ooo -o harts || return 1
    grep -q '"hart63.cpi.kernel.idle": ' harts/*/stats.json && zcat harts/*/series.csv.gz | head -1 | grep -q ',hart63.cpi.kernel.idle,'
}
t "64 harts run, and are counted over time" all_harts
over_time() { # epochs add up to the whole, with what the module does to hold all at the end
    exits 0 "$pwsim" run "$root/sim/configs/hello.cfg" -s program.name=kvlog -s program.args=50,100 -s kernel.data_tier=nvdimm -s machine.epoch=9999 -o epochs || return 1
    zcat epochs/*/series.csv.gz | awk -F, 'NR == 1 { split($0, name); next } { for (i = 2; i <= NF; i++) sum[i] += $i }
        END { for (i = 2; i <= NF; i++) printf "  \"%s\": %d,\n", name[i], sum[i] }' >sums
    [ "$(wc -l <sums)" -gt 200 ] && ! grep -v '"nvdimm.lifetime' sums | grep -vxFf epochs/*/stats.json
}
t "the epochs of a run add up to its counters" over_time
