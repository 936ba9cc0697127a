# cli_syscall.sh - what calls and traps cost, against measurements and as an experiment; read by cli.sh.

# ---- measured rows ----
calls=$root/../shared/calibration/calls.csv
printf '%s\n' group,event,value,unit,machine,source "host,null syscall,494-624,TSC cycles (190-240ns),m,s" \
    "sel4,IPC,718 / 576,cycles,m,s" "host,clwb uncached + mfence,286 (net ~182),TSC cycles,m,s" >calls_good.csv
sed 's/494-624/many/' calls_good.csv >calls_value.csv
sed 's/TSC cycles (190/furlongs (190/' calls_good.csv >calls_unit.csv
sed 2d calls_good.csv | sed '$d' >calls_none.csv
printf '%s\nhost,null syscall\n' group,event,value,unit,machine,source >calls_short.csv
calls_json() {
    "$pwsim" calibrate --json -m "$root/sim/configs/zen4.cfg" calls_good.csv >calls.json || return 1
    python3 -c '
import json
r = json.load(open("calls.json"))
assert [x["event"] for x in r] == ["null syscall", "clwb uncached + mfence"]
assert abs(r[0]["low"] - 494 / 0.72) < 0.01 and abs(r[0]["high"] - 624 / 0.72) < 0.01
assert abs(r[1]["low"] - 182 / 0.72) < 0.01
for x in r:
    near = min(max(x["simulated"], x["low"]), x["high"])
    assert abs(x["simulated"] / near - 1 - x["error"]) < 1e-4'
}
within() { # every event of the measured machine is simulated within 20 %
    "$pwsim" calibrate --json -m "$root/sim/configs/zen4.cfg" "$calls" >calls.json || return 1
    python3 -c '
import json
hardware = [x for x in json.load(open("calls.json")) if x["kind"] == "hardware"]
assert len(hardware) >= 12
far = [(x["event"], x["error"]) for x in hardware if abs(x["error"]) > 0.2]
print(far)
assert not far'
}
if command -v python3 >/dev/null; then
    t "calibrate calls --json" calls_json
    if [ -f "$calls" ]; then t "calls, traps and flushes lie within 20 % of what was measured" within
    else echo "skipped: $calls is missing"; fi
fi
t "calibrate calls" exits 0 "$pwsim" calibrate calls_good.csv
t "calibrate calls: a value that is none" refuses 2 'calls_value.csv:2: value is "many"' "$pwsim" calibrate calls_value.csv
t "calibrate calls: another unit" refuses 2 'calls_unit.csv:2: unit is' "$pwsim" calibrate calls_unit.csv
t "calibrate calls: no row of that machine" refuses 2 'no rows of the group' "$pwsim" calibrate calls_none.csv
t "calibrate calls: a row cut short" refuses 2 'calls_short.csv:2: 2 fields' "$pwsim" calibrate calls_short.csv

