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
