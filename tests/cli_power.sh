# cli_power.sh - power cuts, and what a run may do to the NVDIMM image it was given; sourced by cli.sh.

cut_kvlog() { # POINT: kvlog until the power fails there, then again, to recover
    rm -rf cuts
    "$pwsim" run "$root/sim/configs/hello.cfg" -o cuts --console -s nvdimm.size="1 MiB" -s program.name=kvlog -s program.args=60,64 -s kernel.data_tier=nvdimm -s "power.fail_at=$1" -s "power.recovery=kvlog 0 0" >cut.out 2>cut.err || { cat cut.out cut.err && return 1; }
    grep -q 'power failed at cycle [0-9]' cut.err && grep -q 'recovery "kvlog 0 0" ended with exit code 0' cut.err
}
recovered() { # after cut_kvlog: the records that the second boot found
    sed -n 's/.*recovered \([0-9]*\) records.*/\1/p' cut.out | tail -1
}
cut_at() { # POINT, records
    cut_kvlog "$1" && [ "$(recovered)" = "$2" ] || { cat cut.out && return 1; }
}
t "power cut at a mark: nothing is in the log yet" cut_at mark=1 0
t "power cut at a mark: all is in the log" cut_at mark=2 60
fences() { # each record has two fences, the second makes it count
    local a b c
    cut_kvlog fence=40 && a=$(recovered) && cut_kvlog fence=41 && b=$(recovered) && cut_kvlog fence=42 && c=$(recovered) &&
        [ "$a" -gt 0 ] && [ "$c" = $((a + 1)) ] && { [ "$b" = "$a" ] || [ "$b" = "$c" ]; }
}
t "power cut at the n-th fence" fences
t "power cut at a count of operators" cut_kvlog instructions=40000
cycles_exact() { cut_kvlog cycles=200000 && grep -q 'at cycle 200000$' cut.err; }
t "power cut at a cycle" cycles_exact
t "power cut without time" refuses 2 "power.fail_at" "$pwsim" run "$root/sim/configs/hello.cfg" -s power.fail_at=fence=1 -s core.model=functional
t "power cut at no point" refuses 2 "expected cycles=N" "$pwsim" run "$root/sim/configs/hello.cfg" -s power.fail_at=noon

kvlog_set=(-s nvdimm.size="1 MiB" -s program.name=kvlog -s program.args=5,64 -s kernel.data_tier=nvdimm -s nvdimm.image=kill.img -s nvdimm.commit=true)
commit_kvlog() { "$pwsim" run "$root/sim/configs/hello.cfg" -o kills "${kvlog_set[@]}"; }
killed() { # 100 times, at moments all over a run: the image is the old one or the new one, whole
    local i pid old new
    truncate -s 1M kill.img && commit_kvlog >/dev/null || return 1
    cp kill.img kill.old && commit_kvlog >/dev/null && cp kill.img kill.new || return 1
    for i in $(seq 100); do
        cp kill.old kill.img
        "$pwsim" run "$root/sim/configs/hello.cfg" -o kills "${kvlog_set[@]}" >/dev/null 2>&1 &
        pid=$!
        sleep "0.$(printf %03d $((i * 997 % 60)))"
        kill -9 $pid 2>/dev/null
        wait $pid 2>/dev/null
        cmp -s kill.img kill.old || cmp -s kill.img kill.new || { echo "kill $i: the image is neither" && return 1; }
    done
}
t "kill -9, 100 times: the image is whole" killed
full_disk() { # the run directory cannot be written: a message, and the image is as it was
    cp kill.old kill.img
    (ulimit -f 100 && exits 2 commit_kvlog) && cmp kill.img kill.old && grep -q '^pwsim: ' "$tmp/err"
}
t "a full disk: the image is as it was" full_disk
core_reads() { # notes with the config and the harts, a segment for each tier
    rm -rf cuts
    "$pwsim" run "$root/sim/configs/hello.cfg" -o cuts -s machine.dram="16 MiB" -s nvdimm.size="1 MiB" -s program.name=kvlog -s program.args=5,64 -s kernel.data_tier=nvdimm -s power.fail_at=mark=2 -s power.core=cut.core || return 1
    readelf -a cut.core >re.out 2>re.err && [ ! -s re.err ] && [ "$(grep -c ' LOAD ' re.out)" = 2 ] && grep -q 'CORE' re.out && [ "$(grep -c '^  pwsim ' re.out)" = 2 ] && grep -aq 'program.name\|name = "kvlog"' cut.core && grep -aq 'hart 0: guest thread' cut.core
}
command -v readelf >/dev/null && t "an ELF core of a power cut" core_reads
