/* test_snapshot.c - counters by name become epochs; merging keeps sums; refusals leave all as was.
 */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ui/snapshot.h"

static struct snapshot *with_columns(const char *const *names, size_t n)
{
    struct snapshot *s = snapshot_new("name", "machine");
    cr_assert_not_null(s);
    for (size_t i = 0; i < n; i++)
        cr_assert_eq(snapshot_add_column(s, names[i], NULL), 0, "%s: %s", names[i],
                     snapshot_error(s));
    return s;
}

#define COUNT(array) (sizeof(array) / sizeof *(array))

Test(snapshot, columns_by_name)
{
    static const char *const names[] = {
        "ps",
        "hart0.instructions",
        "hart1.instructions",
        "hart0.cycles",
        "hart0.cpi.user.base",
        "hart0.cpi.kernel.base",
        "hart0.cpi.kernel.boundary",
        "hart12.cpi.user.base",
        "hart0.l1d.accesses.load",
        "hart0.l1d.accesses.store",
        "hart0.l1d.accesses.writeback",
        "hart0.l1d.misses.load",
        "hart0.l1d.misses.prefetch",
        "llc.accesses.fetch",
        "llc.misses.fetch",
        "dram.reads",
        "hart.instructions",
        "hart0instructions",
        "hart0.cpi.user.",
        "hart0.cpi.user.a.b",
        "tlb.accesses.load",
        ".misses.load",
        "hart0.cpi.user.a-name-that-is-far-too-long-to-be-one",
    };
    struct snapshot *s = with_columns(names, COUNT(names));
    uint64_t row[COUNT(names)];
    row[0] = 1000;
    for (size_t i = 1; i < COUNT(names); i++)
        row[i] = UINT64_C(1) << i;
    cr_assert_eq(snapshot_add_row(s, row, COUNT(row)), 0);
    const struct snapshot_epoch *e = &s->epoch[0];
    cr_expect_eq(s->epochs, 1);
    cr_expect_eq(e->end_ps, 1000);
    cr_expect_eq(e->instructions, 1 << 1 | 1 << 2);
    cr_expect_eq(e->cycles, 1 << 3);
    cr_expect_eq(s->parts, 2);
    cr_expect_str_eq(s->part[0], "base");
    cr_expect_str_eq(s->part[1], "boundary");
    cr_expect_eq(e->user[0], 1 << 4 | 1 << 7);
    cr_expect_eq(e->kernel[0], 1 << 5);
    cr_expect_eq(e->user[1], 0);
    cr_expect_eq(e->kernel[1], 1 << 6);
    cr_expect_eq(snapshot_user(s, e), 1 << 4 | 1 << 7);
    cr_expect_eq(snapshot_kernel(s, e), 1 << 5 | 1 << 6);
    cr_expect_eq(s->levels, 3);
    cr_expect_str_eq(s->level[0].name, "l1d");
    cr_expect_str_eq(s->level[1].name, "llc");
    cr_expect_eq(e->accesses[0], 1 << 8 | 1 << 9);
    cr_expect_eq(e->misses[0], 1 << 11);
    cr_expect_eq(e->accesses[1], 1 << 13);
    cr_expect_eq(e->misses[1], 1 << 14);
    cr_expect(snapshot_level_shown(s, 0));
    cr_expect(snapshot_level_shown(s, 1));
    cr_expect_not(snapshot_level_shown(s, 2), "the tlb has no misses column");
    snapshot_free(s);
}

Test(snapshot, cycles_come_from_the_parts_where_no_column_has_them)
{
    static const char *const names[] = {"ps", "hart0.cpi.user.base", "hart0.cpi.kernel.dram"};
    struct snapshot *s = with_columns(names, COUNT(names));
    cr_assert_eq(snapshot_add_row(s, (uint64_t[]){5, 30, 12}, 3), 0);
    cr_expect_eq(s->epoch[0].cycles, 42);
    snapshot_free(s);
}

Test(snapshot, refusals)
{
    static const char *const names[] = {"ps", "hart0.instructions"};
    struct snapshot *s = snapshot_new(NULL, NULL);
    cr_expect_str_eq(s->name, "");
    cr_expect_eq(snapshot_add_row(s, (uint64_t[]){1}, 1), -1, "there are no columns");
    cr_expect_eq(snapshot_add_column(s, "hart0.cycles", NULL), -1, "ps must be first");
    cr_expect(strstr(snapshot_error(s), "ps"));
    cr_expect_eq(snapshot_add_column(s, "", NULL), -1);
    cr_expect_eq(snapshot_add_column(s, NULL, NULL), -1);
    cr_expect_eq(snapshot_add_column(s, "ps", "cycles"), -1, "ps is in ps");
    snapshot_free(s);

    s = with_columns(names, COUNT(names));
    cr_expect_eq(snapshot_add_column(s, "ps", NULL), -1, "twice");
    cr_expect_eq(snapshot_add_column(s, "hart0.cpi.user.base", "ps"), -1);
    cr_expect_eq(snapshot_add_column(s, "hart0.cpi.user.base", "cycles"), 0);
    cr_expect_eq(snapshot_add_row(s, (uint64_t[]){100, 7, 9}, 2), -1, "too short");
    cr_expect_eq(snapshot_add_row(s, (uint64_t[]){100, 7, 9}, 3), 0);
    cr_expect_eq(snapshot_add_row(s, (uint64_t[]){99, 7, 9}, 3), -1, "back in time");
    cr_expect(strstr(snapshot_error(s), "backwards"));
    cr_expect_eq(s->epochs, 1);
    cr_expect_eq(s->total.instructions, 7);
    cr_expect_eq(snapshot_add_column(s, "hart0.cycles", NULL), -1, "after a row");
    snapshot_free(s);
    snapshot_free(NULL);

    s = snapshot_new("a\nb\tc\x7f", "\x01µ");
    cr_expect_str_eq(s->name, "a b c ");
    cr_expect_str_eq(s->machine, " µ");
    snapshot_free(s);
}

