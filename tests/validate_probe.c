/* validate_probe.c - clock, pages, share of the last-level cache and latency of memory of this
 * host.
 */
#include "tests/validate_probe.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/bench.h"
#include "tests/validate/clock.h"

#define LINE      64u
#define HUGE_PAGE ((size_t)2 << 20)
#define RUNS      7

/* ---- which processor ---- */

void host_cpu_field(const char *field, char *to, size_t n)
{
    char line[4096];
    FILE *f = fopen("/proc/cpuinfo", "r");
    *to = 0;
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, field, strlen(field)) == 0 && strchr(line, ':')) {
            snprintf(to, n, "%s", strchr(line, ':') + 2);
            to[strcspn(to, "\n")] = 0;
            break;
        }
    if (f)
        fclose(f);
}

static int cpu_number(const char *field)
{
    char text[64];
    host_cpu_field(field, text, sizeof text);
    return atoi(text);
}

/* AMD family 25 is Zen 3 and Zen 4. Models of Zen 3: 0x00 to 0x0f, 0x20 to 0x2f, 0x40 to 0x5f. */
static int is_zen3(void)
{
    const int model = cpu_number("model\t");
    return cpu_number("cpu family") == 25 &&
           (model < 0x10 || (model >= 0x20 && model < 0x30) || (model >= 0x40 && model < 0x60));
}

/* Intel: with AMX (Sapphire Rapids and later) granite-rapids, else skylake. */
const char *host_machine(void)
{
    char vendor[64], flags[4096];
    host_cpu_field("vendor_id", vendor, sizeof vendor);
    host_cpu_field("flags", flags, sizeof flags);
    if (strcmp(vendor, "GenuineIntel") == 0)
        return strstr(flags, " amx_tile") ? "granite-rapids" : "skylake";
    return is_zen3() ? "zen3" : "zen4";
}

/* ---- clock ---- */

static double clock_ghz(void)
{
    double v[BENCH_RUNS];
    for (int i = 0; i < BENCH_RUNS; i++)
        v[i] = clock_cycle_ns();
    return 1 / bench_median(v, BENCH_RUNS);
}

/* ---- memory ---- */

struct room {
    char *all, *at; /* at: a multiple of HUGE_PAGE */
    size_t bytes;
};

