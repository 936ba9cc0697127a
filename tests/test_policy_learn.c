/* test_policy_learn.c - policies that learn, on streams that they must win by what their papers
 * say.
 */
/*
 * An LLC of 2 MiB and 16 ways, loads only. `closed` is the share of what LRU misses beyond OPT with
 * bypass that a policy saves, in thousandths, learning included. The streams are made so that
 * nothing but the mechanism helps: lines are told apart by their code addresses alone, or by who
 * came before. The models of test_policy_*.c cannot say whether a policy is any good.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "memhier/stream.h"

#define ACCESSES 4000000u
#define FRESH    (UINT64_C(1) << 24) /* lines from here on are used once */
#define KEPT     24576u              /* lines of three quarters of the cache */
#define BURST    8u
#define VISIT    200u
#define CALLERS  6u

struct made {
    struct stream_access *v;
    uint32_t n;
    uint64_t fresh, turn, rng;
};

static void load(struct made *m, uint64_t line, uint64_t pc)
{
    if (m->n < ACCESSES)
        m->v[m->n++] = (struct stream_access){.line = line, .pc = pc, .kind = MEM_LOAD};
}

static uint64_t draw(struct made *m)
{
    m->rng = m->rng * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return m->rng >> 33;
}

/* Four loads go round lines that fit, four others scan, by turns: LRU keeps nothing. */
static void loop_and_scan(struct made *m)
{
    for (uint32_t i = 0; i < BURST; i++)
        load(m, m->turn++ % KEPT, 0x1000 + i % 4 * 4);
    for (uint32_t i = 0; i < BURST; i++)
        load(m, m->fresh++, 0x2000 + i % 4 * 4);
}

/* The same, but the lines that are reused are so in no order. */
static void random_and_scan(struct made *m)
{
    for (uint32_t i = 0; i < BURST; i++)
        load(m, draw(m) % KEPT, 0x1000 + i % 4 * 4);
    for (uint32_t i = 0; i < BURST; i++)
        load(m, m->fresh++, 0x2000 + i % 4 * 4);
}

/* One load does both, as in a function that copies: it is called from two places, whose own loads
 * come first and always hit. Only who called tells its lines apart. */
static void one_load_two_callers(struct made *m)
{
    for (uint64_t caller = 0; caller < 2; caller++)
        for (uint64_t i = 0; i < VISIT; i++) {
            if (i < CALLERS)
                load(m, FRESH / 4 + caller * CALLERS + i, 0x1000 + caller * 0x1000 + i * 64);
            load(m, caller ? m->fresh++ : m->turn++ % KEPT, 0x9000);
        }
}

/* One load goes round half as many lines again as the cache has. */
static void loop_too_long(struct made *m)
{
    load(m, m->turn++ % (2 * KEPT), 0x1000);
}

static struct made make(void (*step)(struct made *))
{
    struct made m = {.v = calloc(ACCESSES, sizeof *m.v), .fresh = FRESH, .rng = 1};
    cr_assert_not_null(m.v);
    while (m.n < ACCESSES)
        step(&m);
    return m;
}

static uint64_t misses(const struct made *m, const char *name, const struct policy_future *future)
{
    const struct stream_config llc = {.bytes = 2u << 20, .ways = 16, .seed = 1};
    struct stream_counts c;
    char err[200] = "";
    cr_assert_eq(stream_run(m->v, m->n, policy_find(name), &llc, future, &c, err, sizeof err), 0,
                 "%s: %s", name, err);
    return c.misses;
}

struct share {
    const char *policy;
    int64_t least, most; /* thousandths of the gap */
};

static void closes(void (*step)(struct made *), const struct share *of, size_t n)
{
    struct made m = make(step);
    struct policy_future future;
    uint32_t *next;
    cr_assert_eq(stream_foresee(m.v, m.n, &next, &future), 0);
    const int64_t lru = (int64_t)misses(&m, "lru", NULL);
    const int64_t opt = (int64_t)misses(&m, "opt-bypass", &future);
    for (size_t i = 0; i < n; i++) {
        const int64_t got = (int64_t)misses(&m, of[i].policy, NULL);
        const int64_t closed = (lru - got) * 1000 / (lru - opt);
        cr_expect(closed >= of[i].least && closed <= of[i].most,
                  "%s closes %ld thousandths; expected %ld to %ld", of[i].policy, (long)closed,
                  (long)of[i].least, (long)of[i].most);
    }
    free(next);
    free(m.v);
}

#define CLOSES(step, ...)                                                                          \
    Test(policy_learn, step, .timeout = 120)                                                       \
    {                                                                                              \
        static const struct share of[] = {__VA_ARGS__};                                            \
        closes(step, of, sizeof of / sizeof of[0]);                                                \
    }

CLOSES(loop_and_scan, {"ship", 950, 1000}, {"ship++", 950, 1000}, {"hawkeye", 950, 1000},
       {"glider", 850, 1000}, {"mockingjay", 900, 1000}, {"mpppb", 500, 1000})
CLOSES(random_and_scan, {"ship", 950, 1000}, {"ship++", 950, 1000}, {"hawkeye", 950, 1000},
       {"glider", 850, 1000}, {"mockingjay", 900, 1000}, {"mpppb", 900, 1000})
/* What knows the history of code addresses wins; what knows one address cannot. */
CLOSES(one_load_two_callers, {"glider", 850, 1000}, {"ship", 0, 700}, {"hawkeye", 0, 700})
CLOSES(loop_too_long, {"dip", 800, 1000}, {"drrip", 800, 1000}, {"hawkeye", 850, 1000},
       {"glider", 850, 1000}, {"mockingjay", 850, 1000}, {"mpppb", 850, 1000})