Test(snapshot, bounds)
{
    struct snapshot *s = snapshot_new("", "");
    char name[64];
    cr_assert_eq(snapshot_add_column(s, "ps", "ps"), 0);
    for (unsigned i = 0; i < 40; i++) {
        snprintf(name, sizeof name, "hart0.cpi.user.part%u", i);
        cr_assert_eq(snapshot_add_column(s, name, ""), 0);
    }
    for (unsigned i = 0; i < 20; i++) {
        snprintf(name, sizeof name, "l%u.accesses.load", i);
        cr_assert_eq(snapshot_add_column(s, name, ""), 0);
    }
    cr_expect_eq(s->parts, SNAPSHOT_PARTS);
    cr_expect_str_eq(s->part[SNAPSHOT_PARTS - 1], "other");
    cr_expect_str_eq(s->part[SNAPSHOT_PARTS - 2], "part22");
    cr_expect_eq(s->levels, SNAPSHOT_LEVELS);
    uint64_t row[61];
    for (size_t i = 0; i < 61; i++)
        row[i] = 1;
    cr_assert_eq(snapshot_add_row(s, row, 61), 0);
    cr_expect_eq(s->epoch[0].user[SNAPSHOT_PARTS - 1], 40 - 23, "the rest is added up");
    cr_expect_eq(s->epoch[0].user[SNAPSHOT_PARTS - 2], 1);
    row[1] = UINT64_MAX;
    cr_assert_eq(snapshot_add_row(s, row, 61), 0);
    cr_expect_eq(s->total.user[0], UINT64_MAX, "a sum that does not fit stays at the largest");
    cr_expect_eq(s->total.cycles, UINT64_MAX);
    snapshot_free(s);

    s = snapshot_new("", "");
    cr_assert_eq(snapshot_add_column(s, "ps", "ps"), 0);
    for (unsigned i = 1; i < SNAPSHOT_COLUMNS; i++)
        cr_assert_eq(snapshot_add_column(s, "x", NULL), 0);
    cr_expect_eq(snapshot_add_column(s, "x", NULL), -1);
    snapshot_free(s);
}

/* Values of row i of the long run below. */
static uint64_t instructions_of(uint64_t i)
{
    return i * 7 % 1009;
}

static uint64_t end_of(uint64_t i)
{
    return (i + 1) * 1000 + i % 3;
}

/* Against sums made here from the same rows, at many lengths around those where merging happens. */
Test(snapshot, merging_keeps_sums_and_order)
{
    static const char *const names[] = {"ps", "hart0.instructions", "llc.misses.load"};
    static const uint64_t checks[] = {1,    2,    4095, 4096,  4097,  4098, 8190,
                                      8191, 8192, 8193, 16384, 16385, 50001};
    struct snapshot *s = with_columns(names, COUNT(names));
    size_t next = 0;
    for (uint64_t i = 0; next < COUNT(checks); i++) {
        uint64_t row[] = {end_of(i), instructions_of(i), i};
        cr_assert_eq(snapshot_add_row(s, row, 3), 0);
        if (i + 1 != checks[next])
            continue;
        next++;
        cr_assert_eq(s->rows, i + 1);
        cr_assert_leq(s->epochs, SNAPSHOT_EPOCHS);
        cr_assert(i < 4096 ? s->epochs == i + 1 : s->epochs > SNAPSHOT_EPOCHS / 2,
                  "%" PRIu64 " rows in %zu epochs", i + 1, s->epochs);
        uint64_t fold = 1;
        while (fold * SNAPSHOT_EPOCHS < i + 1)
            fold *= 2;
        uint64_t row_no = 0, total = 0, misses = 0;
        for (size_t e = 0; e < s->epochs; e++) {
            uint64_t ins = 0, miss = 0, end = 0;
            for (uint64_t k = 0; k < fold && row_no <= i; k++, row_no++) {
                ins += instructions_of(row_no);
                miss += row_no;
                end = end_of(row_no);
            }
            cr_assert_eq(s->epoch[e].instructions, ins);
            cr_assert_eq(s->epoch[e].misses[0], miss);
            cr_assert_eq(s->epoch[e].end_ps, end);
            total += ins;
            misses += miss;
        }
        cr_assert_eq(row_no, i + 1, "every row is in an epoch");
        struct snapshot_epoch sum = snapshot_sum(s, 0, s->epochs - 1);
        cr_assert_eq(sum.instructions, total);
        cr_assert_eq(s->total.instructions, total);
        cr_assert_eq(s->total.misses[0], misses);
        cr_assert_eq(snapshot_end(s), end_of(i));
    }
    snapshot_free(s);
}

Test(snapshot, epoch_at_a_time)
{
    static const char *const names[] = {"ps"};
    struct snapshot *s = with_columns(names, 1);
    static const uint64_t ends[] = {0, 10, 10, 11, 20, 20, 35};
    for (size_t i = 0; i < COUNT(ends); i++)
        cr_assert_eq(snapshot_add_row(s, &ends[i], 1), 0);
    for (uint64_t t = 0; t < 40; t++) {
        size_t want = 0;
        while (want < COUNT(ends) - 1 && ends[want] <= t)
            want++;
        cr_expect_eq(snapshot_at(s, t), want, "at %" PRIu64, t);
    }
    cr_expect_eq(snapshot_start(s, 0), 0);
    cr_expect_eq(snapshot_start(s, 6), 20);
    snapshot_free(s);
}
