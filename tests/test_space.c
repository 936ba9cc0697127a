/* test_space.c - physical memory and linear memories against plain models, and with real faults. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memhier/port.h"
#include "wasmcore/space.h"

static uint64_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

/* ---- faults ---- */

static sigjmp_buf fault_return;
static volatile int fault_owned;

static void on_fault(int sig, siginfo_t *info, void *context)
{
    (void)sig;
    (void)context;
    if (space_fault(info->si_addr))
        return;
    fault_owned = space_owns_host_address(info->si_addr);
    siglongjmp(fault_return, 1);
}

/* 0: readable and writable; 1: faults and is a space's; -1: faults and is not. */
static int probe(uint8_t *p)
{
    struct sigaction sa = {.sa_flags = SA_SIGINFO | SA_NODEFER}, old;
    sa.sa_sigaction = on_fault;
    sigaction(SIGSEGV, &sa, &old);
    int result;
    if (sigsetjmp(fault_return, 1)) {
        result = fault_owned ? 1 : -1;
    } else {
        volatile uint8_t *v = p;
        uint8_t byte = *v;
        *v = byte;
        result = 0;
    }
    sigaction(SIGSEGV, &old, NULL);
    return result;
}

Test(space, guards)
{
    struct physmem *pm = physmem_new(64 * FRAME_BYTES, 0);
    struct space *s = space_new(pm, 2, 10, 7);
    cr_assert(s);
    const uint64_t four = UINT64_C(1) << 32, page = WASM_PAGE_BYTES;
    for (int round = 0; round < 2; round++) {
        uint64_t end = s->pages * page;
        cr_expect_eq(probe(s->base), 0);
        cr_expect_eq(probe(s->base + end - 1), 0);
        uint64_t outside[] = {end, end + page, four - 1, four, 2 * four - 1, 2 * four + page - 1};
        for (size_t i = 0; i < sizeof outside / sizeof *outside; i++)
            cr_expect_eq(probe(s->base + outside[i]), 1, "offset %zu", i);
        cr_assert_eq(space_grow(s, 3), 2 + 3 * round);
    }
    cr_expect_eq(space_owns_host_address(s->base - 1), 0);
    cr_expect_eq(space_owns_host_address(s->base + 2 * four + page), 0);
    cr_expect_eq(space_owns_host_address(pm), 0);
    uint8_t *base = s->base;
    struct space *t = space_new(pm, 0, 0, 8);
    cr_expect_eq(probe(t->base), 1);
    space_free(s);
    cr_expect_eq(space_owns_host_address(base), 0);
    cr_expect(space_owns_host_address(t->base));
    space_free(t);
    physmem_free(pm);
}

/* ---- frames ---- */

/* First fit on a plain array. */
static uint32_t model_alloc(uint8_t *used, uint32_t frames, uint32_t n)
{
    for (uint32_t at = 0; at + n <= frames; at++) {
        uint32_t len = 0;
        while (len < n && !used[at + len])
            len++;
        if (len < n)
            continue;
        memset(used + at, 1, n);
        return at;
    }
    return FRAME_NONE;
}

static uint32_t longest_run(const uint8_t *used, uint32_t frames)
{
    uint32_t best = 0, len = 0;
    for (uint32_t i = 0; i < frames; i++) {
        len = used[i] ? 0 : len + 1;
        best = len > best ? len : best;
    }
    return best;
}

