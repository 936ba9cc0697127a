/* champsim.c - reads instruction traces in ChampSim's format. */
#include "traces/champsim.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <lzma.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "memhier/port.h"

#define CHUNK        (1u << 18) /* bytes of the file, and unpacked, at a time */
#define REGION_SHIFT 16u
#define REGIONS      (PAGE_TABLE_BASE >> REGION_SHIFT) /* that fit below the page tables */

#define REG_SP       6u
#define REG_FLAGS    25u
#define REG_IP       26u

/* Where a virtual region is. Open addressing; number 0: free. */
struct region {
    uint64_t virtual;
    uint32_t number; /* of the physical one, + 1 */
};

struct champsim {
    char *path;
    FILE *file;
    enum champsim_packing packing;
    z_stream gzip;
    lzma_stream xz;
    uint8_t packed[CHUNK], bytes[CHUNK];
    size_t npacked, packed_at; /* of the file's bytes */
    size_t n, at;              /* of unpacked ones */
    int ended;                 /* a stream has ended; another may follow */
    uint64_t record;           /* number of the next */
    struct stream_op last;     /* read, but not given yet: what follows it is not known */
    int has_last;
    struct region *regions, recent;
    uint32_t nregions, mask;
};

enum champsim_packing champsim_packing_of(const uint8_t *bytes, size_t n)
{
    static const uint8_t xz[] = {0xfd, '7', 'z', 'X', 'Z', 0};
    if (n >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b)
        return CHAMPSIM_GZIP;
    return n >= sizeof xz && memcmp(bytes, xz, sizeof xz) == 0 ? CHAMPSIM_XZ : CHAMPSIM_PLAIN;
}

/* ---- bytes ---- */

static int refuse(const struct champsim *t, const char *why, char *err, size_t errlen)
{
    snprintf(err, errlen, "%s: record %" PRIu64 ": %s", t->path, t->record, why);
    return -1;
}

/* More bytes of the file, if there are any. */
static int fill_packed(struct champsim *t, char *err, size_t errlen)
{
    if (t->packed_at < t->npacked)
        return 0;
    t->packed_at = 0;
    t->npacked = fread(t->packed, 1, CHUNK, t->file);
    if (ferror(t->file))
        return refuse(t, strerror(errno), err, errlen);
    return 0;
}

static int unpack_gzip(struct champsim *t, char *err, size_t errlen)
{
    t->gzip.next_in = t->packed + t->packed_at;
    t->gzip.avail_in = (uInt)(t->npacked - t->packed_at);
    t->gzip.next_out = t->bytes + t->n;
    t->gzip.avail_out = (uInt)(CHUNK - t->n);
    if (t->ended && inflateReset(&t->gzip) != Z_OK)
        return refuse(t, "out of memory", err, errlen);
    const int r = inflate(&t->gzip, Z_NO_FLUSH);
    t->ended = r == Z_STREAM_END;
    t->packed_at = t->npacked - t->gzip.avail_in;
    t->n = CHUNK - t->gzip.avail_out;
    return r == Z_OK || r == Z_STREAM_END || r == Z_BUF_ERROR
               ? 0
               : refuse(t, "the gzip file is damaged", err, errlen);
}

static int unpack_xz(struct champsim *t, char *err, size_t errlen)
{
    const int last = feof(t->file) && t->npacked == 0;
    t->xz.next_in = t->packed + t->packed_at;
    t->xz.avail_in = t->npacked - t->packed_at;
    t->xz.next_out = t->bytes + t->n;
    t->xz.avail_out = CHUNK - t->n;
    const lzma_ret r = lzma_code(&t->xz, last ? LZMA_FINISH : LZMA_RUN);
    t->ended = r == LZMA_STREAM_END;
    t->packed_at = t->npacked - t->xz.avail_in;
    t->n = CHUNK - t->xz.avail_out;
    return r == LZMA_OK || r == LZMA_STREAM_END || r == LZMA_BUF_ERROR
               ? 0
               : refuse(t, "the xz file is damaged", err, errlen);
}

