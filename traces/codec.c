/* codec.c - trace records as few bytes; the coding is written down in codec.h. */
#include "traces/codec.h"

#include <endian.h>
#include <string.h>

#include "traces/format.h"

enum { WRONG_PC = 1, WRONG_SHAPE = 2, WRONG_GAP = 4, WRONG_DEPENDS = 8, WRONG_ADDR = 16 };

void codec_start(struct codec *c)
{
    memset(c, 0, sizeof *c);
}

int codec_valid(const struct trace_record *r, uint64_t before)
{
    return r->kind < MEM_VISIBLE && r->tier <= 1 && r->side <= 1 && r->depends <= before &&
           r->bytes <= LINE_BYTES && (r->addr & (LINE_BYTES - 1)) + r->bytes <= LINE_BYTES;
}

/* ---- the tables ---- */

static inline uint32_t key_of(uint64_t pc, unsigned kind)
{
    return (uint32_t)((pc ^ (uint64_t)kind << 48) * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

static inline struct codec_stream *stream_of(struct codec *c, uint32_t key)
{
    return &c->stream[key >> (32 - CODEC_BITS)];
}

static inline uint32_t context_after(uint32_t key, uint32_t before)
{
    return (key + (before << 1 | before >> 31)) >> (32 - CODEC_BITS);
}

static inline uint32_t shape_of(const struct trace_record *r)
{
    return r->kind | (uint32_t)r->bytes << 8 | (uint32_t)r->hart << 16 | (uint32_t)r->tier << 24 |
           (uint32_t)r->side << 25;
}

static inline void stream_learn(struct codec_stream *s, uint64_t addr)
{
    *s = (struct codec_stream){.addr = addr, .step = addr - s->addr};
}

/* ---- numbers ---- */

static uint8_t *put_number(uint8_t *p, uint64_t x)
{
    for (; x >= 0x80; x >>= 7)
        *p++ = (uint8_t)(x | 0x80);
    *p++ = (uint8_t)x;
    return p;
}

static uint64_t zigzag(uint64_t x)
{
    return x << 1 ^ (0 - (x >> 63));
}

static inline uint64_t unzigzag(uint64_t x)
{
    return x >> 1 ^ (0 - (x & 1));
}

static inline uint32_t get32(const uint8_t *p)
{
    uint32_t x;
    memcpy(&x, p, sizeof x);
    return le32toh(x);
}

/* A number of any length. */
static const uint8_t *get_long_number(const uint8_t *p, uint64_t *x)
{
    uint64_t value = *p & 0x7f;
    for (unsigned shift = 7; *p++ & 0x80 && shift < 70; shift += 7)
        value |= (uint64_t)(*p & 0x7f) << shift;
    *x = value;
    return p;
}

/* Nobody foresees how long a number is: up to 8 bytes are taken at once, without a branch. */
static inline const uint8_t *get_number(const uint8_t *p, uint64_t *x)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    v = le64toh(v);
    const uint64_t ends = ~v & UINT64_C(0x8080808080808080);
    if (__builtin_expect(!ends, 0))
        return get_long_number(p, x);
    /* The bytes up to the first that ends a number, 7 bits each; pairs, then fours, move together:
     * what stands 2^8 too high for 2^7 loses its half, and so on. */
    v &= (ends ^ (ends - 1)) & UINT64_C(0x7f7f7f7f7f7f7f7f);
    v -= v >> 1 & UINT64_C(0x3f803f803f803f80);
    v -= 3 * (v >> 2 & UINT64_C(0x0fffc0000fffc000));
    *x = (v & UINT64_C(0x0fffffff)) | v >> 32 << 28;
    return p + (__builtin_ctzll(ends) >> 3) + 1;
}

/* The same, in fewer steps where it takes up to 4 bytes, as most numbers but addresses do. */
static inline const uint8_t *get_short_number(const uint8_t *p, uint64_t *x)
{
    uint32_t v = get32(p);
    const uint32_t ends = ~v & UINT32_C(0x80808080);
    if (__builtin_expect(!ends, 0))
        return get_number(p, x);
    v &= (ends ^ (ends - 1)) & UINT32_C(0x7f7f7f7f);
    v -= v >> 1 & UINT32_C(0x3f803f80);
    *x = (v & UINT32_C(0x3fff)) | v >> 16 << 14;
    return p + (__builtin_ctz(ends) >> 3) + 1;
}

/* ---- records ---- */

uint8_t *codec_encode(struct codec *c, const struct trace_record *r, uint8_t *control, uint8_t *p)
{
    struct codec_expect *e = &c->expect[c->context];
    const struct codec_expect now = {r->pc, r->gap, r->depends, shape_of(r)};
    const uint32_t key = key_of(r->pc, r->kind);
    struct codec_stream *s = stream_of(c, key);
    unsigned wrong = 0;

    if (now.pc != e->pc) {
        wrong |= WRONG_PC;
        p = put_number(p, zigzag(now.pc - c->pc));
    }
    if (now.shape != e->shape) {
        wrong |= WRONG_SHAPE;
        format_put32(p, now.shape);
        p += 4;
    }
    if (now.gap != e->gap) {
        wrong |= WRONG_GAP;
        p = put_number(p, now.gap);
    }
    if (now.depends != e->depends) {
        wrong |= WRONG_DEPENDS;
        p = put_number(p, now.depends);
    }
    if (r->addr != s->addr + s->step) {
        wrong |= WRONG_ADDR;
        p = put_number(p, zigzag(r->addr - s->addr));
    }
    *control = (uint8_t)wrong;
    *e = now;
    stream_learn(s, r->addr);
    c->context = context_after(key, c->key);
    c->key = key;
    c->pc = r->pc;
    return p;
}

static inline int expect_valid(const struct codec_expect *e, uint64_t before)
{
    return (e->shape & 255) < MEM_VISIBLE && (e->shape >> 8 & 255) <= LINE_BYTES &&
           e->shape >> 26 == 0 && e->depends <= before;
}

/* What the control byte says was not as expected, the address apart; NULL when it cannot be. What
 * is expected of the others has been valid in front of this record, so it is. */
static inline const uint8_t *correct(struct codec_expect *e, unsigned wrong, uint64_t last_pc,
                                     uint64_t before, const uint8_t *p)
{
    uint64_t x;
    if (wrong & WRONG_PC) {
        p = get_short_number(p, &x);
        e->pc = last_pc + unzigzag(x);
    }
    if (wrong & WRONG_SHAPE) {
        e->shape = get32(p);
        p += sizeof e->shape;
    }
    if (wrong & WRONG_GAP) {
        p = get_short_number(p, &x);
        e->gap = (uint32_t)x;
    }
    if (wrong & WRONG_DEPENDS) {
        p = get_short_number(p, &x);
        e->depends = (uint32_t)x;
    }
    return expect_valid(e, before) ? p : NULL;
}

static inline struct trace_record record_of(const struct codec_expect *e, uint64_t addr)
{
    return (struct trace_record){.addr = addr,
                                 .pc = e->pc,
                                 .gap = e->gap,
                                 .depends = e->depends,
                                 .bytes = e->shape >> 8 & 255,
                                 .kind = e->shape & 255,
                                 .hart = e->shape >> 16 & 255,
                                 .tier = e->shape >> 24 & 1,
                                 .side = e->shape >> 25 & 1};
}

const uint8_t *codec_decode(struct codec *c, const uint8_t *control, const uint8_t *p,
                            const uint8_t *end, uint64_t before, struct trace_record *out, size_t n,
                            size_t *bad)
{
    uint32_t key = c->key, context = c->context;
    uint64_t pc = c->pc;
    for (size_t i = 0; i < n; i++) {
        const unsigned wrong = control[i];
        struct codec_expect *e = &c->expect[context];
        *bad = i;
        if (wrong & (WRONG_ADDR - 1) && !(p = correct(e, wrong, pc, before + i, p)))
            return NULL;
        pc = e->pc;
        const uint32_t last = key;
        key = key_of(pc, e->shape & 255);
        struct codec_stream *s = stream_of(c, key);
        uint64_t addr = s->addr + s->step;
        if (wrong & WRONG_ADDR) {
            p = get_number(p, &addr);
            addr = s->addr + unzigzag(addr);
        }
        const uint64_t span = (addr & (LINE_BYTES - 1)) + (e->shape >> 8 & 255);
        if ((wrong > 31) | (p > end) | (span > LINE_BYTES))
            return NULL;
        out[i] = record_of(e, addr);
        stream_learn(s, addr);
        context = context_after(key, last);
    }
    c->key = key;
    c->context = context;
    c->pc = pc;
    return p;
}
