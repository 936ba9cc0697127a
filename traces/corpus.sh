#!/usr/bin/env bash
# corpus.sh - makes a trace of the corpus again: corpus.sh NAME [MISSES [OUT.trace]]; or --check.
#
# Every trace is taken behind an L1 of 32 KiB and 8 ways (traces/filter.h) and ends at MISSES misses
# of an L2 of 512 KiB behind that, 650,000 if not given. B is the build folder. Native programs run
# under valgrind's lackey (packages valgrind, python3-minimal, perl, mawk, gzip, xz-utils, bzip2,
# sqlite3, gcc); programs of the guest run on the in-order core. Inputs are made here, from a seed.
set -u -o pipefail
: "${B:=build}"
if [ "${1:-}" = --check ]; then # every file is there, and is what corpus.tsv says
    bad=0 n=0
    while IFS=$'\t' read -r name _ _ digest _; do
        [ "$name" = name ] && continue
        n=$((n + 1))
        [ "$(sha256sum <"traces/corpus/$name.trace" | cut -c1-32)" = "$digest" ] || { echo "traces/corpus/$name.trace is not what corpus.tsv says"; bad=1; }
    done <traces/corpus.tsv
    echo "$n traces"
    exit $bad
fi
name=${1:?usage: corpus.sh NAME [MISSES [OUT.trace]]}
misses=${2:-650000}
out=${3:-traces/corpus/$name.trace}
pwsim=$B/pwsim
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
export LC_ALL=C PYTHONHASHSEED=0 HOME=/nonexistent
unset XZ_DEFAULTS XZ_OPT GREP_OPTIONS PERL5LIB PYTHONPATH

text() { # bytes seed: English-like text
    "$B/mktext" "$1" "$2"
}

native() { # program and arguments, with a bare environment so that its stack begins alike
    local valgrind status
    mkfifo "$tmp/log"
    (cd "$tmp" && exec env -i LC_ALL=C PYTHONHASHSEED=0 PATH=/usr/bin:/bin ${preload:+LD_PRELOAD="$preload"} \
        valgrind -q --tool=lackey --trace-mem=yes --log-fd=9 "$@" 9>log <"$input" >/dev/null 2>err) &
    valgrind=$!
    "$pwsim" trace import -f lackey --map "4 KiB" --l1 --misses "$misses" --name "$name" -o "$out" - <"$tmp/log"
    status=$?
    kill -KILL "$valgrind" 2>/dev/null # it would run on to the program's end, unheard; it may not heed others
    wait "$valgrind" 2>/dev/null
    return $status
}

guest() { # program, its arguments (more work than is recorded), instructions of its set-up, tier
    local program=$1 arguments=$2 skip=$3 tier=$4
    printf 'name = "%s";\nboot: { image = "%s"; };\nprogram: { name = "%s"; args = ["%s"]; };\nkernel: { data_tier = "%s"; };\n' \
        "$name" "$image" "$program" "${arguments// /\", \"}" "$tier" >"$tmp/guest.cfg"
    "$pwsim" trace record "$tmp/guest.cfg" --l1 --skip "$skip" --misses "$misses" -o "$out"
}

thirdparty() { # program of `make thirdparty`, which gets the file $tmp/work as /work
    if [ ! -f "$B/thirdparty/$1.wasm" ]; then
        echo "corpus.sh: there is no $B/thirdparty/$1.wasm; \`make thirdparty\` builds it" >&2
        exit 2
    fi
    image=$tmp/boot.elf
    "$pwsim" image build "$image" ".kernel=$B/guest/kernel.wasm" ".prog/$1=$B/thirdparty/$1.wasm" ".file/work=$tmp/work"
}

image=          # the boot image; empty: that beside the simulator
input=/dev/null # a native program's standard input
preload=        # a library that it gets
case $name in
sort)
    text 8000000 3 >"$tmp/text"
    native /usr/bin/sort --parallel=1 -S 64M -T "$tmp" text
    ;;
xz)
    text 6000000 4 >"$tmp/text"
    native /usr/bin/xz -6 -T1 -c text
    ;;
bzip2)
    text 4000000 5 >"$tmp/text"
    native /bin/bzip2 -9 -c text
    ;;
