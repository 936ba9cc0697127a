/* space_map.c - where pages of spaces show at host addresses, in as many mappings as there may be.
 */
/*
 * A space reserves 8 GiB and one page with no access, once. Frames are mapped over its start, and
 * contiguous frames make one host mapping. The host allows a process only so many, and a guest may
 * scatter its frames as it likes, so there are two ways to show a space:
 *
 * - whole: every page is mapped. So it begins.
 * - on demand: a page is mapped when it is touched, by the fault handler. When the mappings of a
 *   memory are used up, the space that holds most of them becomes one of these and loses all that
 *   it has mapped. It stays so until it is empty.
 *
 * Frames are parts of memory files, so no contents move, and all views of a frame stay coherent.
 * The guest sees nothing of all this.
 *
 * What is counted is never less than what the host has: a page on demand counts as two, since it
 * also splits what is around it.
 */
#include "wasmcore/space_map.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "memhier/hostmem.h"

#define RESERVED_BYTES ((UINT64_C(8) << 30) + WASM_PAGE_BYTES)
#define PAGE_ON_DEMAND 2 /* mappings */

/*
 * Start addresses of all reservations of the process, 0 is a free place, and whose they are.
 * Global, because a signal handler gets nothing but the faulting address; atomics, because it may
 * interrupt anything. There are fewer than 2^47 / 8 GiB reservations in a process, so the array is
 * never the limit.
 */
#define MAX_RESERVED 16384u
static _Atomic(uintptr_t) reserved[MAX_RESERVED];
static _Atomic(struct space *) owner[MAX_RESERVED];
static atomic_uint reserved_top; /* places at and above were never used */

/* The place of the reservation that an address is in, or MAX_RESERVED. */
static unsigned find_range(const void *p)
{
    uintptr_t a = (uintptr_t)p;
    unsigned top = atomic_load(&reserved_top);
    for (unsigned i = 0; i < top; i++) {
        uintptr_t base = atomic_load(&reserved[i]);
        if (base && a - base < RESERVED_BYTES)
            return i;
    }
    return MAX_RESERVED;
}

int space_owns_host_address(const void *p)
{
    return find_range(p) < MAX_RESERVED;
}

static int register_range(struct space *s, uintptr_t base)
{
    for (unsigned i = 0; i < MAX_RESERVED; i++) {
        uintptr_t none = 0;
        if (!atomic_compare_exchange_strong(&reserved[i], &none, base))
            continue;
        atomic_store(&owner[i], s);
        unsigned top = atomic_load(&reserved_top);
        while (top <= i && !atomic_compare_exchange_weak(&reserved_top, &top, i + 1))
            ;
        return 0;
    }
    return -1;
}

static void unregister_range(uintptr_t base)
{
    const unsigned i = find_range((void *)base);
    if (i == MAX_RESERVED)
        return;
    atomic_store(&owner[i], NULL);
    atomic_store(&reserved[i], 0);
}

/* A mapping that failed half-way must not leave a hole that other host memory could come to lie in,
 * nor memory past the size that the guest can reach. */
static void must_succeed(int failed)
{
    if (failed)
        hostmem_stop("the host takes memory mappings away and gives none back");
}

