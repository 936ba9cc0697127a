#!/usr/bin/env bash
# lua.sh - builds BUILD/alone/lua.wasm, the large program of the benchmarks, from Debian's sources.
#
#     lua.sh BUILD CLANG
#
# The source package lua5.4 is fetched once, into BUILD/source/, with lists of its own: those of the
# system stay as they are. The interpreter is compiled unchanged. wasi-libc has no setjmp, so an
# error ends the program, and seeds are constants, so that every run does the same.
set -eu
build=$(mkdir -p "$1" && cd "$1" && pwd)
clang=$2 here=$(cd "$(dirname "$0")" && pwd) src=$build/source
give_up() {
    echo "lua.sh: $1; the benchmarks go without Lua" >&2
    exit 1
}

mkdir -p "$src/lists" "$src/include" "$build/alone/lua"
if ! ls "$src"/lua-5.4.*/src/lvm.c >/dev/null 2>&1; then
    command -v apt-get >/dev/null || give_up "there is no apt-get to fetch the sources of lua5.4 with"
    own="$src/own.sources"
    for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ -f "$list" ] && grep -h '^deb .*debian' "$list" | sed 's/^deb /deb-src /' || :
    done >"$src/own.list"
    cat /etc/apt/sources.list.d/debian.sources 2>/dev/null | sed 's/^Types:.*/Types: deb-src/' >"$own"
    [ -s "$own" ] || own="$src/own.list"
    apt="apt-get -qq -o Dir::Etc::sourcelist=$own -o Dir::Etc::sourceparts=- -o Dir::State::lists=$src/lists"
    (cd "$src" && $apt update && $apt source --download-only lua5.4) >"$src/log" 2>&1 ||
        give_up "the sources of lua5.4 cannot be fetched (see $src/log)"
    (cd "$src" && tar xf lua5.4_*.orig.tar.*)
fi

lua=$(echo "$src"/lua-5.4.*/src)
: >"$src/include/setjmp.h"
flags="--target=wasm32-wasi -std=gnu11 -O2 -w -I$src/include -I$lua"
for part in "$lua"/l*.c; do
    name=$(basename "$part" .c)
    case $name in
    lua | luac | linit | liolib | loslib | loadlib | lcorolib | ldblib | lutf8lib) continue ;;
    esac
    "$clang" $flags -Dl_signalT=int -D'l_randomizePivot()=0' -D'luai_makeseed(L)=1' \
        -D'LUAI_THROW(L,c)=abort()' -D'LUAI_TRY(L,c,a)=a' -Dluai_jmpbuf=int \
        -c "$part" -o "$build/alone/lua/$name.o"
done
"$clang" $flags -c "$here/lua.c" -o "$build/alone/lua/main.o"
"$clang" --target=wasm32-wasi -nostartfiles -Wl,--no-entry -o "$build/alone/lua.wasm" \
    "$build"/alone/lua/*.o "$build/alone/lua_glue.o"
