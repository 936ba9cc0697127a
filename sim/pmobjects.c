/* pmobjects.c - which parts of the NVDIMM are named objects, as the guest's directory has them. */
#include "sim/pmobjects.h"

#include <stdlib.h>
#include <string.h>

#define MAGIC   UINT64_C(0x00726964766e7770)
#define FIRST   128u
#define ENTRY   128u
#define ENTRIES 511u

static uint32_t u32_at(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint64_t u64_at(const uint8_t *p)
{
    return u32_at(p) | (uint64_t)u32_at(p + 4) << 32;
}

int pmobjects_may_begin(const uint8_t first[8])
{
    const uint64_t v = u64_at(first);
    return v == 0 || v == MAGIC;
}

static int read_entry(const uint8_t *e, uint64_t frames, struct pmobject *out)
{
    const uint64_t first = u32_at(e + 8), n = u32_at(e + 12);
    const uint32_t len = u32_at(e + 28);
    if (u32_at(e) != 1 || len == 0 || len > PMOBJECT_NAME || first + n > frames)
        return 0;
    memcpy(out->name, e + 32, len);
    out->name[len] = 0;
    out->addr = frame_addr(TIER_NVDIMM, (uint32_t)first);
    out->bytes = n * FRAME_BYTES;
    return 1;
}

struct pmobject *pmobjects_read(struct physmem *pm, size_t *n)
{
    const uint64_t frames = physmem_bytes(pm, TIER_NVDIMM) / FRAME_BYTES;
    *n = 0;
    const uint8_t *dir = frames ? physmem_at(pm, frame_addr(TIER_NVDIMM, 0), FRAME_BYTES) : NULL;
    if (!dir || u64_at(dir) != MAGIC)
        return NULL;
    struct pmobject *all = calloc(ENTRIES, sizeof *all);
    for (uint32_t i = 0; all && i < ENTRIES; i++)
        *n += (size_t)read_entry(dir + FIRST + ENTRY * i, frames, &all[*n]);
    return all;
}