static int room_make(struct room *r, size_t bytes)
{
    r->bytes = bytes + HUGE_PAGE;
    r->all = mmap(NULL, r->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (r->all == MAP_FAILED)
        return -1;
    r->at = r->all + (HUGE_PAGE - (uintptr_t)r->all % HUGE_PAGE);
    (void)madvise(r->at, bytes, MADV_HUGEPAGE);
    return 0;
}

/* Nanoseconds of a step along a chain; *at is where it goes on. */
static double chain_ns(char *volatile **at, size_t steps)
{
    char *volatile *p = *at;
    const double began = clock_now();
    for (size_t i = 0; i < steps; i++)
        p = (char *volatile *)(void *)*p;
    *at = p;
    return (clock_now() - began) / (double)steps;
}

static char *volatile *as_chain(char *at)
{
    return (char *volatile *)(void *)at;
}

static void link_to(char *from, char *to)
{
    *(char **)(void *)from = to;
}

/* ---- pages ---- */

#define PAGE_LINES 8192u

/* A chain through so many lines, one every `stride` bytes. */
static double stride_ns(char *at, size_t stride)
{
    char *volatile *p = as_chain(at);
    double best = 1e9;
    for (size_t i = 0; i < PAGE_LINES; i++) {
        const size_t next = (i * 2891336453u + 1234567u) % PAGE_LINES;
        link_to(at + i * stride + i * LINE % stride, at + next * stride + next * LINE % stride);
    }
    for (int r = 0; r < RUNS; r++)
        best = fmin(best, chain_ns(&p, PAGE_LINES));
    return best;
}

/* Lines that lie a page each cost no more than lines that lie together, all of which fit into an
 * L2. */
static int pages_are_huge(void)
{
    struct room r;
    if (room_make(&r, PAGE_LINES * (size_t)4096))
        return 0;
    const double apart = stride_ns(r.at, 4096), together = stride_ns(r.at, LINE);
    munmap(r.all, r.bytes);
    return apart < 1.5 * together;
}

/* ---- shares of caches, and what is behind them ---- */

#define MOST_STEPS 400000u
#define MOST_SIZES 16u

/* Sizes of a chain, and what a step takes in each. */
struct sizes {
    size_t bytes[MOST_SIZES];
    double ns[MOST_SIZES];
    unsigned n;
};

/* From `from` to `most`, each by half larger than the one before, in multiples of `piece`. */
static struct sizes sizes_of(size_t from, size_t most, size_t piece)
{
    struct sizes s = {.n = 0};
    for (size_t b = (from + piece - 1) / piece * piece; b <= most && s.n < MOST_SIZES;
         b += (b / 2 + piece - 1) / piece * piece)
        s.bytes[s.n++] = b;
    return s;
}

/* A chain through all lines of `bytes`: piece by piece, so small that no second-level TLB is in the
 * way, and within a piece in the order of a linear congruence of full period, so that no prefetcher
 * is. */
static void link_pieces(char *at, size_t bytes, size_t piece)
{
    const size_t pieces = bytes / piece;
    const uint32_t lines = (uint32_t)(piece / LINE);
    for (size_t p = 0; p < pieces; p++) {
        char *here = at + p * piece, *then = at + (p + 1) % pieces * piece;
        for (uint32_t i = 0; i < lines; i++) {
            const uint32_t next = (i * 2891336453u + 1234567u) & (lines - 1);
            link_to(here + (size_t)i * LINE, (next ? here : then) + (size_t)next * LINE);
        }
    }
}

/* After a first run that fills the caches. */
static double warm_ns(char *at, size_t bytes, size_t piece)
{
    const size_t lines = bytes / LINE, steps = lines < MOST_STEPS ? lines : MOST_STEPS;
    char *volatile *p = as_chain(at);
    link_pieces(at, bytes, piece);
    (void)chain_ns(&p, steps);
    return chain_ns(&p, steps);
}

/* The second fastest of RUNS: these runs are so much shorter than those of kernels that the fastest
 * may be one that no kernel ever has. 0, or -1 when there is no memory. */
static int measure_sizes(struct sizes *s, size_t piece)
{
    struct room room;
    double runs[MOST_SIZES][RUNS];
    if (room_make(&room, s->bytes[s->n - 1]))
        return -1;
    for (int r = 0; r < RUNS; r++) /* the sizes in turns */
        for (unsigned i = 0; i < s->n; i++)
            runs[i][r] = warm_ns(room.at, s->bytes[i], piece);
    munmap(room.all, room.bytes);
    for (unsigned i = 0; i < s->n; i++) {
        (void)bench_median(runs[i], RUNS); /* which sorts */
        s->ns[i] = runs[i][1];
    }
    return 0;
}

/* The size up to which more than half of the steps are hits: between the two sizes around it by
 * their latencies. 0: all of them are, in all sizes. */
static uint64_t share(const struct sizes *s)
{
    const double half = (s->ns[0] + s->ns[s->n - 1]) / 2;
    unsigned i = 1;
    if (s->ns[s->n - 1] < 2 * s->ns[0])
        return 0;
    while (s->ns[i] < half)
        i++;
    const double part = (half - s->ns[i - 1]) / (s->ns[i] - s->ns[i - 1]);
    return s->bytes[i - 1] + (uint64_t)(part * (double)(s->bytes[i] - s->bytes[i - 1]));
}

#define L2_PIECE ((size_t)64 << 10)

struct caches {
    size_t l1, l2, llc; /* bytes */
};

static void probe_l2(struct host_probe *p, const struct caches *c)
{
    struct sizes s = sizes_of(2 * c->l1, 4 * c->l2, L2_PIECE);
    if (s.n >= 2 && measure_sizes(&s, L2_PIECE) == 0)
        p->l2 = share(&s);
}

static void probe_llc(struct host_probe *p, const struct caches *c)
{
    const size_t most = 2 * c->llc < PROBE_MOST ? 2 * c->llc : PROBE_MOST;
    struct sizes s = sizes_of(4 * c->l2, most, HUGE_PAGE);
    if (s.n < 2 || measure_sizes(&s, HUGE_PAGE))
        return;
    p->llc = share(&s);
    if (!p->llc)
        return;
    /* larger pieces than what rows of DRAM are open: most steps open another row */
    s = (struct sizes){.n = 1, .bytes = {s.bytes[s.n - 1] / (2 * HUGE_PAGE) * 2 * HUGE_PAGE}};
    if (measure_sizes(&s, 2 * HUGE_PAGE) == 0)
        p->memory_ns = s.ns[0];
}

static size_t told(int what)
{
    const long n = sysconf(what);
    return n > 0 ? (size_t)n : 0;
}

void host_probe(struct host_probe *p)
{
    const struct caches c = {told(_SC_LEVEL1_DCACHE_SIZE), told(_SC_LEVEL2_CACHE_SIZE),
                             told(_SC_LEVEL3_CACHE_SIZE)};
    *p = (struct host_probe){.ghz = clock_ghz(), .huge_pages = pages_are_huge()};
    if (!c.l1 || !c.l2 || !c.llc)
        return;
    probe_l2(p, &c);
    probe_llc(p, &c);
}
