#!/usr/bin/env bash
# thirdparty.sh - programs that nobody here wrote: fetched, built twice, and run against one another.
#
#     thirdparty.sh packages|fetch|build|test     B is the build folder; all of it is in $B/thirdparty
#
# packages: what fetch and build need of Debian beyond the simulator's own. fetch: Debian's source
# packages. build: each program, unmodified, for the host and for WASI, there with the glue of
# tests/thirdparty/ (at most 20 lines each); what is there already stays. test: under `pwsim exec` the
# same input gives the same output, files and exit code as on the host; what was not built is skipped.
# Closes with "N passed, N failed, N skipped".
set -u
: "${B:=build}"
root=$PWD
case $B in /*) ;; *) B=$root/$B ;; esac
dir=$B/thirdparty glue=$root/tests/thirdparty
packages="lua5.4 bzip2 zlib sqlite3"
clang=clang-14
wasi="$clang --target=wasm32-wasi -O2 -w -D_WASI_EMULATED_SIGNAL -D_WASI_EMULATED_PROCESS_CLOCKS -D_WASI_EMULATED_GETPID -I$glue/include"
libs="-lwasi-emulated-signal -lwasi-emulated-process-clocks -lwasi-emulated-getpid -Wl,-z,stack-size=1048576"
lua="lua-5*/src" bz="bzip2-*" z="zlib-*" sq="sqlite3-*"

sources() { # the machine's lists of packages, as lists of source packages; the system's own stay as they are
        for f in /etc/apt/sources.list.d/*.sources; do
        [ -f "$f" ] && sed 's/^Types:.*/Types: deb-src/' "$f" >"$dir/apt/$(basename "$f")"
    done
    for f in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ -f "$f" ] && sed -n 's/^deb /deb-src /p' "$f" >"$dir/apt/$(basename "$f" .list).list"
    done
}

