/* pmstatics.c - which addresses of static variables a module's code names. */
#include "sim/pmstatics.h"

#include <stdlib.h>

#define I32_CONST   0x41u
#define FIRST_STORE 0x28u /* i32.load */
#define LAST_STORE  0x3eu /* i64.store32 */
#define PADDED      5u
#define LEAST       1024u /* wasm-ld puts nothing below */

static int add(struct pmstatics *s, size_t *cap, uint32_t v)
{
    if (s->n == *cap) {
        *cap = *cap ? 2 * *cap : 64;
        uint32_t *more = realloc(s->v, *cap * sizeof *more);
        if (!more)
            return -1;
        s->v = more;
    }
    s->v[s->n++] = v;
    return 0;
}

/* The number at p when it is padded to five bytes, else 0. */
static uint32_t padded(const uint8_t *p)
{
    uint32_t v = 0;
    for (uint32_t i = 0; i < PADDED; i++) {
        if ((p[i] >> 7) != (i < PADDED - 1))
            return 0;
        v |= (uint32_t)(p[i] & 127) << 7 * i;
    }
    return p[PADDED - 1] < 16 && v < UINT32_C(1) << 28 ? v : 0;
}

static int ascending(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static int scan(const struct module *m, uint32_t from, uint32_t to, struct pmstatics *s,
                size_t *cap)
{
    for (uint32_t i = from; i + 2 + PADDED <= to; i++) {
        const uint8_t op = m->bytes[i];
        uint32_t v = 0;
        if (op == I32_CONST)
            v = padded(m->bytes + i + 1);
        else if (op >= FIRST_STORE && op <= LAST_STORE && m->bytes[i + 1] < 4)
            v = padded(m->bytes + i + 2);
        if (v >= LEAST && add(s, cap, v))
            return -1;
    }
    return 0;
}

struct pmstatics pmstatics_of(const struct module *m)
{
    struct pmstatics s = {0};
    size_t cap = 0, n = 0;
    int bad = 0;
    for (uint32_t i = 0; !bad && i < m->nfuncs; i++)
        bad = scan(m, m->funcs[i].body, m->funcs[i].body_end, &s, &cap);
    if (bad)
        pmstatics_free(&s);
    if (s.n > 1)
        qsort(s.v, s.n, sizeof *s.v, ascending);
    for (size_t i = 0; i < s.n; i++)
        if (i == 0 || s.v[i] != s.v[i - 1])
            s.v[n++] = s.v[i];
    s.n = n;
    return s;
}

int pmstatics_has(const struct pmstatics *s, uint64_t addr)
{
    const uint32_t key = (uint32_t)addr;
    return addr <= UINT32_MAX && s->n && bsearch(&key, s->v, s->n, sizeof key, ascending) != NULL;
}

void pmstatics_free(struct pmstatics *s)
{
    free(s->v);
    *s = (struct pmstatics){0};
}
