/* test_checker.c - what the persistency checker says of event sequences. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "nvdimm/checker.h"

#define BASE  NVDIMM_BASE
#define LINE  64u
#define SITES 1000u

static struct pm_event at(enum pm_kind kind, uint64_t addr, uint32_t site)
{
    static uint32_t block;
    return (struct pm_event){.kind = (uint8_t)kind,
                             .addr = addr,
                             .bytes = 8,
                             .new_bytes = 1,
                             .site = site,
                             .code = site,
                             .block = ++block};
}

static void feed(struct checker *c, struct pm_event e)
{
    checker_consume(c, &e, 1);
}

static void store(struct checker *c, uint64_t addr, uint32_t site)
{
    feed(c, at(PM_STORE, addr, site));
}

static void flush(struct checker *c, uint64_t addr, uint32_t site)
{
    struct pm_event e = at(PM_FLUSH, addr, site);
    e.what = MEM_CLWB;
    e.cycles = 10;
    feed(c, e);
}

static void fence(struct checker *c, uint32_t site)
{
    struct pm_event e = at(PM_FENCE, 0, site);
    e.cycles = 90;
    feed(c, e);
}

/* "C1x2 P3x1": rows and counts in order. */
static const char *verdict(struct checker *c)
{
    static char text[256];
    size_t n, len = 0;
    checker_finish(c, NULL, 0);
    const struct finding *f = checker_findings(c, &n);
    text[0] = 0;
    for (size_t i = 0; i < n; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%sx%d", i ? " " : "",
                                checker_row_name(f[i].row), (int)f[i].count);
    return text;
}

#define EXPECT(c, text)                                                                            \
    do {                                                                                           \
        const char *got_ = verdict(c);                                                             \
        cr_expect_str_eq(got_, text, "got %s, expected %s", got_, text);                           \
        checker_free(c);                                                                           \
    } while (0)

Test(checker, a_store_is_durable_when_flushed_and_then_fenced)
{
    struct checker *c = checker_new(DOMAIN_ADR);
    store(c, BASE, 1);
    flush(c, BASE, 2);
    fence(c, 3);
    EXPECT(c, "");
    c = checker_new(DOMAIN_ADR);
    store(c, BASE, 1);
    store(c, BASE + 8, 1);
    store(c, BASE + 640, 4);
    EXPECT(c, "C1x1 C1x1");
    c = checker_new(DOMAIN_EADR);
    store(c, BASE, 1);
    EXPECT(c, "");
}

Test(checker, clflush_is_ordered_by_itself)
{
    struct checker *c = checker_new(DOMAIN_ADR);
    for (uint32_t i = 0; i < 3; i++) {
        struct pm_event e = at(PM_FLUSH, BASE, 2);
        store(c, BASE, 1);
        e.what = MEM_CLFLUSH;
        feed(c, e);
    }
    EXPECT(c, "");
}

Test(checker, the_fence_of_another_thread_does_not_count)
{
    struct checker *c = checker_new(DOMAIN_ADR);
    store(c, BASE, 1);
    flush(c, BASE, 2);
    struct pm_event e = at(PM_FENCE, 0, 3);
    e.thread = 1;
    feed(c, e);
    EXPECT(c, "C2x1 P3x1");
}

Test(checker, a_late_store_that_the_next_step_flushes_is_no_bug)
{
    struct checker *c = checker_new(DOMAIN_ADR);
    store(c, BASE, 1);
    flush(c, BASE, 2);
    store(c, BASE + 8, 3);
    fence(c, 4);
    flush(c, BASE, 5);
    fence(c, 6);
    EXPECT(c, "");
    c = checker_new(DOMAIN_ADR);
    store(c, BASE, 1);
    flush(c, BASE, 2);
    store(c, BASE + 8, 3);
    fence(c, 4);
    store(c, BASE + LINE, 7);
    flush(c, BASE + LINE, 8);
    fence(c, 9);
    flush(c, BASE, 5);
    fence(c, 6);
    EXPECT(c, "C4x1");
}

Test(checker, what_another_thread_has_not_made_durable)
{
    for (int flushed = 0; flushed < 2; flushed++) {
        struct checker *c = checker_new(DOMAIN_ADR);
        store(c, BASE, 1);
        if (flushed) {
            flush(c, BASE, 2);
            fence(c, 3);
        }
        struct pm_event e[] = {at(PM_LOAD, BASE, 4), at(PM_STORE, BASE + LINE, 5),
                               at(PM_FLUSH, BASE + LINE, 6), at(PM_FENCE, 0, 7)};
        for (size_t i = 0; i < 4; i++) {
            e[i].thread = 1;
            feed(c, e[i]);
        }
        if (flushed)
            EXPECT(c, "");
        else
            EXPECT(c, "C1x1 C20x1");
    }
}