fetch() {
    local apt p missing=
    mkdir -p "$dir/apt"
    for p in $packages; do
        ls "$dir/src/${p}_"*.orig.tar.* >/dev/null 2>&1 || missing+=" $p"
    done
    if [ -n "$missing" ]; then
        mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial" "$dir/src"
        sources
        apt="apt-get -qq -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts=$dir/apt -o Dir::State::lists=$dir/lists -o Dir::Cache=$dir/cache -o APT::Sandbox::User="
        $apt update || return 1
        (cd "$dir/src" && $apt source --download-only $missing) || return 1
    fi
    for p in "$dir"/src/*.orig.tar.{gz,xz,bz2}; do
        { [ ! -f "$p" ] || [ -f "$dir/apt/$(basename "$p")" ]; } && continue
        tar -C "$dir" -xf "$p" && touch "$dir/apt/$(basename "$p")" || return 1
    done
}

up_to_date() { # program, glue: built since the glue and this file were changed
    [ -f "$dir/$1.wasm" ] && [ "$dir/$1.wasm" -nt "$root/tests/thirdparty.sh" ] &&
        { [ -z "$2" ] || [ "$dir/$1.wasm" -nt "$glue/$2" ]; }
}

# both NAME FOLDER GLUE "SOURCES" FLAGS...: $dir/NAME for the host, $dir/NAME.wasm
both() {
    local name=$1 from=$dir/$2 with=$3 sources=$4 f o objects=
    shift 4
    up_to_date "$name" "$with" && return
    echo "  BUILD  $name"
    rm -f "$dir/$name.wasm"
    (cd $from && gcc -O2 -w "$@" -o "$dir/$name" $sources -lm) || return 1
    for f in $sources; do
        o=$dir/$name.$(basename "${f%.c}").o
        (cd $from && $wasi ${with:+-include "$glue/$with"} "$@" -c "$f" -o "$o") || return 1
        objects+=" $o"
    done
    $clang --target=wasm32-wasi $objects $libs -o "$dir/$name.tmp" && unwind "$name"
    objects=$?
    rm -f "$dir/$name".*.o
    return $objects
}

unwind() { # what lua.h speaks of
    case $1 in
    lua) wasm-opt -g --asyncify --pass-arg=asyncify-removelist@lua_try "$dir/$1.tmp" -O2 -o "$dir/$1.wasm" && rm "$dir/$1.tmp" ;;
    *) mv "$dir/$1.tmp" "$dir/$1.wasm" ;;
    esac
}

sqlite() { # the amalgamation is made by SQLite's own scripts
    local flags="-DSQLITE_THREADSAFE=0 -DSQLITE_OMIT_LOAD_EXTENSION -DSQLITE_OMIT_WAL -DSQLITE_NOHAVE_SYSTEM -DSQLITE_OMIT_POPEN"
    if ! command -v tclsh >/dev/null; then
        echo "thirdparty: no tclsh (package tcl): SQLite cannot be built"
        return 1
    fi
    (cd "$dir"/$sq && { [ -f sqlite3.c ] && [ -f shell.c ] || { ./configure -q && make -s sqlite3.c shell.c; } >make.log 2>&1; }) ||
        { echo "thirdparty: see $dir/$sq/make.log"; return 1; }
    both sqlite "$sq" sqlite.h "sqlite3.c shell.c" $flags || return 1
    both speedtest1 "$sq" sqlite.h "sqlite3.c test/speedtest1.c" $flags -I.
}

rust() { # another rustc may be first on the PATH, without WASI
    if [ ! -x /usr/bin/rustc ]; then
        echo "thirdparty: no /usr/bin/rustc (packages rustc, libstd-rust-dev-wasm32): the Rust program cannot be built"
        return 1
    fi
    up_to_date rust rust.rs && return
    echo "  BUILD  rust"
    /usr/bin/rustc -O -o "$dir/rust" "$glue/rust.rs" && /usr/bin/rustc -O --target wasm32-wasi -o "$dir/rust.wasm" "$glue/rust.rs"
}

build() {
    local bad=0
    both lua "$lua" lua.h "$(cd "$dir"/$lua && ls *.c | grep -v luac | tr '\n' ' ')" || bad=1
    both bzip2 "$bz" bzip2.h "blocksort.c huffman.c crctable.c randtable.c compress.c decompress.c bzlib.c bzip2.c" -DBZ_UNIX=1 || bad=1
    both minigzip "$z" "" "adler32.c compress.c crc32.c deflate.c gzclose.c gzlib.c gzread.c gzwrite.c infback.c inffast.c inflate.c inftrees.c trees.c uncompr.c zutil.c test/minigzip.c" -DHAVE_UNISTD_H -I. || bad=1
    sqlite || bad=1
    rust || bad=1
    return $bad
}

passed=0 failed=0 skipped=0
scrub=
same() { # program, input file, arguments...: in a folder of its own each, the same output and the same files
    local name=$1 input=$2 d f
    shift 2
    if [ ! -f "$dir/$name.wasm" ]; then
        skipped=$((skipped + 1))
        return
    fi
    for d in host guest; do
        rm -rf "${dir:?}/$d"
        mkdir "$dir/$d"
        cp "$B/guest/sample.txt" "$glue"/test.* "$dir/$d"
        [ -f "$dir/bzip2" ] && head -c 3000 "$B/guest/sample.txt" | "$dir/bzip2" | tee "$dir/$d/small.bz2" | tr a b >"$dir/$d/bad.bz2"
        [ -f "$dir/minigzip" ] && "$dir/minigzip" <"$glue/test.sql" >"$dir/$d/small.gz"
    done
    (cd "$dir/host" && HOME=/none "$dir/$name" "$@" <"$input" >../host.out 2>../host.err; echo $? >status; mv ../host.out out; mv ../host.err err)
    (cd "$dir/guest" && "$B/pwsim" exec --sync-out --env HOME=/none --dir . "$dir/$name.wasm" "$@" <"$input" >../guest.out 2>../guest.err
        echo $? >status; mv ../guest.out out; mv ../guest.err err)
    for f in host/out guest/out; do
        [ -n "$scrub" ] && sed -i "$scrub" "$dir/$f"
    done
    sed -i "s,$dir/,," "$dir/host/err" # the host's programs say the path by which they were called
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
    same lua "$glue/test.errors.lua" -
    same lua /dev/null -e "error('at the top')"
    same bzip2 "$B/guest/sample.txt" -9
    same bzip2 /dev/null -kv1 sample.txt
    same bzip2 /dev/null -d small.bz2
    same bzip2 /dev/null -d bad.bz2
    same bzip2 /dev/null nonesuch
    same minigzip "$B/guest/sample.txt" -9
    same minigzip /dev/null sample.txt
    same minigzip /dev/null -d small.gz
    same sqlite "$glue/test.sql"
    same sqlite /dev/null db "create table t(x); insert into t values (1), (2); select sum(x) from t;"
    same sqlite "$glue/test.sql" other.db
    same sqlite "$glue/test.dot.sql" -header
    scrub='s/ *[0-9.]*s$//' # times
    same speedtest1 /dev/null --size 2 --verify
    same speedtest1 /dev/null --size 1 --journal truncate speed.db
    scrub=
    same rust "$B/guest/sample.txt" one two
    echo "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" -eq 0 ]
}

case ${1:-} in
packages) echo tcl rustc libstd-rust-dev-wasm32 ;;
fetch) fetch ;;
build) build ;;
test) test_all ;;
*) echo "usage: thirdparty.sh packages|fetch|build|test" >&2; exit 2 ;;
esac
