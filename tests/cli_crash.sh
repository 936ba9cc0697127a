# cli_crash.sh - power-failure exploration at the command line; sourced by cli.sh.
#
# guestos/programs/persistency/explorations says what must be found in which program.

explores() { # program, version, recovery, domain, some words of a title or "none", more arguments
    local p=$1 v=$2 c=$3 d=$4 want=$5 code=1
    shift 5
    echo >empty.cfg
    [ "$want" = none ] && code=0
    exits "$code" "$pwsim" crash empty.cfg -s boot.image="$B/persistency.elf" -s "program.name=$p" -s "program.args=$v" -s "power.recovery=$p $c" -s "nvdimm.domain=$d" "$@" || { cat "$tmp/out" && return 1; }
    [ "$want" = none ] || grep -qF -- "$want" "$tmp/out" || { cat "$tmp/out" && return 1; }
}

while read -r p v c d want; do
    bounds=()
    case $p in '#'* | '') continue ;; esac
    case $v in run,*) bounds=(-s crash.images=60 -s crash.symmetry=2) ;; esac
    t "explorer: $p $v, $c, under $d" explores "$p" "$v" "$c" "$d" "$want" "${bounds[@]}"
done <"$root/guestos/programs/persistency/explorations"

shortest() { # the report names the store that was lost, and the one that should have come after it
    explores c5 evict check adr "its body is not" || return 1
    grep -q 'lost    . stores* to "c5" + 0x' "$tmp/out" && grep -q 'kept    1 store to "c5" + 0x' "$tmp/out" && grep -q '  main (c5+0x' "$tmp/out"
}
t "explorer: what was lost, by its name" shortest
same_jobs() {
    explores c7 broken check adr "money" -j 1 && cp "$tmp/out" one.txt && explores c7 broken check adr "money" -j 3 && cmp one.txt "$tmp/out"
}
t "explorer: the same with any number of processes" same_jobs
resumed() { # nothing is tried again; a state file that is cut off or of something else is no harm
    rm -f c7.state
    explores c7 broken check adr "money" --state c7.state && cp "$tmp/out" one.txt && truncate -s -100 c7.state &&
        explores c7 broken check adr "money" --state c7.state && cmp one.txt "$tmp/out" &&
        explores c7 correct check adr none --state c7.state
}
t "explorer: resumed from its state file" resumed
t "explorer: without a recovery program" refuses 2 "power.recovery" "$pwsim" crash empty.cfg -s boot.image="$B/persistency.elf" -s program.name=c7
t "explorer: no such recovery program" refuses 2 'no program "none"' "$pwsim" crash empty.cfg -s boot.image="$B/persistency.elf" -s program.name=c7 -s program.args=correct -s power.recovery=none -j 1
t "explorer: a program from a file" exits 1 "$pwsim" crash empty.cfg -a mine="$B/guest/persistency/c5.wasm" -s program.name=mine -s program.args=broken -s "power.recovery=mine check"
cores() { # one for each failure; its NVDIMM is an image that recovery fails on
    local at
    rm -rf cores
    explores c7 broken check adr "money" -s nvdimm.size="1 MiB" -s machine.dram="16 MiB" --cores cores && grep -q 'core    cores/failure-1.core' "$tmp/out" || return 1
    [ "$(ls cores)" = failure-1.core ] && readelf -a cores/failure-1.core >re.out 2>re.err && [ ! -s re.err ] && [ "$(grep -c ' LOAD ' re.out)" = 2 ] && grep -aq '#0  main (c7' cores/failure-1.core || return 1
    at=$(awk '$1 == "LOAD" { at = $2 } END { print at }' re.out)
    tail -c +$((at + 1)) cores/failure-1.core >fails.img
    exits 1 "$pwsim" exec -s nvdimm.size="1 MiB" -s nvdimm.image=fails.img -s kernel.data_tier=nvdimm "$B/guest/persistency/c7.wasm" check && grep -q money "$tmp/out" "$tmp/err" || return 1
    explores c14 correct check-add adr "after a crash in recovery" --cores cores && [ -s cores/failure-1.core ]
}
command -v readelf >/dev/null && t "explorer: an ELF core of each failure" cores

# ---- bounds, pruning, a full disk ----
bounded() { # KEY=VALUE: it stops; without the bound it goes on from there, to what one go finds
    rm -f bound.state
    "$pwsim" crash empty.cfg -j 1 -s boot.image="$B/persistency.elf" -s program.name=txlist -s program.args=run,4,mark -s "power.recovery=txlist check" >whole.txt
    "$pwsim" crash empty.cfg -j 1 -s boot.image="$B/persistency.elf" -s program.name=txlist -s program.args=run,4,mark -s "power.recovery=txlist check" --state bound.state -s "$1" >part.txt
    grep -q 'stopped after [0-9]* of [0-9]* parts' part.txt || { cat part.txt && return 1; }
    "$pwsim" crash empty.cfg -j 1 -s boot.image="$B/persistency.elf" -s program.name=txlist -s program.args=run,4,mark -s "power.recovery=txlist check" --state bound.state >rest.txt
    cmp whole.txt rest.txt
}
t "explorer: a bound on images" bounded crash.total=10
t "explorer: a bound on disk" bounded crash.disk="1 KiB"
counts() { # WORDS, program, version, more: the report has a number that is not 0 before these words
    local words=$1 p=$2 v=$3
    shift 3
    "$pwsim" crash empty.cfg -s boot.image="$B/persistency.elf" -s "program.name=$p" -s "program.args=$v" -s "power.recovery=$p check" "$@" >counts.txt
    grep -Eq "[1-9][0-9]*$words" counts.txt || { cat counts.txt && return 1; }
}
t "explorer: equal images are tried once" counts " equal" c7 correct
t "explorer: images that differ in what nobody reads are tried once" counts " read alike" c7 broken
t "explorer: moments that went like others are left out" counts " more went like others" btree run,27,correct -s crash.symmetry=2 -s crash.images=20
t "explorer: a sample above a bound" counts " moments have more images" btree run,27,correct -s crash.symmetry=2 -s crash.images=3
same_seed() { # the same seed draws the same images, another one others
    counts "" levelhash run,30,update -s crash.images=6 -s crash.symmetry=2 -s seed=1 && cp counts.txt seed1.txt && counts "" levelhash run,30,update -s crash.images=6 -s crash.symmetry=2 -s seed=1 && cmp counts.txt seed1.txt
}
t "explorer: a seed draws the same sample" same_seed
t "explorer: a full disk under the state file" refuses 2 "/dev/full: cannot be written" "$pwsim" crash empty.cfg -s boot.image="$B/persistency.elf" -s program.name=c7 -s program.args=correct -s "power.recovery=c7 check" --state /dev/full
large() { # more than 65,536 loads and 16,384 lines: what recovery stores, the next program sees
    exits 0 "$pwsim" crash empty.cfg -s boot.image="$B/persistency.elf" -s program.name=large -s program.args=correct -s 'power.recovery=["large recover", "large check"]' -s crash.images=4 -s crash.nested=false || { cat "$tmp/out" && return 1; }
}
t "explorer: a table of more than 1 MiB" large
small_disk() { # `small` is in cli_power.sh
    exits 2 small 60k "$pwsim" crash empty.cfg -s boot.image="$B/persistency.elf" -s program.name=c7 -s program.args=broken -s "power.recovery=c7 check" --cores small/cores && grep -q -- '--cores: small/cores/failure-1.core: cannot be written: ' "$tmp/err"
}
[ -n "${can_mount:-}" ] && t "explorer: a full disk under the cores" small_disk
