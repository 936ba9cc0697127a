/* physmem.c - physical memory: a memory file for each tier, and which DRAM frames are in use. */
/*
 * Each tier is one memfd, mapped once as a whole, so that the host's view of a physical address is
 * an addition. Spaces map pieces of the same files at other addresses: all views are coherent.
 *
 * DRAM frames are handed out by a bitmap, lowest address first. A frame that is released gives its
 * host memory back (a hole is punched into the file), which is also what makes it read as zero when
 * it is handed out again. The NVDIMM has a second bitmap, `touched`: a frame whose bit is clear has
 * no content of its own yet and stands for that part of the backing file.
 */
#include "wasmcore/physmem.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "memhier/archive.h"
#include "memhier/port.h"

struct tier_memory {
    int fd;
    uint8_t *host; /* the whole tier; NULL when it is empty */
    uint64_t bytes;
};

struct physmem {
    struct tier_memory tier[TIERS];
    uint64_t *used;    /* DRAM: bit set = handed out */
    uint64_t *touched; /* NVDIMM: bit set = has content of its own */
    uint32_t free;     /* DRAM frames not handed out */
    int back;          /* backing file of the NVDIMM or -1 */
    int64_t mappings;  /* host mappings that spaces hold */
    int64_t most_mappings;
};

static int bit_get(const uint64_t *map, uint32_t i)
{
    return (int)(map[i >> 6] >> (i & 63) & 1);
}

static void bit_set(uint64_t *map, uint32_t i)
{
    map[i >> 6] |= UINT64_C(1) << (i & 63);
}

static void bit_clear(uint64_t *map, uint32_t i)
{
    map[i >> 6] &= ~(UINT64_C(1) << (i & 63));
}

static uint32_t tier_frames(const struct physmem *pm, enum tier tier)
{
    return (uint32_t)(pm->tier[tier].bytes >> FRAME_SHIFT);
}

static uint64_t *bitmap_new(uint64_t bytes)
{
    return calloc((bytes >> FRAME_SHIFT) / 64 + 1, sizeof(uint64_t));
}

static int tier_open(struct tier_memory *t, const char *name, uint64_t bytes)
{
    t->bytes = bytes;
    if (!bytes)
        return 0;
    t->fd = memfd_create(name, MFD_CLOEXEC);
    if (t->fd < 0 || ftruncate(t->fd, (off_t)bytes) < 0)
        return -1;
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, t->fd, 0);
    if (p == MAP_FAILED)
        return -1;
    t->host = p;
    return 0;
}

struct physmem *physmem_new(uint64_t dram_bytes, uint64_t nvdimm_bytes)
{
    if (dram_bytes % FRAME_BYTES || nvdimm_bytes % FRAME_BYTES || dram_bytes > PAGE_TABLE_BASE ||
        nvdimm_bytes > NVDIMM_BASE << 4) {
        errno = EINVAL;
        return NULL;
    }
    struct physmem *pm = calloc(1, sizeof *pm);
    if (!pm)
        return NULL;
    pm->tier[TIER_DRAM].fd = pm->tier[TIER_NVDIMM].fd = pm->back = -1;
    pm->used = bitmap_new(dram_bytes);
    pm->touched = bitmap_new(nvdimm_bytes);
    if (!pm->used || !pm->touched || tier_open(&pm->tier[TIER_DRAM], "dram", dram_bytes) < 0 ||
        tier_open(&pm->tier[TIER_NVDIMM], "nvdimm", nvdimm_bytes) < 0) {
        int saved = errno;
        physmem_free(pm);
        errno = saved;
        return NULL;
    }
    pm->free = tier_frames(pm, TIER_DRAM);
    pm->most_mappings = PHYSMEM_MAPPINGS;
    return pm;
}

void physmem_free(struct physmem *pm)
{
    if (!pm)
        return;
    for (int i = 0; i < TIERS; i++) {
        if (pm->tier[i].host)
            munmap(pm->tier[i].host, pm->tier[i].bytes);
        if (pm->tier[i].fd >= 0)
            close(pm->tier[i].fd);
    }
    free(pm->used);
    free(pm->touched);
    free(pm);
}

/* ---- which DRAM frames are in use ---- */

