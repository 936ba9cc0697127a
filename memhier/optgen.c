/* optgen.c - what Belady's OPT would have kept: occupancy vectors and the sampler. */
#include "memhier/optgen.h"

void optgen_start(struct optgen *og, uint32_t sets, uint32_t ways)
{
    sample_start(&og->sample, sets, SAMPLE_SETS);
    og->ways = ways;
    og->set_bits = (uint32_t)__builtin_ctz(sets);
}

static struct optgen_entry *group_of(const struct optgen *og, struct optgen_row *row, uint32_t tag)
{
    const uint32_t hash = tag * UINT32_C(2654435761);
    return &row->entry[((uint64_t)hash * og->ways >> 32) * OPTGEN_GROUP];
}

/* The line's entry, or else the one that makes room for it: free, or used longest ago. */
static struct optgen_entry *find(struct optgen_entry *group, uint32_t tag, uint32_t now)
{
    struct optgen_entry *room = group;
    for (struct optgen_entry *e = group; e < group + OPTGEN_GROUP; e++) {
        if (e->valid && e->tag == tag)
            return e;
        if (room->valid && (!e->valid || now - e->time > now - room->time))
            room = e;
    }
    return room;
}

/* May one more line be kept from step `from` until now? If so, it is. */
static int keep(struct optgen_row *row, uint32_t from, uint32_t window, uint32_t ways)
{
    if (row->now - from > window)
        return 0;
    for (uint32_t t = from; t != row->now; t++)
        if (row->lines[t % OPTGEN_STEPS] >= ways)
            return 0;
    for (uint32_t t = from; t != row->now; t++)
        row->lines[t % OPTGEN_STEPS]++;
    return 1;
}

enum optgen_verdict optgen_observe(struct optgen *og, uint32_t at, uint64_t line, int demand,
                                   uint64_t next, uint64_t *owner)
{
    struct optgen_row *row = &og->row[at];
    const uint32_t tag = (uint32_t)(line >> og->set_bits), window = OPTGEN_GROUP * og->ways;
    struct optgen_entry *e = find(group_of(og, row, tag), tag, row->now);
    enum optgen_verdict verdict = OPTGEN_SILENT;
    if (e->valid) {
        *owner = e->owner;
        if (e->tag != tag)
            verdict = row->now - e->time > window ? OPTGEN_GONE : OPTGEN_SILENT;
        else if (demand)
            verdict = keep(row, e->time, window, og->ways) ? OPTGEN_KEPT : OPTGEN_LOST;
    }
    *e = (struct optgen_entry){.tag = tag, .time = row->now, .owner = next, .valid = 1};
    row->lines[row->now % OPTGEN_STEPS] = 0;
    row->now++;
    return verdict;
}

static void entry_archive(struct optgen_entry *e, struct archive *a)
{
    archive_u64(a, &e->owner);
    archive_u32(a, &e->tag);
    archive_u32(a, &e->time);
    archive_u32_below(a, &e->valid, 2);
}

void optgen_archive(struct optgen *og, struct archive *a)
{
    archive_section(a, "OPTG", 1);
    for (uint32_t i = 0; i < SAMPLE_SETS; i++) {
        struct optgen_row *row = &og->row[i];
        archive_u32(a, &row->now);
        archive_u8s(a, row->lines, OPTGEN_STEPS, og->ways + 1);
        for (uint32_t k = 0; k < 16 * OPTGEN_GROUP; k++)
            entry_archive(&row->entry[k], a);
    }
}