Test(physmem, frames_are_handed_out_first_fit_and_zeroed)
{
    enum { FRAMES = 200 };
    struct physmem *pm = physmem_new((uint64_t)FRAMES * FRAME_BYTES, 0);
    uint8_t used[FRAMES] = {0};
    uint64_t seed = 1;
    for (int step = 0; step < 4000; step++) {
        uint32_t n = 1 + (uint32_t)next_random(&seed) % 12, got = n, first;
        uint64_t what = next_random(&seed) % 8;
        if (what < 2) {
            uint32_t expect = model_alloc(used, FRAMES, n);
            cr_assert_eq(first = physmem_alloc(pm, n), expect);
        } else if (what == 2) {
            uint32_t longest = longest_run(used, FRAMES);
            first = physmem_alloc_some(pm, FRAME_NONE, n, &got);
            cr_assert_eq(got, n < longest ? n : longest);
            cr_assert_eq(first, got ? model_alloc(used, FRAMES, got) : FRAME_NONE);
        } else if (what == 3) {
            uint32_t near = (uint32_t)next_random(&seed) % FRAMES, len = 0;
            if (used[near])
                continue;
            while (len < n && near + len < FRAMES && !used[near + len])
                used[near + len++] = 1;
            cr_assert_eq(first = physmem_alloc_some(pm, near, n, &got), near);
            cr_assert_eq(got, len);
        } else {
            uint32_t at = (uint32_t)next_random(&seed) % FRAMES;
            int all = at + n <= FRAMES;
            for (uint32_t i = 0; all && i < n; i++)
                all = used[at + i];
            cr_assert_eq(physmem_release(pm, at, n), all ? 0 : -1);
            if (all)
                memset(used + at, 0, n);
            continue;
        }
        for (uint32_t i = 0; first != FRAME_NONE && i < got; i++) {
            uint8_t *p = physmem_at(pm, frame_addr(TIER_DRAM, first + i), FRAME_BYTES);
            cr_assert_eq(p[0] | p[777] | p[FRAME_BYTES - 1], 0);
            p[0] = p[777] = p[FRAME_BYTES - 1] = 0xaa;
        }
        uint32_t free_frames = 0;
        for (uint32_t i = 0; i < FRAMES; i++)
            free_frames += !used[i];
        cr_assert_eq(physmem_frames_free(pm), free_frames);
    }
    cr_expect_eq(physmem_alloc(pm, 0), FRAME_NONE);
    cr_expect_eq(physmem_alloc(pm, UINT32_MAX), FRAME_NONE);
    cr_expect_eq(physmem_release(pm, UINT32_MAX, 1), -1);
    cr_expect_eq(physmem_release(pm, 1, UINT32_MAX), -1);
    physmem_free(pm);
}

Test(physmem, refuses_impossible_sizes_and_addresses)
{
    cr_expect_null(physmem_new(1000, 0));
    cr_expect_eq(errno, EINVAL);
    cr_expect_null(physmem_new(0, FRAME_BYTES + 1));
    cr_expect_null(physmem_new(UINT64_C(1) << 60, 0));
    struct physmem *pm = physmem_new(2 * FRAME_BYTES, FRAME_BYTES);
    cr_expect(physmem_at(pm, 2 * FRAME_BYTES - 8, 8));
    cr_expect_null(physmem_at(pm, 2 * FRAME_BYTES, 1));
    cr_expect_null(physmem_at(pm, FRAME_BYTES - 4, 8), "crosses a frame");
    cr_expect_null(physmem_at(pm, 0, SIZE_MAX));
    cr_expect(physmem_at(pm, NVDIMM_BASE, 64));
    cr_expect_null(physmem_at(pm, NVDIMM_BASE + FRAME_BYTES, 1));
    cr_expect_null(physmem_at(pm, UINT64_MAX, 1));
    cr_expect_null(physmem_at(pm, PAGE_TABLE_BASE, 8));
    physmem_free(pm);
}

/* A file of `frames` frames of which every second one is a hole, unlinked. */
static int make_backing(uint32_t frames)
{
    char path[] = "/tmp/test_space.XXXXXX";
    int fd = mkstemp(path);
    cr_assert(fd >= 0);
    unlink(path);
    cr_assert_eq(ftruncate(fd, (off_t)frames * FRAME_BYTES), 0);
    static uint8_t buf[FRAME_BYTES];
    for (uint32_t f = 0; f < frames; f += 2) {
        memset(buf, (int)(f + 1), sizeof buf);
        cr_assert_eq(pwrite(fd, buf, sizeof buf, (off_t)f * FRAME_BYTES), (ssize_t)sizeof buf);
    }
    return fd;
}

