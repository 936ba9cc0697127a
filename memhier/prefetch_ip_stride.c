/* prefetch_ip_stride.c - each instruction's own stride (ip_stride.h), behind the seam. */
#include <stdio.h>
#include <stdlib.h>

#include "memhier/archive.h"
#include "memhier/ip_stride.h"
#include "memhier/prefetcher.h"

static void *make(const struct prefetcher_config *cfg, char *err, size_t errlen)
{
    struct ip_stride *p = calloc(1, sizeof *p);
    if (p)
        *p = (struct ip_stride){
            .degree = cfg->degree, .distance = cfg->distance, .first = 1, .last = cfg->degree};
    else
        snprintf(err, errlen, "out of memory");
    return p;
}

static uint32_t access(void *state, const struct prefetch_access *a, uint64_t *out)
{
    struct ip_stride *p = state;
    const int64_t stride = ip_stride_learn(p, a->pc, a->line);
    return stride ? ip_stride_wishes(p, a->line, stride, out) : 0;
}

static void archive(void *state, struct archive *a)
{
    struct ip_stride *p = state;
    archive_section(a, "PIPS", 2);
    for (uint32_t i = 0; i < IP_STRIDE_ENTRIES; i++) {
        struct ip_stride_entry *e = &p->entries[i];
        uint64_t stride = (uint64_t)e->stride;
        archive_u64(a, &e->pc);
        archive_u64(a, &e->line);
        archive_u64(a, &stride);
        archive_u32_below(a, &e->confidence, IP_STRIDE_MOST + 1);
        archive_u32_below(a, &e->ahead, p->distance + 1);
        e->stride = (int64_t)stride;
    }
}

const struct prefetcher_ops prefetcher_ip_stride = {
    .name = "ip-stride",
    .meaning = "the next strides of each instruction (reference prediction table)",
    .make = make,
    .drop = free,
    .access = access,
    .archive = archive};
