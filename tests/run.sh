#!/usr/bin/env bash
# run.sh - every test of the project; closes with one line "N passed, N failed" over all runners.
#
# Runners: the criterion binaries of tests/test_*.c, the command-line tests of tests/cli.sh, random
# programs against wasm-interp (tests/random.sh), and the official WebAssembly scripts where
# ../shared/wasm-spec is there. B is the build folder. With JOBS=2 or more the command-line tests and
# the random programs, which are half of the work, run beside the criterion binaries.
set -u
: "${B:=build}" "${JOBS:=1}"
passed=0 failed=0 skipped=0
export ASAN_OPTIONS="${ASAN_OPTIONS:-}:log_path=$PWD/$B/asan:detect_leaks=1:allocator_may_return_null=1"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:-}:print_stacktrace=1"
rm -f "$B"/asan.*
said=$(mktemp -d)
beside=
trap 'rm -rf "$said"; [ -z "$beside" ] || kill -- "-$beside" 2>/dev/null' EXIT

scripts() {
    B=$B tests/cli.sh >"$said/cli" 2>&1
    B=$B tests/random.sh >"$said/random" 2>&1
}
if [ "$JOBS" != 1 ]; then
    set -m # a process group of its own, which ends when this ends
    scripts </dev/null &
    beside=$!
    set +m
fi

add() { # passed failed skipped
    passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
}

for t in tests/test_*.c; do
    bin=$B/tests/$(basename "${t%.c}")
    out=$("$bin" -j1 2>&1)
    status=$?
    line=$(grep -a 'Synthesis' <<<"$out" | sed 's/\x1b\[[0-9;]*m//g')
    n=$(sed -n 's/.*Tested: *\([0-9]*\).*/\1/p' <<<"$line")
    ok=$(sed -n 's/.*Passing: *\([0-9]*\).*/\1/p' <<<"$line")
    if [ -z "$n" ]; then
        n=1 ok=0
    fi
    [ "$status" -ne 0 ] && [ "$ok" = "$n" ] && ok=$((n - 1))
    [ "$ok" = "$n" ] || printf '%s\n' "$out"
    printf '  %-24s %s of %s\n' "$(basename "$bin")" "$ok" "$n"
    add "$ok" $((n - ok)) 0
done

summary() { # name, output whose last line is "N passed, N failed[, N skipped]"
    local last
    last=$(tail -n 1 <<<"$2")
    if [[ $last =~ ([0-9]+)\ passed,\ ([0-9]+)\ failed(,\ ([0-9]+)\ skipped)? ]]; then
        add "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}" "${BASH_REMATCH[4]:-0}"
        printf '  %-24s %s\n' "$1" "$last"
    else
        printf '%s\n' "$2"
        printf '  %-24s %s\n' "$1" "did not finish"
        add 0 1 0
    fi
}

if [ "$JOBS" = 1 ]; then scripts; else wait "$beside"; fi
beside=
out=$(cat "$said/cli")
grep -a '^FAIL' <<<"$out"
summary cli "$out"

out=$(cat "$said/random")
if [[ $out == skipped:* ]]; then
    printf '  %-24s %s\n' "random programs" "$out"
else
    grep -aA2 '^FAIL' <<<"$out"
    summary "random programs" "$out"
fi

if [ -f traces/golden.txt ]; then # counts and times of the corpus, exactly
    if out=$("$B/pwsim" regress traces/golden.txt 2>&1); then add 1 0 0; else add 0 1 0; printf '%s\n' "$out"; fi
    printf '  %-24s %s\n' regress "$(tail -n 1 <<<"$out")"
    out=$(traces/corpus.sh --check 2>&1) && add 1 0 0 || { add 0 1 0; printf '%s\n' "$out"; }
    printf '  %-24s %s\n' corpus "$(tail -n 1 <<<"$out")"
fi
summary thirdparty "$(B=$B tests/thirdparty.sh test 2>&1)"

spec=../shared/wasm-spec
spec_sets="core-2.0 simd relaxed-simd tail-call extended-const multi-memory memory64 threads"
for set in $spec_sets; do
    if [ ! -d "$spec/$set" ]; then
        printf '  %-24s %s\n' "spec $set" "skipped: $spec/$set is not there"
        continue
    fi
    for mode in "" --observed; do
        out=$("$B/spectest" $mode --quiet "$spec/$set" 2>&1)
        summary "spec $set $mode" "$out"
    done
done

# Sanitizers write their reports to files: criterion does not fail on them by itself.
reports=$(ls "$B"/asan.* 2>/dev/null)
if [ -n "$reports" ]; then
    head -40 $reports
    echo "sanitizer reports: $reports"
    add 0 1 0
fi
echo
if [ "$skipped" -gt 0 ]; then
    echo "$passed passed, $failed failed, $skipped skipped"
else
    echo "$passed passed, $failed failed"
fi
[ "$failed" -eq 0 ]