gzip) # unpacks a log of readings; its read() and write() copy where lackey sees it
    mawk 'BEGIN {
        x = 1
        for (n = 0; n < 48000000; n += length(line) + 1) {
            x = x * 16807 % 2147483647; at += x % 3
            x = x * 16807 % 2147483647; heat += x % 41 - 20
            x = x * 16807 % 2147483647; flow += x % 5 - 2
            line = sprintf("2026-11-27T%02d:%02d:%02d station=harbour-%02d sensor=boiler temperature=%08.3f pressure=1013.250 flow=%06d unit=litres status=%s",
                at / 3600 % 24, at / 60 % 60, at % 60, at / 600 % 20, (heat + 1000000) % 1000000 / 1000, (flow + 100000) % 100000, x % 997 ? "good" : "late")
            print line
        }
    }' | /bin/gzip -n >"$tmp/readings.gz"
    input=readings.gz preload=$(realpath "$B/usercopy.so")
    native /bin/gzip -d -c
    ;;
python)
    text 3000000 6 >"$tmp/text"
    cat >"$tmp/work.py" <<'PY'
import json
index, lines = {}, open('text').read().split('\n')
for at, line in enumerate(lines):
    for word in line.split():
        index.setdefault(word.strip('.,!?').lower(), []).append(at)
pairs = {}
for word, places in index.items():
    for a, b in zip(places, places[1:]):
        pairs[(word, b - a)] = pairs.get((word, b - a), 0) + 1
best = sorted(pairs.items(), key=lambda p: (-p[1], p[0]))
print(len(json.dumps([list(k) + [n] for k, n in best])))
PY
    native /usr/bin/python3 -I -S work.py
    ;;
perl)
    text 4000000 7 >"$tmp/text"
    cat >"$tmp/work.pl" <<'PL'
open my $in, '<', 'text' or die;
my (%next, @all, $last);
while (<$in>) {
    for my $word (split) {
        $next{$last}{$word}++ if defined $last;
        push @all, $word;
        $last = $word;
    }
}
for my $word (sort keys %next) {
    my @best = sort { $next{$word}{$b} <=> $next{$word}{$a} || $a cmp $b } keys %{$next{$word}};
    print "$word $best[0]\n";
}
PL
    native /usr/bin/perl work.pl
    ;;
mawk)
    cat >"$tmp/work.awk" <<'AWK'
BEGIN {
    x = 1
    for (i = 0; i < 120000; i++) {
        x = (x * 16807) % 2147483647
        price[x % 200003] += i % 97
        name[i] = "customer " x
    }
    for (i = 0; i < 400000; i++) {
        x = (x * 16807) % 2147483647
        k = x % 200003
        if (k in price) { total[name[k % 120000]] += price[k]; n++ }
    }
    for (c in total) sum += total[c] % 7
    print n, sum
}
AWK
    native /usr/bin/mawk -f work.awk
    ;;
gcc) # collects garbage at every declaration: as it usually runs, its trace takes 62 MB
    awk 'BEGIN { x = 1
        for (t = 0; t < 20; t++) {
            printf "struct r%d { int key; const char *name; unsigned flags; struct r%d *next; };\n", t, t
            printf "static struct r%d t%d[100] = {\n", t, t
            for (i = 0; i < 100; i++) { x = x * 16807 % 2147483647
                printf " { %d, \"n%x\", %uu << %d, t%d + %d },\n", i, x, x % 997, x % 13, t, x % 100 }
            printf "};\nint f%d(int k)\n{\n int n = 0;\n", t
            printf " for (int i = 0; i < 100; i++)\n  if (t%d[i].key == k) n += t%d[i].flags;\n return n;\n}\n", t, t } }' >"$tmp/work.c"
    native "$(gcc -print-prog-name=cc1)" -quiet -O0 --param ggc-min-expand=0 --param ggc-min-heapsize=0 work.c -o /dev/null
    ;;
sqlite3) # the tables are made beforehand; the program has them mapped, for what the kernel copies is not seen
    cat >"$tmp/tables" <<'SQL'
pragma page_size = 16384;
create table doc (id integer primary key, author integer, day integer, body text);
begin;
with recursive r(i, x) as (select 1, 7 union all select i + 1, x * 16807 % 2147483647 from r where i < 1500)
    insert into doc select i, x % 97, x % 366, printf('%08x %.*c', x, 1000 + x % 4000, 'x') from r;
commit;
SQL
    cat >"$tmp/work" <<'SQL'