/* The first frame at or after `from` whose bit has the value `want`; `end` if there is none. */
static uint32_t next_bit(const uint64_t *map, uint32_t from, uint32_t end, int want)
{
    uint64_t flip = want ? 0 : ~UINT64_C(0);
    while (from < end) {
        uint64_t word = (map[from >> 6] ^ flip) >> (from & 63);
        if (word) {
            from += (uint32_t)__builtin_ctzll(word);
            return from < end ? from : end;
        }
        from = (from | 63) + 1;
    }
    return end;
}

/* Length of the free run at `first`, at most n. */
static uint32_t free_run(const struct physmem *pm, uint32_t first, uint32_t n)
{
    uint32_t frames = tier_frames(pm, TIER_DRAM);
    uint32_t end = n < frames - first ? first + n : frames;
    return next_bit(pm->used, first, end, 1) - first;
}

static uint32_t take(struct physmem *pm, uint32_t first, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        bit_set(pm->used, first + i);
    pm->free -= n;
    return first;
}

/* The first free run of n frames; failing that the longest (*got long, 0 when all is used). */
static uint32_t find_run(const struct physmem *pm, uint32_t n, uint32_t *got)
{
    uint32_t frames = tier_frames(pm, TIER_DRAM), best = FRAME_NONE;
    *got = 0;
    for (uint32_t at = 0; (at = next_bit(pm->used, at, frames, 0)) < frames;) {
        uint32_t len = free_run(pm, at, n);
        if (len > *got) {
            best = at;
            *got = len;
        }
        if (len == n)
            break;
        at += len;
    }
    return best;
}

uint32_t physmem_alloc(struct physmem *pm, uint32_t n)
{
    uint32_t got;
    if (n == 0 || n > pm->free)
        return FRAME_NONE;
    uint32_t first = find_run(pm, n, &got);
    return got == n ? take(pm, first, n) : FRAME_NONE;
}

uint32_t physmem_alloc_some(struct physmem *pm, uint32_t near, uint32_t n, uint32_t *got)
{
    *got = 0;
    if (n == 0 || pm->free == 0)
        return FRAME_NONE;
    if (near < tier_frames(pm, TIER_DRAM) && !bit_get(pm->used, near)) {
        *got = free_run(pm, near, n);
        return take(pm, near, *got);
    }
    uint32_t first = find_run(pm, n, got);
    return take(pm, first, *got);
}

int physmem_release(struct physmem *pm, uint32_t first, uint32_t n)
{
    uint32_t frames = tier_frames(pm, TIER_DRAM);
    if (first > frames || n > frames - first ||
        next_bit(pm->used, first, first + n, 0) != first + n)
        return -1;
    if (n == 0)
        return 0;
    off_t at = (off_t)first << FRAME_SHIFT, len = (off_t)n << FRAME_SHIFT;
    if (fallocate(pm->tier[TIER_DRAM].fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, len) < 0)
        memset(pm->tier[TIER_DRAM].host + at, 0, (size_t)len);
    for (uint32_t i = 0; i < n; i++)
        bit_clear(pm->used, first + i);
    pm->free += n;
    return 0;
}

uint64_t physmem_bytes(const struct physmem *pm, enum tier tier)
{
    return pm->tier[tier].bytes;
}

uint32_t physmem_frames_free(const struct physmem *pm)
{
    return pm->free;
}

/* ---- the NVDIMM's contents at power-on ---- */

void physmem_back(struct physmem *pm, int fd)
{
    pm->back = fd;
}

int physmem_touched(const struct physmem *pm, uint32_t nvdimm_frame)
{
    return nvdimm_frame < tier_frames(pm, TIER_NVDIMM) && bit_get(pm->touched, nvdimm_frame);
}

int frame_read(int fd, uint64_t at, uint8_t *to)
{
    off_t data = lseek(fd, (off_t)at, SEEK_DATA); /* fails where holes cannot be found: read then */
    if (data < 0 ? errno == ENXIO : data >= (off_t)(at + FRAME_BYTES))
        return 0;
    size_t got = 0;
    while (got < FRAME_BYTES) {
        ssize_t n = pread(fd, to + got, FRAME_BYTES - got, (off_t)(at + got));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        got += (size_t)n;
    }
    memset(to + got, 0, FRAME_BYTES - got);
    return 1;
}

