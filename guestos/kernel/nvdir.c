/* nvdir.c - the directory of named objects in the NVDIMM, and who has which of its frames. */
#include "nvdir.h"
#include "console.h"
#include "heap.h"
#include "kstring.h"
#include "objects.h"
#include "pmem.h"
#include "wasi.h"
#include "machine_import.h"

#define MAGIC      0x00726964766e7770ull /* "pwnvdir" and a NUL, as a word */
#define VERSION    1u
#define ENTRIES    511u
#define FRAMES_MAX 0xffffffu

enum entry_state { ENTRY_FREE, ENTRY_LIVE };

struct entry {
    uint64_t word; /* state and checksum */
    uint32_t first, frames;
    uint64_t bytes;
    uint32_t generation, name_len;
    char name[OBJECT_NAME_MAX];
};
_Static_assert(sizeof(struct entry) == 128, "entries are 128 bytes");

struct directory {
    uint64_t magic;
    uint32_t version, frames;
    uint8_t zero[40];
    uint32_t crc, zero2;
    uint64_t fresh;
    uint8_t zero3[56];
    struct entry entries[ENTRIES];
};
_Static_assert(offsetof(struct directory, crc) == 56, "the header's checksum");
_Static_assert(offsetof(struct directory, fresh) == 64, "the fresh word");
_Static_assert(sizeof(struct directory) <= PAGE_BYTES, "the directory fits in a frame");

/* Static: a machine has one NVDIMM. dir is mapped, and valid, once `ready`; the frames from
 * cache_low up are the file cache's. */
static struct {
    struct directory *dir;
    uint32_t frames, cache_low;
    uint8_t ready, damaged;
} nv;

/* ---- durable stores ---- */

static void persist_word(uint64_t *at, uint64_t value)
{
    *(volatile uint64_t *)at = value;
    pmem_persist(at, sizeof *at);
}

static uint64_t fresh_word(uint32_t low, uint32_t high)
{
    uint64_t word = (uint64_t)high << 24 | low;
    return word | (uint64_t)(crc32(&word, 6) & 0xffff) << 48;
}

static uint32_t fresh_low(void)
{
    return (uint32_t)nv.dir->fresh & FRAMES_MAX;
}

static uint32_t fresh_high(void)
{
    return (uint32_t)(nv.dir->fresh >> 24) & FRAMES_MAX;
}

/* Frames [first, end) are about to be written. */
static void fresh_remove(uint32_t first, uint32_t end)
{
    uint32_t low = fresh_low(), high = fresh_high();
    if (first >= high || end <= low)
        return;
    if (end >= high && first > low)
        high = first;
    else
        low = end < high ? end : high;
    persist_word(&nv.dir->fresh, fresh_word(low, high));
}

/* Durable zeros into frames [first, end); -ENOMEM when the kernel's memory has no room for them. */
static int frames_zero(uint32_t first, uint32_t end)
{
    void *address;
    uint64_t *word;
    int err;
    if (first >= end)
        return 0;
    err = frames_map(MACHINE_NVDIMM, first, end - first, &address);
    if (err < 0)
        return err;
    word = address;
    for (uint64_t n = (uint64_t)(end - first) << (PAGE_SHIFT - 3); n; n--)
        pmem_ntstore64(word++, 0);
    pmem_sfence();
    return 0;
}

/* Frames [first, end) shall read as zero and belong to an object. */
static int frames_take(uint32_t first, uint32_t end)
{
    uint32_t low = fresh_low(), high = fresh_high();
    uint32_t dirty_end = end < low ? end : low, dirty_first = first > high ? first : high;
    int err;
    fresh_remove(first, end);
    if (low == high)
        return frames_zero(first, end);
    err = frames_zero(first, dirty_end);
    return err < 0 ? err : frames_zero(dirty_first, end);
}

/* ---- entries ---- */

static uint32_t entry_crc(const struct entry *e)
{
    return crc32(&e->first, sizeof *e - offsetof(struct entry, first));
}

static int entry_live(const struct entry *e)
{
    return e->word != ENTRY_FREE;
}

static int entry_named(const struct entry *e, const char *name, uint32_t len)
{
    return entry_live(e) && e->name_len == len && memcmp(e->name, name, len) == 0;
}

static struct entry *entry_find(const char *name, uint32_t len)
{
    for (struct entry *e = nv.dir->entries; e < nv.dir->entries + ENTRIES; e++) {
        if (entry_named(e, name, len))
            return e;
    }
    return NULL;
}

