/* hierarchy_archive.c - all caches and the directory in a checkpoint. */
/*
 * After reading, all invariants are looked at (hierarchy_check.c): caches and directory that do not
 * fit together are refused.
 */
#include "memhier/archive.h"
#include "memhier/hierarchy_parts.h"

static void hart_archive(struct hart_caches *hc, uint64_t lines, struct archive *a)
{
    cache_archive(hc->l1[0], lines, a);
    cache_archive(hc->l1[1], lines, a);
    cache_archive(hc->l2, lines, a);
    archive_u64s(a, (uint64_t *)&hc->n, sizeof hc->n / sizeof(uint64_t));
}

void hierarchy_archive(struct hierarchy *h, struct archive *a)
{
    const uint64_t most = hierarchy_has_nvdimm(h) ? HIERARCHY_ADDR_LIMIT : NVDIMM_BASE;
    char err[200];
    archive_section(a, "HIER", 3);
    archive_same(a, h->harts);
    archive_times(a, h->slot, WRITEBACK_SLOTS);
    archive_u32(a, &h->next_slot);
    archive_u64s(a, h->flushed, FLUSHES_KNOWN);
    archive_times(a, h->flushed_at, FLUSHES_KNOWN);
    archive_u8_below(a, &h->used, 2);
    for (uint32_t i = 0; i < h->harts; i++)
        hart_archive(&h->hart[i], most >> LINE_SHIFT, a);
    cache_archive(h->llc, most >> LINE_SHIFT, a);
    if (h->dir)
        directory_archive(h->dir, most >> LINE_SHIFT, a);
    if (!a->writing && !a->failed && hierarchy_check(h, err, sizeof err))
        archive_fail(a, "damaged: caches and directory");
}