Test(physmem, nvdimm_contents_start_as_the_file_and_never_change_it)
{
    enum { FRAMES = 70 };
    int fd = make_backing(FRAMES);
    struct physmem *pm = physmem_new(0, (uint64_t)FRAMES * FRAME_BYTES);
    physmem_back(pm, fd);
    for (uint32_t f = 0; f < FRAMES; f++) {
        cr_assert_not(physmem_touched(pm, f));
        uint8_t expect = f % 2 ? 0 : (uint8_t)(f + 1);
        uint8_t *p = physmem_at(pm, frame_addr(TIER_NVDIMM, f), FRAME_BYTES);
        cr_assert(physmem_touched(pm, f));
        cr_assert(p[0] == expect && p[FRAME_BYTES - 1] == expect && !memcmp(p, p + 1, 65535));
        memset(p, 0x55, FRAME_BYTES);
    }
    cr_expect_not(physmem_touched(pm, FRAMES));
    cr_expect_not(physmem_touched(pm, UINT32_MAX));
    for (uint32_t f = 0; f < FRAMES; f++) {
        uint8_t byte;
        cr_assert_eq(pread(fd, &byte, 1, (off_t)f * FRAME_BYTES + 100), 1);
        cr_assert_eq(byte, f % 2 ? 0 : (uint8_t)(f + 1));
        cr_assert_eq(*physmem_at(pm, frame_addr(TIER_NVDIMM, f) + 100, 1), 0x55);
    }
    physmem_free(pm);
    /* Data that begins in the middle of a frame, and a file that ends there. */
    cr_assert_eq(ftruncate(fd, 0), 0);
    cr_assert_eq(pwrite(fd, "x", 1, 40000), 1);
    static uint8_t frame[FRAME_BYTES];
    memset(frame, 0xee, sizeof frame);
    cr_assert_eq(frame_read(fd, 0, frame), 1);
    cr_expect(frame[0] == 0 && frame[39999] == 0 && frame[40000] == 'x');
    cr_expect(frame[40001] == 0 && frame[FRAME_BYTES - 1] == 0);
    cr_expect_eq(frame_read(fd, FRAME_BYTES, frame), 0);
    close(fd);
    cr_expect_eq(frame_read(fd, 0, frame), -1);
    /* A file that cannot be read gives NULL, not wrong bytes. */
    int pipes[2];
    cr_assert_eq(pipe(pipes), 0);
    pm = physmem_new(FRAME_BYTES, FRAME_BYTES);
    physmem_back(pm, pipes[0]);
    cr_expect_null(physmem_at(pm, NVDIMM_BASE, 1));
    struct space *s = space_new(pm, 0, 5, 0);
    cr_expect_eq(space_grow_map(s, TIER_NVDIMM, 0, 1), -1);
    cr_expect_eq(probe(s->base), 1);
    space_free(s);
    physmem_free(pm);
}

/* ---- spaces ---- */

enum { DRAM_FRAMES = 96, NV_FRAMES = 16, MAX_PAGES = 64 };

struct model_page {
    uint64_t fixed; /* physical address it must have, or 0: any owned DRAM frame */
    uint64_t token; /* first 8 bytes */
};

static void set_token(struct space *s, uint32_t page, uint64_t token)
{
    memcpy(s->base + (uint64_t)page * WASM_PAGE_BYTES, &token, sizeof token);
}

static void check_space(struct space *s, const struct model_page *m, uint32_t pages)
{
    cr_assert_eq(s->pages, pages);
    uint64_t lo = UINT64_MAX, hi = 0;
    for (uint32_t i = 0; i < pages; i++) {
        uint64_t seen, addr = space_phys(s, (uint64_t)i * WASM_PAGE_BYTES);
        memcpy(&seen, s->base + (uint64_t)i * WASM_PAGE_BYTES, sizeof seen);
        cr_assert_eq(seen, m[i].token);
        cr_assert_eq(*(uint64_t *)(void *)physmem_at(s->pm, addr, 8), seen, "one view, two ways");
        if (m[i].fixed)
            cr_assert_eq(addr, m[i].fixed);
        else
            cr_assert(addr < (uint64_t)DRAM_FRAMES * FRAME_BYTES);
        if (addr >= NVDIMM_BASE) {
            lo = lo < (uint64_t)i << 16 ? lo : (uint64_t)i << 16;
            hi = (uint64_t)(i + 1) << 16;
        }
    }
    cr_assert_eq(s->nv_span, hi ? hi - lo : 0);
    if (hi)
        cr_assert_eq(s->nv_lo, lo);
}

static uint32_t count_owned(const struct model_page *m, uint32_t pages)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < pages; i++)
        n += !m[i].fixed;
    return n;
}