static int touch(struct physmem *pm, uint32_t frame)
{
    if (bit_get(pm->touched, frame))
        return 0;
    uint64_t at = (uint64_t)frame << FRAME_SHIFT;
    if (pm->back >= 0 && frame_read(pm->back, at, pm->tier[TIER_NVDIMM].host + at) < 0)
        return -1;
    bit_set(pm->touched, frame);
    return 0;
}

/* ---- addresses ---- */

uint64_t frame_addr(enum tier tier, uint32_t frame)
{
    return (tier == TIER_NVDIMM ? NVDIMM_BASE : 0) + ((uint64_t)frame << FRAME_SHIFT);
}

uint8_t *physmem_at(struct physmem *pm, uint64_t addr, size_t n)
{
    int nvdimm = addr_is_nvdimm(addr);
    const struct tier_memory *t = &pm->tier[nvdimm ? TIER_NVDIMM : TIER_DRAM];
    uint64_t at = nvdimm ? addr - NVDIMM_BASE : addr;
    if (at >= t->bytes || n > FRAME_BYTES - (at & (FRAME_BYTES - 1)))
        return NULL;
    if (nvdimm && touch(pm, (uint32_t)(at >> FRAME_SHIFT)) < 0)
        return NULL;
    return t->host + at;
}

int physmem_map(struct physmem *pm, enum tier tier, uint32_t first, uint32_t n, void *at)
{
    uint32_t frames = tier_frames(pm, tier);
    if (n == 0 || first > frames || n > frames - first)
        return -1;
    if (tier == TIER_NVDIMM) {
        for (uint32_t i = 0; i < n; i++) {
            if (touch(pm, first + i) < 0)
                return -1;
        }
    }
    void *p = mmap(at, (size_t)n << FRAME_SHIFT, PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_FIXED | MAP_NORESERVE, pm->tier[tier].fd,
                   (off_t)first << FRAME_SHIFT);
    return p == MAP_FAILED ? -1 : 0;
}

int physmem_count_mappings(struct physmem *pm, int64_t delta)
{
    if (delta > 0 && pm->mappings + delta > pm->most_mappings)
        return -1;
    pm->mappings += delta;
    assert(pm->mappings >= 0);
    return 0;
}

void physmem_limit_mappings(struct physmem *pm, int64_t most)
{
    pm->most_mappings = most;
}

/* ---- checkpoints ---- */

#define NVDIMM_FRAME (UINT32_C(1) << 31)

static void write_runs(const struct physmem *pm, struct archive *a)
{
    const uint32_t end = tier_frames(pm, TIER_DRAM);
    uint32_t n = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t at = 0; (at = next_bit(pm->used, at, end, 1)) < end;) {
            const uint32_t to = next_bit(pm->used, at, end, 0);
            n += pass == 0;
            if (pass == 1) {
                archive_put32(a, at);
                archive_put32(a, to - at);
            }
            at = to;
        }
        if (pass == 0)
            archive_put32(a, n);
    }
}

static void read_runs(struct physmem *pm, struct archive *a)
{
    const uint32_t end = tier_frames(pm, TIER_DRAM);
    uint32_t n = 0, after = 0;
    archive_count(a, &n, end, 8);
    memset(pm->used, 0, ((size_t)end / 64 + 1) * sizeof *pm->used);
    pm->free = end;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t first = archive_put32(a, 0), len = archive_put32(a, 0);
        if (first < after || first > end || len > end - first) {
            archive_fail(a, "damaged: frames in use");
            return;
        }
        take(pm, first, len);
        after = first + len;
    }
}

/* The next frame from `at` on that may hold something, or `end`. */
static uint32_t next_content(const struct physmem *pm, enum tier tier, uint32_t at, uint32_t end)
{
    if (tier == TIER_NVDIMM)
        return next_bit(pm->touched, at, end, 1);
    const off_t data = lseek(pm->tier[tier].fd, (off_t)at << FRAME_SHIFT, SEEK_DATA);
    const uint64_t frame = data < 0 ? UINT64_MAX : (uint64_t)data >> FRAME_SHIFT;
    return frame < end ? (uint32_t)frame : end;
}

