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
rm -f ./*.part # a kill in the midst of a commit leaves one

# small SIZE COMMAND...: the command, with a file system of that size in the folder `small`.
namespace=-m
unshare -m true 2>/dev/null || namespace=-rm
small() {
    mkdir -p small
    unshare $namespace bash -c 'mount -t tmpfs -o "size=$1" none small && shift && "$@"' bash "$@"
}
full_runs() { # no room for the run directory: a message, and the image is as it was
    cp kill.old kill.img
    exits 2 small 60k "$pwsim" run "$root/sim/configs/hello.cfg" -o small/runs "${kvlog_set[@]}" && cmp kill.img kill.old && grep -q '^pwsim: .*No space left on device' "$tmp/err"
}
full_commit() { # no room for the new image beside the old one
    export pwsim root
    exits 2 small 100k bash -c 'cp --sparse=always kill.old small/kill.img; cat /dev/zero >small/fill 2>/dev/null; truncate -s -8192 small/fill; "$pwsim" run "$root/sim/configs/hello.cfg" -o kills "$@"; code=$?
        cmp small/kill.img kill.old && [ "$(ls small)" = "$(printf "fill\nkill.img")" ] && exit $code' bash "${kvlog_set[@]}" -s nvdimm.image=small/kill.img -s program.args=200,64 && grep -q 'No space left on device; .*kill.img is unchanged' "$tmp/err"
}
if unshare $namespace bash -c 'mkdir -p small && mount -t tmpfs none small' 2>/dev/null; then
    can_mount=1
    t "a full disk under the run directory" full_runs
    t "a full disk under the image" full_commit
else
    echo "skipped: full disks need a mount of their own"
fi
no_memory() { # limits on files are limits on what memory is made of
    cp kill.old kill.img
    (ulimit -f 100 && exits 2 commit_kvlog) && cmp kill.img kill.old && grep -q '^pwsim: the host refuses memory' "$tmp/err"
}
t "the host refuses memory: the image is as it was" no_memory
core_reads() { # notes with the config and the harts, a segment for each tier
    rm -rf cuts
    "$pwsim" run "$root/sim/configs/hello.cfg" -o cuts -s machine.dram="16 MiB" -s nvdimm.size="1 MiB" -s program.name=kvlog -s program.args=5,64 -s kernel.data_tier=nvdimm -s power.fail_at=mark=2 -s power.core=cut.core || return 1
    readelf -a cut.core >re.out 2>re.err && [ ! -s re.err ] && [ "$(grep -c ' LOAD ' re.out)" = 2 ] && grep -q 'CORE' re.out && [ "$(grep -c '^  pwsim ' re.out)" = 2 ] && grep -aq 'program.name\|name = "kvlog"' cut.core && grep -aq 'hart 0: guest thread' cut.core
}
command -v readelf >/dev/null && t "an ELF core of a power cut" core_reads

# ---- suspending: the machine goes into its NVDIMM and on from there ----
shell_run() { # arguments: several processes, pipes, files; what they print
    rm -rf sleeps
    "$pwsim" run "$root/sim/configs/hello.cfg" -o sleeps --console -s program.name=sh -s 'program.args=-c,echo hallo; wordcount /sample.txt | hexdump; kvlog 30 64' -s nvdimm.size="64 MiB" "$@" >sleep.out 2>sleep.err || { cat sleep.err && return 1; }
    sed -n '/^hello: /,$p' sleep.out | sed 's/^hello: //' | grep -v ' instructions, '
}
sleeps() { # POINT, more arguments: the output is that of the uncut run, and what it cost is said
    local at=$1
    shift
    [ -s awake.txt ] || shell_run >awake.txt || return 1
    shell_run -s power.restore=true -s "power.fail_at=$at" "$@" >slept.txt && cmp awake.txt slept.txt || return 1
    grep -Eq 'suspended: [0-9,]+ bytes in [0-9,]+ cycles, [0-9.]+ us, with [0-9.]+ uJ' sleep.err && grep -Eq 'restored: [0-9,]+ bytes in [0-9,]+ cycles, [0-9.]+ us' sleep.err
}
t "suspended at a cycle, and restored" sleeps cycles=1000000
t "suspended at a count of operators" sleeps instructions=2000000
t "suspended at a fence" sleeps fence=20
t "suspended at a mark" sleeps mark=1
t "suspended by an out-of-order core" sleeps cycles=700000 -s core.model=ooo
t "suspended with three harts" sleeps cycles=1000000 -s machine.harts=3
eadr_sleeps() { # the flush by hold-up energy is told, too
    sleeps cycles=1000000 -s nvdimm.domain=eadr && grep -Eq 'hold-up energy flushed [1-9][0-9,]* dirty lines from the caches in [0-9.]+ us .* with [0-9.]+ uJ' sleep.err
}
t "suspended under eADR" eadr_sleeps
in_two() { # the suspended image is all that the second run needs; it is not changed by it
    shell_run -s power.restore=true -s power.fail_at=cycles=1000000 >/dev/null || return 1
    grep -l '"outcome": "power failed"' sleeps/*/run.json >first.txt && cp "$(dirname "$(cat first.txt)")/nvdimm.img" asleep.img && cp asleep.img asleep.copy || return 1
    shell_run -s power.restore=true -s nvdimm.image=asleep.img >two.txt && cmp asleep.img asleep.copy && tail -1 two.txt | cmp - <(tail -1 awake.txt)
}
t "restored by another run from the image" in_two
t "nothing to restore" refuses 2 "nothing is suspended" "$pwsim" run "$root/sim/configs/hello.cfg" -o sleeps -s nvdimm.image=kill.img -s nvdimm.size="1 MiB" -s power.restore=true
t "no image to restore from" refuses 2 "nvdimm.image" "$pwsim" run "$root/sim/configs/hello.cfg" -o sleeps -s power.restore=true
t "an area that is too small" exits 2 "$pwsim" run "$root/sim/configs/hello.cfg" -o sleeps -s power.restore=true -s power.fail_at=cycles=10000 -s nvdimm.size="256 KiB"
says_size() { grep -Eq 'power.area: the suspended machine takes [0-9,]+ bytes .* the area has 131,072' "$tmp/err"; }
t "and says what it takes" says_size
t "an area that leaves nothing" refuses 2 "power.area" "$pwsim" run "$root/sim/configs/hello.cfg" -o sleeps -s power.restore=true -s power.fail_at=cycles=10000 -s power.area="1 GiB"
t "suspending and nvdimm.commit" refuses 2 "nvdimm.commit" "$pwsim" run "$root/sim/configs/hello.cfg" -o sleeps -s power.restore=true -s power.fail_at=cycles=10000 -s nvdimm.image=kill.img -s nvdimm.size="1 MiB" -s nvdimm.commit=true
short_holdup() { # what ran is lost, the recovery program runs
    exits 1 "$pwsim" run "$root/sim/configs/hello.cfg" -o sleeps -s power.restore=true -s power.fail_at=cycles=300000 -s program.name=kvlog -s program.args=60,64 -s power.holdup="100 us" -s "power.recovery=kvlog 0 0" -s kernel.data_tier=nvdimm && grep -q 'what ran is lost' "$tmp/err" && grep -q 'recovery "kvlog 0 0" ended with exit code 0' "$tmp/err"
}
t "hold-up energy that does not last" short_holdup

