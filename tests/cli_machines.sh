# cli_machines.sh - bundled machines: memories that experiments include, or commands take by -m; read by cli.sh.
memories="optane-100 optane-200 nvdimm-n cxl-pmem dram-only memory-mode"

memories_run() { # as a machine, as an experiment, and included beside a core
    local cfg tier
    for cfg in $memories; do
        tier=nvdimm
        case $cfg in dram-only | memory-mode) tier=dram ;; esac
        exits 0 "$pwsim" exec -v -m "$root/sim/configs/$cfg.cfg" -s kernel.data_tier=$tier "$B/guest/kvlog.wasm" 20 64 || return 1
        grep -q ' cycles, IPC ' "$tmp/err" || return 1
        exits 0 "$pwsim" run "$root/sim/configs/$cfg.cfg" -s program.name=kvlog -s program.args=20,64 -s kernel.data_tier=$tier -o machines || return 1
        printf '@include "%s/sim/configs/skylake.cfg"\n@include "%s/sim/configs/%s.cfg"\nprogram: { name = "hello"; };\n' \
            "$root" "$root" $cfg >with-$cfg.cfg
        exits 0 "$pwsim" run with-$cfg.cfg -o machines || return 1
    done
}
t "the bundled memories run" memories_run

spelled_out() { # no key is left out, and none differs
    local key
    echo 'name = "same";' >empty.cfg
    "$pwsim" run empty.cfg -s program.name=hello -o spelled/a >/dev/null &&
        "$pwsim" run "$root/sim/configs/optane-100.cfg" -s name=same -s program.name=hello -o spelled/b >/dev/null || return 1
    diff spelled/a/*/resolved.cfg spelled/b/*/resolved.cfg || return 1
    for key in $("$pwsim" list keys | grep -o '^nvdimm\.[a-z_]*' | cut -d. -f2 | grep -vx 'size\|image\|commit\|wear_counts'); do
        grep -q "^    $key = " "$root/sim/configs/optane-100.cfg" || { echo "optane-100.cfg does not say nvdimm.$key"; return 1; }
    done
}
t "optane-100 is the default machine, spelled out" spelled_out

printf '%s\n' "$head" "idle-latency,dram,1,1,read,random,8,,,mean,1,ns,x" "idle-latency,nvdimm,1,1,read,random,8,,,mean,1,ns,x" >load.csv
load_ns() { # what a load from DRAM and one from the module take, whole ns
    "$pwsim" calibrate load.csv --json "$@" | grep -o '"simulated": [0-9]*' | grep -o '[0-9]*' | head -2 | xargs
}
latencies() {
    local c="$root/sim/configs" dram n cxl near far o1 o2
    read -r dram n < <(load_ns -m "$c/nvdimm-n.cfg")
    read -r _ cxl < <(load_ns -m "$c/cxl-pmem.cfg")
    read -r _ near < <(load_ns -m "$c/cxl-pmem.cfg" -s nvdimm.read_path=45ns)
    read -r _ far < <(load_ns -m "$c/cxl-pmem.cfg" -s nvdimm.read_path=311ns)
    read -r _ o1 < <(load_ns -m "$c/optane-100.cfg")
    read -r _ o2 < <(load_ns -m "$c/optane-200.cfg")
    echo "ns: DRAM $dram, nvdimm-n $n, cxl-pmem $near to $far, $cxl; optane-100 $o1, optane-200 $o2"
    [ $n -ge $((dram - 2)) ] && [ $n -le $((dram + 2)) ] && [ $near -ge 132 ] && [ $near -le 148 ] && [ $far -ge 400 ] &&
        [ $far -le 420 ] && [ $cxl -ge 242 ] && [ $cxl -le 258 ] && [ $o2 -lt $o1 ] && [ $o2 -gt $((2 * dram)) ]
}
t "loads from them take as long as their sources say" latencies
t "a medium that is none" refuses 2 "nvdimm.media" "$pwsim" calibrate load.csv -s nvdimm.media=flash

