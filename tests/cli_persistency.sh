# cli_persistency.sh - persistent memory at the command line; sourced by cli.sh.
#
# What the checker says of each program of guestos/programs/persistency is in the file `verdicts`
# there: no more and no less, on the functional machine and on the timed core.

rows_of() { # report.json: its rows, separated by commas; - when there are none
    local rows
    rows=$(grep -o '"id": "[A-Z0-9]*"' "$1" | cut -d'"' -f4 | sort -u | paste -sd,)
    echo "${rows:--}"
}

verdict() { # program, version, domain, rows, more settings
    local p=$1 v=$2 d=$3 rows=$4 got
    shift 4
    rm -f report.json
    "$pwsim" exec -s pmem.check=true -s pmem.report=report.json -s "nvdimm.domain=$d" "$@" "$B/guest/persistency/$p.wasm" "$v" || return 1
    got=$(rows_of report.json)
    [ "$got" = "$rows" ] || { echo "expected $rows, got $got" && return 1; }
}

while read -r p v d rows; do
    case $p in '#'* | '') continue ;; esac
    t "checker: $p $v under $d" verdict "$p" "$v" "$d" "$rows"
    case $rows in P*) t "checker: $p $v under $d, timed" verdict "$p" "$v" "$d" "$rows" -s core.model=inorder ;; esac
done <"$root/guestos/programs/persistency/verdicts"

named() { # the report names functions, the object, and what a P row costs
    "$pwsim" exec -s pmem.check=true -s core.model=inorder "$B/guest/persistency/p3.wasm" broken 2>report.txt || return 1
    grep -q 'P3: fence with nothing pending, [0-9]* times*, [0-9]* cycles' report.txt && grep -q 'fence   main (p3+0x' report.txt || return 1
    "$pwsim" exec -s pmem.check=true "$B/guest/persistency/c4.wasm" broken 2>report.txt || return 1
    grep -q 'C4: .* 8 bytes at "c4" + 0x' report.txt && grep -q 'store   main' report.txt && grep -q 'flush   main' report.txt && grep -q 'fence   main' report.txt
}
t "a report names functions and objects" named
kvlog_is_clean() { "$pwsim" exec -s pmem.check=true "$B/guest/kvlog.wasm" 50 64 2>report.txt && grep -q " 0 findings" report.txt; }
t "kvlog has no findings" kvlog_is_clean
t "a run with a persistency bug fails" exits 1 "$pwsim" run "$root/sim/configs/hello.cfg" -o checks -s boot.image="$B/persistency.elf" -s program.name=c2 -s program.args=broken -s pmem.check=true
t "a run without one does not" exits 0 "$pwsim" run "$root/sim/configs/hello.cfg" -o checks -s boot.image="$B/persistency.elf" -s program.name=c2 -s program.args=correct -s pmem.check=true
