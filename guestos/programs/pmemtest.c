/* pmemtest.c - uses every pmem instruction on a named object and checks what it reads back. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pmem.h"
#include "pwk.h"

/*
 *   pmemtest
 *
 * The object "pmemtest" starts with a counter of runs; it is made durable, so in an NVDIMM that is
 * kept it counts up from one power-on to the next. Exit 0 when everything read back as written.
 */
#define NAME  "pmemtest"
#define BYTES (2 * PWK_PAGE)

typedef void flush_line(const void *addr);

static int failures;

static void expect(int good, const char *what)
{
    printf("%s: %s\n", good ? "ok" : "WRONG", what);
    failures += !good;
}

/* Instructions have no address: a pointer to one needs a function around it. */
static void use_clwb(const void *addr)
{
    pmem_clwb(addr);
}

static void use_clflushopt(const void *addr)
{
    pmem_clflushopt(addr);
}

static void use_clflush(const void *addr)
{
    pmem_clflush(addr);
}

/* Store, flush, fence, read; then store again behind the flush, which must be seen at once. */
static void check_flush(volatile uint64_t *word, flush_line *flush, const char *what)
{
    int good = 1;
    for (uint64_t i = 0; i < 64; i++) {
        word[i] = i * 0x0101010101010101ull;
        flush((const void *)&word[i]);
    }
    pmem_sfence();
    for (uint64_t i = 0; i < 64; i++) {
        good &= word[i] == i * 0x0101010101010101ull;
        word[i] = ~i;
        good &= word[i] == ~i;
    }
    expect(good, what);
}

static void check_ntstore(uint8_t *at)
{
    volatile uint64_t *wide = (void *)at;
    volatile uint32_t *narrow = (void *)(at + 4096);
    int good = 1;
    for (uint32_t i = 0; i < 64; i++) {
        wide[i] = 7;
        pmem_ntstore64((void *)&wide[i], 0x8000000000000001ull + i);
        pmem_ntstore32((void *)&narrow[i], 0x80000001u + i);
        good &= wide[i] == 0x8000000000000001ull + i && narrow[i] == 0x80000001u + i;
    }
    pmem_sfence();
    for (uint32_t i = 0; i < 64; i++)
        good &= wide[i] == 0x8000000000000001ull + i && narrow[i] == 0x80000001u + i;
    expect(good, "non-temporal stores of 8 and 4 bytes read back, before and after the fence");
}

static void check_cycles(volatile uint64_t *word)
{
    uint64_t first = pmem_cycles(), last;
    for (uint64_t i = 0; i < 100; i++)
        word[0] = i;
    last = pmem_cycles();
    expect(last >= first, "the cycle counter does not go backwards");
}

static void check_second_mapping(int32_t fd, volatile uint64_t *word)
{
    int32_t at = pwk_map(fd, PWK_PAGE, PWK_PAGE, PWK_MAP_SHARED);
    volatile uint64_t *other;
    if (pwk_failed(at)) {
        expect(0, "second page mapped again");
        return;
    }
    other = pwk_pointer(at);
    word[PWK_PAGE / 8 + 5] = 12345;
    other[6] = 67890;
    expect(other[5] == 12345 && word[PWK_PAGE / 8 + 6] == 67890,
           "two mappings of a page are the same memory");
    expect(pwk_unmap(at, PWK_PAGE) == 0, "unmapped");
    expect(other[6] == 0 && word[PWK_PAGE / 8 + 6] == 67890,
           "where it was there are zeros, the object keeps its own");
}

int main(void)
{
    int32_t fd = pwk_pmem_open(NAME, sizeof NAME - 1, BYTES), at;
    uint64_t *base;
    if (fd < 0) {
        fprintf(stderr, "pmemtest: open: %s\n", strerror(-fd));
        return 1;
    }
    at = pwk_map(fd, 0, BYTES, PWK_MAP_SHARED);
    if (pwk_failed(at)) {
        fprintf(stderr, "pmemtest: map: %s\n", strerror(-at));
        return 1;
    }
    base = pwk_pointer(at);
    base[0]++;
    pmem_persist(base, sizeof *base);
    printf("run %llu on this object\n", (unsigned long long)base[0]);
    check_flush(base + 512, use_clwb, "clwb");
    check_flush(base + 1024, use_clflushopt, "clflushopt");
    check_flush(base + 1536, use_clflush, "clflush");
    check_ntstore((uint8_t *)(base + 2048));
    check_cycles(base + 512);
    check_second_mapping(fd, base);
    puts(failures ? "pmemtest: FAILED" : "pmemtest: all good");
    return failures != 0;
}
