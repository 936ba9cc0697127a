#!/usr/bin/env bash
# run.sh - run fuzz targets for a time: run.sh SECONDS TARGET...
#
# Seeds are tests/fuzz/corpus/checkpoint for the target of that name, compressed text for `kernel`; for the others
# tests/fuzz/corpus/wasm, the modules of the official scripts where they are there, and random modules of
# binaryen's. What is found on the way is kept in $B/fuzz/corpus.TARGET; an input that fails is left
# as $B/fuzz/crash-*, and the exit code is 1.
set -u
: "${B:=build}"
export B
seconds=$1
shift
seeds=$B/fuzz/seeds
if [ ! -d "$seeds" ]; then
    mkdir -p "$seeds"
    find ../shared/wasm-spec -name '*.wasm' -size -3 -exec cp -t "$seeds" {} + 2>/dev/null
    if command -v wasm-opt >/dev/null; then
        for i in $(seq 40); do
            head -c $((i * 40)) <(yes "seed $i") >"$seeds/in"
            wasm-opt -ttf --mvp-features -Os "$seeds/in" -o "$seeds/random$i.wasm" 2>/dev/null
        done
        rm -f "$seeds/in"
    fi
fi
status=0
for target in "$@"; do
    name=$(basename "$target")
    mkdir -p "$B/fuzz/corpus.$name"
    case $name in
    checkpoint) from=(tests/fuzz/corpus/checkpoint) ;;
    kernel)
        from=("$B/fuzz/seeds.kernel") # bytes of every kind
        mkdir -p "${from[0]}"
        for i in $(seq 30); do seq "$i" 200 | gzip -n | head -c $((i * 12)) >"${from[0]}/$i"; done
        ;;
    *) from=(tests/fuzz/corpus/wasm "$seeds") ;;
    esac
    if "$target" -max_total_time="$seconds" -max_len=4096 -timeout=20 -rss_limit_mb=4096 -print_final_stats=1 \
        -artifact_prefix="$B/fuzz/crash-$name-" "$B/fuzz/corpus.$name" "${from[@]}" >"$B/fuzz/$name.log" 2>&1; then
        echo "fuzz $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$B/fuzz/$name.log") inputs in $seconds s, nothing found"
    else
        echo "fuzz $name: FAILED, see $B/fuzz/$name.log"
        status=1
    fi
done
exit $status
