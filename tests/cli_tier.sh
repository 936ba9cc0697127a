# cli_tier.sh - tiering: the kernel migrates frames between DRAM and NVDIMM; read by cli.sh.
"$pwsim" image build hot.elf .kernel="$B/guest/kernel.wasm" .prog/hotcold="$B/guest/tests/hotcold.wasm"
cat >hot.cfg <<'END'
boot: { image = "hot.elf"; };
core: { model = "inorder"; };
l2: { size = "128 KiB"; };
llc: { size = "256 KiB"; };
program: { name = "hotcold"; args = ["8", "600000"]; };
tier: { period = "5 ms"; };
END
hot() { # FOLDER, options
    local to=$1
    shift
    rm -rf "$to" && exits 0 "$pwsim" run hot.cfg -o "$to" "$@" && grep -q '^128 pages, 0 wrong$' "$to"/*/console.txt
}
tiers() { # all in DRAM, hot pages in DRAM by two policies, all in the NVDIMM
    local dram lru fifo nvdimm frames
    hot t-dram && hot t-lru -s tier.mode=migrate -s tier.dram=2MiB && hot t-nvdimm -s tier.mode=migrate -s tier.dram=0B &&
        hot t-fifo -s tier.mode=migrate -s tier.dram=2MiB -s tier.policy=fifo || return 1
    dram=$(counts hart0.cycles t-dram) lru=$(counts hart0.cycles t-lru) fifo=$(counts hart0.cycles t-fifo) nvdimm=$(counts hart0.cycles t-nvdimm)
    frames=$(($(counts tier.demotions t-lru) - $(counts tier.promotions t-lru)))
    echo "cycles: DRAM $dram, LRU $lru, FIFO $fifo, NVDIMM $nvdimm; $frames frames in the NVDIMM"
    [ "$dram" -lt "$lru" ] && [ "$((lru * 100))" -lt "$((nvdimm * 85))" ] && [ "$dram" -lt "$fifo" ] && [ "$fifo" -ne "$lru" ] &&
        [ "$((fifo * 100))" -lt "$((nvdimm * 85))" ] && [ "$(counts tier.promotions t-nvdimm)" = 0 ] &&
        [ "$(counts tier.promotions t-lru)" -gt 8 ] && [ "$frames" -ge 96 ] && [ "$frames" -le 100 ] && ! grep -q '"tier' t-dram/*/stats.json &&
        [ "$(counts tier.requests.dram t-lru)" -gt "$(counts tier.requests.dram t-nvdimm)" ] &&
        [ "$(counts tier.requests.nvdimm t-lru)" -lt "$(counts tier.requests.nvdimm t-nvdimm)" ]
}
t "a program with hot pages: faster with tiering than in the NVDIMM, slower than in DRAM" tiers
again() { hot t-again -s tier.mode=migrate -s tier.dram=2MiB && cmp t-lru/*/stats.json t-again/*/stats.json; }
t "migration repeats to the byte" again
shootdown() { # each move costs so much more
    local moves=$(($(counts tier.demotions t-lru) + $(counts tier.promotions t-lru))) more
    hot t-slow -s tier.mode=migrate -s tier.dram=2MiB -s tier.shootdown=100500 || return 1
    moves=$(($(counts tier.demotions t-slow) + $(counts tier.promotions t-slow)))
    more=$(($(counts hart0.cycles t-slow) - $(counts hart0.cycles t-lru)))
    echo "$moves moves, $more cycles more"
    [ $more -gt $((moves * 70000)) ] && [ $more -lt $((moves * 150000)) ]
}
t "taking translations back costs what it is set to" shootdown
every_page_policy() {
    local p
    for p in $("$pwsim" list page-policies | cut -d' ' -f1 | grep -v belady); do
        hot t-policy -s program.args=2,20000 -s tier.mode=migrate -s tier.dram=256KiB -s tier.period=200us -s tier.sample=1 -s "tier.policy=$p" >/dev/null
        grep -q '^32 pages, 0 wrong$' t-policy/*/console.txt && [ "$(counts tier.promotions t-policy)" -gt 0 ] || { echo "$p"; return 1; }
    done
}
t "any page policy may decide" every_page_policy
crowded() { # programs that start and end, files and objects, with four frames of DRAM and a look each 50 us
    local core name
    for core in inorder ooo; do
        for name in ramfs files objects status; do
            guest_test $name -s core.model=$core -s kernel.boundary=trap -s tier.mode=migrate -s tier.dram=256KiB -s tier.period=50us -s tier.sample=1 \
                -s tier.threshold=1 || return 1
        done
    done
    exits 0 "$pwsim" shell -s tier.mode=migrate -s tier.dram=256KiB -s tier.period=50us -s tier.sample=1 -s tier.threshold=1 -s core.model=inorder \
        -c 'echo one; ls / | cat; echo two' && grep -q two "$tmp/out"
}
t "nothing is lost when pages move all the time" crowded
t "tiering: a policy that is none" refuses 2 "tier.policy" "$pwsim" run hot.cfg -o t -s tier.mode=migrate -s tier.policy=best
t "tiering: a policy that foresees" refuses 2 "tier.policy" "$pwsim" run hot.cfg -o t -s tier.mode=migrate -s tier.policy=belady
t "tiering: no NVDIMM" refuses 2 "nvdimm.size" "$pwsim" run hot.cfg -o t -s tier.mode=migrate -s nvdimm.size=0B
on_harts() { # threads and processes on four harts, pages on their way all the time; the quantum changes nothing
    local q
    for q in 1 1000; do
        rm -rf "t-smp$q" && exits 0 "$pwsim" run "$root/sim/configs/default.cfg" -o "t-smp$q" -s "boot.image=$B/guest/tests/smp.elf" -s program.name=smp \
            -s machine.harts=4 -s tier.mode=migrate -s tier.dram=256KiB -s tier.period=50us -s tier.sample=1 -s tier.threshold=1 -s machine.quantum=$q "$@" || return 1
    done
    echo "$(counts tier.promotions t-smp1) promotions, $(counts tier.demotions t-smp1) demotions"
    cmp t-smp1/*/stats.json t-smp1000/*/stats.json && cmp t-smp1/*/console.txt t-smp1000/*/console.txt && cmp t-smp1/*/nvdimm.img t-smp1000/*/nvdimm.img &&
        [ "$(counts tier.promotions t-smp1)" -gt 0 ]
}
t "tiering on several harts" on_harts
t "tiering: no checkpoints" refuses 2 "tier.mode" "$pwsim" run hot.cfg -o t -s tier.mode=migrate --checkpoint-at cycles=1000000 x.ck