/* One random change to a space and to its model; NVDIMM frames are used once each. */
static void change(struct space *s, struct model_page *m, uint32_t *pages, uint64_t *seed,
                   uint32_t *nv_next, uint64_t token)
{
    uint32_t n = (uint32_t)next_random(seed) % 5;
    uint64_t what = next_random(seed) % 4;
    uint32_t free_frames = physmem_frames_free(s->pm);
    if (what == 0) {
        int fits = n <= MAX_PAGES - *pages && n <= free_frames;
        cr_assert_eq(space_grow(s, n), fits ? (int64_t)*pages : -1);
        for (uint32_t i = 0; fits && i < n; i++, ++*pages)
            m[*pages] = (struct model_page){0, 0};
    } else if (what == 1 && *nv_next + n <= NV_FRAMES && n <= MAX_PAGES - *pages) {
        cr_assert_eq(space_grow_map(s, TIER_NVDIMM, *nv_next, n), (int64_t)*pages);
        for (uint32_t i = 0; i < n; i++, ++*pages)
            m[*pages] = (struct model_page){frame_addr(TIER_NVDIMM, (*nv_next)++), 0};
    } else if (*pages) {
        uint32_t page = (uint32_t)next_random(seed) % *pages;
        int fits = n <= *pages - page && n <= free_frames;
        if (what == 2) {
            set_token(s, page, token);
            m[page].token = token;
        } else {
            cr_assert_eq(space_unmap(s, page, n), fits ? 0 : -1);
            for (uint32_t i = 0; fits && i < n; i++)
                m[page + i] = (struct model_page){0, 0};
        }
    }
}

Test(space, follows_a_plain_model)
{
    for (uint64_t seed = 1; seed < 12; seed++) {
        struct physmem *pm = physmem_new((uint64_t)DRAM_FRAMES * FRAME_BYTES,
                                         (uint64_t)NV_FRAMES * FRAME_BYTES);
        struct space *s[2];
        struct model_page m[2][MAX_PAGES];
        uint32_t pages[2] = {0, 0}, nv_next = 0;
        uint64_t state = seed;
        for (uint32_t k = 0; k < 2; k++)
            s[k] = space_new(pm, 0, MAX_PAGES, k);
        for (uint64_t step = 1; step < 300; step++) {
            uint32_t k = (uint32_t)next_random(&state) & 1;
            change(s[k], m[k], &pages[k], &state, &nv_next, seed << 32 | step);
            check_space(s[0], m[0], pages[0]);
            check_space(s[1], m[1], pages[1]);
            cr_assert_eq(physmem_frames_free(pm),
                         DRAM_FRAMES - count_owned(m[0], pages[0]) - count_owned(m[1], pages[1]));
        }
        space_free(s[0]);
        check_space(s[1], m[1], pages[1]);
        space_free(s[1]);
        cr_assert_eq(physmem_frames_free(pm), DRAM_FRAMES);
        cr_assert_eq(physmem_count_mappings(pm, PHYSMEM_MAPPINGS), 0, "none is left");
        physmem_free(pm);
    }
}

Test(space, growing_continues_the_last_run)
{
    struct physmem *pm = physmem_new(32 * FRAME_BYTES, 0);
    uint32_t low = physmem_alloc(pm, 4);
    struct space *s = space_new(pm, 3, 32, 0);
    cr_assert_eq(s->frame[0], 4 * FRAME_BYTES);
    cr_assert_eq(physmem_release(pm, low, 4), 0);
    cr_assert_eq(space_grow(s, 2), 3);
    cr_expect_eq(s->frame[3], 7 * FRAME_BYTES);
    cr_expect_eq(s->frame[4], 8 * FRAME_BYTES);
    space_free(s);
    physmem_free(pm);
}

Test(space, refusals_change_nothing)
{
    struct physmem *pm = physmem_new(8 * FRAME_BYTES, 4 * FRAME_BYTES);
    cr_expect_null(space_new(pm, 3, 2, 0));
    cr_expect_null(space_new(pm, 9, 100, 0));
    cr_expect_eq(physmem_frames_free(pm), 8);
    struct space *s = space_new(pm, 1, UINT32_MAX, 40000);
    cr_expect_eq(s->max_pages, SPACE_MAX_PAGES);
    cr_expect(s->table_addr >= PAGE_TABLE_BASE && s->table_addr + SPACE_TABLE_BYTES <= NVDIMM_BASE);
    cr_expect_eq(space_grow(s, 8), -1);
    cr_expect_eq(space_grow(s, UINT32_MAX), -1);
    cr_expect_eq(space_grow_map(s, TIER_NVDIMM, 3, 2), -1);
    cr_expect_eq(space_grow_map(s, TIER_NVDIMM, UINT32_MAX, 2), -1);
    cr_expect_eq(space_grow_map(s, TIER_DRAM, 0, UINT32_MAX), -1);
    cr_expect_eq(space_unmap(s, 1, 1), -1);
    cr_expect_eq(space_unmap(s, UINT32_MAX, 2), -1);
    cr_expect_eq(space_grow(s, 0), 1);
    cr_expect_eq(s->pages, 1);
    cr_expect_eq(physmem_frames_free(pm), 7);
    cr_expect(space_holds(s, 0, 65536) && space_holds(s, 65536, 0));
    cr_expect_not(space_holds(s, 1, 65536) || space_holds(s, 65537, 0) ||
                  space_holds(s, UINT64_MAX, 2));
    space_free(s);
    physmem_free(pm);
}

