/* generate.c - traces made by rule; generate.h says which, and their optimum. */
#include "traces/generate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memhier/page_bits.h"
#include "memhier/port.h"

#define GAP          4u
#define CODE         0x1000u
#define WORD         8u
#define WORDS        (LINE_BYTES / WORD)
#define QUARTERS     4u
#define PHASE_ROUNDS 64u
#define FAN_OUT      16u

struct generate {
    const struct generate_options *opt;
    struct trace_writer *writer; /* NULL: only the lines are wanted */
    uint32_t *line;              /* of each access; NULL: they are not */
    uint64_t accesses;
    uint64_t base, left, rng, instructions;
};

static const char *const names[GENERATE_KINDS] = {"scan",   "chase", "adversary", "log",
                                                  "phases", "zipf",  "btree"};

enum generate_kind generate_find(const char *name)
{
    unsigned k = 0;
    while (k < GENERATE_KINDS && strcmp(names[k], name) != 0)
        k++;
    return (enum generate_kind)k;
}

const char *generate_name(enum generate_kind kind)
{
    return names[kind];
}

/* splitmix64 */
static uint64_t draw(struct generate *g)
{
    uint64_t z = g->rng += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* Whether more are wanted; after a failure none are. */
static int put(struct generate *g, uint64_t line, uint64_t offset, uint8_t kind, uint32_t site,
               uint32_t depends)
{
    const int fence = kind == MEM_FENCE;
    const struct trace_record r = {.addr = fence ? 0 : g->base + line * LINE_BYTES + offset,
                                   .pc = CODE + site * 4,
                                   .gap = GAP,
                                   .depends = depends,
                                   .bytes = fence ? 0 : WORD,
                                   .kind = kind,
                                   .tier = !fence && g->opt->nvdimm};
    if (!g->left || (g->writer && trace_put(g->writer, &r))) {
        g->left = 0;
        return 0;
    }
    if (g->line)
        g->line[g->accesses++] = (uint32_t)line;
    g->instructions += GAP;
    return --g->left > 0;
}

static void rounds(struct generate *g, uint64_t from, uint64_t lines, uint64_t most, uint32_t site)
{
    for (uint64_t n = 0; n < most; n++)
        for (uint64_t i = 0; i < lines; i++)
            if (!put(g, from + i, 0, MEM_LOAD, site, 0))
                return;
}

static void phases(struct generate *g)
{
    const uint64_t quarter = g->opt->lines / QUARTERS;
    for (uint32_t q = 0; g->left; q = (q + 1) % QUARTERS)
        rounds(g, q * quarter, quarter, PHASE_ROUNDS, q);
}

static void chase(struct generate *g, uint64_t *order)
{
    const uint64_t lines = g->opt->lines;
    uint32_t depends = 0;
    for (uint64_t i = 0; i < lines; i++)
        order[i] = i;
    for (uint64_t i = lines; i > 1; i--) {
        const uint64_t k = draw(g) % i, line = order[i - 1];
        order[i - 1] = order[k];
        order[k] = line;
    }
    for (uint64_t i = 0; put(g, order[i % lines], 0, MEM_LOAD, 0, depends); i++)
        depends = 1;
}

static void append(struct generate *g)
{
    for (uint64_t line = 0; g->left; line = (line + 1) % g->opt->lines) {
        for (uint64_t word = 0; word < WORDS; word++)
            if (!put(g, line, word * WORD, MEM_STORE, 0, 0))
                return;
        if (!put(g, line, 0, MEM_CLWB, 1, 0) || !put(g, 0, 0, MEM_FENCE, 2, 0))
            return;
    }
}

/* upto[i]: sum of the weights of ranks up to i. Neighbours in rank lie far apart. */
static void zipf(struct generate *g, uint64_t *upto)
{
    const uint64_t lines = g->opt->lines;
    uint64_t sum = upto[0] = UINT64_C(1) << 32;
    for (uint64_t i = 1; i < lines; i++)
        upto[i] = sum += (UINT64_C(1) << 32) / (i + 1);
    do {
        const uint64_t u = draw(g) % sum;
        uint64_t low = 0, high = lines - 1;
        while (low < high) {
            const uint64_t mid = (low + high) / 2;
            if (upto[mid] > u)
                high = mid;
            else
                low = mid + 1;
        }
        if (!put(g, low * UINT64_C(2654435761) % lines, 0, MEM_LOAD, low < 64, 0))
            return;
    } while (1);
}

static void btree(struct generate *g)
{
    const uint64_t lines = g->opt->lines;
    while (g->left) {
        uint64_t node = 0;
        for (uint32_t level = 0; node < lines; level++) {
            if (!put(g, node, 0, MEM_LOAD, level, level > 0))
                return;
            node = node * FAN_OUT + 1 + draw(g) % FAN_OUT;
        }
    }
}

static struct generate begin(const struct generate_options *opt, struct trace_writer *w,
                             uint32_t *line)
{
    return (struct generate){.opt = opt,
                             .writer = w,
                             .line = line,
                             .base = opt->nvdimm ? NVDIMM_BASE : 0,
                             .left = opt->records,
                             .rng = opt->seed};
}

static int make_all(struct generate *g, char *err, size_t errlen)
{
    const struct generate_options *opt = g->opt;
    uint64_t *table = NULL;
    if (opt->lines < QUARTERS || opt->lines > GENERATE_LINES || !opt->records ||
        opt->capacity >= GENERATE_LINES) {
        snprintf(err, errlen,
                 "expected 4 to %llu lines, 1 record or more, and a capacity below that",
                 (unsigned long long)GENERATE_LINES);
        return -1;
    }
    if (opt->kind == GENERATE_CHASE || opt->kind == GENERATE_ZIPF) {
        table = malloc(opt->lines * sizeof *table);
        if (!table) {
            snprintf(err, errlen, "out of memory");
            return -1;
        }
    }
    switch (opt->kind) {
    case GENERATE_CHASE:
        chase(g, table);
        break;
    case GENERATE_ADVERSARY:
        rounds(g, 0, opt->capacity + 1, UINT64_MAX, 0);
        break;
    case GENERATE_LOG:
        append(g);
        break;
    case GENERATE_PHASES:
        phases(g);
        break;
    case GENERATE_ZIPF:
        zipf(g, table);
        break;
    case GENERATE_BTREE:
        btree(g);
        break;
    default:
        rounds(g, 0, opt->lines, UINT64_MAX, 0);
        break;
    }
    free(table);
    return 0;
}

int generate_run(const struct generate_options *opt, struct trace_writer *w, uint64_t *instructions,
                 char *err, size_t errlen)
{
    struct generate g = begin(opt, w, NULL);
    const int bad = make_all(&g, err, errlen);
    *instructions = g.instructions;
    return bad;
}

/* ---- the optimum ---- */

/* n accesses round m lines in w places. After the first round each period begins with its hits. */
static uint64_t loop(uint64_t m, uint64_t w, uint64_t n, int bypass)
{
    if (n <= m || w >= m || !w)
        return n < m || !w ? n : m;
    const uint64_t period = bypass ? m : m - 1, hits = bypass ? w : w - 1;
    const uint64_t rest = (n - m) % period;
    return m + (n - m) / period * (m - w) + (rest > hits ? rest - hits : 0);
}

/* When the line of each access is asked for next; never: n and the access itself, so that all
 * differ. -1: out of memory. */
static int look_ahead(const uint32_t *line, uint32_t n, uint64_t lines, uint32_t *next)
{
    uint32_t *seen = calloc(lines, sizeof *seen); /* of each line: the access after, and 1 */
    if (!seen)
        return -1;
    for (uint32_t i = n; i-- > 0;) {
        next[i] = seen[line[i]] ? seen[line[i]] - 1 : n + i;
        seen[line[i]] = i + 1;
    }
    free(seen);
    return 0;
}

/* Belady: the lines in the places are the times of their next uses. With bypass the new line may be
 * the one that is let go, whatever is never used again at once. */
static uint64_t fewest(const uint32_t *next, uint32_t n, uint64_t places, int bypass,
                       struct page_bits *resident)
{
    uint64_t used = 0, misses = 0;
    for (uint32_t i = 0; i < n; i++) {
        const int hit = page_bits_test(resident, i);
        if (hit)
            page_bits_clear(resident, i);
        else
            misses++;
        used -= (uint64_t)hit;
        if (!bypass && used == places) {
            page_bits_clear(resident, page_bits_greatest(resident));
            used--;
        }
        page_bits_set(resident, next[i]);
        if (++used > places) {
            page_bits_clear(resident, page_bits_greatest(resident));
            used--;
        }
    }
    return misses;
}

/* Of accesses that no formula foretells. 1, or 0: they are too many, or memory runs out. */
static int work_out(const struct generate_options *opt, uint64_t places, int bypass,
                    uint64_t *misses)
{
    char err[100];
    struct page_bits resident = {0};
    if (opt->records > GENERATE_KNOWN || !places)
        return 0;
    const uint32_t n = (uint32_t)opt->records;
    uint32_t *line = malloc(n * sizeof *line), *next = malloc(n * sizeof *next);
    struct generate g = begin(opt, NULL, line);
    const int known = line && next && !make_all(&g, err, sizeof err) &&
                      !look_ahead(line, n, opt->lines, next) &&
                      !page_bits_init(&resident, 2 * (uint64_t)n);
    if (known)
        *misses = fewest(next, n, places, bypass, &resident);
    page_bits_free(&resident);
    free(line);
    free(next);
    return known;
}

int generate_optimum(const struct generate_options *opt, uint64_t places, int bypass,
                     uint64_t *misses)
{
    const uint64_t n = opt->records;
    switch (opt->kind) {
    case GENERATE_SCAN:
    case GENERATE_CHASE:
        *misses = loop(opt->lines, places, n, bypass);
        return 1;
    case GENERATE_ADVERSARY:
        *misses = loop(opt->capacity + 1, places, n, bypass);
        return 1;
    case GENERATE_LOG:
        *misses = loop(opt->lines, places, (n + WORDS + 1) / (WORDS + 2), 0);
        return 1;
    default:
        return work_out(opt, places, bypass, misses);
    }
}