static int all_zero(const uint8_t *p)
{
    return p[0] == 0 && memcmp(p, p + 1, FRAME_BYTES - 1) == 0;
}

static void write_frame(struct archive *a, uint32_t name, const uint8_t *p, uint8_t *room)
{
    uLongf z = compressBound(FRAME_BYTES);
    if (all_zero(p))
        z = 0;
    else if (compress2(room, &z, p, FRAME_BYTES, 1) != Z_OK)
        archive_fail(a, "out of memory");
    archive_put32(a, name);
    archive_put32(a, (uint32_t)z);
    archive_raw(a, room, z);
}

static uint32_t write_tier(const struct physmem *pm, struct archive *a, enum tier tier,
                           uint8_t *room)
{
    const uint32_t end = tier_frames(pm, tier);
    uint32_t n = 0;
    for (uint32_t at = 0; end && (at = next_content(pm, tier, at, end)) < end; at++) {
        const uint8_t *p = pm->tier[tier].host + ((uint64_t)at << FRAME_SHIFT);
        if (tier == TIER_DRAM && all_zero(p))
            continue;
        n++;
        if (room)
            write_frame(a, at | (tier == TIER_NVDIMM ? NVDIMM_FRAME : 0), p, room);
    }
    return n;
}

static void write_contents(const struct physmem *pm, struct archive *a)
{
    uint8_t *room = malloc(compressBound(FRAME_BYTES));
    if (!room) {
        archive_fail(a, "out of memory");
        return;
    }
    archive_put32(a, write_tier(pm, a, TIER_DRAM, NULL) + write_tier(pm, a, TIER_NVDIMM, NULL));
    write_tier(pm, a, TIER_DRAM, room);
    write_tier(pm, a, TIER_NVDIMM, room);
    free(room);
}

/* All zeros. */
static void wipe(struct physmem *pm, enum tier tier)
{
    const struct tier_memory *t = &pm->tier[tier];
    if (t->bytes &&
        fallocate(t->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)t->bytes) < 0)
        memset(t->host, 0, t->bytes);
}

static void read_frame(struct physmem *pm, struct archive *a)
{
    const uint32_t name = archive_put32(a, 0), frame = name & ~NVDIMM_FRAME;
    const enum tier tier = name & NVDIMM_FRAME ? TIER_NVDIMM : TIER_DRAM;
    uLongf len = FRAME_BYTES;
    uint32_t z = 0;
    archive_count(a, &z, FRAME_BYTES * 2, 1);
    if (a->failed)
        return;
    if (frame >= tier_frames(pm, tier)) {
        archive_fail(a, "damaged: a frame that the machine does not have");
        return;
    }
    uint8_t *to = pm->tier[tier].host + ((uint64_t)frame << FRAME_SHIFT);
    if (z && (uncompress(to, &len, a->bytes + a->at, z) != Z_OK || len != FRAME_BYTES))
        archive_fail(a, "damaged: contents of memory");
    if (!z)
        memset(to, 0, FRAME_BYTES);
    a->at += z;
    if (tier == TIER_NVDIMM)
        bit_set(pm->touched, frame);
}

static void read_contents(struct physmem *pm, struct archive *a)
{
    uint32_t n = 0;
    archive_count(a, &n, UINT32_MAX, 8);
    wipe(pm, TIER_DRAM);
    for (uint32_t i = 0; i < n && !a->failed; i++)
        read_frame(pm, a);
}

static void same_sizes(const struct physmem *pm, struct archive *a)
{
    for (int i = 0; i < TIERS; i++)
        if (archive_put64(a, pm->tier[i].bytes) != pm->tier[i].bytes)
            archive_fail(a, "of a machine with other sizes of memory");
}

void physmem_archive_use(struct physmem *pm, struct archive *a)
{
    archive_mark(a, "USE ");
    same_sizes(pm, a);
    if (a->failed)
        return;
    if (a->writing) {
        write_runs(pm, a);
    } else {
        read_runs(pm, a);
        wipe(pm, TIER_DRAM);
    }
}