Test(checker, the_cycles_of_slow_patterns)
{
    size_t n;
    struct checker *c = checker_new(DOMAIN_ADR);
    store(c, BASE, 1);
    flush(c, BASE, 2);
    flush(c, BASE, 3);
    fence(c, 4);
    fence(c, 5);
    checker_finish(c, NULL, 0);
    const struct finding *f = checker_findings(c, &n);
    cr_assert_eq(n, 2);
    cr_expect_eq(f[0].row, ROW_P1);
    cr_expect_eq(f[0].cycles, (10 + 10 + 90) / 2, "half of the epoch is for the second flush");
    cr_expect_eq(f[1].row, ROW_P3);
    cr_expect_eq(f[1].cycles, 90);
    checker_free(c);
}

Test(checker, only_what_is_for_keeping_is_judged_at_the_end)
{
    const struct checker_range keep = {BASE + 4096, 4096};
    size_t n;
    struct checker *c = checker_new(DOMAIN_ADR);
    store(c, BASE, 1);
    store(c, BASE + 4096, 2);
    checker_finish(c, &keep, 1);
    const struct finding *f = checker_findings(c, &n);
    cr_assert_eq(n, 1);
    cr_expect_eq(f[0].store_site, 2);
    checker_free(c);
}

/* Any events in any order: it neither crashes nor forgets a byte that is not durable. */
/* Records of durable lines are dropped at the fence; what may still matter is not. */
Test(checker, of_a_durable_line_it_is_known_that_it_was_flushed)
{
    struct checker *c = checker_new(DOMAIN_ADR);
    for (uint32_t i = 0; i < 3000; i++) { /* lines of many pages, each durable at once */
        store(c, BASE + LINE * i, 1);
        flush(c, BASE + LINE * i, 2);
        store(c, BASE + LINE * (i + 5000), 4); /* and never flushed: scratch */
        fence(c, 3);
    }
    for (uint32_t i = 0; i < 20; i++) {
        store(c, BASE, 5);
        store(c, BASE + LINE * 5000, 4);
    }
    flush(c, BASE + LINE * 9, 6);
    EXPECT(c, "C1x1 C1x2999 P2x1 P6x1 P7x750");
    c = checker_new(DOMAIN_ADR); /* another thread has the line in its epoch, too */
    store(c, BASE, 1);
    struct pm_event e = at(PM_STORE, BASE + 8, 4);
    e.thread = 1;
    feed(c, e);
    flush(c, BASE, 2);
    fence(c, 3);
    e = at(PM_FENCE, 0, 5);
    e.thread = 1;
    feed(c, e);
    EXPECT(c, "P3x1");
}

Test(checker, random_events_against_bytes)
{
    uint64_t seed = 7;
    for (uint32_t round = 0; round < 200; round++) {
        enum { CLEAN, DIRTY, PENDING } state[4 * 64] = {CLEAN};
        struct checker *c = checker_new(DOMAIN_ADR);
        for (uint32_t i = 0; i < 200; i++) {
            seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
            const uint32_t r = (uint32_t)(seed >> 33), byte = r % 256 & ~7u;
            if (r >> 8 & 1) {
                store(c, BASE + byte, 1 + r % SITES);
                for (uint32_t k = 0; k < 8; k++)
                    state[byte + k] = DIRTY;
            } else if (r >> 9 & 1) {
                flush(c, BASE + byte, 1 + r % SITES);
                for (uint32_t k = byte & ~63u; k < (byte | 63u) + 1; k++)
                    state[k] = state[k] == DIRTY ? PENDING : state[k];
            } else {
                fence(c, 1 + r % SITES);
                for (uint32_t k = 0; k < 256; k++)
                    state[k] = state[k] == PENDING ? CLEAN : state[k];
            }
        }
        uint32_t left = 0, found = 0;
        size_t n;
        for (uint32_t k = 0; k < 256; k++)
            left += state[k] != CLEAN;
        checker_finish(c, NULL, 0);
        const struct finding *f = checker_findings(c, &n);
        for (size_t i = 0; i < n; i++)
            found += f[i].row <= ROW_C6 || f[i].row == ROW_P6;
        cr_expect(!left || found, "%u bytes are not durable, nothing is said", left);
        checker_free(c);
    }
}
