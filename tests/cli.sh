#!/usr/bin/env bash
# cli.sh - what a user does at a terminal: commands, messages, exit codes, files left behind.
#
# Each `t NAME COMMAND...` is one test: it passes when the command succeeds. Helpers below make the
# common expectations one word. Closes with "N passed, N failed". B is the build folder.
set -u
: "${B:=build}" "${CC:=gcc}"
root=$PWD
case $B in /*) ;; *) B=$root/$B ;; esac
pwsim=$B/pwsim
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 1
passed=0 failed=0

t() {
    local name=$1
    shift
    if "$@" >"$tmp/t.out" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL $name"
        sed 's/^/    /' "$tmp/t.out" | head -20
    fi
}

# exits CODE COMMAND...: the exit code is CODE; output is in the file out, errors in err.
exits() {
    local want=$1 got
    shift
    "$@" >"$tmp/out" 2>"$tmp/err"
    got=$?
    [ "$got" = "$want" ] && return 0
    echo "exit $got, expected $want: $*"
    cat "$tmp/err"
    return 1
}

# refuses CODE TEXT COMMAND...: one line "pwsim: …" that holds TEXT, and that exit code.
refuses() {
    local want=$1 text=$2
    shift 2
    exits "$want" "$@" || return 1
    [ "$(wc -l <"$tmp/err")" = 1 ] && grep -q '^pwsim: ' "$tmp/err" && grep -qF -- "$text" "$tmp/err" && return 0
    echo "expected one line with \"$text\", got:"
    cat "$tmp/err"
    return 1
}

# ---- programs ----
hello_says() {
    exits 0 "$pwsim" exec "$@" --env COLOUR=blue "$B/guest/hello.wasm" one "two words" || return 1
    grep -q 'two words' "$tmp/out" && grep -q 'COLOUR=blue' "$tmp/out" && [ ! -s "$tmp/err" ]
}
t "exec passes arguments, environment and output through" hello_says
t "exec on the timed core does the same" hello_says -s core.model=inorder
t "exec on the timed core with traps does the same" hello_says -s core.model=inorder -s kernel.boundary=trap -s kernel.kpti=true

waiting() { # nanoseconds: a program that waits so long for a value to change, and exits with what came of it
    cat >"$tmp/wait.wat" <<EOF
(module (import "wasi_snapshot_preview1" "proc_exit" (func \$exit (param i32)))
 (memory (export "memory") 1 1 shared)
 (func (export "_start") (call \$exit (memory.atomic.wait32 (i32.const 8) (i32.const 0) (i64.const $1)))))
EOF
    wat2wasm --enable-threads "$tmp/wait.wat" -o "$tmp/wait.wasm"
}
wait_times_out() { # 5 ms at 2.2 GHz
    waiting 5000000 && exits 2 "$pwsim" exec -v "$@" "$tmp/wait.wasm" && grep -qE ' (10,99[0-9]|11,0[0-9][0-9]),[0-9]+ cycles' "$tmp/err"
}
t "a wait times out after its time" wait_times_out
t "a wait times out after its time on the timed core" wait_times_out -s core.model=inorder
endless_wait() { waiting -1 && exits 126 "$pwsim" exec "$tmp/wait.wasm" && grep -q 'trapped: deadlock' "$tmp/err"; }
t "an endless wait is a deadlock" endless_wait

guest_test() { # name, options...: output and exit code as tests/guest/NAME.expected says
    local name=$1 want=0
    shift
    "$pwsim" exec -s program.terminals=all "$@" --dir "$root/tests/guest/tree::/" "$B/guest/tests/$name.wasm" >"$tmp/out" 2>"$tmp/err"
    local got=$?
    [ -f "$root/tests/guest/$name.exit" ] && want=$(cat "$root/tests/guest/$name.exit")
    [ "$got" = "$want" ] || { echo "exit $got, expected $want"; cat "$tmp/err"; return 1; }
    diff "$root/tests/guest/$name.expected" "$tmp/out"
}
for f in "$root"/tests/guest/*.c; do
    name=$(basename "${f%.c}")
    t "guest $name, functional" guest_test "$name"
    t "guest $name, in-order, call" guest_test "$name" -s core.model=inorder
    t "guest $name, in-order, trap" guest_test "$name" -s core.model=inorder -s kernel.boundary=trap
    t "guest $name, in-order, four harts" guest_test "$name" -s core.model=inorder -s machine.harts=4
done

trap_report() {
    exits 126 "$pwsim" exec "$@" "$B/guest/trapdemo.wasm" || return 1
    grep -q 'trapped: out of bounds memory access' "$tmp/err" && grep -qE '#0 .*trapdemo' "$tmp/err" && grep -q 'main' "$tmp/err"
}
t "a trap is reported with the guest's function names" trap_report
t "a trap on the timed core is reported too" trap_report -s core.model=inorder
limit() { # key=value, message
    t "limit wasm.$1 refuses" refuses 125 "$2" "$pwsim" exec -s "wasm.$1" "$B/guest/hello.wasm"
}
limit "module_bytes=1 KiB" "module too large"
limit functions=5 "too many functions"
limit locals=1 "too many locals"
limit block_depth=1 "blocks nested too deep: the limit is 1"
limit operands=1 "too many operands on the stack: the limit is 1"
limit table_entries=1 "table size: the limit is 1"
limit pages=1 "memory size: 2 pages, the limit is 1"
fuel_stops() { # options: that count is said on standard error
    exits 124 "$pwsim" exec --fuel 1501 "$@" "$B/guest/hello.wasm" && grep -q "out of fuel: 1501 wasm operators executed" "$tmp/err"
}
t "fuel runs out at exactly that count" fuel_stops
t "fuel runs out at the same count on the timed core" fuel_stops -s core.model=inorder
t "fuel that suffices changes nothing" hello_says --fuel 100000000
for n in 0 x 1x -1 99999999999999999999; do
    t "fuel $n is refused" refuses 125 "--fuel $n" "$pwsim" exec --fuel "$n" "$B/guest/hello.wasm"
done
t "run ends with 1 when the program traps" exits 1 "$pwsim" run "$root/sim/configs/hello.cfg" -o runs -s program.name=trapdemo -s program.args=

for f in "$root"/sim/configs/ddr*.cfg; do
    t "DRAM of $(basename "$f")" exits 0 "$pwsim" run "$f" -s program.name=hello -o runs
done
# ---- folders of the host ----
source "$root/tests/cli_exec.sh"

# ---- bad input ----
head -c 100 "$B/guest/hello.wasm" >short.wasm
printf 'not wasm at all' >text.wasm
t "a truncated module" refuses 125 "short.wasm: " "$pwsim" exec short.wasm
t "a file that is no module" refuses 125 "magic" "$pwsim" exec text.wasm
t "a program that is not there" refuses 125 "nothing.wasm" "$pwsim" exec nothing.wasm
t "an image that is not ELF" refuses 2 "text.wasm" "$pwsim" run "$root/sim/configs/hello.cfg" -s boot.image=text.wasm
head -c 5000 "$B/boot.elf" >short.elf
t "an image that is cut off" refuses 2 "short.elf" "$pwsim" run "$root/sim/configs/hello.cfg" -s boot.image=short.elf
printf 'l1d: { size = "32 KiB";\n  wayz = 4; };\n' >bad.cfg
t "an unknown key, with file and line" refuses 2 "bad.cfg:2:" "$pwsim" run bad.cfg
printf 'l1d: { ways = "four"; };\n' >bad.cfg
t "an ill-typed key, with file and line" refuses 2 "bad.cfg:1:" "$pwsim" run bad.cfg
printf 'l1d: { size = 32768; };\n' >bad.cfg
t "a size without a unit" refuses 2 "bad.cfg:1:" "$pwsim" run bad.cfg
for size in nvdimm.size machine.dram; do
    printf 'program: { name = "hello"; };\n%s: { %s = "1025 KiB"; };\n' ${size/./ } >bad.cfg
    t "$size that is no number of frames" refuses 2 "bad.cfg:2: $size: 1025 KiB is not a multiple of 64 KiB" "$pwsim" run bad.cfg
done
printf 'program: { name = "hello"; };\nexperiment: { columns = ( { title = "x"; value = "hart0.cycle"; } ); };\n' >bad.cfg
t "a column of a counter that there is not" refuses 2 'bad.cfg:2: column "x": there is no counter "hart0.cycle"' "$pwsim" run bad.cfg
printf 'l1d: {' >bad.cfg
t "a file that is no config" refuses 2 "bad.cfg:" "$pwsim" run bad.cfg
t "an unknown key on the command line" refuses 2 "l1d.wayz" "$pwsim" run "$root/sim/configs/hello.cfg" -s l1d.wayz=4
t "an impossible cache" refuses 2 "" "$pwsim" run "$root/sim/configs/hello.cfg" -s l1d.ways=3
t "an impossible DRAM" refuses 2 "-s dram.groups=3: dram.groups: " "$pwsim" run "$root/sim/configs/hello.cfg" -s dram.groups=3
t "a wrong address map" refuses 2 "dram.mapping" "$pwsim" run "$root/sim/configs/hello.cfg" -s dram.mapping=row,bank
t "an unknown policy" refuses 2 "nonesuch" "$pwsim" run "$root/sim/configs/hello.cfg" -s llc.policy=nonesuch
t "an unknown program" refuses 2 "nonesuch" "$pwsim" run "$root/sim/configs/hello.cfg" -s program.name=nonesuch
t "an unknown command" refuses 2 "frobnicate" "$pwsim" frobnicate
t "an unknown option" refuses 2 "--frob" "$pwsim" run --frob x
t "an option without its value" refuses 2 "needs a value" "$pwsim" view --size
t "no command at all" exits 2 "$pwsim"
head -c 1000000 /dev/zero >small.img
t "an NVDIMM image of the wrong size" refuses 2 "small.img" "$pwsim" run "$root/sim/configs/hello.cfg" -s nvdimm.image=small.img
t "an NVDIMM image of the wrong size leaves it as it was" cmp small.img <(head -c 1000000 /dev/zero)
for c in run exec shell replay trace view list image; do
    t "$c --help" exits 0 "$pwsim" "$c" --help
done

# ---- run directories and determinism ----
demo_point() { # folder of the binary, folder to run in
    mkdir -p "$2" && (cd "$2" && "$1/pwsim" run "$root/sim/configs/small.cfg" -o runs)
}
same_bytes() { # two folders of run directories: what each point wrote is the same
    local d e f n=0
    for d in "$1"/*/; do
        e=$(dirname "$(grep -lF "$(grep '"point"' "$d/run.json")" "$2"/*/run.json)")
        for f in resolved.cfg stats.json series.csv.gz flame.folded functions.csv console.txt nvdimm.img; do
            cmp "$d/$f" "$e/$f" || return 1
            n=$((n + 1))
        done
    done
    [ "$n" = 28 ]
}
t "a run leaves its files" demo_point "$B" one
t "the same run from another directory" demo_point "$B" two/deep
t "two directories, same bytes" same_bytes one/runs two/deep/runs
t "the same run with a heartbeat" "$pwsim" run "$root/sim/configs/small.cfg" -o four --progress
t "with and without a heartbeat, same bytes" same_bytes one/runs four
t "and the same names" diff <(ls one/runs) <(ls two/deep/runs)
if [ -z "${NO_O0:-}" ]; then
    o0=${B#"$root"/}/O0 # relative, as the dependencies name it when a compiler cache wrote them
    # objects whose dependencies name another target would stay as they are when a header changes
    grep -rlE --include='*.d' '^/' "$B/O0" 2>/dev/null | while read -r d; do rm -f "$d" "${d%.d}.o"; done
    t "a build at -O0" make -C "$root" -s --no-print-directory B="$o0" OPT=-O0 SAN= "$o0/pwsim"
    o0_run() { cp "$B/boot.elf" "$B/O0/" && demo_point "$B/O0" three; }
    t "the same run at -O0" o0_run
    t "-O0 and -O2, same bytes" same_bytes one/runs three/runs
fi
files_there() {
    local d f
    for d in one/runs/*/; do
        for f in resolved.cfg run.json stats.json series.csv.gz flame.folded functions.csv console.txt nvdimm.img; do
            [ -e "$d/$f" ] || { echo "$d/$f is missing"; return 1; }
        done
    done
}
t "a run directory is complete" files_there

# ---- persistence ----
truncate -s 16M nv.img
kvlog() { "$pwsim" run "$root/sim/configs/hello.cfg" -o nvruns --console -s program.name=kvlog -s program.args=100,64 -s kernel.data_tier=nvdimm -s nvdimm.image=nv.img "$@"; }
recovered() { kvlog "$@" >out.txt && cat out.txt && grep -qE "$want" out.txt; }
before=$(md5sum <nv.img)
want='recovered 0|0 recovered' t "a log in an empty NVDIMM" recovered
same_md5() { [ "$(md5sum <nv.img)" = "$before" ]; }
t "a run does not write to the image it was given" same_md5
t "unless it commits" kvlog -s nvdimm.commit=true
other_md5() { ! same_md5; }
t "then the image is new" other_md5
want='recovered 100|100 recovered' t "and the next run finds the records" recovered

durable() { # words expected in the image, options...
    local want=$1
    shift
    rm -f dur.img && truncate -s 16M dur.img
    "$pwsim" exec -s core.model=inorder -s kernel.data_tier=nvdimm -s "nvdimm.size=16 MiB" -s nvdimm.image=dur.img -s nvdimm.commit=true "$@" "$B/guest/tests/durable.wasm" >/dev/null || return 1
    diff <(tr ' ' '\n' <<<"$want") <(grep -aoE 'DUR-[a-z.]{4}' dur.img)
}
flushed="DUR-clwb DUR-fopt DUR-flsh DUR-ntst"
t "adr: what was flushed and fenced is durable, nothing else" durable "$flushed DUR-old."
t "none: so too, the module drains at a halt in good order" durable "$flushed DUR-old." -s nvdimm.domain=none
t "eadr: what is in the cache is durable" durable "DUR-none $flushed DUR-new." -s nvdimm.domain=eadr
t "functional: stores are durable at once" durable "DUR-none $flushed DUR-new." -s core.model=functional
two_committers() {
    (flock -s 9; refuses 125 "dur.img" "$pwsim" exec -s "nvdimm.size=16 MiB" -s nvdimm.image=dur.img -s nvdimm.commit=true "$B/guest/hello.wasm") 9<dur.img
}
t "an image that another run uses is not committed to" two_committers

# ---- checkpoints ----
ck_run() { # program, arguments, options...: the guest's output, then the last line: operators
    local name=$1 args=$2
    shift 2
    "$pwsim" run "$root/sim/configs/hello.cfg" -o ckruns --console -s program.name="$name" -s program.args="$args" "$@" >ck.out || return 1
    sed -n '/^$/,$p' ck.out | sed '/instructions,/d; s/^hello: //'
    grep -o '^.*instructions,' ck.out | tr -dc 0-9
}
in_two_parts() { # program, arguments, options...: nothing changes, wherever it is cut, on any core
    local name=$1 args=$2 all whole core k late
    shift 2
    all=$(ck_run "$name" "$args" "$@" -s core.model=functional) || return 1
    whole=$(tail -n 1 <<<"$all")
    late=$((whole * 24 / 25))
    ck_run "$name" "$args" "$@" -s core.model=functional --checkpoint-at "instructions=$late" whole.ck >/dev/null || return 1
    for k in 1 2 3 4 5 6 7; do
        ck_run "$name" "$args" "$@" -s core.model=functional --checkpoint-at "instructions=$((whole * k / 8))" f.ck >/dev/null || return 1
        ck_run "$name" "$args" "$@" -s core.model=functional --from f.ck --checkpoint-at "instructions=$late" parts.ck >f.out || return 1
        cmp whole.ck parts.ck || return 1
        ck_run "$name" "$args" "$@" -s core.model=inorder --checkpoint-at "instructions=$((whole * k / 8))" i.ck >/dev/null || return 1
        for core in f.ck:inorder i.ck:inorder i.ck:functional; do
            ck_run "$name" "$args" "$@" -s core.model="${core#*:}" --from "${core%:*}" >i.out || return 1
            cmp f.out i.out || return 1
        done
        [ "$(head -n -1 f.out | tail -n 1)" = "$(head -n -1 <<<"$all" | tail -n 1)" ] || return 1
    done
}
t "a run in two parts is one run" in_two_parts wordcount sample.txt
t "also with files in the NVDIMM behind traps" in_two_parts kvlog 100,64 -s kernel.data_tier=nvdimm -s kernel.boundary=trap
at_mark() { # the same place on both cores
    ck_run kvlog 100,64 -s core.model=functional --checkpoint-at mark=2 f.ck >/dev/null && ck_run kvlog 100,64 --from f.ck >f.out &&
        ck_run kvlog 100,64 --checkpoint-at mark=2 i.ck >/dev/null && ck_run kvlog 100,64 -s core.model=functional --from i.ck >i.out && cmp f.out i.out
}
t "a mark is a point" at_mark
t "so is a number of cycles" ck_run kvlog 100,64 --checkpoint-at cycles=100000 c.ck
same_everything() { # twice the same from one checkpoint
    rm -rf one.ck.runs two.ck.runs
    for d in one two; do
        "$pwsim" run "$root/sim/configs/hello.cfg" -o $d.ck.runs -s program.name=kvlog -s program.args=100,64 --from c.ck >/dev/null || return 1
    done
    cmp one.ck.runs/*/stats.json two.ck.runs/*/stats.json && cmp one.ck.runs/*/series.csv.gz two.ck.runs/*/series.csv.gz
}
t "what follows a checkpoint is the same each time" same_everything
same_as_uncut() { # what a run leaves that was cut by a full checkpoint: all of it, byte by byte
    rm -rf uncut.runs cut.runs rest.runs
    local run="$pwsim run $root/sim/configs/hello.cfg -s program.name=kvlog -s program.args=100,64 -s kernel.data_tier=nvdimm -s machine.epoch=20000"
    $run -o uncut.runs >/dev/null && $run -o cut.runs --checkpoint-at "$1" full.ck --checkpoint-kind full >/dev/null &&
        $run -o rest.runs --from full.ck >/dev/null || return 1
    for f in stats.json series.csv.gz console.txt nvdimm.img flame.folded functions.csv resolved.cfg; do
        cmp uncut.runs/*/$f cut.runs/*/$f && cmp uncut.runs/*/$f rest.runs/*/$f || return 1
    done
}
t "a run that is cut by a full checkpoint is the run that is not" same_as_uncut instructions=400000
t "also at a number of cycles" same_as_uncut cycles=700000
t "and at a mark" same_as_uncut mark=2
full_ck() { "$pwsim" run "$root/sim/configs/hello.cfg" -o ckruns -s program.name=kvlog -s program.args=100,64 -s kernel.data_tier=nvdimm -s machine.epoch=20000 "$@"; }
t "a full checkpoint on another config" refuses 2 "full.ck: made with llc.policy = \"lru\", here it is \"srrip\"; a full one goes on as it was" full_ck --from full.ck -s llc.policy=srrip
t "a kind of checkpoint that is none" refuses 2 "expected architectural or full" full_ck --checkpoint-at mark=2 x.ck --checkpoint-kind whole
t "a kind without a point" refuses 2 "expected --checkpoint-at" full_ck --checkpoint-kind full
head -c 300000 full.ck >cut.ck
{ head -c 300000 full.ck; printf Z; tail -c +300002 full.ck; } >bad.ck
t "a full checkpoint that is cut off" refuses 2 "cut.ck: cut off" full_ck --from cut.ck
t "a damaged full checkpoint" refuses 2 "bad.ck: damaged" full_ck --from bad.ck
hello_ck() { "$pwsim" run "$root/sim/configs/hello.cfg" -o ckruns "$@"; }
t "a checkpoint of hello" hello_ck --checkpoint-at instructions=9000 h.ck
half=$(($(stat -c %s h.ck) / 2)) # how much there is depends on the boot image
head -c $half h.ck >cut.ck
{ head -c $half h.ck; printf Z; tail -c +$((half + 2)) h.ck; } >bad.ck
{ head -c 8 h.ck; printf '\377'; tail -c +10 h.ck; } >new.ck
t "a checkpoint that is cut off" refuses 2 "cut.ck: cut off" hello_ck --from cut.ck
t "a damaged checkpoint" refuses 2 "bad.ck: damaged" hello_ck --from bad.ck
t "a checkpoint of another version" refuses 2 "new.ck: a checkpoint of another version" hello_ck --from new.ck
t "a file that is no checkpoint" refuses 2 "not a checkpoint" hello_ck --from text.wasm
t "no such checkpoint" refuses 2 "none.ck" hello_ck --from none.ck
t "a checkpoint of another program" refuses 2 "program.name" hello_ck --from h.ck -s program.name=kvlog
t "a checkpoint of another machine" refuses 2 "machine.dram" hello_ck --from h.ck -s machine.dram="512 MiB"
t "a checkpoint with less stack" refuses 2 "h.ck: made with program.stack" hello_ck --from h.ck -s program.stack="64 KiB"
t "a checkpoint with a lower limit on functions" refuses 2 "h.ck: made with wasm.functions" hello_ck --from h.ck -s wasm.functions=100
t "a checkpoint with another limit on growth" refuses 2 "h.ck: made with wasm.table_entries" hello_ck --from h.ck -s wasm.table_entries=40000
"$pwsim" image build other.elf ".kernel=$B/guest/kernel.wasm" ".prog/hello=$B/guest/cat.wasm"
t "a checkpoint of other modules" refuses 2 "another boot image" hello_ck --from h.ck -s boot.image=other.elf
t "a point that is none" refuses 2 "instructions=N" hello_ck --checkpoint-at 9000 x.ck
t "a point without a file" refuses 2 "two values" hello_ck --checkpoint-at mark=1
t "a point that is over before it begins" refuses 2 "y.ck: no checkpoint: instructions=5 is behind" hello_ck --from h.ck --checkpoint-at instructions=5 y.ck
t "a cycle that is" refuses 2 "y.ck: no checkpoint: cycles=5 is behind" hello_ck --from h.ck --checkpoint-at cycles=5 y.ck
t "a point that is never reached" refuses 2 "ended before" hello_ck --checkpoint-at mark=77 x.ck
t "a checkpoint of many points" refuses 2 "4 points" "$pwsim" run "$root/sim/configs/small.cfg" --checkpoint-at mark=1 x.ck
# what cannot be written is said before anything runs, and nothing is made or changed
at_once() { # TEXT COMMAND...
    local text=$1
    shift
    rm -rf never && refuses 2 "$text" "$@" && [ ! -e never ] && [ ! -s out ]
}
mkdir folder && cp text.wasm plain
t "a checkpoint that cannot be written" at_once "run: --checkpoint-at: cannot be written: no/such/x.ck: No such file" hello_ck -o never --checkpoint-at instructions=9000 no/such/x.ck
t "a checkpoint in the place of a folder" at_once "folder: Is a directory" hello_ck -o never --checkpoint-at mark=1 folder
t "a checkpoint in a folder that is none" at_once "plain/x.ck: Not a directory" hello_ck -o never --checkpoint-at mark=1 plain/x.ck
printf 'program: { name = "hello"; };\npmem: { check = true;\n report = "no/such"; };\n' >bad.cfg
t "a report that cannot be written, with file and line" at_once "bad.cfg:3: pmem.report: cannot be written: no/such: No such file" "$pwsim" run bad.cfg -o never
t "a report in the place of a folder" at_once "-s pmem.report=folder: pmem.report: cannot be written: folder: Is a directory" hello_ck -o never -s pmem.check=true -s pmem.report=folder
t "counts of writes that cannot be written" at_once "nvdimm.wear_counts: cannot be written: no/such" hello_ck -o never -s nvdimm.wear_counts=no/such
t "a core that cannot be written" at_once "power.core: cannot be written: no/such" hello_ck -o never -s power.fail_at=cycles=1000 -s power.core=no/such
printf 'program: { name = "hello"; };\nexperiment: { axes = ( ( { label = "a"; set = ["seed=2"]; }, { label = "b"; set = ["pmem.check=true", "pmem.report=no/such"]; } ) ); };\n' >bad.cfg
t "the second of two points" at_once "bad.cfg:2: pmem.report: cannot be written: no/such" "$pwsim" run bad.cfg -o never
t "a trace that cannot be written" at_once "folder: Is a directory" "$pwsim" trace record "$root/sim/configs/hello.cfg" -o folder
t "a picture that cannot be written" at_once "view: --screenshot: cannot be written: no/such.png" "$pwsim" view "$root/sim/configs/hello.cfg" --screenshot no/such.png
report_full() { refuses_last 2 "pmem.report: /dev/full: cannot be written" hello_ck -o kept -s pmem.check=true -s pmem.report=/dev/full && [ -s kept/*/stats.json ]; }
refuses_last() { local want=$1 text=$2; shift 2; exits "$want" "$@" && tail -n 1 err | grep -qF -- "pwsim: $text"; }
t "a report on a full disk leaves the run directory" report_full
same_plain() { cmp plain text.wasm; }
t "what was there is as it was" same_plain
no_rest() { ! ls *.part x.ck 2>/dev/null; }
t "no half a checkpoint is left" no_rest

