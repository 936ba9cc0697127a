# cli_replacement.sh - replacement policies alone, policies that users build, foreign traces; cli.sh
# sources this, so its helpers and its hello.trace are there.

# ---- policies alone ----
alone() { "$pwsim" replay --llc 64KiB --ways 8 --l2 32KiB "$@" hello.trace; }
all_alone() {
    alone --json >alone.json || return 1
    [ "$(grep -c '"policy"' alone.json)" = "$("$pwsim" list policies | wc -l)" ] && [ "$(grep '"reads"' alone.json | sort -u | wc -l)" = 1 ]
}
t "every policy works on the same reads" all_alone
counts_repeat() { # the speed apart
    alone --json | grep -v accesses/s >alone1 && alone --json | grep -v accesses/s >alone2 && [ -s alone1 ] && cmp alone1 alone2
}
t "policies alone count the same twice" counts_repeat
for bad in nonesuch lru, ,lru "" lru,,srrip; do
    t "the policies \"$bad\"" refuses 2 "replacement policy" alone --policy "$bad"
done
t "an LLC of no power of two of sets" refuses 2 "power of two" "$pwsim" replay --llc 100KiB --policy lru hello.trace
t "an LLC without a unit" refuses 2 "--llc" "$pwsim" replay --llc 65536 hello.trace
for bad in 0 17 x ""; do
    t "\"$bad\" ways" refuses 2 "--ways" "$pwsim" replay --llc 64KiB --ways "$bad" hello.trace
done
t "ways without an LLC" refuses 2 "--llc" "$pwsim" replay --ways 8 hello.trace
t "policies alone and a machine" refuses 2 "-m" alone -s llc.ways=8
t "policies alone and a flipped trace" refuses 2 flipped.trace "$pwsim" replay --llc 64KiB flipped.trace
t "OPT cannot run in a machine" refuses 2 "beforehand" "$pwsim" replay -s llc.policy=opt hello.trace

