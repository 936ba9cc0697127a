/* codec.c - trace records as few bytes; the coding is written down in codec.h. */
#include "traces/codec.h"

#include <string.h>

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

static inline void learn(struct codec *c, const struct trace_record *r, uint32_t key)
{
    c->expect[c->context] = *r;
    c->stream[key >> (32 - CODEC_BITS)].step = r->addr - c->stream[key >> (32 - CODEC_BITS)].addr;
    c->stream[key >> (32 - CODEC_BITS)].addr = r->addr;
    c->context = (key + (c->key << 1 | c->key >> 31)) >> (32 - CODEC_BITS);
    c->key = key;
    c->pc = r->pc;
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

static inline const uint8_t *get_number(const uint8_t *p, uint64_t *x)
{
    uint64_t value = *p & 0x7f;
    for (unsigned shift = 7; *p++ & 0x80 && shift < 70; shift += 7)
        value |= (uint64_t)(*p & 0x7f) << shift;
    *x = value;
    return p;
}

/* ---- records ---- */

static inline int same_shape(const struct trace_record *a, const struct trace_record *b)
{
    return a->kind == b->kind && a->bytes == b->bytes && a->hart == b->hart && a->tier == b->tier &&
           a->side == b->side;
}

uint8_t *codec_encode(struct codec *c, const struct trace_record *r, uint8_t *control, uint8_t *p)
{
    const struct trace_record *e = &c->expect[c->context];
    uint32_t key = key_of(r->pc, r->kind);
    uint64_t last = c->stream[key >> (32 - CODEC_BITS)].addr;
    unsigned wrong = 0;

    if (r->pc != e->pc) {
        wrong |= WRONG_PC;
        p = put_number(p, zigzag(r->pc - c->pc));
    }
    if (!same_shape(r, e)) {
        wrong |= WRONG_SHAPE;
        *p++ = r->kind;
        *p++ = (uint8_t)r->bytes;
        *p++ = r->hart;
        *p++ = (uint8_t)(r->tier | r->side << 1);
    }
    if (r->gap != e->gap) {
        wrong |= WRONG_GAP;
        p = put_number(p, r->gap);
    }
    if (r->depends != e->depends) {
        wrong |= WRONG_DEPENDS;
        p = put_number(p, r->depends);
    }
    if (r->addr != last + c->stream[key >> (32 - CODEC_BITS)].step) {
        wrong |= WRONG_ADDR;
        p = put_number(p, zigzag(r->addr - last));
    }
    *control = (uint8_t)wrong;
    learn(c, r, key);
    return p;
}

/* What the control byte says was not as expected, the address apart. */
static const uint8_t *correct(struct trace_record *r, unsigned wrong, uint64_t last_pc,
                              const uint8_t *p)
{
    uint64_t x;
    if (wrong & WRONG_PC) {
        p = get_number(p, &x);
        r->pc = last_pc + unzigzag(x);
    }
    if (wrong & WRONG_SHAPE) {
        r->kind = p[0];
        r->bytes = p[1];
        r->hart = p[2];
        r->tier = p[3] & 1;
        r->side = p[3] >> 1;
        p += 4;
    }
    if (wrong & WRONG_GAP) {
        p = get_number(p, &x);
        r->gap = (uint32_t)x;
    }
    if (wrong & WRONG_DEPENDS) {
        p = get_number(p, &x);
        r->depends = (uint32_t)x;
    }
    return p;
}

const uint8_t *codec_decode(struct codec *c, const uint8_t *control, const uint8_t *p,
                            const uint8_t *end, uint64_t before, struct trace_record *out, size_t n,
                            size_t *bad)
{
    for (size_t i = 0; i < n; i++) {
        unsigned wrong = control[i];
        struct trace_record r = c->expect[c->context];
        if (wrong & (WRONG_ADDR - 1))
            p = correct(&r, wrong, c->pc, p);
        uint32_t key = key_of(r.pc, r.kind);
        uint64_t last = c->stream[key >> (32 - CODEC_BITS)].addr;
        if (wrong & WRONG_ADDR) {
            uint64_t x;
            p = get_number(p, &x);
            r.addr = last + unzigzag(x);
        } else {
            r.addr = last + c->stream[key >> (32 - CODEC_BITS)].step;
        }
        if (wrong > 31 || p > end || !codec_valid(&r, before + i)) {
            *bad = i;
            return NULL;
        }
        learn(c, &r, key);
        out[i] = r;
    }
    return p;
}
