# cli_calibrate.sh - pwsim calibrate from the command line; part of cli.sh, which sources it.
head="group,tier,dimms,threads,op,pattern,access_bytes,region_bytes,fence_bytes,stat,value,unit,source"
printf '%s\n' "$head" "chase,nvdimm,1,1,read,chase,64,4096,,per-line,175.2,ns,x" \
    "chase,nvdimm,1,1,ntstore,chase,64,4096,,per-line,29.4,ns,x" \
    "bandwidth,nvdimm,2,3,ntstore,sequential,256,,,throughput,4,GB/s,x" >good.csv
printf '%s\n' "$head" "chase,nvdimm,1,1,read,chase,64,4096,,per-line,175.2,ns,x" \
    "chase,nvdimm,1,1,peek,chase,64,4096,,per-line,175.2,ns,x" >bad.csv
calibrated() { "$pwsim" calibrate "$@" --json good.csv >cal.json && python3 -c '
import json
j = json.load(open("cal.json"))
assert len(j["rows"]) == 3 and j["groups"]["chase"]["rows"] == 2
assert all(abs(r["simulated"] / r["value"] - 1 - r["error"]) < 1e-4 for r in j["rows"])
e = [abs(r["error"]) for r in j["rows"]]
assert abs(j["mean_abs_error"] - sum(e) / 3) < 1e-4 and abs(j["groups"]["chase"]["worst"] - max(e[:2])) < 1e-4
'; }
if command -v python3 >/dev/null; then t "calibrate --json" calibrated; fi
t "calibrate" exits 0 "$pwsim" calibrate good.csv
t "calibrate: another machine" exits 0 "$pwsim" calibrate good.csv -m "$root/sim/configs/default.cfg" -s nvdimm.wpq=16
t "calibrate: an unknown operation" refuses 2 "bad.csv:3: op is" "$pwsim" calibrate bad.csv
t "calibrate: no file" refuses 2 "none.csv" "$pwsim" calibrate none.csv
t "calibrate: two files" refuses 2 "one calibration file" "$pwsim" calibrate good.csv bad.csv
for bad in nvdimm.wpq=0 nvdimm.interleave=3KiB nvdimm.interleave=64B nvdimm.modules=13 nvdimm.buffer=0 nvdimm.wear_cooling=0; do
    t "a module with $bad" refuses 2 "nvdimm." "$pwsim" calibrate good.csv -s $bad
done