static struct entry *entry_free(void)
{
    for (struct entry *e = nv.dir->entries; e < nv.dir->entries + ENTRIES; e++) {
        if (!entry_live(e))
            return e;
    }
    return NULL;
}

/* Publish an entry in a free slot. */
static void entry_publish(struct entry *slot, const struct entry *e)
{
    memcpy(&slot->first, &e->first, sizeof *e - offsetof(struct entry, first));
    pmem_persist(&slot->first, sizeof *e - offsetof(struct entry, first));
    persist_word(&slot->word, (uint64_t)entry_crc(e) << 32 | ENTRY_LIVE);
}

static void entry_retire(struct entry *e)
{
    persist_word(&e->word, ENTRY_FREE);
}

/* A live entry that has frames in [first, end), other than `except`; NULL: they are free. */
static const struct entry *entry_overlapping(uint32_t first, uint32_t end,
                                             const struct entry *except)
{
    for (const struct entry *e = nv.dir->entries; e < nv.dir->entries + ENTRIES; e++) {
        if (e != except && entry_live(e) && e->first < end && first < e->first + e->frames)
            return e;
    }
    return NULL;
}

/* ---- reading what is there ---- */

static int all_zero(const void *data, uint32_t n)
{
    const uint8_t *p = data;
    for (uint32_t i = 0; i < n; i++) {
        if (p[i])
            return 0;
    }
    return 1;
}

/* What is wrong with an entry that is not free, or NULL. */
static const char *entry_check(const struct entry *e)
{
    if ((uint32_t)e->word != ENTRY_LIVE)
        return "state of an entry";
    if ((uint32_t)(e->word >> 32) != entry_crc(e))
        return "checksum of an entry";
    if (e->first == 0 || e->frames == 0 || e->frames > nv.frames ||
        e->first > nv.frames - e->frames || e->bytes > (uint64_t)e->frames << PAGE_SHIFT)
        return "frames of an entry";
    if (e->name_len == 0 || e->name_len > OBJECT_NAME_MAX ||
        !all_zero(e->name + e->name_len, OBJECT_NAME_MAX - e->name_len))
        return "name of an entry";
    return NULL;
}

/* A growth was cut off between its last two steps: keep the later generation. */
static const char *entries_settle(struct entry *a, struct entry *b)
{
    if (a->name_len != b->name_len || memcmp(a->name, b->name, a->name_len) != 0)
        return "two entries with the same frames";
    if (a->first != b->first || a->generation == b->generation)
        return "two entries with the same name";
    entry_retire(a->generation < b->generation ? a : b);
    return NULL;
}

static const char *entries_check(void)
{
    struct entry *entries = nv.dir->entries;
    const char *wrong = NULL;
    for (uint32_t i = 0; i < ENTRIES && !wrong; i++) {
        if (entry_live(&entries[i]))
            wrong = entry_check(&entries[i]);
    }
    for (uint32_t i = 0; i < ENTRIES && !wrong; i++) {
        struct entry *a = &entries[i];
        for (uint32_t j = i + 1; j < ENTRIES && !wrong && entry_live(a); j++) {
            struct entry *b = &entries[j];
            if (!entry_live(b))
                continue;
            if ((a->first < b->first + b->frames && b->first < a->first + a->frames) ||
                entry_named(a, b->name, b->name_len))
                wrong = entries_settle(a, b);
        }
    }
    return wrong;
}

static uint32_t header_crc(const struct directory *d)
{
    return crc32(&d->version,
                 offsetof(struct directory, crc) - offsetof(struct directory, version));
}

static const char *header_check(void)
{
    const struct directory *d = nv.dir;
    if (d->crc != header_crc(d))
        return "checksum of the header";
    if (d->version != VERSION)
        return "version";
    if (d->frames != nv.frames)
        return "made for a module of another size";
    if (d->fresh != fresh_word(fresh_low(), fresh_high()) || fresh_low() > fresh_high() ||
        fresh_high() > nv.frames)
        return "fresh word";
    return NULL;
}

static void directory_format(void)
{
    struct directory *d = nv.dir;
    persist_word(&d->fresh, fresh_word(1, nv.frames));
    d->version = VERSION;
    d->frames = nv.frames;
    memset(d->zero, 0, sizeof d->zero);
    d->crc = header_crc(d);
    d->zero2 = 0;
    pmem_persist(&d->version, 64 - offsetof(struct directory, version));
    persist_word(&d->magic, MAGIC);
}

