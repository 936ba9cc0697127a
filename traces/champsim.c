/* champsim.c - reads instruction traces in ChampSim's format. */
#include "traces/champsim.h"

#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memhier/port.h"
#include "traces/unpack.h"

#define CHUNK        (1u << 16) /* unpacked bytes at a time */
#define REGION_SHIFT 16u
#define REGIONS      (PAGE_TABLE_BASE >> REGION_SHIFT) /* that fit below the page tables */

#define REG_SP       6u
#define REG_FLAGS    25u
#define REG_IP       26u

/* Where a virtual region is. Open addressing; key 0: free. */
struct region {
    uint64_t key; /* number of the virtual one, + 1 */
    uint64_t physical;
};

struct champsim {
    char *path;
    struct unpack *file;
    uint8_t bytes[CHUNK];
    size_t n, at;
    uint64_t record;       /* number of the next */
    struct stream_op last; /* read, but not given yet: what follows it is not known */
    int has_last;
    struct region *regions;
    struct region code; /* where the last instruction was */
    uint32_t nregions, mask;
    int no_memory; /* for a region, here or there */
};

/* ---- bytes ---- */

static int refuse(const struct champsim *t, const char *why, char *err, size_t errlen)
{
    snprintf(err, errlen, "%s: record %" PRIu64 ": %s", t->path, t->record, why);
    return -1;
}

/* At least one record more: 1, 0 at the end, -1. */
static int fill(struct champsim *t, char *err, size_t errlen)
{
    memmove(t->bytes, t->bytes + t->at, t->n - t->at);
    t->n -= t->at;
    t->at = 0;
    while (t->n < CHAMPSIM_BYTES) {
        const int64_t got = unpack_read(t->file, t->bytes + t->n, CHUNK - t->n);
        if (got < 0)
            return refuse(t, unpack_error(t->file), err, errlen);
        if (!got)
            break;
        t->n += (size_t)got;
    }
    if (t->n >= CHAMPSIM_BYTES)
        return 1;
    return t->n ? refuse(t, "cut off: a record has 64 bytes", err, errlen) : 0;
}

/* ---- addresses ---- */

static inline struct region *place_of(struct region *regions, uint32_t mask, uint64_t key)
{
    uint32_t i = (uint32_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 32) & mask;
    while (regions[i].key != key && regions[i].key)
        i = (i + 1) & mask;
    return &regions[i];
}

static int grow(struct champsim *t)
{
    const uint32_t mask = 2 * t->mask + 1;
    struct region *more = calloc((size_t)mask + 1, sizeof *more);
    if (!more)
        return -1;
    for (uint32_t i = 0; i <= t->mask; i++)
        if (t->regions[i].key)
            *place_of(more, mask, t->regions[i].key) = t->regions[i];
    free(t->regions);
    t->regions = more;
    t->mask = mask;
    return 0;
}

/* Give the region the next physical one, if there is one: where it is. */
static __attribute__((noinline)) uint64_t new_region(struct champsim *t, uint64_t key)
{
    if (t->nregions == REGIONS || (t->nregions > t->mask / 2 && grow(t))) {
        t->no_memory = 1;
        return 0;
    }
    const uint64_t to = (uint64_t)t->nregions++ << REGION_SHIFT;
    *place_of(t->regions, t->mask, key) = (struct region){key, to};
    return to;
}

static inline uint64_t physical(struct champsim *t, uint64_t addr)
{
    const uint64_t key = (addr >> REGION_SHIFT) + 1;
    const struct region *r = place_of(t->regions, t->mask, key);
    const uint64_t region = r->key ? r->physical : new_region(t, key);
    return region | (addr & ((1u << REGION_SHIFT) - 1));
}

/* Of code, which stays in a region for long. */
static inline uint64_t physical_code(struct champsim *t, uint64_t addr)
{
    const uint64_t key = (addr >> REGION_SHIFT) + 1;
    if (key != t->code.key)
        t->code = (struct region){key, physical(t, addr & -(UINT64_C(1) << REGION_SHIFT))};
    return t->code.physical | (addr & ((1u << REGION_SHIFT) - 1));
}

/* ---- records ---- */

static uint64_t number(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return le64toh(v);
}

/* What a register is to the kinds of branches; 0 is none. */
enum { TOUCHES_SP = 1, TOUCHES_FLAGS = 2, TOUCHES_IP = 4, TOUCHES_OTHERS = 8 };
static const uint8_t touches[256] = {[1 ... REG_SP - 1] = TOUCHES_OTHERS,
                                     [REG_SP] = TOUCHES_SP,
                                     [REG_SP + 1 ... REG_FLAGS - 1] = TOUCHES_OTHERS,
                                     [REG_FLAGS] = TOUCHES_FLAGS,
                                     [REG_IP] = TOUCHES_IP,
                                     [REG_IP + 1 ... 255] = TOUCHES_OTHERS};

