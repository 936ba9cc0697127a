# cli_exec.sh - what `pwsim exec` does with folders of the host; sourced by cli.sh.
dir_names() { # the program is given the folders under the names that the user chose
    mkdir -p d1 d2/sub && echo one >d1/f && echo two >d2/sub/g
    exits 0 "$pwsim" exec --dir d1::data --dir d2::/srv/x/ "$B/guest/cat.wasm" data/f /srv/x/sub/g && diff <(printf 'one\ntwo\n') "$tmp/out"
}
t "folders under names of their own" dir_names
t "a folder without a name" refuses 125 "expected HOST or HOST::GUEST" "$pwsim" exec --dir d1:: "$B/guest/hello.wasm"
t "a folder that is not there" refuses 125 "nofolder" "$pwsim" exec --dir nofolder "$B/guest/hello.wasm"

folder() { # a folder to be changed
    rm -rf so && mkdir -p so/keep/deep so/empty && echo old >so/f && echo gone >so/keep/gone && echo same >so/same && ln -s same so/link
    mkfifo so/fifo
}
without_sync_out() {
    folder && cp -a so before
    exits 0 "$pwsim" exec --dir so "$B/guest/tests/sync.wasm" / && diff <(cd so && find . | sort) <(cd before && find . | sort) && grep -q old so/f
}
t "the guest changes nothing on the host" without_sync_out
with_sync_out() { # where the guest sees it
    folder && exits 0 "$pwsim" exec --sync-out --dir "so$1" "$B/guest/tests/sync.wasm" "${1:-/}" || return 1
    diff <(cd so && find . | sort) <(printf '%s\n' . ./f ./fifo ./keep ./keep/deep ./made ./made/g ./made/l ./moved | sort) || return 1
    [ "$(cat so/f so/made/g so/made/l so/moved)" = "$(printf 'new\nin\nnew\nsame')" ]
}
t "--sync-out brings files back, also new, renamed and removed ones" with_sync_out ""
in_a_place() { folder && exits 0 "$pwsim" exec --sync-out --dir so::/a/b "$B/guest/tests/sync.wasm" /a/b && [ "$(cat so/f so/made/g)" = "$(printf 'new\nin')" ] && [ ! -e so/empty ]; }
t "--sync-out of a folder that lies deeper" in_a_place
two_places() { # each gets its own, the outer one not the inner one's
    folder && mkdir -p outer && echo o >outer/o
    exits 0 "$pwsim" exec --sync-out --dir outer --dir so::in "$B/guest/tests/sync.wasm" /in && [ "$(ls outer)" = o ] && [ "$(cat so/f)" = new ]
}
t "--sync-out of a folder inside another" two_places