static int unpack(struct champsim *t, char *err, size_t errlen)
{
    if (t->packing == CHAMPSIM_GZIP)
        return unpack_gzip(t, err, errlen);
    if (t->packing == CHAMPSIM_XZ)
        return unpack_xz(t, err, errlen);
    const size_t n = t->npacked - t->packed_at, room = CHUNK - t->n;
    const size_t some = n < room ? n : room;
    memcpy(t->bytes + t->n, t->packed + t->packed_at, some);
    t->n += some;
    t->packed_at += some;
    return 0;
}

/* At least one record more: 1, 0 at the end, -1. */
static int fill(struct champsim *t, char *err, size_t errlen)
{
    memmove(t->bytes, t->bytes + t->at, t->n - t->at);
    t->n -= t->at;
    t->at = 0;
    while (t->n < CHAMPSIM_BYTES) {
        if (fill_packed(t, err, errlen))
            return -1;
        const size_t before = t->n, had = t->npacked - t->packed_at;
        if (t->packing == CHAMPSIM_GZIP && t->ended && had == 0)
            break; /* no other stream follows */
        if (unpack(t, err, errlen))
            return -1;
        if (t->n == before && had == 0)
            break;
    }
    if (t->n >= CHAMPSIM_BYTES)
        return 1;
    if (t->packing != CHAMPSIM_PLAIN && !t->ended)
        return refuse(t, "the compressed file is cut off", err, errlen);
    if (t->n)
        return refuse(t, "cut off: a record has 64 bytes", err, errlen);
    return 0;
}

/* ---- addresses ---- */

static struct region *place_of(struct region *regions, uint32_t mask, uint64_t virtual)
{
    uint32_t i = (uint32_t)(virtual * UINT64_C(0x9e3779b97f4a7c15) >> 32) & mask;
    while (regions[i].number && regions[i].virtual != virtual)
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
        if (t->regions[i].number)
            *place_of(more, mask, t->regions[i].virtual) = t->regions[i];
    free(t->regions);
    t->regions = more;
    t->mask = mask;
    return 0;
}

/* The physical address, or UINT64_MAX: no memory is left, here or there. */
static uint64_t physical(struct champsim *t, uint64_t addr)
{
    const uint64_t virtual = addr >> REGION_SHIFT;
    if (!t->recent.number || t->recent.virtual != virtual) {
        struct region *r = place_of(t->regions, t->mask, virtual);
        if (!r->number) {
            if (t->nregions == REGIONS || (t->nregions > t->mask / 2 && grow(t)))
                return UINT64_MAX;
            r = place_of(t->regions, t->mask, virtual);
            *r = (struct region){virtual, ++t->nregions};
        }
        t->recent = *r;
    }
    return (uint64_t)(t->recent.number - 1) << REGION_SHIFT | (addr & ((1u << REGION_SHIFT) - 1));
}

/* ---- records ---- */

static uint64_t number(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return le64toh(v);
}

struct touched {
    int sp, flags, ip, others;
};

static struct touched look_at(const uint8_t *registers, uint32_t n)
{
    struct touched t = {0};
    for (uint32_t i = 0; i < n; i++) {
        t.sp |= registers[i] == REG_SP;
        t.flags |= registers[i] == REG_FLAGS;
        t.ip |= registers[i] == REG_IP;
        t.others |= registers[i] && registers[i] != REG_SP && registers[i] != REG_FLAGS &&
                    registers[i] != REG_IP;
    }
    return t;
}

static enum stream_branch branch_of(const uint8_t *written, const uint8_t *read)
{
    const struct touched w = look_at(written, STREAM_RESULTS), r = look_at(read, STREAM_SOURCES);
    if (!w.ip)
        return STREAM_NONE;
    if (!r.sp && !r.flags && !r.others)
        return STREAM_JUMP;
    if (!r.sp && !r.ip && !r.flags && r.others)
        return STREAM_INDIRECT;
    if (!r.sp && r.ip && !w.sp && (r.flags || r.others))
        return STREAM_COND;
    if (r.sp && r.ip && w.sp && !r.flags)
        return r.others ? STREAM_CALL_INDIRECT : STREAM_CALL;
    return r.sp && !r.ip && w.sp ? STREAM_RETURN : STREAM_INDIRECT;
}