# ---- traces ----
t "a trace is recorded" "$pwsim" trace record "$root/sim/configs/hello.cfg" -o hello.trace -s program.name=kvlog -s program.args=200,64
t "it says what it is" exits 0 "$pwsim" trace info hello.trace
depends_known() { "$pwsim" trace info hello.trace | grep -q 'on an earlier load'; }
t "it says which accesses depend on loads" depends_known
t "it is whole" exits 0 "$pwsim" trace verify hello.trace
for what in record info verify import export generate; do
    t "trace $what --help" exits 0 "$pwsim" trace $what --help
done
flip() {
    local size at
    size=$(stat -c %s hello.trace)
    for at in 3 40 $((size / 2)) $((size - 5)); do
        cp hello.trace flipped.trace
        printf '\x5a' | dd of=flipped.trace bs=1 seek="$at" conv=notrunc status=none
        cmp -s hello.trace flipped.trace && printf '\xa5' | dd of=flipped.trace bs=1 seek="$at" conv=notrunc status=none
        refuses 2 flipped.trace "$pwsim" trace verify flipped.trace || return 1
        refuses 2 flipped.trace "$pwsim" replay flipped.trace || return 1
    done
}
t "a flipped byte is found" flip
same_counts() {
    local level
    "$pwsim" run "$root/sim/configs/hello.cfg" -o truns -s program.name=kvlog -s program.args=200,64 >/dev/null || return 1
    "$pwsim" replay hello.trace -m "$root/sim/configs/hello.cfg" --json >replay.json || return 1
    for level in hart0.l1i hart0.l1d hart0.l2 llc; do
        diff <(tr ',' '\n' <replay.json | grep -oE "\"$level\.(accesses|misses|writebacks|fills|evictions)[a-z._]*\": *[0-9]+" | sort) \
            <(tr ',' '\n' <truns/*/stats.json | grep -oE "\"$level\.(accesses|misses|writebacks|fills|evictions)[a-z._]*\": *[0-9]+" | sort) || return 1
    done
    grep -q '"llc.misses.load": *[1-9]' replay.json
}
t "a replay counts what the run counted" same_counts

# ---- page policies ----
pages() { "$pwsim" replay --page 4KiB "$@" hello.trace; }
all_pages() {
    pages --capacity 16 --json >pages.json || return 1
    [ "$(grep -c '"policy"' pages.json)" = 13 ] && [ "$(grep '"requests"' pages.json | sort -u | wc -l)" = 1 ]
}
t "every page policy replays the same requests" all_pages
chosen_pages() { exits 0 pages --capacity 16 --policy arc,lru && [ "$(grep -cE 'hello.trace +(arc|lru) ' "$tmp/out")" = 2 ]; }
t "chosen page policies" chosen_pages
t "a page that is no power of two" refuses 2 "--page" "$pwsim" replay --page 5000B --capacity 16 hello.trace
t "a page without a unit" refuses 2 "--page" "$pwsim" replay --page 4096 --capacity 16 hello.trace
for bad in 0 -1 16777217 99999999999999999999 1e3 ""; do
    t "a capacity of \"$bad\"" refuses 2 "--capacity" pages --capacity "$bad"
done
t "no capacity" refuses 2 "--capacity" pages
t "a capacity without a page" refuses 2 "--page" "$pwsim" replay --capacity 16 hello.trace
t "page policies and a machine" refuses 2 "-m" pages --capacity 16 -s llc.ways=8
for bad in nonesuch lru, ,lru "" lru,,arc; do
    t "the page policies \"$bad\"" refuses 2 "page policy" pages --capacity 16 --policy "$bad"
done
t "LIRS with one page" refuses 2 "at least 2" pages --capacity 1 --policy lirs
t "page policies and a flipped trace" refuses 2 flipped.trace "$pwsim" replay --page 4KiB --capacity 16 flipped.trace

. "$root/tests/cli_replacement.sh"
. "$root/tests/cli_calibrate.sh"
. "$root/tests/cli_machines.sh"
. "$root/tests/cli_tier.sh"

# ---- pictures and lists ----
picture() { "$pwsim" view "$1" --screenshot "$2" && [ "$(head -c 4 "$2" | tail -c 3)" = PNG ]; }
first_run=$(ls -d one/runs/*/ | head -1)
t "a picture of a finished run" picture "$first_run" a.png
t "a picture of a live run" picture "$root/sim/configs/hello.cfg" b.png
alone() { mkdir -p alone && cp "$pwsim" alone/ && "$PWD/alone/pwsim" view --help; }
t "a viewer that is not there" refuses 2 "alone/pwsim-view: No such file" alone
no_windows() { ! ldd "$pwsim" | grep -q SDL; }
t "only the viewer loads SDL" no_windows
for what in keys stats policies page-policies prefetchers cores programs; do
    t "list $what" exits 0 "$pwsim" list "$what"
done
readelf_clean() { readelf -S "$B/boot.elf" >re.out 2>re.err && [ ! -s re.err ] && grep -q '\.kernel' re.out && grep -q '\.prog/wordcount' re.out; }
. "$root/tests/cli_persistency.sh"
. "$root/tests/cli_power.sh"
. "$root/tests/cli_crash.sh"
. "$root/tests/cli_ends.sh"
. "$root/tests/cli_memory.sh"
command -v readelf >/dev/null && t "readelf -S reads the boot image" readelf_clean

. "$root/tests/cli_cores.sh"
. "$root/tests/cli_syscall.sh"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
