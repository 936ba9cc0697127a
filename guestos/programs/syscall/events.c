/* events.c - one hardware event again and again, for `pwsim calibrate` (sim/callcosts.c). */
/*
 * Each event is a region of interest of its own where it must not overlap with what prepares it;
 * the same with nothing in it but the fence is what the caller subtracts. Branches, loads and calls
 * are loops in one region.
 */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "guestos/lib/number.h"
#include "op.h"
#include "pmem.h"

#define LINES   512u
#define STRETCH 64u

static _Alignas(64) uint8_t lines[LINES * 64];
static _Alignas(64) char chain[128 * 1024];
static volatile uint32_t sink;

/* mfence: full for loads, too. */
static __attribute__((target("atomics"))) void fence(void)
{
    __c11_atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static volatile uint8_t *line(uint32_t i)
{
    return lines + (uint64_t)(i % LINES) * 64;
}

static void *at(uint32_t i)
{
    return lines + (uint64_t)(i % LINES) * 64;
}

/* One event in a region: what is before it is over, and the region ends when it is. */
#define EVENT(n, before, ...)                                                                      \
    do {                                                                                           \
        for (uint32_t i = 0; i < (n) + OP_WARM_UP; i++) {                                          \
            before;                                                                                \
            fence();                                                                               \
            pwk_roi(i >= OP_WARM_UP);                                                              \
            __VA_ARGS__;                                                                           \
            pwk_mark(0);                                                                           \
            pwk_roi(0);                                                                            \
        }                                                                                          \
    } while (0)

static int flushes(const char *what, uint32_t n)
{
    if (strcmp(what, "fence") == 0)
        EVENT(n, *line(i) = 1, fence());
    else if (strcmp(what, "clwb-dirty") == 0)
        EVENT(n, *line(i) = 1, pmem_clwb(at(i)); fence());
    else if (strcmp(what, "clwb-clean") == 0)
        EVENT(n, pmem_clflush(at(i)); fence(); sink = *line(i), pmem_clwb(at(i)); fence());
    else if (strcmp(what, "clwb-uncached") == 0)
        EVENT(n, pmem_clflush(at(i)), pmem_clwb(at(i)); fence());
    else if (strcmp(what, "clwb-twice") == 0)
        EVENT(n, *line(i) = 1, pmem_clwb(at(i)); pmem_clwb(at(i)); fence());
    else if (strcmp(what, "clwb-four") == 0)
        EVENT(n, for (uint32_t k = 0; k < 4; k++) * line(4 * i + k) = 1,
              for (uint32_t k = 0; k < 4; k++) pmem_clwb(at(4 * i + k));
              fence());
    else if (strcmp(what, "ntstore") == 0)
        EVENT(n, pmem_clflush(at(i)),
              for (uint32_t k = 0; k < 64; k += 8) pmem_ntstore64((char *)at(i) + k, i);
              fence());
    else if (strcmp(what, "store+clwb") == 0)
        OP_TIMES(n, *line(i) = 1; pmem_clwb(at(i)));
    else if (strcmp(what, "store+clwb+sfence") == 0)
        OP_TIMES(n, *line(i) = 1; pmem_clwb(at(i)); pmem_sfence());
    else
        return 0;
    return 1;
}

/* Follow pointers through `bytes` of lines, in an order that no prefetcher follows. */
static void chase(uint32_t bytes, uint32_t n)
{
    const uint32_t nlines = bytes / 64;
    uint32_t here = 0;
    for (uint32_t i = 0; i < nlines; i++) {
        const uint32_t next = (here * 5 + 1) % nlines; /* full period: a power of two */
        *(void **)(chain + here * 64) = chain + next * 64;
        here = next;
    }
    void **p = (void **)chain;
    for (uint32_t i = 0; i < 2 * nlines; i++)
        p = *p;
    OP_TIMES(n, p = *p);
    sink = (uint32_t)(uintptr_t)p;
}

/* The same after each line of a stretch was stored to and cleaned (or dropped). */
static void reload(int drop, uint32_t n)
{
    chase(sizeof chain, 1);
    void **p = (void **)chain, **q;
    for (uint32_t done = 0; done < n; done += STRETCH) {
        q = p;
        for (uint32_t i = 0; i < STRETCH; i++) {
            void **next = *q;
            *(void *volatile *)q = next;
            if (drop)
                pmem_clflush(q);
            else
                pmem_clwb(q);
            q = next;
        }
        fence();
        pwk_roi(1);
        for (uint32_t i = 0; i < STRETCH; i++) {
            p = *(void *volatile *)p;
            pwk_mark(0);
        }
        pwk_roi(0);
    }
    sink = (uint32_t)(uintptr_t)p;
}

static __attribute__((noinline)) uint32_t add1(uint32_t x)
{
    __asm__ volatile("" : "+r"(x));
    return x + 1;
}
static __attribute__((noinline)) uint32_t add2(uint32_t x)
{
    __asm__ volatile("" : "+r"(x));
    return x + 2;
}
static __attribute__((noinline)) uint32_t add3(uint32_t x)
{
    __asm__ volatile("" : "+r"(x));
    return x + 3;
}
static uint32_t (*const targets[])(uint32_t) = {add1, add2, add3};

static int branches(const char *what, uint32_t n)
{
    static uint8_t random[65536];
    uint32_t x = 0, seed = 1;
    for (uint32_t i = 0; i < sizeof random; i++) {
        seed = seed * 1664525 + 1013904223;
        random[i] = (uint8_t)((seed >> 16) % 3);
    }
    if (strcmp(what, "loop") == 0)
        OP_TIMES(n, __asm__ volatile("" : "+r"(x)));
    else if (strcmp(what, "call") == 0)
        OP_TIMES(n, x = add1(x));
    else if (strcmp(what, "random") == 0) /* the loop that chooses, without calls */
        OP_TIMES(n, x += random[i & 65535]);
    else if (strcmp(what, "indirect") == 0)
        OP_TIMES(n, x = targets[random[i & 65535]](x));
    else
        return 0;
    sink = x;
    return 1;
}

/* Pages that are far apart: translations that miss every TLB, the tables in the L2 or nearer. */
static void walks(uint32_t pages, uint32_t n)
{
    char *area = malloc((size_t)pages * 4096);
    op_check(area != NULL, "malloc");
    uint32_t page = 0;
    for (uint32_t i = 0; i < pages; i++) {
        const uint32_t next = (page * 5 + 1) % pages;
        *(uint32_t *)(area + (size_t)page * 4096 + (page * 64) % 4096) = next;
        page = next;
    }
    OP_TIMES(n, page = *(uint32_t *)(area + (size_t)page * 4096 + (page * 64) % 4096));
    sink = page;
}

/* 4 KiB of memory set to zero, that no cache has. */
static void zeroes(uint32_t n)
{
    const size_t bytes = (size_t)(n + OP_WARM_UP) * 4096;
    char *area = malloc(bytes), *next = area;
    op_check(area != NULL, "malloc");
    OP_TIMES(n, memset(next, 0, 4096); next += 4096);
    sink = (uint32_t)(uintptr_t)area;
}

/* Two processes on two harts write a word each and wait for the other's, a line back and forth. */
static void lines_back_and_forth(const char *self, uint32_t n)
{
    static const char partner[] = "partner";
    const int32_t memory = pwk_memory(PWK_PAGE), at = pwk_map(memory, 0, PWK_PAGE, PWK_MAP_SHARED);
    op_check(memory >= 0 && !pwk_failed(at), "shared memory");
    volatile uint32_t *word = pwk_pointer(at);
    const char *argv[] = {self, partner, "1", NULL};
    const int32_t fds[] = {memory, 1, 2, PWK_FD_END};
    op_check(pwk_affinity(pwk_self(), 1) == 0, "affinity to hart 1");
    op_check(pwk_spawn(self, (uint32_t)strlen(self), argv, fds) > 0, "spawn");
    op_check(pwk_affinity(pwk_self(), 0) == 0, "affinity to hart 0");
    uint32_t turn = 0;
    OP_TIMES(n, word[0] = turn += 2; while (word[0] != turn + 1){});
    word[0] = UINT32_MAX;
    pwk_wait(0, NULL, 0);
}

static void answer(void)
{
    const int32_t at = pwk_map(0, 0, PWK_PAGE, PWK_MAP_SHARED);
    op_check(!pwk_failed(at), "shared memory");
    volatile uint32_t *word = pwk_pointer(at);
    for (uint32_t v; (v = word[0]) != UINT32_MAX;)
        if (v && v % 2 == 0)
            word[0] = v + 1;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    const uint32_t n = number_argument_or(argc, argv, 2, "N", 1000, 1, UINT32_MAX);
    if (flushes(what, n) || branches(what, n))
        return 0;
    if (strcmp(what, "l1") == 0)
        chase(16 * 1024, n);
    else if (strcmp(what, "l2") == 0)
        chase(128 * 1024, n);
    else if (strcmp(what, "reload-clwb") == 0)
        reload(0, n);
    else if (strcmp(what, "reload-clflush") == 0)
        reload(1, n);
    else if (strcmp(what, "lines") == 0)
        lines_back_and_forth(argv[0], n);
    else if (strcmp(what, "partner") == 0)
        answer();
    else if (strcmp(what, "zero") == 0)
        zeroes(n);
    else if (strcmp(what, "walk") == 0)
        walks(8192, n);
    else
        return fprintf(stderr, "events: there is no event '%s'\n", what), 2;
    return 0;
}