# ---- a policy of one's own ----
MAKEFLAGS= make -s -C "$root/memhier/example-policy" PWSIM="$root" OUT="$tmp/clock.so" >make.out 2>&1
t "the example policy builds without a warning" test -f clock.so -a ! -s make.out
own_alone() { exits 0 alone --policy ./clock.so,fifo && [ "$(grep -cE 'hello.trace +(clock|fifo) ' out)" = 2 ]; }
t "a policy of one's own, alone" own_alone
own_replayed() {
    "$pwsim" replay hello.trace -s l1d.policy=./clock.so -s "l1d.size=4 KiB" --json >own.json &&
        "$pwsim" replay hello.trace -s "l1d.size=4 KiB" --json >lru.json && ! cmp -s own.json lru.json
}
t "a policy of one's own, in a machine" own_replayed
own_run() { # what the object holds is an input of the run; where it lies is not
    mkdir -p elsewhere && cp clock.so elsewhere && (cd elsewhere && exits 0 "$pwsim" run "$root/sim/configs/hello.cfg" -s l2.policy=./clock.so -o runs) &&
        exits 0 "$pwsim" run "$root/sim/configs/hello.cfg" -s l2.policy=elsewhere/clock.so -o elsewhere/runs &&
        [ "$(ls elsewhere/runs | wc -l)" = 1 ] && grep -q '"l2.policy"' elsewhere/runs/*/run.json
}
t "a policy of one's own, in a run" own_run
bad_policy() { # name, C text after the header
    printf '#include "memhier/policy.h"\n%s\n' "$2" >"$1.c" && ${CC:-gcc} -w -fPIC -shared -I"$root" -o "$1.so" "$1.c"
}
bad_policy newer 'const struct policy cache_policy = {.abi = POLICY_ABI + 1, .name = "x", .meaning = "y"};'
bad_policy unnamed 'const struct policy policy = {.abi = POLICY_ABI};'
bad_policy partial 'const struct policy cache_policy = {.abi = POLICY_ABI, .name = "x", .meaning = "y"};'
own='.abi = POLICY_ABI, .name = "own", .meaning = "y", .drop = free, .hit = nothing, .fill = nothing, .evict = nothing'
nothing='#include <stdlib.h>
static void nothing(void *s, const struct policy_access *a) {}
static uint32_t beyond(void *s, const struct policy_access *a) { return 77; }
static void *made(const struct policy_config *c, char *err, size_t n) { return malloc(1); }
static void *refused(const struct policy_config *c, char *err, size_t n) { return NULL; }'
bad_policy silent "$nothing
const struct policy cache_policy = {$own, .make = refused, .victim = beyond};"
bad_policy astray "$nothing
const struct policy cache_policy = {$own, .make = made, .victim = beyond};"
t "a policy that gives no reason" refuses 2 "own: refuses, and gives no reason" alone --policy ./silent.so
t "a policy that gives no reason, in a machine" refuses 2 "gives no reason" "$pwsim" replay hello.trace -s llc.policy=./silent.so
goes_astray() { alone --policy ./astray.so >out 2>err && grep -q 'own: [0-9]* answers were no way of the set' err; }
t "a policy whose answers are no ways is told on" goes_astray
t "a policy for another interface" refuses 2 "built for interface" alone --policy ./newer.so
t "an object without cache_policy" refuses 2 "no symbol cache_policy" alone --policy ./unnamed.so
t "a policy without functions" refuses 2 "lacks a function" alone --policy ./partial.so
t "an object that is not there" refuses 2 "cannot be loaded" alone --policy ./nowhere.so
t "an object that is none" refuses 2 "cannot be loaded" alone --policy ./hello.trace
t "a policy for another interface, in a machine" refuses 2 "built for interface" "$pwsim" replay hello.trace -s llc.policy=./newer.so
t "a policy that is not there, in a run" refuses 2 "nowhere.so" "$pwsim" run "$root/sim/configs/hello.cfg" -s llc.policy=./nowhere.so -o runs

# ---- traces of other tools, and made by rule ----
generated() { exits 0 "$pwsim" trace generate scan --lines 2048 --records 100000 --capacity 1024 -o scan.trace && grep -q 'every line taken in: 50,896' out; }
t "a trace is made by rule" generated
same_generated() { "$pwsim" trace generate zipf --records 50000 -o z1.trace && "$pwsim" trace generate zipf --records 50000 -o z2.trace && cmp z1.trace z2.trace; }
t "the same rule makes the same bytes" same_generated
t "a rule that there is not" refuses 2 "names the kinds" "$pwsim" trace generate nonesuch -o x.trace
t "a rule over no lines" refuses 2 "4 to" "$pwsim" trace generate scan --lines 0 -o x.trace
t "a rule with a count that is none" refuses 2 "--records" "$pwsim" trace generate scan --records 1e6 -o x.trace
there_and_back() { # a trace as instructions, and back
    "$pwsim" trace export -f champsim -o scan.champsim scan.trace 2>err && grep -q '99,951 accesses' err &&
        exits 0 "$pwsim" trace import -f champsim -o back.trace scan.champsim &&
        "$pwsim" trace info back.trace | grep -q 'load  *99,951'
}
t "to ChampSim and back" there_and_back
to_dinero() { "$pwsim" trace export -f dinero -o - scan.trace 2>/dev/null | head -2 | tr '\n' ' ' | grep -qx '0 0 0 40 '; }
t "to Dinero, on standard output" to_dinero
from_pipe() { printf 'I  401000,4\n L 1000,8\n' | exits 0 "$pwsim" trace import -f lackey --map "4 KiB" --l1 -o piped.trace - && grep -q '2 records' out; }
t "lackey's text from a pipe" from_pipe
head -c 1000 scan.champsim >short.champsim
t "a truncated record is refused by its number" refuses 2 "record 16: truncated" "$pwsim" trace import -f champsim -o x.trace short.champsim
t "nothing is left of a refused import" test ! -e x.trace -a ! -e x.trace.part
t "a format that there is not" refuses 2 "--format" "$pwsim" trace import -f gem5 -o x.trace scan.champsim
t "misses without an L1" refuses 2 "--l1" "$pwsim" trace import -f lackey --misses 5 -o x.trace scan.champsim
t "frames of odd size" refuses 2 "--map" "$pwsim" trace import -f lackey --map "5000 B" -o x.trace scan.champsim
t "an input that is not there" refuses 2 "nowhere" "$pwsim" trace import -f lackey -o x.trace nowhere
recorded_behind() {
    exits 0 "$pwsim" trace record "$root/sim/configs/hello.cfg" --l1 -o behind.trace -s program.name=kvlog -s program.args=200,64 &&
        "$pwsim" trace info behind.trace | grep -q 'behind L1' && "$pwsim" trace info behind.trace | grep -q 'on an earlier load' && exits 0 "$pwsim" replay --llc 64KiB --policy lru,opt behind.trace
}
t "a run is recorded behind an L1" recorded_behind

# ---- goldens ----
"$pwsim" trace generate btree --lines 20000 --records 100000 --nvdimm -o golden.trace >/dev/null
printf '# kept\n\npoint\talone\tgolden.trace\t256 KiB/16\tlru\npoint\talone\tgolden.trace\t256 KiB/16\topt-bypass\npoint\ttimed\tgolden.trace\tllc.size=256 KiB;seed=3\tdrrip\n' >golden.txt
golden_written() { exits 0 "$pwsim" regress golden.txt --write && [ "$(grep -c '^point' golden.txt)" = 3 ] && grep -q '^# kept' golden.txt && [ "$(grep -cP '^\t' golden.txt)" -ge 15 ]; }
t "goldens are written" golden_written
cp golden.txt golden.first
golden_same() { exits 0 "$pwsim" regress golden.txt -j 1 && grep -q '0 values moved' out && exits 0 "$pwsim" regress golden.txt -j 4 --write && cmp golden.txt golden.first; }
t "nothing moved, with any number of threads" golden_same
golden_moved() {
    sed '0,/\thits\t/s/\thits\t/\thits\t1/' golden.first >golden.txt
    exits 1 "$pwsim" regress golden.txt && [ "$(grep -c 'alone golden.trace' out)" = 1 ] && grep -q '1 values moved' out &&
        exits 0 "$pwsim" regress golden.txt --write && cmp golden.txt golden.first
}
t "what moved is shown, and written when told" golden_moved
printf 'point\talone\tgolden.trace\n' >bad.txt
t "a golden line that is none" refuses 2 "bad.txt:1" "$pwsim" regress bad.txt
printf 'point\talone\tnowhere.trace\t256 KiB/16\tlru\n' >bad.txt
t "a golden of a trace that is not there" refuses 2 "nowhere.trace" "$pwsim" regress bad.txt
printf 'point\talone\tgolden.trace\t256 KiB/16\tnonesuch\n' >bad.txt
t "a golden of a policy that there is not" refuses 2 "nonesuch" "$pwsim" regress bad.txt
printf 'point\ttimed\tgolden.trace\tllc.nonesuch=1\tlru\n' >bad.txt
t "a golden of a machine that there is not" refuses 2 "nonesuch" "$pwsim" regress bad.txt
printf 'point\tsometimes\tgolden.trace\t-\tlru\n' >bad.txt
t "a golden of no kind" refuses 2 "sometimes" "$pwsim" regress bad.txt

up=$(realpath --relative-to=. "$root")
printf 'point\tooo\tgolden.trace\t%s/sim/configs/skylake.cfg;llc.size=256 KiB;llc.ways=16\tdrrip\npoint\tooo\tgolden.trace\tllc.size=256 KiB\tsrrip\n' "$up" >timed.txt
timed_golden() { # a machine's file is found from the golden file's folder
    exits 0 "$pwsim" regress timed.txt --write &&
        [ "$(grep -c 'nvdimm.media_writes' timed.txt)" = 2 ] && exits 0 "$pwsim" regress timed.txt -j 2 && grep -q '0 values moved' out
}
t "goldens of a window's time" timed_golden
printf 'point\tooo\tgolden.trace\tllc.size=256 KiB;nvdimm.size=0\tlru\n' >dram.txt
dram_golden() { exits 0 "$pwsim" regress dram.txt --write && grep -q 'dram.cycles' dram.txt && ! grep -q 'nvdimm\.cycles' dram.txt; }
t "goldens of a machine without an NVDIMM" dram_golden
printf 'point\tooo\tgolden.trace\tnonesuch.cfg;llc.size=256 KiB\tlru\n' >bad.txt
t "a golden of a machine's file that is not there" refuses 2 "nonesuch.cfg" "$pwsim" regress bad.txt

# ---- the table of policies ----
mkdir -p small/corpus && cp golden.trace small/corpus/one.trace && cp golden.trace small/corpus/two.trace
printf 'name\tsplit\none\ttest\ntwo\ttest\nthree\ttrain\n' >small/corpus.tsv
table_config() { # what more it says
    printf 'replacement: { corpus = "small/corpus.tsv"; split = "test"; llc = ["256 KiB"]; ways = 16; l2 = "64 KiB"; l2_ways = 8; policies = ["lru", "ship", "opt-bypass"]; questions = ["ship:lru"]; resamples = 100; seed = 1; %s };\n' "$1"
}
table_config "machine = \"$up/sim/configs/skylake.cfg\";" >table.cfg
table_config "" >untimed.cfg
timed_table() { exits 0 "$pwsim" replacement table.cfg -j 2 && cp out timed.out && exits 0 "$pwsim" replacement table.cfg -j 1 && cmp out timed.out && grep -q 'IPC/LRU, NVDIMM' out; }
t "a table of policies, with any number of threads" timed_table
untimed_table() { # what is counted is the same
    exits 0 "$pwsim" replacement table.cfg --untimed && cp out untimed.out && exits 0 "$pwsim" replacement untimed.cfg && cmp out untimed.out &&
        ! grep -q IPC out && [ "$(grep -m1 '^ship ' out)" = "$(grep -m1 '^ship ' timed.out)" ]
}
t "a table of policies without time" untimed_table
warm_table() { # a trace that fits the LLC misses nothing when it comes again
    "$pwsim" trace generate chase --lines 1000 --records 20000 -o small/corpus/one.trace >/dev/null && cp small/corpus/one.trace small/corpus/two.trace &&
        table_config 'warm = [0, 2];' >warm.cfg && exits 0 "$pwsim" replacement warm.cfg && grep -q '^LLC of 256 KiB, 2 passes before; 16 ways' out &&
        [ "$(grep '^one ' out | awk '{ print $3 }' | head -4 | tr '\n' ' ')" = '1.0000 1 0.0000 1 ' ]
}
t "a table after passes of the trace" warm_table
for bad in '[9]' '[-1]' '5' '[]' '["a"]' '[1.5]'; do
    table_config "warm = $bad;" >bad.cfg
    t "passes before that cannot be: $bad" refuses 2 "warm" "$pwsim" replacement bad.cfg
done
table_config 'machine = "nonesuch.cfg";' >bad.cfg
t "a table on a machine that there is not" refuses 2 "nonesuch.cfg" "$pwsim" replacement bad.cfg
table_config 'machine = 5;' >bad.cfg
t "a machine that is no text" refuses 2 "bad.cfg:1: replacement.machine" "$pwsim" replacement bad.cfg
table_config "machine = \"$root/sim/configs/skylake.cfg\";" >absolute.cfg
absolute_table() { exits 0 "$pwsim" replacement table.cfg && cp out relative.out && exits 0 "$pwsim" replacement absolute.cfg && cmp out relative.out; }
t "a table on a machine that an absolute path names" absolute_table
table_config 'machin = "skylake.cfg";' >bad.cfg
t "a table with a key that there is not" refuses 2 "bad.cfg:1: replacement.machin: there is no such key" "$pwsim" replacement bad.cfg
t "a table of no config" refuses 2 "nonesuch.cfg: No such file" "$pwsim" replacement nonesuch.cfg
for bad in 'llc = ["256 KiB"]/llc = [5]' 'llc = ["256 KiB"]/llc = []' 'llc = ["256 KiB"]/llc = "1 MiB"' '"ship:lru"/5' '"ship:lru"/"ship:nru"' '"opt-bypass"/"opt"' '"opt-bypass"/"nonesuch"'; do
    text=$(table_config "")
    echo "${text/"${bad%%/*}"/${bad#*/}}" >bad.cfg
    t "a table of ${bad#*/}" refuses 2 "bad.cfg:1: replacement." "$pwsim" replacement bad.cfg
done

# ---- the programs of the corpus ----
corpus_program() { exits 0 "$pwsim" exec "$B/guest/corpus/$1.wasm" "$2" && grep -q "^$1: " out; }
for p in "btree 20000" "phash 20000" "graph 1" "matrix 1" "lz 50000" "kvserve 10000" "vm 300" "join 1" "radix 1" "trie 100" "suffix 2000" "mst 1" "route 1"; do
    t "corpus program $p" corpus_program $p
done