pragma mmap_size = 1000000000;
create temp table latest as select author, day, body from doc where author < 50 order by day, author;
select author, count(*), max(day), length(max(body)) from doc group by author;
update doc set body = body || ' (seen)', day = 1 where day < 60;
select day % 12 as month, count(*), length(min(body)) from doc group by month;
select author, min(day), body from latest group by author;
SQL
    for _ in 1 2 3 4 5 6; do
        echo "create temp table again as select * from doc where author >= 50 order by body; drop table again;"
        echo "select author, count(*), length(max(body)) from doc group by author;"
    done >>"$tmp/work"
    (cd "$tmp" && /usr/bin/sqlite3 -init tables work.db .exit >/dev/null 2>&1) || exit
    native /usr/bin/sqlite3 -init work work.db .exit
    ;;
sqlite)
    cat >"$tmp/work" <<'SQL'
create table item (id integer primary key, name text, price integer);
create table sale (id integer primary key, item integer, customer integer, note text);
begin;
with recursive r(i, x) as (select 1, 7 union all select i + 1, x * 16807 % 2147483647 from r where i < 20000)
    insert into item select i, printf('%s %d', substr('bolt  nut   screw washergear  ', x % 5 * 6 + 1, 6), x), x % 997 from r;
with recursive r(i, x) as (select 1, 11 union all select i + 1, x * 16807 % 2147483647 from r where i < 150000)
    insert into sale select i, x % 20000 + 1, x % 4001, printf('%08x %s', x, substr('paid by card, sent the same day', x % 17)) from r;
create index by_customer on sale (customer);
commit;
with recursive r(i, x) as (select 1, 13 union all select i + 1, x * 16807 % 2147483647 from r where i < 1500)
    select sum(length(note)), sum(price) from r join sale on sale.id = x % 150000 + 1 join item on item.id = sale.item;
select customer, count(*), sum(price) as paid from sale join item on item.id = sale.item where customer % 50 = 3 group by customer order by paid desc limit 5;
begin; update sale set note = note || '!' where customer % 61 = 7; commit;
select count(*), max(note) from sale where item between 9000 and 9400;
delete from sale where customer % 80 = 9;
with recursive r(i, x) as (select 1, 17 union all select i + 1, x * 16807 % 2147483647 from r where i < 1000000)
    select sum(length(note)), sum(price) from r join sale on sale.id = x % 150000 + 1 join item on item.id = sale.item;
SQL
    thirdparty sqlite
    guest sqlite "-init /work /work.db" 3060000000 dram
    ;;
lua)
    cat >"$tmp/work" <<'LUA'
local x = 1
local function draw(n) x = x * 16807 % 2147483647 return x % n end
local people, by_name = {}, {}
for i = 1, 30000 do
    local p = {name = "p" .. draw(1000000), friends = {}, score = draw(100)}
    people[i], by_name[p.name] = p, p
end
for i = 1, 80000 do
    local a, b = people[draw(#people) + 1], people[draw(#people) + 1]
    a.friends[#a.friends + 1] = b.name
end
for round = 1, 20 do
    local next_score = {}
    for i, p in ipairs(people) do
        local sum = p.score
        for _, name in ipairs(p.friends) do sum = sum + by_name[name].score end
        next_score[i] = sum % 1009
    end
    for i, s in ipairs(next_score) do people[i].score = s end
    table.sort(people, function(a, b) if a.score ~= b.score then return a.score > b.score end return a.name < b.name end)
end
print(people[1].name, people[1].score)
LUA
    thirdparty lua
    guest lua "/work" 800000000 dram
    ;;
btree)
    guest btree 100000000 370000000 nvdimm
    ;;
phash)
    guest phash 100000000 17000 nvdimm
    ;;
graph)
    guest graph 1000000 150000000 dram
    ;;
matrix)
    guest matrix 1000000 20000000 dram
    ;;
lz)
    guest lz 6000000 120000000 dram
    ;;
kvserve)
    guest kvserve 100000000 23000000 dram
    ;;
vm)
    guest vm 100000000 100000000 dram
    ;;
join)
    guest join 1000000 25000000 dram
    ;;
nbody)
    guest nbody 1000000 3000000 dram
    ;;
radix)
    guest radix 1000000 2000000 dram
    ;;
trie)
    guest trie 100000000 120000000 dram
    ;;
suffix)
    guest suffix 1000000 30000000 dram
    ;;
mst)
    guest mst 1000000 30000000 dram
    ;;
route)
    guest route 1000000 20000000 dram
    ;;
files)
    guest files 100000000 31000000 dram
    ;;
kvlog)
    guest kvlog "1000000 100" 0 nvdimm
    ;;
*)
    echo "corpus.sh: no trace is called $name; traces/corpus.tsv lists them" >&2
    exit 2
    ;;
esac