# ---- images and configs that cannot be ----
image_refused() { # TEXT, image, more arguments: a message, exit 2, and the image is as it was
    local text=$1 image=$2
    shift 2
    cp "$image" refused.copy
    refuses 2 "$text" "$pwsim" run "$root/sim/configs/hello.cfg" -o refused -s nvdimm.size="1 MiB" -s program.name=kvlog -s program.args=5,64 -s kernel.data_tier=nvdimm -s nvdimm.image="$image" -s nvdimm.commit=true "$@" && cmp "$image" refused.copy
}
head -c 1048576 /dev/urandom | tr '\0' x >foreign.img
head -c 100000 kill.old >short.img
t "a foreign image" image_refused "foreign.img is no image of an NVDIMM" foreign.img
t "a truncated image" image_refused "short.img has 100000 bytes, but nvdimm.size is 1048576 bytes" short.img
t "an image that is smaller than the NVDIMM" image_refused "has 1048576 bytes, but nvdimm.size is 2097152 bytes" kill.old -s nvdimm.size="2 MiB"
t "no image" refuses 2 "nowhere.img: No such file" "$pwsim" run "$root/sim/configs/hello.cfg" -o refused -s nvdimm.image=nowhere.img
t "a folder as image" refuses 2 "not a regular file" "$pwsim" run "$root/sim/configs/hello.cfg" -o refused -s nvdimm.image=.
for bad in nvdimm.wpq=0 nvdimm.interleave=3KiB nvdimm.interleave=0 nvdimm.modules=0 nvdimm.modules=13 nvdimm.partitions=0 nvdimm.ait=0 nvdimm.store_queue=0 nvdimm.buffer=0 "nvdimm.size=100 KiB" nvdimm.domain=battery; do
    t "an impossible $bad" image_refused "${bad%%=*}" kill.old -s "$bad"
done
damaged() { # a directory whose entries are damaged is left as it is, by the kernel
    cp kill.old damaged.img && printf x | dd of=damaged.img bs=1 seek=57 conv=notrunc 2>/dev/null && cp damaged.img damaged.copy
    "$pwsim" run "$root/sim/configs/hello.cfg" -o refused --console "${kvlog_set[@]}" -s nvdimm.image=damaged.img >damaged.out 2>&1
    grep -q "directory is damaged" damaged.out && cmp damaged.img damaged.copy
}
t "a damaged directory is left alone" damaged
two_commits() { # the second is refused while the first one runs; what the first one leaves is whole
    local pid inode refused
    cp kill.old two.img && inode=$(stat -c %i two.img)
    "$pwsim" run "$root/sim/configs/hello.cfg" -o two1 "${kvlog_set[@]}" -s nvdimm.image=two.img -s program.args=10000,64 >/dev/null 2>two.err &
    pid=$!
    until [[ $(</proc/locks) == *"WRITE $pid "*:$inode\ * ]]; do # it has the image
        [ -d /proc/$pid ] || break
    done
    kill -STOP $pid
    refuses 2 "two.img is in use by another run" "$pwsim" run "$root/sim/configs/hello.cfg" -o two2 "${kvlog_set[@]}" -s nvdimm.image=two.img -s program.args=1,64
    refused=$?
    kill -CONT $pid && wait $pid && ! cmp -s two.img kill.old && return $refused
}
t "two runs that commit to one image" two_commits