# ---- processes ----
crowd() { exits 0 "$pwsim" exec -s "machine.dram=2 GiB" -s "machine.stack=64 KiB" "$@" "$B/guest/tests/crowd.wasm" 1000; }
t "a thousand processes live at once" crowd
t "and on four harts" crowd -s machine.harts=4
lacking() { # one line says what the kernel does not offer
    printf '(module (import "env" "frob" (func)) (memory (export "memory") 1) (func (export "_start") (call 0)))' >lacking.wat && wat2wasm lacking.wat -o lacking.wasm
    refuses 125 "lacking: import env.frob is not offered by the kernel" "$pwsim" exec lacking.wasm
}
t "an import that nobody offers" lacking
entry_lacks() { printf '(module (memory (export "memory") 1))' >entry.wat && wat2wasm entry.wat -o entry.wasm && refuses 125 "exports no function _start" "$pwsim" exec entry.wasm; }
t "a module without an entry" entry_lacks
deep() { # a program that uses up its stack is what traps, also where it calls the kernel
    cat >deep.wat <<'EOF'
(module (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
 (memory (export "memory") 1)
 (func $down (drop (call $yield)) (call $down))
 (func (export "_start") (call $down)))
EOF
    wat2wasm deep.wat -o deep.wasm && exits 126 "$pwsim" exec "$@" deep.wasm && grep -q '^pwsim: deep trapped: call stack exhausted' err
}
t "a stack that is used up traps in the program" deep
t "also when it is the depth of calls" deep -s machine.call_depth=500
locals() { # N: a program of one function with N locals
    awk -v n="$1" 'BEGIN { printf "(module (memory (export \"memory\") 1) (func $first (export \"_start\") (local"; while (n--) printf " i32"; print ")))" }' >locals.wat && wat2wasm --debug-names locals.wat -o locals.wasm
}
raised() { locals 60000 && refuses 125 "too many locals: 60000, the limit is 50000" "$pwsim" exec locals.wasm && exits 0 "$pwsim" exec -s wasm.locals=60000 locals.wasm; }
t "a limit may be raised above its default" raised
first_frame() { locals 9000 && exits 126 "$pwsim" exec -s "machine.stack=64 KiB" locals.wasm && grep -q '^pwsim: locals trapped: call stack exhausted' err && grep -q '#0  first (locals+0x' err; }
t "a first frame that does not fit has a back trace" first_frame
too_many_pages() { printf '(module (memory (export "memory") 100) (func (export "_start")))' >pages.wat && wat2wasm pages.wat -o pages.wasm && exits 125 "$pwsim" exec -s "program.pages=50" pages.wasm && grep -q 'memory 0 begins with 100 pages, the limit is 50' err; }
t "a program with more pages than programs may have" too_many_pages
threads() { # wasi.thread-spawn on a shared memory; wait and notify between its threads
    cat >threads.wat <<'EOF'
(module (import "env" "memory" (memory 1 4 shared))
 (import "wasi" "thread-spawn" (func $spawn (param i32) (result i32)))
 (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
 (func (export "wasi_thread_start") (param $tid i32) (param $arg i32)
  (drop (i32.atomic.rmw.add (i32.const 64) (local.get $arg)))
  (if (i32.eq (i32.atomic.rmw.add (i32.const 0) (i32.const 1)) (i32.const 9))
   (then (drop (memory.atomic.notify (i32.const 0) (i32.const 1))))))
 (func (export "_start") (local $i i32) (local $seen i32)
  (loop $l
   (if (i32.le_s (call $spawn (local.get $i)) (i32.const 0)) (then (call $exit (i32.const 99))))
   (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 10))))
  (block $done (loop $w
   (br_if $done (i32.eq (local.tee $seen (i32.atomic.load (i32.const 0))) (i32.const 10)))
   (drop (memory.atomic.wait32 (i32.const 0) (local.get $seen) (i64.const -1)))
   (br $w)))
  (call $exit (i32.atomic.load (i32.const 64)))))
EOF
    wat2wasm --enable-threads threads.wat -o threads.wasm && exits 45 "$pwsim" exec "$@" threads.wasm
}
t "threads of WASI wait for one another" threads
t "threads of WASI on the timed core" threads -s core.model=inorder
t "threads of WASI on several harts" threads -s core.model=inorder -s machine.harts=4
script() { printf 'echo a b > f\ncat f | hexdump\nls nonesuch || echo no\nexit 7\n' | exits 7 "$pwsim" shell "$@" && [ "$(grep -c 'a b\.' out)$(tail -n 1 out)" = 1no ]; }
t "the shell runs a script" script
t "the shell on the timed core" script -s core.model=inorder
t "the shell runs -c" exits 3 "$pwsim" shell -c 'echo x | cat && exit 3'

