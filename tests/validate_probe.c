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
    for (size_t i = 0; i < PAGE_LINES; i++) {
        const size_t next = (i * 2891336453u + 1234567u) % PAGE_LINES;
        link_to(at + i * stride + i * LINE % stride, at + next * stride + next * LINE % stride);
    }
    (void)chain_ns(&p, PAGE_LINES);
    return chain_ns(&p, PAGE_LINES);
}

/* Lines that lie a page each cost no more than lines that lie together, all of which fit into an
 * L2. */
struct page_times {
    double apart, together; /* the fastest */
};

static void probe_pages(struct page_times *t)
{
    struct room r;
    if (room_make(&r, PAGE_LINES * (size_t)4096))
        return;
    t->apart = fmin(t->apart, stride_ns(r.at, 4096));
    t->together = fmin(t->together, stride_ns(r.at, LINE));
    munmap(r.all, r.bytes);
}

/* ---- shares of caches, and what is behind them ---- */

#define MOST_STEPS 400000u
#define MOST_SIZES 16u

/* Sizes of a chain, and what a step takes in each, by turns. */
struct sizes {
    size_t bytes[MOST_SIZES], piece;
    double turns[MOST_SIZES][PROBE_TURNS];
    unsigned n;
};

/* From `from` to `most`, each by half larger than the one before, in multiples of `piece`. */
static struct sizes sizes_of(size_t from, size_t most, size_t piece)
{
    struct sizes s = {.piece = piece};
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

static void measure_sizes(struct sizes *s, unsigned turn)
{
    struct room room;
    if (s->n == 0 || room_make(&room, s->bytes[s->n - 1]))
        return;
    for (unsigned i = 0; i < s->n; i++)
        s->turns[i][turn] = warm_ns(room.at, s->bytes[i], s->piece);
    munmap(room.all, room.bytes);
}

/* The second fastest turn: these runs are so much shorter than those of kernels that the fastest
 * may be one that no kernel ever has. */
static double step_ns(const struct sizes *s, unsigned i)
{
    double turns[PROBE_TURNS];
    memcpy(turns, s->turns[i], sizeof turns);
    (void)bench_median(turns, PROBE_TURNS); /* which sorts */
    return turns[1];
}

/* The size up to which more than half of the steps are hits: between the two sizes around it by
 * their latencies. 0: all of them are, in all sizes. */
static uint64_t share(const struct sizes *s)
{
    if (s->n < 2)
        return 0;
    const double first = step_ns(s, 0), last = step_ns(s, s->n - 1), half = (first + last) / 2;
    unsigned i = 1;
    if (first <= 0 || last < 2 * first)
        return 0;
    while (step_ns(s, i) < half)
        i++;
    const double before = step_ns(s, i - 1);
    const double part = (half - before) / (step_ns(s, i) - before);
    return s->bytes[i - 1] + (uint64_t)(part * (double)(s->bytes[i] - s->bytes[i - 1]));
}

#define L2_PIECE ((size_t)64 << 10)

static size_t told(int what)
{
    const long n = sysconf(what);
    return n > 0 ? (size_t)n : 0;
}

/* ---- turns ---- */

#define MOST_WAIT_NS 50e6 /* for a core of one's own, as kernels wait (native.c) */

struct host_prober {
    unsigned turns;
    double cycle_ns[PROBE_TURNS];
    struct page_times pages;
    struct sizes l2, llc, memory;
};

struct host_prober *host_prober_new(void)
{
    struct host_prober *p = calloc(1, sizeof *p);
    const size_t l1 = told(_SC_LEVEL1_DCACHE_SIZE), l2 = told(_SC_LEVEL2_CACHE_SIZE);
    const size_t llc = told(_SC_LEVEL3_CACHE_SIZE);
    if (!p)
        return NULL;
    p->pages = (struct page_times){INFINITY, INFINITY};
    if (!l1 || !l2 || !llc)
        return p;
    const size_t most = 2 * llc < PROBE_MOST ? 2 * llc : PROBE_MOST;
    p->l2 = sizes_of(2 * l1, 4 * l2, L2_PIECE);
    p->llc = sizes_of(4 * l2, most, HUGE_PAGE);
    /* larger pieces than what rows of DRAM are open: most steps open another row */
    p->memory = (struct sizes){
        .n = 1, .bytes = {most / (2 * HUGE_PAGE) * 2 * HUGE_PAGE}, .piece = 2 * HUGE_PAGE};
    return p;
}

void host_prober_free(struct host_prober *p)
{
    free(p);
}

void host_prober_turn(struct host_prober *p)
{
    const unsigned turn = p->turns++;
    p->cycle_ns[turn] = clock_cycle_ns();
    probe_pages(&p->pages);
    clock_wait_alone(p->cycle_ns[turn], clock_now() + MOST_WAIT_NS);
    measure_sizes(&p->l2, turn);
    measure_sizes(&p->llc, turn);
    measure_sizes(&p->memory, turn);
}

/* Even the smallest chain is not in the LLC: its steps take as long as those of memory, and much
 * longer than such a cache takes after an L2. */
static int llc_is_taken(const struct host_prober *p)
{
    return p->llc.n && step_ns(&p->llc, 0) > step_ns(&p->memory, 0) / 2 &&
           step_ns(&p->llc, 0) > 8 * step_ns(&p->l2, 0);
}

void host_prober_result(const struct host_prober *p, struct host_probe *result)
{
    double cycle_ns[PROBE_TURNS];
    memcpy(cycle_ns, p->cycle_ns, sizeof cycle_ns);
    *result = (struct host_probe){.ghz = 1 / bench_median(cycle_ns, PROBE_TURNS),
                                  .huge_pages = p->pages.apart < 1.5 * p->pages.together,
                                  .l2 = share(&p->l2),
                                  .llc = llc_is_taken(p) ? p->llc.bytes[0] / 2 : share(&p->llc)};
    if (result->llc)
        result->memory_ns = step_ns(&p->memory, 0);
}
