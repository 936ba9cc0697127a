# cli_ends.sh - commands that are stopped, or whose standard output or files are not what they seem;
# sourced by cli.sh.

# stopped SIGNAL PATTERN COMMAND...: it gets the signal as soon as there is a file of that pattern,
# and ends by it; then there is no such file.
stopped() {
    local signal=$1 pattern=$2 pid i
    shift 2
    "$@" >out 2>err &
    pid=$!
    for ((i = 0; i < 200; i++)); do
        compgen -G "$pattern" >/dev/null && break
        sleep 0.05
    done
    kill -s "$signal" $pid
    wait $pid
    [ $? = $((128 + $(kill -l "$signal"))) ] && [ "$i" -lt 200 ] && ! compgen -G "$pattern"
}
kept_run() { # what was in the folder stays
    "$pwsim" run "$root/sim/configs/hello.cfg" -o stopped >/dev/null && stopped TERM 'stopped/.demo*' "$pwsim" run "$root/sim/configs/demo.cfg" -o stopped && [ "$(ls -A stopped)" = "$(basename stopped/hello-*)" ]
}
t "a run that is stopped leaves nothing half done" kept_run
kept_trace() {
    cp hello.trace old.trace && stopped TERM old.trace.part "$pwsim" trace record "$root/sim/configs/demo.cfg" -o old.trace && cmp hello.trace old.trace
}
t "a trace that is stopped leaves the old one" kept_trace
closed_pipe() { # the pipe is closed after one byte, and the run writes more to it
    rm -rf piped && { "$pwsim" run "$root/sim/configs/small.cfg" -o piped | head -c 1 >/dev/null; } && ! compgen -G 'piped/.*-*'
}
t "so does one whose reader is gone" closed_pipe

mkdir shut
no_output() { # what would have been descriptor 1 otherwise is no place for what is printed
    local want=$1
    shift
    "$@" <&- >&- 2>err
    [ $? = "$want" ] && grep -qx 'pwsim: standard output: cannot be written' err
}
truncate -s 16M shut.img
t "a closed standard output: a run that commits" no_output 2 "$pwsim" run "$root/sim/configs/hello.cfg" -o shut -s nvdimm.image=shut.img -s nvdimm.commit=true
t "a closed standard output: what is committed is the image" cmp shut.img shut/hello-*/nvdimm.img
t "a closed standard output: exec" no_output 125 "$pwsim" exec "$B/guest/hello.wasm"
t "a closed standard output: a trace" no_output 2 "$pwsim" trace generate scan --records 1000 -o shut.trace
t "and the trace is whole" exits 0 "$pwsim" trace verify shut.trace
quiet_error() { "$pwsim" run nothing.cfg 2>&- ; [ $? = 2 ]; }
t "a closed standard error" quiet_error
t "a version that cannot be written" refuses 2 "standard output: cannot be written" full_disk --version
t "a help that cannot be written" refuses 2 "standard output: cannot be written" full_disk --help

# a rename would put a file in the place of a device
mkfifo fifo
for what in "image build fifo .kernel=$B/guest/kernel.wasm" "trace generate scan -o fifo" "trace record $root/sim/configs/hello.cfg -o fifo" "trace export -f dinero -o fifo hello.trace" "run $root/sim/configs/hello.cfg -o shut --checkpoint-at mark=1 fifo"; do
    t "no file in the place of a pipe: ${what%% [-f]*}" refuses 2 "fifo: not a regular file" "$pwsim" $what
done
t "it is still one" test -p fifo

: >nothing
t "goldens without a point" refuses 2 'nothing: expected at least one line that begins with "point"' "$pwsim" regress nothing
head -c 100 /dev/zero >zeros
t "goldens that are no text" refuses 2 "zeros: a zero byte" "$pwsim" regress zeros
t "a calibration file without an end of its line" refuses 2 "/dev/zero:1: expected a line of text" "$pwsim" calibrate /dev/zero
tr '\0' x <zeros | tr -d '\n' >long.csv
for _ in 1 2 3 4 5 6 7 8 9 10; do cat long.csv long.csv >long2.csv && mv long2.csv long.csv; done
t "a calibration file with a long line" refuses 2 "long.csv:1: expected a line of text, of at most 65535" "$pwsim" calibrate long.csv
t "an empty calibration file" refuses 2 "nothing: expected a header and at least one row" "$pwsim" calibrate nothing
printf '0 1000\n\033[2Jx\n' >escape.din
no_escape() { refuses 2 'escape.din:2: expected label 0, 1 or 2 and an address, got "?[2Jx"' "$pwsim" trace import -f dinero -o escape.trace escape.din; }
t "what a file is quoted with does not speak to the terminal" no_escape
t "a checkpoint at no point, with the option's name" refuses 2 "run: --checkpoint-at mark=-1: expected" "$pwsim" run "$root/sim/configs/hello.cfg" --checkpoint-at mark=-1 x.ck
printf 'program: { name = "hello";\n env = ["A=1", "FOO"]; };\n' >bad.cfg
t "an environment without a value" refuses 2 'bad.cfg:2: program.env: "FOO": expected NAME=VALUE' "$pwsim" run bad.cfg -o shut
t "a folder that is no run directory" refuses 2 "shut: not a run directory: there is no shut/resolved.cfg" "$pwsim" view shut --screenshot shut.png
t "cores in a folder that is a file" refuses 2 "--cores nothing: Not a directory" "$pwsim" crash "$root/sim/configs/hello.cfg" -s power.recovery=hello --cores nothing -j 1