/* Of an instruction that writes the instruction pointer. */
static enum stream_branch branch_of(const uint8_t *written, const uint8_t *read)
{
    const uint32_t w = touches[written[0]] | touches[written[1]];
    const uint32_t r = touches[read[0]] | touches[read[1]] | touches[read[2]] | touches[read[3]];
    const uint32_t sp = r & TOUCHES_SP, ip = r & TOUCHES_IP, flags = r & TOUCHES_FLAGS;
    const uint32_t others = r & TOUCHES_OTHERS, moves_sp = w & TOUCHES_SP;
    if (!sp && !flags && !others)
        return STREAM_JUMP;
    if (!sp && !ip && !flags && others)
        return STREAM_INDIRECT;
    if (!sp && ip && !moves_sp && (flags || others))
        return STREAM_COND;
    if (sp && ip && moves_sp && !flags)
        return others ? STREAM_CALL_INDIRECT : STREAM_CALL;
    return sp && !ip && moves_sp ? STREAM_RETURN : STREAM_INDIRECT;
}

/* Bytes 8 to 15. Neither instruction nor stack pointer are waited for: the one is known, the other
 * is renamed in front of the window. */
static inline void decode_registers(const uint8_t *p, struct stream_op *s)
{
    typedef uint8_t eight __attribute__((vector_size(8)));
    eight x;
    uint8_t waited_for[8];
    memcpy(&x, p, sizeof x);
    x &= ~(eight)((x == REG_SP) | (x == REG_IP));
    memcpy(waited_for, &x, sizeof x);
    memcpy(s->result, waited_for + 2, sizeof s->result);
    memcpy(s->source, waited_for + 4, sizeof s->source);
    if (p[2] == REG_IP || p[3] == REG_IP) {
        s->branch = (uint8_t)branch_of(p + 2, p + 4);
        s->taken = s->branch == STREAM_COND ? p[1] : 1;
    }
}

/* Those of the n addresses at p that are not 0: how many. */
static inline uint8_t decode_addresses(struct champsim *t, const uint8_t *p, uint32_t n,
                                       uint64_t *out)
{
    uint8_t found = 0;
#pragma GCC unroll 4
    for (uint32_t i = 0; i < n; i++)
        if (number(p + 8 * i))
            out[found++] = physical(t, number(p + 8 * i));
    return found;
}

static inline void decode(struct champsim *t, const uint8_t *p, struct stream_op *s)
{
    *s = (struct stream_op){.pc = physical_code(t, number(p))};
    decode_registers(p + 8, s);
    s->stores = decode_addresses(t, p + 16, STREAM_STORES, s->store);
    s->loads = decode_addresses(t, p + 32, STREAM_LOADS, s->load);
}

static inline int read_one(struct champsim *t, struct stream_op *s, char *err, size_t errlen)
{
    if (t->n - t->at < CHAMPSIM_BYTES) {
        const int more = fill(t, err, errlen);
        if (more <= 0)
            return more;
    }
    const uint8_t *p = t->bytes + t->at;
    if (p[8] > 1 || p[9] > 1)
        return refuse(t, "not one of ChampSim's: bytes 8 and 9 are 0 or 1", err, errlen);
    decode(t, p, s);
    if (t->no_memory)
        return refuse(t, "out of memory, or more than 512 GiB are touched", err, errlen);
    t->at += CHAMPSIM_BYTES;
    t->record++;
    return 1;
}

/* An instruction is given when the next has been read, since it says where the first one led. */
int64_t champsim_read(struct champsim *t, struct stream_op *out, size_t n, char *err, size_t errlen)
{
    size_t i = 0;
    if (t->has_last)
        out[i++] = t->last;
    t->has_last = 0;
    for (;; i++) {
        struct stream_op *to = i < n ? &out[i] : &t->last;
        const int more = read_one(t, to, err, errlen);
        if (more < 0)
            return -1;
        if (i > 0)
            out[i - 1].next = more ? to->pc : out[i - 1].pc + 4;
        if (!more)
            return (int64_t)i;
        if (i == n) {
            t->has_last = 1;
            return (int64_t)n;
        }
    }
}

/* ---- files ---- */

/* What has been read to tell the packing is the file's first part. */
struct champsim *champsim_open(const char *path, char *err, size_t errlen)
{
    struct champsim *t = calloc(1, sizeof *t);
    if (t) {
        t->path = strdup(path);
        t->mask = 1023;
        t->regions = calloc(t->mask + 1, sizeof *t->regions);
    }
    if (!t || !t->path || !t->regions)
        snprintf(err, errlen, "%s: out of memory", path);
    else if ((t->file = unpack_open(path, err, errlen)))
        return t;
    champsim_close(t);
    return NULL;
}

void champsim_close(struct champsim *t)
{
    if (!t)
        return;
    unpack_close(t->file);
    free(t->path);
    free(t->regions);
    free(t);
}