# ---- memory mode ----
mode="$root/sim/configs/memory-mode.cfg"
counts() { # COUNTER RUN-FOLDER: its value
    grep -o "\"$1\": [0-9]*" "$2"/*/stats.json | grep -o '[0-9]*$'
}
memory_mode() { # a cache that holds everything, one that does not, and no cache
    local how
    for how in dram large small; do
        set --
        [ $how = dram ] && set -- -s memory_mode.size=0B
        [ $how = small ] && set -- -s memory_mode.size=64KiB
        exits 0 "$pwsim" run "$mode" "$@" -s program.name=wordcount -s program.args=sample.txt -s l2.size=64KiB -s llc.size=128KiB \
            -s llc.ways=8 -o "mode-$how" || return 1
    done
    local a b c
    a=$(counts hart0.cycles mode-dram) b=$(counts hart0.cycles mode-large) c=$(counts hart0.cycles mode-small)
    echo "wordcount, cycles: DRAM $a, cache $b, small cache $c"
    [ "$a" -lt "$b" ] && [ "$b" -lt "$c" ] && ! grep -q memory_mode mode-dram/*/stats.json &&
        [ "$(counts memory_mode.writebacks mode-large)" = 0 ] && [ "$(counts memory_mode.writebacks mode-small)" -gt 100 ] &&
        [ "$(counts memory_mode.hits.read mode-large)" -gt 0 ] && [ "$(counts memory_mode.misses.read mode-small)" -gt 1000 ] &&
        [ "$(counts nvdimm.reads mode-large)" = $(($(counts memory_mode.misses.read mode-large) + $(counts memory_mode.misses.write mode-large))) ] &&
        cmp mode-dram/*/console.txt mode-small/*/console.txt && [ ! -e "$(echo mode-large/*/nvdimm.img)" ]
}
t "memory mode: slower than DRAM, faster with a larger cache" memory_mode
t "memory mode: files cannot be where nothing is kept" refuses 2 "could not start" "$pwsim" run "$mode" -s program.name=hello -s kernel.data_tier=nvdimm -o machines
t "memory mode: a size that is none" refuses 2 "memory_mode.size" "$pwsim" run "$mode" -s program.name=hello -s memory_mode.size=100KiB -o machines
t "memory mode: beside persistent memory" exits 0 "$pwsim" run "$mode" -s program.name=kvlog -s program.args=20,64 -s nvdimm.size=1MiB -s kernel.data_tier=nvdimm -o machines

# ---- wear ----
wear_counts() { # the lines of the file add up to what the media wrote, in the order of addresses
    local n
    for n in 1 3; do
        exits 0 "$pwsim" run "$root/sim/configs/hello.cfg" -o "wear$n" -s program.name=kvlog -s program.args=300,100 -s kernel.data_tier=nvdimm \
            -s nvdimm.modules=$n -s nvdimm.wear_counts=wear$n.csv || return 1
        [ "$(awk -F, 'NR > 1 { n += $2; if ($1 % 256) exit 1 } END { print n }' wear$n.csv)" = "$(counts nvdimm.media.writes wear$n)" ] &&
            [ "$(($(wc -l <wear$n.csv) - 1))" = "$(counts nvdimm.wear.lines wear$n)" ] &&
            [ "$(awk -F, '$2 > n && NR > 1 { n = $2 } END { print n }' wear$n.csv)" = "$(counts nvdimm.wear.most wear$n)" ] &&
            tail -n +2 wear$n.csv | cut -d, -f1 | sort -n | uniq -d | cmp - /dev/null || return 1
    done
    tail -n +2 wear1.csv | sort -t, -n -c
}
t "writes of each line of the NVDIMM" wear_counts
t "a file for them that cannot be" refuses 2 "nowhere/wear.csv" "$pwsim" run "$root/sim/configs/hello.cfg" -o machines -s nvdimm.wear_counts=nowhere/wear.csv