static void block_pages(struct space *s, uint32_t page, uint32_t n)
{
    if (n == 0)
        return;
    void *p = mmap(s->base + ((uint64_t)page << FRAME_SHIFT), (size_t)n << FRAME_SHIFT, PROT_NONE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    must_succeed(p == MAP_FAILED);
}

/* ---- which pages show, of a space on demand ---- */

static int is_shown(const struct space *s, uint32_t page)
{
    return (int)(s->shown[page >> 6] >> (page & 63) & 1);
}

static void flip_shown(struct space *s, uint32_t page)
{
    s->shown[page >> 6] ^= UINT64_C(1) << (page & 63);
}

/* ---- the mappings of a memory ---- */

static int count_mappings(struct space *s, int64_t n)
{
    if (physmem_count_mappings(s->pm, n))
        return -1;
    s->mappings += n;
    return 0;
}

/* From now on it shows its pages on demand, and none at first. */
static void hide_all(struct space *s)
{
    block_pages(s, 0, s->pages);
    (void)count_mappings(s, -s->mappings);
    memset(s->shown, 0, (s->max_pages / 64 + 1) * sizeof *s->shown);
    s->on_demand = 1;
}

/* The space that gives its mappings up next; NULL: none of this memory has any. */
static struct space *richest(const struct physmem *pm)
{
    struct space *most = NULL;
    unsigned top = atomic_load(&reserved_top);
    for (unsigned i = 0; i < top; i++) {
        struct space *s = atomic_load(&owner[i]);
        if (s && s->pm == pm && s->mappings > (most ? most->mappings : 0))
            most = s;
    }
    return most;
}

/* Count n mappings more for a space, at the cost of others or of its own. 0, or -1: there are not
 * so many. */
static int take_mappings(struct space *s, int64_t n)
{
    while (count_mappings(s, n)) {
        struct space *poorer = richest(s->pm);
        if (!poorer)
            return -1;
        hide_all(poorer);
        if (poorer == s)
            return -1;
    }
    return 0;
}

int space_map_reserve(struct space *s)
{
    while (physmem_count_mappings(s->pm, 1)) {
        struct space *poorer = richest(s->pm);
        if (!poorer)
            return -1;
        hide_all(poorer);
    }
    void *p = mmap(NULL, RESERVED_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
                   0);
    if (p != MAP_FAILED && register_range(s, (uintptr_t)p) == 0) {
        s->base = p;
        return 0;
    }
    if (p != MAP_FAILED)
        munmap(p, RESERVED_BYTES);
    physmem_count_mappings(s->pm, -1);
    return -1;
}

void space_map_release(struct space *s)
{
    if (!s->base)
        return;
    unregister_range((uintptr_t)s->base);
    munmap(s->base, RESERVED_BYTES);
    (void)count_mappings(s, -s->mappings);
    physmem_count_mappings(s->pm, -1);
}

/* ---- showing pages ---- */

/* Pages [page, page + n), whose frames are contiguous. */
static int map_run(struct space *s, uint32_t page, uint32_t n)
{
    const uint64_t first = s->frame[page];
    return physmem_map(s->pm, tier_of(first), frame_of(first), n,
                       s->base + ((uint64_t)page << FRAME_SHIFT));
}

static int map_pages(struct space *s, uint32_t page, uint32_t n)
{
    for (uint32_t i = page, end; i < page + n; i = end) {
        end = i + 1;
        while (end < page + n && s->frame[end] == s->frame[end - 1] + FRAME_BYTES)
            end++;
        if (map_run(s, i, end - i))
            return -1;
    }
    return 0;
}

/* Frames of the NVDIMM get their contents now, since a fault handler could not say that they cannot
 * be read. */
static int fill_frames(struct space *s, uint32_t page, uint32_t n)
{
    for (uint32_t i = page; i < page + n; i++)
        if (addr_is_nvdimm(s->frame[i]) && !physmem_at(s->pm, s->frame[i], 1))
            return -1;
    return 0;
}

int space_map_show(struct space *s, uint32_t page, uint32_t n, int64_t runs)
{
    if (fill_frames(s, page, n))
        return -1;
    if (!s->on_demand && take_mappings(s, runs) == 0) {
        if (map_pages(s, page, n) == 0)
            return 0;
        block_pages(s, page, n); /* the host has fewer mappings than we count on */
        hide_all(s);
    }
    for (uint32_t i = page; i < page + n; i++) {
        if (!is_shown(s, i))
            continue;
        block_pages(s, i, 1);
        flip_shown(s, i);
        (void)count_mappings(s, -PAGE_ON_DEMAND);
    }
    return 0;
}

void space_map_empty(struct space *s)
{
    hide_all(s);
    s->on_demand = 0;
}

/* ---- touching ---- */

static void show_page(struct space *s, uint32_t page)
{
    while (count_mappings(s, PAGE_ON_DEMAND)) {
        struct space *poorer = richest(s->pm);
        must_succeed(!poorer);
        hide_all(poorer);
    }
    if (map_run(s, page, 1)) {
        hide_all(s);
        must_succeed(count_mappings(s, PAGE_ON_DEMAND) || map_run(s, page, 1));
    }
    flip_shown(s, page);
}

int space_fault(const void *p)
{
    const unsigned i = find_range(p);
    struct space *s = i < MAX_RESERVED ? atomic_load(&owner[i]) : NULL;
    if (!s || !s->on_demand)
        return 0;
    const uint64_t page = (uint64_t)((const uint8_t *)p - s->base) >> FRAME_SHIFT;
    if (page >= s->pages || is_shown(s, (uint32_t)page))
        return 0;
    show_page(s, (uint32_t)page);
    return 1;
}

void space_touch(struct space *s, uint64_t addr, uint64_t n)
{
    if (!s->on_demand || n == 0)
        return;
    for (uint64_t page = addr >> FRAME_SHIFT; page <= (addr + n - 1) >> FRAME_SHIFT; page++)
        (void)space_fault(s->base + (page << FRAME_SHIFT));
}