# ---- the experiment ----
cat >syscall_small.cfg <<END
@include "$root/sim/configs/zen4.cfg"
nvdimm: { size = "16 MiB"; };
override: { core: { pollution = true; }; };
experiment: {
    axes = (
        ( { label = "null";  set = ["program.name=syscalls", "program.args=null,200"]; },
          { label = "work";  set = ["program.name=syscalls", "program.args=work,200"]; },
          { label = "write"; set = ["program.name=syscalls", "program.args=work+write,20"]; },
          { label = "pipe";  set = ["program.name=syscalls", "program.args=pingpong,20"]; },
          { label = "kv";    set = ["program.name=kvpair", "program.args=30"]; },
          { label = "grep";  set = ["program.name=greptree", "program.args=12"]; },
          { label = "fib";   set = ["program.name=region", "program.args=1,fib,20"]; },
          { label = "none";  set = ["program.name=nonesuch"]; needs = "nonesuch"; } ),
        ( { label = "call";  set = ["kernel.boundary=call"]; },
          { label = "trap";  set = ["kernel.boundary=trap"]; },
          { label = "kpti";  set = ["kernel.boundary=trap", "kernel.kpti=true"]; },
          { label = "all";   set = ["kernel.boundary=trap", "kernel.kpti=true", "kernel.ibpb=true", "kernel.retpoline=true", "kernel.l1d_flush=true", "kernel.verw=true"]; },
          { label = "wasm";  set = ["kernel.boundary=call", "isa.wasm_penalty=100"]; } ) );
    baseline = "program.args";
    columns = (
        { title = "op"; value = "hart0.roi_cycles / hart0.roi_marks"; decimals = 3; },
        { title = "boundary"; value = "hart0.roi_boundary_cycles / hart0.roi_marks"; decimals = 3; },
        { title = "sum"; value = "hart0.roi_boundary_cycles + hart0.roi_user_cycles + hart0.roi_kernel_cycles + hart0.roi_idle_cycles / hart0.roi_cycles"; decimals = 6; },
        { title = "instructions"; value = "hart0.roi_instructions"; },
        { title = "l1d"; value = "hart0.polluted_l1d / hart0.roi_marks"; decimals = 3; },
        { title = "l2"; value = "hart0.polluted_l2"; },
        { title = "extra"; value = "hart0.penalty_uops / hart0.uops"; decimals = 3; } );
};
END
experiment() { # the forms that can be worked out, and the order of the boundaries
    exits 0 "$pwsim" run --json syscall_small.cfg || return 1
    cp "$tmp/out" small.json && cp "$tmp/err" small.err
    python3 -c '
import json
p = {x.pop("point"): x for x in json.load(open("small.json"))}
kinds = ["call", "trap", "kpti", "all"]
entry, leave, cr3 = 375, 375, 180    # of zen4.cfg; the default
for w in ["null", "work", "write", "pipe", "kv", "grep", "fib"]:
    at = lambda k, what: p[w + "/" + k][what]
    assert all(at(k, "sum") == 1 for k in kinds + ["wasm"]), w
    assert len({at(k, "instructions") for k in kinds + ["wasm"]}) == 1, w
    assert all(at(k, "extra") == 0 for k in kinds) and 0.75 < at("wasm", "extra") < 0.9, w
    if w not in ["work", "fib"]:
        ops = [at(k, "op") for k in kinds]
        assert ops == sorted(ops) and len(set(ops)) == 4, (w, ops)
        sides = [at(k, "boundary") for k in kinds]
        assert sides == sorted(sides) and len(set(sides)) == 4, (w, sides)
    assert at("wasm", "op") > 0.99 * at("call", "op"), w
null = [p["null/" + k]["boundary"] for k in kinds]
assert null[0] < 5, null             # an instance pointer and a few loads that hit
assert entry + leave <= null[1] < entry + leave + 40, null   # and 16 registers in and out
assert 2 * cr3 <= null[2] - null[1] < 2 * cr3 + 40, null
assert p["fib/wasm"]["op"] > 1.2 * p["fib/call"]["op"]
assert all(p["work/" + k]["boundary"] == 0 and p["work/" + k]["l1d"] == 0 for k in kinds)
assert p["write/call"]["l1d"] > 100  # 4 KiB out and in again displace the working set
assert p["write/all"]["l1d"] > 300   # and a flush all of it: 384 lines
assert all(p["none/" + k]["op"] is None for k in kinds)'
}
skips() { [ "$(grep -c 'skipped: the boot image has no program "nonesuch"' small.err)" = 5 ]; }
only() {
    exits 0 "$pwsim" run syscall_small.cfg --only 'fib/a*' || return 1
    grep -q '^fib/call ' "$tmp/out" && grep -q '^fib/all ' "$tmp/out" && ! grep -q '^fib/trap\|^null' "$tmp/out"
}
if command -v python3 >/dev/null; then
    t "the experiment in a small form: shares, closed forms, order" experiment
    t "points whose program the image lacks are skipped, and said so" skips
fi
t "run --only: matching points and what they are compared with" only
t "run --only: nothing matches" refuses 2 "no point's label" "$pwsim" run syscall_small.cfg --only nil
t "a vector of another size" refuses 2 "isa.vector" "$pwsim" run "$root/sim/configs/syscall.cfg" -s "isa.vector=48 B"
one_point() { exits 0 "$pwsim" run -o sys "$root/sim/configs/syscall.cfg" --only 'null/call' && grep -q 'sys/syscall-' "$tmp/out"; }
t "sim/configs/syscall.cfg runs" one_point
sed 's/needs = "nonesuch"/needs = 5/' syscall_small.cfg >syscall_needs.cfg
t "a need that is no text" refuses 2 'expected needs = "TEXT"' "$pwsim" run syscall_needs.cfg
full_checkpoint() { # what counts pollution and the penalty goes into it
    exits 0 "$pwsim" run -o ck1 "$root/sim/configs/zen4.cfg" "${at_once[@]}" &&
        exits 0 "$pwsim" run -o ck2 "$root/sim/configs/zen4.cfg" "${at_once[@]}" --checkpoint-at cycles=700000 pollution.ck --checkpoint-kind full &&
        exits 0 "$pwsim" run -o ck3 "$root/sim/configs/zen4.cfg" "${at_once[@]}" --from pollution.ck &&
        cmp ck1/*/stats.json ck2/*/stats.json && cmp ck1/*/stats.json ck3/*/stats.json && ! grep -q '"hart0.polluted_l1d": 0,' ck1/*/stats.json
}
at_once=(-s core.pollution=true -s isa.wasm_penalty=55 -s kernel.boundary=trap -s kernel.kpti=true -s "machine.dram=64 MiB" -s "nvdimm.size=16 MiB"
    -s program.name=syscalls -s program.args=work+write,40)
t "a full checkpoint holds what counts pollution" full_checkpoint
