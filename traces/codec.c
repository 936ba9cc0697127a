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
    v &= ends ^ (ends - 1); /* the bytes up to the first that ends a number */
    v = (v & UINT64_C(0x007f007f007f007f)) | (v & UINT64_C(0x7f007f007f007f00)) >> 1;
    v = (v & UINT64_C(0x00003fff00003fff)) | (v & UINT64_C(0x3fff00003fff0000)) >> 2;
    *x = (v & UINT64_C(0x0fffffff)) | (v & UINT64_C(0x0fffffff00000000)) >> 4;
    return p + (__builtin_ctzll(ends) >> 3) + 1;
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

/* What the control byte says was not as expected, the address apart. */
static inline const uint8_t *correct(struct codec_expect *e, unsigned wrong, uint64_t last_pc,
                                     const uint8_t *p)
{
    uint64_t x;
    if (wrong & WRONG_PC) {
        p = get_number(p, &x);
        e->pc = last_pc + unzigzag(x);
    }
    if (wrong & WRONG_SHAPE) {
        e->shape = format_get32(p);
        p += 4;
    }
    if (wrong & WRONG_GAP) {
        p = get_number(p, &x);
        e->gap = (uint32_t)x;
    }
    if (wrong & WRONG_DEPENDS) {
        p = get_number(p, &x);
        e->depends = (uint32_t)x;
    }
    return p;
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
                                 .side = (uint8_t)(e->shape >> 25)};
}

const uint8_t *codec_decode(struct codec *c, const uint8_t *control, const uint8_t *p,
                            const uint8_t *end, uint64_t before, struct trace_record *out, size_t n,
                            size_t *bad)
{
    uint32_t key = c->key, context = c->context;
    uint64_t pc = c->pc;
    for (size_t i = 0; i < n; i++) {
        const unsigned wrong = control[i];
        struct codec_expect e = c->expect[context];
        if (wrong & (WRONG_ADDR - 1))
            p = correct(&e, wrong, pc, p);
        const uint32_t last = key;
        key = key_of(e.pc, e.shape & 255);
        struct codec_stream *s = stream_of(c, key);
        uint64_t addr = s->addr + s->step;
        if (wrong & WRONG_ADDR) {
            p = get_number(p, &addr);
            addr = s->addr + unzigzag(addr);
        }
        out[i] = record_of(&e, addr);
        if (wrong > 31 || p > end || !codec_valid(&out[i], before + i)) {
            *bad = i;
            return NULL;
        }
        c->expect[context] = e;
        stream_learn(s, addr);
        context = context_after(key, last);
        pc = e.pc;
    }
    c->key = key;
    c->context = context;
    c->pc = pc;
    return p;
}