/* ---- more runs of frames than the host has mappings ---- */

static void probe_all(const struct space *s)
{
    for (uint32_t i = 0; i < s->pages; i++)
        cr_assert_eq(probe(s->base + (uint64_t)i * WASM_PAGE_BYTES), 0, "page %u", i);
    cr_assert_eq(probe(s->base + (uint64_t)s->pages * WASM_PAGE_BYTES), 1);
}

/* Does each page show the frame that the table says? The frame's number is written in it. */
static void check_views(struct physmem *pm, const struct space *s)
{
    probe_all(s);
    for (uint32_t i = 0; i < s->pages; i++) {
        uint64_t *physical = (uint64_t *)(void *)physmem_at(pm, s->frame[i], FRAME_BYTES), seen;
        *physical = s->frame[i] + 1;
        probe(s->base + (uint64_t)i * WASM_PAGE_BYTES); /* the kernel must not be the first */
        memcpy(&seen, s->base + (uint64_t)i * WASM_PAGE_BYTES, sizeof seen);
        cr_assert_eq(seen, s->frame[i] + 1, "page %u", i);
    }
}

static int64_t free_mappings(struct physmem *pm)
{
    int64_t n = 0;
    while (physmem_count_mappings(pm, 1) == 0)
        n++;
    physmem_count_mappings(pm, -n);
    return n;
}

/* The real figure, with as many runs as a space can have: the host plays along. */
Test(space, scattered_frames_are_never_too_many)
{
    const uint32_t frames = 2 * SPACE_MAX_PAGES;
    struct physmem *pm = physmem_new((uint64_t)frames * FRAME_BYTES, 0);
    struct space *s = space_new(pm, 0, SPACE_MAX_PAGES, 0);
    for (uint32_t n = 0; n < SPACE_MAX_PAGES; n++)
        cr_assert_eq(space_grow_map(s, TIER_DRAM, 2 * n, 1), n);
    cr_assert(s->on_demand);
    struct space *other = space_new(pm, 1, 2, 1);
    cr_assert(other && !other->on_demand);
    probe_all(s);
    probe_all(other);
    space_free(other);
    space_free(s);
    cr_expect_eq(free_mappings(pm), PHYSMEM_MAPPINGS);
    physmem_free(pm);
}

/* Few mappings, three spaces that take them from one another while they grow, move and unmap. */
Test(space, spaces_share_few_mappings)
{
    enum { FRAMES = 256, SPACES = 3, MOST = 24 };
    struct physmem *pm = physmem_new(FRAMES * FRAME_BYTES, FRAMES * FRAME_BYTES);
    struct space *s[SPACES];
    uint64_t seed = 5;
    physmem_limit_mappings(pm, MOST);
    for (uint32_t i = 0; i < SPACES; i++)
        cr_assert(s[i] = space_new(pm, 2, 100, i));
    for (int step = 0; step < 600; step++) {
        struct space *t = s[next_random(&seed) % SPACES];
        const uint32_t x = (uint32_t)next_random(&seed) % FRAMES, what = x % 4;
        if (t->pages == 100 || (what == 0 && x < 8)) {
            cr_assert_eq(space_restore(t, NULL, 0), 0);
            cr_assert_not(t->on_demand);
        } else if (what == 0) {
            cr_assert_geq(space_grow(t, 1), 0);
        } else if (what == 1) {
            cr_assert_geq(space_grow_map(t, TIER_NVDIMM, x, 1), 0);
        } else if (t->pages && what == 2) {
            cr_assert_eq(space_move(t, x % t->pages, TIER_NVDIMM, x), 0);
        } else if (t->pages) {
            cr_assert_eq(space_unmap(t, x % t->pages, 1), 0);
        }
        if (step % 20 == 0)
            for (uint32_t i = 0; i < SPACES; i++)
                check_views(pm, s[i]);
    }
    cr_expect(s[0]->on_demand || s[1]->on_demand || s[2]->on_demand);
    for (uint32_t i = 0; i < SPACES; i++)
        space_free(s[i]);
    cr_expect_eq(free_mappings(pm), MOST);
    cr_expect_eq(physmem_frames_free(pm), FRAMES);
    physmem_free(pm);
}

