/* space.c - linear memories: which frames of physical memory a page lies in, and whose they are. */
/*
 * Growing puts frames behind those that are there; space_map.c shows them at host addresses. The
 * host's MMU does the bounds check: an address past the size faults, and the fault handler asks
 * space_owns_host_address whether that was the guest's doing.
 */
#include "wasmcore/space.h"

#include <stdlib.h>
#include <string.h>

#include "memhier/port.h"
#include "wasmcore/space_map.h"

#define NO_PAGE UINT64_MAX

struct space *space_new(struct physmem *pm, uint32_t min_pages, uint32_t max_pages, uint32_t id)
{
    if (max_pages > SPACE_MAX_PAGES)
        max_pages = SPACE_MAX_PAGES;
    if (min_pages > max_pages)
        return NULL;
    struct space *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->pm = pm;
    s->max_pages = max_pages;
    s->id = id;
    s->table_addr = PAGE_TABLE_BASE +
                    id % ((NVDIMM_BASE - PAGE_TABLE_BASE) / SPACE_TABLE_BYTES) * SPACE_TABLE_BYTES;
    s->frame = calloc((size_t)max_pages + 1, sizeof *s->frame);
    s->owned = calloc(max_pages / 64 + 1, sizeof *s->owned);
    s->shown = calloc(max_pages / 64 + 1, sizeof *s->shown);
    if (!s->frame || !s->owned || !s->shown || space_map_reserve(s) ||
        space_grow(s, min_pages) < 0) {
        space_free(s);
        return NULL;
    }
    return s;
}

/* ---- runs: pages whose frames are contiguous ---- */

static int starts_run(const uint64_t *frame, uint32_t page)
{
    return page == 0 || frame[page] != frame[page - 1] + FRAME_BYTES;
}

/* Runs that start in [from, to). */
static int64_t count_runs(const uint64_t *frame, uint32_t from, uint32_t to)
{
    int64_t n = 0;
    for (uint32_t i = from; i < to; i++)
        n += starts_run(frame, i);
    return n;
}

/* End of the run that begins at `from`, at most `to`. */
static uint32_t run_end(const uint64_t *frame, uint32_t from, uint32_t to)
{
    uint32_t end = from + 1;
    while (end < to && frame[end] == frame[end - 1] + FRAME_BYTES)
        end++;
    return end;
}

/* ---- which pages' frames are ours ---- */

static int is_owned(const struct space *s, uint32_t page)
{
    return (int)(s->owned[page >> 6] >> (page & 63) & 1);
}

static void set_owned(struct space *s, uint32_t page, int owned)
{
    uint64_t bit = UINT64_C(1) << (page & 63);
    s->foreign |= !owned;
    s->owned[page >> 6] = owned ? s->owned[page >> 6] | bit : s->owned[page >> 6] & ~bit;
}

static void release_frames(struct physmem *pm, const uint64_t *frame, uint32_t n)
{
    for (uint32_t i = 0; i < n;) {
        uint32_t end = run_end(frame, i, n);
        physmem_release(pm, frame_of(frame[i]), end - i);
        i = end;
    }
}

/* Fill frame[0 .. n) with newly allocated DRAM frames, if possible from `near` on. */
static int alloc_frames(struct physmem *pm, uint32_t near, uint32_t n, uint64_t *frame)
{
    uint32_t done = 0;
    if (n > physmem_frames_free(pm))
        return -1;
    while (done < n) {
        uint32_t got, first = physmem_alloc_some(pm, near, n - done, &got);
        if (first == FRAME_NONE) {
            release_frames(pm, frame, done);
            return -1;
        }
        for (uint32_t i = 0; i < got; i++)
            frame[done + i] = frame_addr(TIER_DRAM, first + i);
        done += got;
        near = first + got;
    }
    return 0;
}

/* ---- growing ---- */

/* frame[pages .. pages + n) is filled in: make it part of the memory. */
static int64_t add_pages(struct space *s, uint32_t n, int owned)
{
    uint32_t old = s->pages;
    if (space_map_show(s, old, n, count_runs(s->frame, old, old + n)))
        return -1;
    for (uint32_t i = old; i < old + n; i++)
        set_owned(s, i, owned);
    s->pages = old + n;
    return old;
}

int64_t space_grow(struct space *s, uint32_t n)
{
    uint32_t old = s->pages;
    if (n == 0)
        return old;
    if (n > s->max_pages - old)
        return -1;
    uint32_t near = FRAME_NONE;
    if (old && tier_of(s->frame[old - 1]) == TIER_DRAM)
        near = frame_of(s->frame[old - 1]) + 1;
    if (alloc_frames(s->pm, near, n, s->frame + old) < 0)
        return -1;
    if (add_pages(s, n, 1) < 0) {
        release_frames(s->pm, s->frame + old, n);
        return -1;
    }
    return old;
}

