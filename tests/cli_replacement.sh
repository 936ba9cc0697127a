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
make -s -C "$root/memhier/example-policy" PWSIM="$root" OUT="$tmp/clock.so" >make.out 2>&1
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
t "a policy for another interface" refuses 2 "built for interface" alone --policy ./newer.so
t "an object without cache_policy" refuses 2 "no symbol cache_policy" alone --policy ./unnamed.so
t "a policy without functions" refuses 2 "lacks a function" alone --policy ./partial.so
t "an object that is not there" refuses 2 "cannot be loaded" alone --policy ./nowhere.so
t "an object that is none" refuses 2 "cannot be loaded" alone --policy ./hello.trace
t "a policy for another interface, in a machine" refuses 2 "built for interface" "$pwsim" replay hello.trace -s llc.policy=./newer.so
t "a policy that is not there, in a run" refuses 2 "nowhere.so" "$pwsim" run "$root/sim/configs/hello.cfg" -s llc.policy=./nowhere.so -o runs