/* What the host's kernel is to read or write must show before. */
Test(space, touched_pages_show)
{
    struct physmem *pm = physmem_new(16 * FRAME_BYTES, 0);
    physmem_limit_mappings(pm, 8);
    struct space *s = space_new(pm, 0, 16, 0);
    for (uint32_t i = 0; i < 8; i++)
        cr_assert_eq(space_grow_map(s, TIER_DRAM, 2 * i, 1), i);
    cr_assert(s->on_demand);
    const int fd = open("/dev/zero", O_RDONLY);
    cr_expect_lt(read(fd, s->base + FRAME_BYTES - 4, 8), 8,
                 "it stops at a page that does not show");
    space_touch(s, 3 * FRAME_BYTES - 4, 8);
    cr_expect_eq(read(fd, s->base + 3 * FRAME_BYTES - 4, 8), 8);
    close(fd);
    space_free(s);
    physmem_free(pm);
}

/* A new space takes what it needs from the one that has most; where there is none, it is refused.
 */
Test(space, a_reservation_is_a_mapping_too)
{
    struct physmem *pm = physmem_new(32 * FRAME_BYTES, 0);
    physmem_limit_mappings(pm, 8);
    struct space *s = space_new(pm, 0, 16, 0), *more[8];
    uint32_t n = 0;
    for (uint32_t i = 0; i < 7; i++)
        cr_assert_eq(space_grow_map(s, TIER_DRAM, 2 * i, 1), i);
    cr_assert_not(s->on_demand);
    while ((more[n] = space_new(pm, 0, 1, n + 1)))
        n++;
    cr_expect_eq(n, 7);
    cr_expect(s->on_demand);
    while (n > 0)
        space_free(more[--n]);
    check_views(pm, s);
    space_free(s);
    physmem_free(pm);
}

/* A page goes to a frame of the NVDIMM and back: its old DRAM frame is free, contents are whoever
 * copied them's business. */
Test(space, a_page_moves_between_the_memories)
{
    struct physmem *pm = physmem_new(8 * FRAME_BYTES, 4 * FRAME_BYTES);
    struct space *s = space_new(pm, 3, 10, 0);
    s->base[WASM_PAGE_BYTES] = 7;
    memcpy(physmem_at(pm, frame_addr(TIER_NVDIMM, 2), FRAME_BYTES),
           physmem_at(pm, s->frame[1], FRAME_BYTES), FRAME_BYTES);
    cr_expect_eq(physmem_frames_free(pm), 5);
    cr_expect_eq(space_move(s, 1, TIER_NVDIMM, 2), 0);
    cr_expect_eq(physmem_frames_free(pm), 6, "its frame is free");
    cr_expect_eq(s->frame[1], frame_addr(TIER_NVDIMM, 2));
    cr_expect_eq(s->base[WASM_PAGE_BYTES], 7);
    cr_expect(s->nv_lo == WASM_PAGE_BYTES && s->nv_span == WASM_PAGE_BYTES && !space_owns(s, 1));
    s->base[WASM_PAGE_BYTES + 1] = 8;
    cr_expect_eq(physmem_at(pm, frame_addr(TIER_NVDIMM, 2), 2)[1], 8);
    const uint32_t frame = physmem_alloc(pm, 1);
    cr_expect_eq(space_move(s, 1, TIER_DRAM, frame), 0);
    cr_expect_eq(s->base[WASM_PAGE_BYTES + 1], 0, "the frame was zeroed, nothing was copied");
    cr_expect(s->nv_span == 0 && space_owns(s, 1));
    space_free(s);
    cr_expect_eq(physmem_frames_free(pm), 8, "it was the space's own");
    physmem_free(pm);
}
