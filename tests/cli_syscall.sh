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