static const char *directory_check(void)
{
    const struct directory *d = nv.dir;
    const char *wrong;
    if (d->magic == 0 && all_zero(d->zero3, PAGE_BYTES - offsetof(struct directory, zero3))) {
        directory_format();
        return NULL;
    }
    if (d->magic != MAGIC)
        return "magic number";
    wrong = header_check();
    return wrong ? wrong : entries_check();
}

static int damage(const char *what)
{
    struct line l = line_new();
    line_text(&l, "the NVDIMM's directory is damaged (");
    line_text(&l, what);
    line_text(&l, "); it is left as it is");
    line_say(&l);
    nv.damaged = 1;
    return -EIO;
}

/* Map the directory and look at it, once. */
static int directory_ready(void)
{
    const char *wrong;
    void *address;
    int32_t frames;
    int err;
    if (nv.ready)
        return 0;
    if (nv.damaged)
        return -EIO;
    frames = machine_nvdimm_frames();
    if (frames < 2)
        return -ENODEV;
    err = frames_map(MACHINE_NVDIMM, 0, 1, &address);
    if (err < 0)
        return err;
    nv.dir = address;
    nv.frames = (uint32_t)frames < FRAMES_MAX ? (uint32_t)frames : FRAMES_MAX;
    nv.cache_low = nv.frames;
    wrong = directory_check();
    if (wrong)
        return damage(wrong);
    nv.ready = 1;
    return 0;
}

/* ---- allocation ---- */

/* First fit from the bottom: the first frame, or 0 when there is no such run. Terminates: each turn
 * starts behind one more entry. */
static uint32_t place_low(uint32_t n)
{
    uint32_t first = 1;
    while (n <= nv.cache_low && first <= nv.cache_low - n) {
        const struct entry *e = entry_overlapping(first, first + n, NULL);
        if (!e)
            return first;
        first = e->first + e->frames;
    }
    return 0;
}

static int entry_create(const char *name, uint32_t len, uint64_t bytes, struct entry **out)
{
    uint32_t frames = (uint32_t)pages_for(bytes), first = place_low(frames);
    struct entry e = {.bytes = bytes, .frames = frames, .first = first, .name_len = len};
    struct entry *slot = entry_free();
    int err;
    if (first == 0 || !slot)
        return -ENOSPC;
    err = frames_take(first, first + frames);
    if (err < 0)
        return err;
    memcpy(e.name, name, len);
    entry_publish(slot, &e);
    *out = slot;
    return 0;
}

static int entry_grow(struct entry *old, uint64_t bytes, struct entry **out)
{
    struct entry e = *old, *slot = entry_free();
    uint32_t frames = (uint32_t)pages_for(bytes), end = old->first + old->frames;
    if (!slot)
        return -ENOSPC;
    if (frames > old->frames) {
        uint32_t new_end = old->first + frames;
        int err;
        if (frames > nv.cache_low || old->first > nv.cache_low - frames ||
            entry_overlapping(end, new_end, old))
            return -ENOSPC;
        err = frames_take(end, new_end);
        if (err < 0)
            return err;
        e.frames = frames;
    }
    e.bytes = bytes;
    e.generation++;
    entry_publish(slot, &e);
    entry_retire(old);
    *out = slot;
    return 0;
}

int nvdir_open(const char *name, uint32_t len, uint64_t bytes, struct nvdir_extent *out)
{
    struct entry *e;
    int err = directory_ready();
    if (err < 0)
        return err;
    e = entry_find(name, len);
    if (!e && bytes == 0)
        return -ENOENT;
    if (!e)
        err = entry_create(name, len, bytes, &e);
    else if (e->bytes < bytes)
        err = entry_grow(e, bytes, &e);
    if (err < 0)
        return err;
    *out = (struct nvdir_extent){e->first, e->frames, e->bytes};
    return 0;
}

int32_t nvdir_cache_alloc(uint32_t n)
{
    uint32_t end;
    int err = directory_ready();
    if (err < 0)
        return err;
    end = nv.cache_low;
    while (n < end) {
        const struct entry *e = entry_overlapping(end - n, end, NULL);
        if (!e) {
            fresh_remove(end - n, end);
            nv.cache_low = end - n;
            return (int32_t)(end - n);
        }
        end = e->first;
    }
    return -ENOSPC;
}