void physmem_archive(struct physmem *pm, struct archive *a)
{
    archive_mark(a, "MEM ");
    same_sizes(pm, a);
    if (a->failed)
        return;
    if (a->writing) {
        write_runs(pm, a);
        write_contents(pm, a);
    } else {
        read_runs(pm, a);
        read_contents(pm, a);
    }
}

/* ---- keeping contents ---- */

#define PAGE_BYTES 4096u

/* Pages that had contents, ascending, and the contents. */
struct kept_tier {
    uint32_t *page;
    uint8_t *bytes;
    uint32_t n, cap;
};

struct physmem_kept {
    struct kept_tier tier[TIERS];
};

static int keep_page(struct kept_tier *k, uint32_t page, const uint8_t *from)
{
    if (k->n == k->cap) {
        const uint32_t cap = k->cap ? 2 * k->cap : 256;
        uint32_t *pages = realloc(k->page, cap * sizeof *pages);
        if (!pages)
            return -1;
        k->page = pages;
        uint8_t *bytes = realloc(k->bytes, (size_t)cap * PAGE_BYTES);
        if (!bytes)
            return -1;
        k->bytes = bytes;
        k->cap = cap;
    }
    memcpy(k->bytes + (size_t)k->n * PAGE_BYTES, from, PAGE_BYTES);
    k->page[k->n++] = page;
    return 0;
}

/* The next extent of the file that may hold something, [*at, *end); 0 when there is none. */
static int next_extent(const struct tier_memory *t, off_t *at, off_t *end)
{
    if (t->fd < 0 || (*at = lseek(t->fd, *at, SEEK_DATA)) < 0)
        return 0;
    *end = lseek(t->fd, *at, SEEK_HOLE);
    return *end > *at;
}

static int keep_tier(const struct tier_memory *t, struct kept_tier *k)
{
    off_t at = 0, end;
    for (; next_extent(t, &at, &end); at = end)
        for (off_t p = at; p < end; p += PAGE_BYTES)
            if (keep_page(k, (uint32_t)(p / PAGE_BYTES), t->host + p))
                return -1;
    return 0;
}

struct physmem_kept *physmem_keep(struct physmem *pm)
{
    struct physmem_kept *k = calloc(1, sizeof *k);
    if (!k)
        return NULL;
    for (int i = 0; i < TIERS; i++)
        if (keep_tier(&pm->tier[i], &k->tier[i])) {
            physmem_forget(k);
            return NULL;
        }
    return k;
}

void physmem_forget(struct physmem_kept *k)
{
    for (int i = 0; k && i < TIERS; i++) {
        free(k->tier[i].page);
        free(k->tier[i].bytes);
    }
    free(k);
}

static void punch(const struct tier_memory *t, off_t from, off_t to)
{
    if (to > from)
        fallocate(t->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, from, to - from);
}

/* What came into being since then becomes a hole again. */
static void drop_new_pages(const struct tier_memory *t, const struct kept_tier *k)
{
    off_t at = 0, end;
    uint32_t i = 0;
    for (; next_extent(t, &at, &end); at = end) {
        off_t from = at;
        for (off_t p = at; p < end; p += PAGE_BYTES) {
            while (i < k->n && (off_t)k->page[i] * PAGE_BYTES < p)
                i++;
            if (i == k->n || (off_t)k->page[i] * PAGE_BYTES != p)
                continue;
            punch(t, from, p);
            from = p + PAGE_BYTES;
        }
        punch(t, from, end);
    }
}

void physmem_revert(struct physmem *pm, const struct physmem_kept *k)
{
    for (int i = 0; i < TIERS; i++) {
        const struct tier_memory *t = &pm->tier[i];
        drop_new_pages(t, &k->tier[i]);
        for (uint32_t p = 0; p < k->tier[i].n; p++) {
            uint8_t *to = t->host + (size_t)k->tier[i].page[p] * PAGE_BYTES;
            const uint8_t *from = k->tier[i].bytes + (size_t)p * PAGE_BYTES;
            if (memcmp(to, from, PAGE_BYTES) != 0)
                memcpy(to, from, PAGE_BYTES);
        }
    }
}

uint32_t physmem_next_content(const struct physmem *pm, enum tier tier, uint32_t frame)
{
    const uint32_t end = tier_frames(pm, tier);
    return frame < end ? next_content(pm, tier, frame, end) : end;
}