/* The smallest range of linear addresses that holds all NVDIMM pages. */
static void set_nvdimm_range(struct space *s)
{
    uint64_t lo = NO_PAGE, hi = 0;
    for (uint32_t i = 0; i < s->pages; i++) {
        if (!addr_is_nvdimm(s->frame[i]))
            continue;
        if (lo == NO_PAGE)
            lo = i;
        hi = (uint64_t)i + 1;
    }
    s->nv_lo = lo == NO_PAGE ? 0 : lo << FRAME_SHIFT;
    s->nv_span = lo == NO_PAGE ? 0 : (hi - lo) << FRAME_SHIFT;
}

int64_t space_grow_map(struct space *s, enum tier tier, uint32_t first, uint32_t n)
{
    uint32_t old = s->pages;
    uint64_t frames = physmem_bytes(s->pm, tier) >> FRAME_SHIFT;
    if (n > s->max_pages - old || first > frames || n > frames - first)
        return -1;
    if (n == 0)
        return old;
    for (uint32_t i = 0; i < n; i++)
        s->frame[old + i] = frame_addr(tier, first + i);
    if (add_pages(s, n, 0) < 0)
        return -1;
    if (tier == TIER_NVDIMM)
        set_nvdimm_range(s);
    return old;
}

/* ---- unmapping ---- */

/* The pages' frames that are ours: release them. */
static void release_owned(struct space *s, const uint64_t *frame, uint32_t page, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t from = i;
        while (i < n && is_owned(s, page + i))
            i++;
        release_frames(s->pm, frame + from, i - from);
    }
}

/* Put fresh frames in the place of the old ones. 0, or -1 and all is as before. */
static int exchange(struct space *s, uint32_t page, uint32_t n, const uint64_t *fresh,
                    const uint64_t *old)
{
    uint32_t to = page + n < s->pages ? page + n + 1 : page + n;
    int64_t before = count_runs(s->frame, page, to);
    memcpy(s->frame + page, fresh, n * sizeof *fresh);
    if (space_map_show(s, page, n, count_runs(s->frame, page, to) - before) == 0)
        return 0;
    memcpy(s->frame + page, old, n * sizeof *old);
    return -1;
}

int space_unmap(struct space *s, uint32_t page, uint32_t n)
{
    if (page > s->pages || n > s->pages - page)
        return -1;
    if (n == 0)
        return 0;
    uint64_t *fresh = malloc(2 * (size_t)n * sizeof *fresh);
    if (!fresh || alloc_frames(s->pm, FRAME_NONE, n, fresh) < 0) {
        free(fresh);
        return -1;
    }
    uint64_t *old = fresh + n;
    memcpy(old, s->frame + page, n * sizeof *old);
    int failed = exchange(s, page, n, fresh, old) < 0;
    if (failed) {
        release_frames(s->pm, fresh, n);
    } else {
        release_owned(s, old, page, n);
        for (uint32_t i = 0; i < n; i++)
            set_owned(s, page + i, 1);
        set_nvdimm_range(s);
    }
    free(fresh);
    return failed ? -1 : 0;
}

int space_move(struct space *s, uint32_t page, enum tier tier, uint32_t frame)
{
    const uint64_t fresh = frame_addr(tier, frame), old = s->frame[page];
    if (exchange(s, page, 1, &fresh, &old) < 0)
        return -1;
    release_owned(s, &old, page, 1);
    set_owned(s, page, tier == TIER_DRAM);
    set_nvdimm_range(s);
    return 0;
}

/* ---- checkpoints ---- */

int space_owns(const struct space *s, uint32_t page)
{
    return is_owned(s, page);
}

/* Is it the address of a frame of this memory, and one that can be owned if it says so? */
static int frame_there(const struct space *s, uint64_t page)
{
    uint64_t addr = page & ~UINT64_C(1);
    enum tier tier = tier_of(addr);
    uint64_t at = tier == TIER_NVDIMM ? addr - NVDIMM_BASE : addr;
    return at % FRAME_BYTES == 0 && at < physmem_bytes(s->pm, tier) &&
           !(tier == TIER_NVDIMM && (page & 1));
}

static void let_go_of_pages(struct space *s)
{
    space_map_empty(s);
    release_owned(s, s->frame, 0, s->pages);
    s->pages = 0;
    set_nvdimm_range(s);
}

int space_restore(struct space *s, const uint64_t *pages, uint32_t n)
{
    let_go_of_pages(s);
    if (n > s->max_pages)
        return -1;
    for (uint32_t i = 0; i < n; i++) {
        if (!frame_there(s, pages[i]))
            return -1;
        s->frame[i] = pages[i] & ~UINT64_C(1);
    }
    if (n > 0 && add_pages(s, n, 0) < 0)
        return -1;
    s->foreign = 0; /* for the time being they were nobody's */
    for (uint32_t i = 0; i < n; i++)
        set_owned(s, i, (int)(pages[i] & 1));
    set_nvdimm_range(s);
    return 0;
}

void space_free(struct space *s)
{
    if (!s)
        return;
    space_map_release(s);
    release_owned(s, s->frame, 0, s->pages);
    free(s->frame);
    free(s->owned);
    free(s->shown);
    free(s);
}
