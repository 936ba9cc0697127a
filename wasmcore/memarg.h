/* memarg.h - the immediate of a load or store. */
#ifndef WASMCORE_MEMARG_H
#define WASMCORE_MEMARG_H

#include "wasmcore/module.h"
#include "wasmcore/reader.h"

struct memarg {
    uint32_t align;  /* log2 */
    uint32_t memory; /* whether there is one is for validation to see */
    uint64_t offset;
};

/* Bit 6 of the alignment says that the number of a memory follows. An offset has as many bits as
 * the memory's addresses. */
static inline struct memarg memarg_read(struct reader *r, const struct module *m)
{
    const uint8_t *start = r->at;
    struct memarg a = {reader_u32(r), 0, 0};
    if (a.align >= 64 && a.align < 128) {
        a.align -= 64;
        a.memory = reader_u32(r);
    }
    if (a.align >= 32)
        reader_fail(r, "malformed memop flags", start);
    int wide = a.memory < m->nmems && m->mems[a.memory].is64;
    a.offset = wide ? reader_u64(r) : reader_u32(r);
    return a;
}

/* Is it a memory that fast loads and stores do not know: not memory 0, or of 64-bit addresses? */
static inline int memory_is_far(const struct module *m, uint32_t memory)
{
    return memory > 0 || m->mems[0].is64;
}

#endif
