/* slots.c - function types counted by slots of a frame, of which a v128 takes two. */
#include "wasmcore/slots.h"

#include "wasmcore/regalloc.h"

uint32_t slots_of_locals(const struct function *fn)
{
    uint32_t n = fn->nlocals; /* the limit on locals is far below 2^31 */
    for (uint32_t i = 0; i < fn->nruns; i++)
        if (fn->runs[i].type == VT_V128)
            n += fn->runs[i].count;
    return n;
}

static uint8_t *put_types(uint8_t *to, const uint8_t *types, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        *to++ = types[i];
        if (types[i] == VT_V128)
            *to++ = VT_HIGH;
    }
    return to;
}

const struct functype *slots_types(struct module *m)
{
    uint64_t bytes = 0;
    if (!m->has_v128)
        return m->types ? m->types : (const struct functype *)module_alloc(m, 1, sizeof *m->types);
    for (uint32_t i = 0; i < m->ntypes; i++)
        bytes += slots_of(m->types[i].types, m->types[i].nparams + m->types[i].nresults);
    struct functype *out = module_alloc(m, m->ntypes, sizeof *out);
    uint8_t *to = bytes <= UINT32_MAX ? module_alloc(m, (uint32_t)bytes, 1) : NULL;
    if (!out || !to)
        return NULL;
    for (uint32_t i = 0; i < m->ntypes; i++) {
        const struct functype *t = &m->types[i];
        uint8_t *results = put_types(to, t->types, t->nparams);
        uint8_t *end = put_types(results, t->types + t->nparams, t->nresults);
        out[i] = (struct functype){(uint32_t)(results - to), (uint32_t)(end - results), to};
        to = end;
    }
    return out;
}
