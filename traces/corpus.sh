#!/usr/bin/env bash
# corpus.sh - makes a trace of the corpus again: corpus.sh NAME [MISSES [OUT.trace]].
#
# Every trace is taken behind an L1 of 32 KiB and 8 ways (traces/filter.h) and ends at MISSES misses
# of an L2 of 512 KiB behind that, 660,000 if not given. B is the build folder. Native programs run
# under valgrind's lackey (packages valgrind, sqlite3, python3-minimal, perl, mawk, xz-utils, bzip2,
# grep, gcc); programs of the guest run on the in-order core. Inputs are made here, from a seed.
set -u -o pipefail
: "${B:=build}"
name=${1:?usage: corpus.sh NAME [MISSES [OUT.trace]]}
misses=${2:-660000}
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
    (cd "$tmp" && env -i LC_ALL=C PYTHONHASHSEED=0 PATH=/usr/bin:/bin \
        valgrind -q --tool=lackey --trace-mem=yes --log-fd=9 "$@" 9>&1 >/dev/null 2>err) |
        "$pwsim" trace import -f lackey --map "4 KiB" --l1 --misses "$misses" --name "$name" -o "$out" -
}

guest() { # size of the program's work for MISSES misses is in its arguments; options for the tier
    local program=$1 arguments=$2
    shift 2
    printf 'name = "%s";\nprogram: { name = "%s"; args = [%s]; };\n' "$name" "$program" "$arguments" >"$tmp/guest.cfg"
    "$pwsim" trace record "$tmp/guest.cfg" --l1 --misses "$misses" -o "$out" "$@"
}

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
sqlite)
    cat >"$tmp/work.sql" <<'SQL'
PRAGMA cache_size = -65536;
CREATE TABLE item(id INTEGER PRIMARY KEY, owner INTEGER, price INTEGER, title TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000)
INSERT INTO item SELECT i * 7919 % 1000003, i * 104729 % 2003, i * 31 % 997, 'item number ' || i FROM n;
CREATE INDEX by_owner ON item(owner, price);
CREATE TABLE owner(id INTEGER PRIMARY KEY, name TEXT);
INSERT INTO owner SELECT DISTINCT owner, 'owner ' || owner FROM item;
SELECT o.name, count(*), sum(i.price) FROM owner o JOIN item i ON i.owner = o.id GROUP BY o.id ORDER BY 3;
UPDATE item SET price = price + 1 WHERE id % 3 = 0;
SELECT title FROM item WHERE id IN (SELECT id * 7919 % 1000003 FROM owner) ORDER BY title;
DELETE FROM item WHERE owner % 5 = 0;
SELECT a.id, b.id FROM item a JOIN item b ON a.owner = b.owner AND a.price < b.price ORDER BY 1, 2;
SQL
    native /usr/bin/sqlite3 :memory: ".read work.sql"
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
gcc)
    awk 'BEGIN { x = 1
        for (f = 0; f < 400; f++) {
            printf "static unsigned t%d[64];\nunsigned f%d(unsigned a, unsigned *p, int n)\n{\n unsigned s = a;\n", f, f
            printf " for (int i = 0; i < n; i++) {\n  switch (p[i] %% 9) {\n"
            for (c = 0; c < 8; c++) { x = (x * 16807) % 2147483647
                printf "  case %d: s = (s << %d) ^ (p[i] * %uu) + t%d[(s >> %d) & 63]; if (s & %d) p[i] += s; break;\n", c, x % 13 + 1, x, f, x % 7, x % 255 }
            printf "  default: s += %s;\n  }\n  t%d[i & 63] ^= s;\n }\n return s;\n}\n", f ? "f" (f - 1) "(s, p, n / 2)" : "n", f } }' >"$tmp/work.c"
    native "$(gcc -print-prog-name=cc1)" -quiet -O2 work.c -o /dev/null
    ;;
*)
    echo "corpus.sh: no trace is called $name; traces/corpus.tsv lists them" >&2
    exit 2
    ;;
esac