# The exit code is the type that fd_fdstat_get says, two bits for each of the three streams.
terminal_module() {
    cat >terminal.wat <<'WAT'
(module
  (import "wasi_snapshot_preview1" "fd_fdstat_get" (func $stat (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func $type (param i32) (result i32)
    (drop (call $stat (local.get 0) (i32.const 8)))
    (i32.load8_u (i32.const 8)))
  (func (export "_start")
    (call $exit (i32.or (call $type (i32.const 0))
      (i32.or (i32.shl (call $type (i32.const 1)) (i32.const 2)) (i32.shl (call $type (i32.const 2)) (i32.const 4)))))))
WAT
    wat2wasm terminal.wat -o terminal.wasm
}
streams() {
    folder && terminal_module && exits 0 "$pwsim" exec terminal.wasm </dev/null &&
        exits 42 "$pwsim" exec -s program.terminals=all terminal.wasm && exits 8 "$pwsim" exec -s program.terminals=out terminal.wasm
}
t "a pipe is no terminal to a program" streams
at_a_terminal() { folder && terminal_module && exits 42 command script -qec "$pwsim exec terminal.wasm" /dev/null && exits 34 command script -qec "$pwsim exec terminal.wasm >file" /dev/null; }
t "a terminal is one to a program, stream by stream" at_a_terminal

# 300 blocks in one another; a branch from the innermost to each depth counts the ends that it does not pass.
nested() {
    folder && awk 'BEGIN {
        print "(module (import \"wasi_snapshot_preview1\" \"proc_exit\" (func $exit (param i32))) (memory (export \"memory\") 1)"
        print "(func $ends (param $depth i32) (result i32) (local $n i32)"
        for (i = 0; i < 300; i++) print "block"
        for (i = 0; i < 300; i++) printf "(br_if %d (i32.eq (local.get $depth) (i32.const %d)))\n", i, i
        for (i = 0; i < 300; i++) print "end (local.set $n (i32.add (local.get $n) (i32.const 1)))"
        print "(local.get $n)) (func (export \"_start\") (local $i i32) (loop $next"
        print "(if (i32.ne (call $ends (local.get $i)) (i32.sub (i32.const 300) (local.get $i))) (then (call $exit (i32.const 9))))"
        print "(br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 300))))))" }' >nested.wat
    wat2wasm nested.wat -o nested.wasm && exits 0 "$pwsim" exec nested.wasm && exits 0 "$pwsim" exec -s core.model=inorder nested.wasm
}
t "branches out of more than 128 blocks" nested

prisoners() { # FROM TO options...: random kernel calls of a program harm nobody else (tests/fuzz/guest/calls.c)
    local from=$1 to=$2
    shift 2
    rm -rf cell && mkdir -p cell/sandbox && echo one >cell/sandbox/a &&
        exits 0 "$pwsim" exec "$@" -s program.preopens=/,/sandbox --dir cell "$B/guest/fuzz/calls.wasm" "$from" "$to" </dev/null
}
t "random kernel calls of a program" prisoners 0 300
t "random kernel calls, files in NVDIMM" prisoners 300 400 -s kernel.data_tier=nvdimm
t "random kernel calls on the timed core, with traps" prisoners 400 420 -s core.model=inorder -s kernel.boundary=trap
t "random kernel calls on two harts" prisoners 420 470 -s machine.harts=2
little_stack() { # a program's own limit: what fits a thread of the machine does not fit it
    cat >nest.wat <<'WAT'
(module (memory (export "memory") 1)
 (func $down (param i32) (result i32)
  (if (result i32) (local.get 0) (then (i32.add (i32.const 1) (call $down (i32.sub (local.get 0) (i32.const 1))))) (else (i32.const 0))))
 (func (export "_start") (drop (call $down (i32.const 3000)))))
WAT
    wat2wasm nest.wat -o nest.wasm && exits 0 "$pwsim" exec nest.wasm && exits 126 "$pwsim" exec -s "program.stack=64 KiB" nest.wasm &&
        grep -q '^pwsim: nest trapped: call stack exhausted' err
}
t "a limit for a program's stack" little_stack
host_gives_no_memory() { # the file that the machine's DRAM lies in is cut short while a program runs: so a host's lack of memory looks
    cat >busy.wat <<'WAT'
(module (memory (export "memory") 1)
 (func (export "_start") (loop $l (i32.store (i32.const 4096) (i32.const 1)) (br $l))))
WAT
    wat2wasm busy.wat -o busy.wasm
    "$pwsim" exec "$@" busy.wasm >out 2>err &
    local pid=$! i fd status
    for ((i = 0; i < 100; i++)); do
        sleep 0.1
        kill -0 $pid 2>/dev/null || break
        for fd in /proc/$pid/fd/*; do
            case $(readlink "$fd") in /memfd:dram*) truncate -s 0 "$fd" ;; esac
        done
    done
    kill -9 $pid 2>/dev/null
    wait $pid
    status=$?
    cat err
    [ $status = 125 ] && [ "$(wc -l <err)" = 1 ] && grep -q '^pwsim: the host has no memory left' err
}
t "a host that has no memory left is not a guest's trap" host_gives_no_memory
t "nor on the timed core" host_gives_no_memory -s core.model=inorder
for bad in FOO =x ""; do
    t "an environment of \"$bad\"" refuses 125 "exec: --env $bad: expected NAME=VALUE" "$pwsim" exec --env "$bad" "$B/guest/hello.wasm"
done
named() { exits 0 "$pwsim" exec -v "$B/guest/hello.wasm" && grep -q '^pwsim [0-9.]*: hello, seed 1' err; }
t "exec -v says what runs" named
full_disk() { "$pwsim" "$@" >/dev/full; }
t "a program's output that cannot be written" refuses 125 "standard output: cannot be written" full_disk exec "$B/guest/hello.wasm"
t "a shell's output that cannot be written" refuses 125 "standard output: cannot be written" full_disk shell -c 'echo x'
t "a list that cannot be written" refuses 2 "standard output: cannot be written" full_disk list keys
limited() { (ulimit -v "$1" && shift && "$@"); } # KiB
program_finds_none() { exits 125 limited 14000000 "$pwsim" exec "$B/guest/hello.wasm" && grep -q '^pwsim: cannot link hello: the host refuses 8 GiB of address space' err; }
if ASAN_OPTIONS="" limited 1000000 "$pwsim" --version >/dev/null 2>&1; then # AddressSanitizer wants terabytes for itself
    t "no address space for physical memory" refuses 125 "machine.dram and nvdimm.size: Cannot allocate memory" limited 1000000 "$pwsim" exec "$B/guest/hello.wasm"
    t "no address space for the kernel's memory" refuses 125 "the host refuses 8 GiB of address space for memory 0" limited 4000000 "$pwsim" exec "$B/guest/hello.wasm"
    t "no address space for a program's memory" program_finds_none
fi
