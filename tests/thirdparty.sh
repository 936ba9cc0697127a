#!/usr/bin/env bash
# thirdparty.sh - programs that nobody here wrote: fetched, built twice, and run against one another.
#
#     thirdparty.sh fetch|build|test      B is the build folder; all of it is in $B/thirdparty
#
# fetch: Debian's source packages. build: each program for the host and for WASI, with the glue of
# tests/thirdparty/. test: under `pwsim exec` the same input gives the same output as on the host;
# what was not built is skipped. Closes with "N passed, N failed, N skipped".
set -u
: "${B:=build}"
root=$PWD
case $B in /*) ;; *) B=$root/$B ;; esac
dir=$B/thirdparty glue=$root/tests/thirdparty
packages="lua5.4 bzip2 zlib sqlite3"
wasi="clang-14 --target=wasm32-wasi -O2 -w -D_WASI_EMULATED_SIGNAL -D_WASI_EMULATED_PROCESS_CLOCKS -D_WASI_EMULATED_GETPID"
libs="-lwasi-emulated-signal -lwasi-emulated-process-clocks -lwasi-emulated-getpid -Wl,-z,stack-size=1048576"

fetch() { # the system's own lists of packages stay as they are
    mkdir -p "$dir/lists/partial" "$dir/src"
    for f in /etc/apt/sources.list.d/*.sources; do
        sed 's/^Types: deb$/Types: deb-src/' "$f"
        echo
    done >"$dir/src.sources"
    local apt="apt-get -qq -o Dir::Etc::sourcelist=$dir/src.sources -o Dir::Etc::sourceparts=- -o Dir::State::lists=$dir/lists"
    $apt update || return 1
    (cd "$dir/src" && for p in $packages; do $apt source --download-only "$p" || exit 1; done) || return 1
    for f in "$dir"/src/*.orig.tar.*; do
        tar -C "$dir" -xf "$f" || return 1
    done
}

both() { # name, folder, "sources", flags...: $dir/NAME for the host, $dir/NAME.wasm
    local name=$1 from=$2 sources=$3 f objects=
    shift 3
    echo "  BUILD  $name"
    (cd "$from" && gcc -O2 -w "$@" -o "$dir/$name" $sources -lm) || return 1
    for f in $sources; do
        local o=$dir/$name.$(basename "${f%.c}").o
        (cd "$from" && $wasi -I"$glue/include" -include "$glue/glue.h" "$@" -c "$f" -o "$o") || return 1
        objects+=" $o"
    done
    clang-14 --target=wasm32-wasi $objects $libs -o "$dir/$name.wasm"
}

build() {
    local lua z bz sq bad=0
    lua=$(echo "$dir"/lua-*/src) z=$(echo "$dir"/zlib-*) bz=$(echo "$dir"/bzip2-*) sq=$(echo "$dir"/sqlite3-*)
    both lua "$lua" "$(cd "$lua" && ls *.c | grep -v luac | tr '\n' ' ')" || bad=1
    both bzip2 "$bz" "blocksort.c huffman.c crctable.c randtable.c compress.c decompress.c bzlib.c bzip2.c" -DBZ_UNIX=1 || bad=1
    both minigzip "$z" "adler32.c compress.c crc32.c deflate.c gzclose.c gzlib.c gzread.c gzwrite.c infback.c inffast.c inflate.c inftrees.c trees.c uncompr.c zutil.c test/minigzip.c" -DHAVE_UNISTD_H -I. || bad=1
    if command -v tclsh >/dev/null; then # the amalgamation is made by SQLite's own scripts
        [ -f "$sq/sqlite3.c" ] || (cd "$sq" && ./configure -q >/dev/null && make sqlite3.c shell.c >/dev/null) || bad=1
        local flags="-DSQLITE_THREADSAFE=0 -DSQLITE_OMIT_LOAD_EXTENSION -DSQLITE_OMIT_WAL -DSQLITE_NOHAVE_SYSTEM -DSQLITE_OMIT_POPEN"
        both sqlite "$sq" "sqlite3.c shell.c" $flags || bad=1
        both speedtest1 "$sq" "sqlite3.c test/speedtest1.c" $flags -I. || bad=1
    else
        echo "thirdparty: no tclsh (package tcl): SQLite is left out"
    fi
    if [ -x /usr/bin/rustc ]; then
        /usr/bin/rustc -O -o "$dir/rust" "$glue/rust.rs" && /usr/bin/rustc -O --target wasm32-wasi -o "$dir/rust.wasm" "$glue/rust.rs" || bad=1
    else
        echo "thirdparty: no /usr/bin/rustc (packages rustc libstd-rust-dev-wasm32): the Rust program is left out"
    fi
    return $bad
}

passed=0 failed=0 skipped=0
same() { # name, input file, arguments...: in a folder of its own each, the same output and the same files
    local name=$1 input=$2
    shift 2
    if [ ! -f "$dir/$name.wasm" ]; then
        skipped=$((skipped + 1))
        return
    fi
    rm -rf "$dir/host" "$dir/guest"
    mkdir "$dir/host" "$dir/guest"
    cp "$B/guest/sample.txt" "$glue"/test.* "$dir/host"
    cp "$B/guest/sample.txt" "$glue"/test.* "$dir/guest"
    (cd "$dir/host" && "$dir/$name" "$@" <"$input" >out 2>err; echo $? >status)
    (cd "$dir/guest" && "$B/pwsim" exec --sync-out --dir . "$dir/$name.wasm" "$@" <"$input" >../out 2>../err
        echo $? >status; mv ../out ../err .)
    if diff -r "$dir/host" "$dir/guest" >"$dir/diff"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL $name $*"
        head -10 "$dir/diff"
    fi
}

test_all() {
    [ -d "$dir" ] || { echo "0 passed, 0 failed, 1 skipped"; return; }
    same lua /dev/null test.lua
    same bzip2 /dev/null -k9 sample.txt # the console is a terminal, to which bzip2 does not write
    same bzip2 /dev/null -kv1 sample.txt
    same minigzip "$B/guest/sample.txt" -9
    same minigzip /dev/null sample.txt
    same sqlite "$glue/test.sql"
    same sqlite /dev/null db "create table t(x); insert into t values (1), (2); select sum(x) from t;"
    same rust "$B/guest/sample.txt" one two
    echo "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" -eq 0 ]
}

case ${1:-} in
fetch) fetch ;;
build) build ;;
test) test_all ;;
*) echo "usage: thirdparty.sh fetch|build|test" >&2; exit 2 ;;
esac