/* Neither instruction nor stack pointer are waited for: the one is known, the other is renamed in
 * front of the window. */
static uint8_t waited_for(uint8_t reg)
{
    return reg == REG_IP || reg == REG_SP ? 0 : reg;
}

static int decode(struct champsim *t, const uint8_t *p, struct stream_op *s)
{
    memset(s, 0, sizeof *s);
    s->pc = physical(t, number(p));
    int bad = s->pc == UINT64_MAX;
    s->branch = (uint8_t)branch_of(p + 10, p + 12);
    s->taken = s->branch == STREAM_COND ? p[9] : s->branch != STREAM_NONE;
    for (uint32_t i = 0; i < STREAM_RESULTS; i++)
        s->result[i] = waited_for(p[10 + i]);
    for (uint32_t i = 0; i < STREAM_SOURCES; i++)
        s->source[i] = waited_for(p[12 + i]);
    for (uint32_t i = 0; i < STREAM_STORES; i++) {
        const uint64_t addr = number(p + 16 + 8 * i);
        if (addr)
            bad |= (s->store[s->stores++] = physical(t, addr)) == UINT64_MAX;
    }
    for (uint32_t i = 0; i < STREAM_LOADS; i++) {
        const uint64_t addr = number(p + 32 + 8 * i);
        if (addr)
            bad |= (s->load[s->loads++] = physical(t, addr)) == UINT64_MAX;
    }
    return bad ? -1 : 0;
}

static int read_one(struct champsim *t, struct stream_op *s, char *err, size_t errlen)
{
    if (t->n - t->at < CHAMPSIM_BYTES) {
        const int more = fill(t, err, errlen);
        if (more <= 0)
            return more;
    }
    const uint8_t *p = t->bytes + t->at;
    if (p[8] > 1 || p[9] > 1)
        return refuse(t, "not one of ChampSim's: bytes 8 and 9 are 0 or 1", err, errlen);
    if (decode(t, p, s))
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

static int begin_unpacking(struct champsim *t)
{
    t->xz = (lzma_stream)LZMA_STREAM_INIT;
    if (t->packing == CHAMPSIM_GZIP)
        return inflateInit2(&t->gzip, 15 + 16) == Z_OK ? 0 : -1;
    if (t->packing == CHAMPSIM_XZ)
        return lzma_stream_decoder(&t->xz, UINT64_C(1) << 30, LZMA_CONCATENATED) == LZMA_OK ? 0
                                                                                            : -1;
    return 0;
}

struct champsim *champsim_open(const char *path, char *err, size_t errlen)
{
    struct champsim *t = calloc(1, sizeof *t);
    FILE *f = t ? fopen(path, "rb") : NULL;
    if (!f) {
        snprintf(err, errlen, "%s: %s", path, t ? strerror(errno) : "out of memory");
        free(t);
        return NULL;
    }
    t->file = f;
    t->path = strdup(path);
    t->mask = 1023;
    t->regions = calloc(t->mask + 1, sizeof *t->regions);
    if (!t->path || !t->regions) {
        snprintf(err, errlen, "%s: out of memory", path);
        goto bad;
    }
    if (fill_packed(t, err, errlen))
        goto bad;
    t->packing = champsim_packing_of(t->packed, t->npacked);
    if (begin_unpacking(t)) {
        snprintf(err, errlen, "%s: out of memory", path);
        goto bad;
    }
    return t;
bad:
    champsim_close(t);
    return NULL;
}

void champsim_close(struct champsim *t)
{
    if (!t)
        return;
    if (t->packing == CHAMPSIM_GZIP)
        inflateEnd(&t->gzip);
    if (t->packing == CHAMPSIM_XZ)
        lzma_end(&t->xz);
    fclose(t->file);
    free(t->path);
    free(t->regions);
    free(t);
}
