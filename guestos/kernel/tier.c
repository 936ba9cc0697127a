/* tier.c - the kernel's half of tiering: who is looked at, who is moved, which frames are free. */
#include "tier.h"
#include "heap.h"
#include "mapping.h"
#include "nvdir.h"
#include "param.h"

#define LOOK       64u /* pages whose counters are read at once */
#define LIMIT_MOST 256u

/* A program's memory; frame[i] is 1 + the NVDIMM frame of page i, 0 when it lies in DRAM. */
struct memory {
    struct memory *next;
    uint32_t pid;
    int32_t instance;
    uint32_t seen, room; /* pages that are known, and that `frame` has room for */
    uint32_t *frame;
};

/* A page to be brought to DRAM. */
struct wish {
    struct memory *memory;
    uint32_t page, samples;
};

static struct {
    uint64_t period_ns, due_ns; /* 0: nothing is migrated */
    uint32_t dram, threshold, limit;
    struct memory *memories;
    uint32_t *spare, spares, spare_room; /* NVDIMM frames that are free again */
    struct wish *wish;                   /* the hottest first, `limit` at most */
    uint32_t wishes;
} tier;

void tier_init(void)
{
    tier.period_ns = param_number(PARAM_TIER_PERIOD, 0, 0, UINT32_MAX);
    if (!tier.period_ns)
        return;
    tier.dram = param_number(PARAM_TIER_DRAM, 0, 0, UINT32_MAX);
    tier.threshold = param_number(PARAM_TIER_THRESHOLD, 1, 1, UINT32_MAX);
    tier.limit = param_number(PARAM_TIER_LIMIT, 1, 1, LIMIT_MOST);
    tier.wish = kalloc_boot(tier.limit * (uint32_t)sizeof *tier.wish);
}

/* ---- frames of the NVDIMM ---- */

static int32_t frame_take(void)
{
    return tier.spares ? (int32_t)tier.spare[--tier.spares] : nvdir_cache_alloc(1);
}

/* A frame that cannot be noted is lost until power-off. */
static void frame_give(uint32_t frame)
{
    if (tier.spares == tier.spare_room) {
        uint32_t room = tier.spare_room ? 2 * tier.spare_room : 64;
        uint32_t *more = kalloc(room * (uint32_t)sizeof *more);
        if (!more)
            return;
        for (uint32_t i = 0; i < tier.spares; i++)
            more[i] = tier.spare[i];
        kfree(tier.spare);
        tier.spare = more;
        tier.spare_room = room;
    }
    tier.spare[tier.spares++] = frame;
}

/* ---- memories ---- */

/* The policy knows a page by this number. */
static int64_t key_of(const struct memory *m, uint32_t page)
{
    return (int64_t)((uint64_t)m->pid << 16 | page);
}

static struct memory *memory_of(uint32_t pid)
{
    struct memory *m = tier.memories;
    while (m && m->pid != pid)
        m = m->next;
    return m;
}

/* Of a process that lives, with room for so many pages; NULL: no memory. */
static struct memory *memory_for(const struct process *p, uint32_t pages)
{
    struct memory *m = memory_of(p->pid);
    if (!m) {
        m = kalloc(sizeof *m);
        if (!m)
            return NULL;
        *m = (struct memory){.next = tier.memories, .pid = p->pid, .instance = p->instance};
        tier.memories = m;
    }
    if (pages > m->room) {
        uint32_t *more = kalloc(2 * pages * (uint32_t)sizeof *more);
        if (!more)
            return NULL;
        for (uint32_t i = 0; i < 2 * pages; i++)
            more[i] = i < m->seen ? m->frame[i] : 0;
        kfree(m->frame);
        m->frame = more;
        m->room = 2 * pages;
    }
    return m;
}

void tier_forget(const struct process *p)
{
    struct memory **link = &tier.memories, *m;
    while (*link && (*link)->pid != p->pid)
        link = &(*link)->next;
    m = *link;
    if (!m)
        return;
    for (uint32_t i = 0; i < m->seen; i++)
        if (m->frame[i])
            frame_give(m->frame[i] - 1);
    *link = m->next;
    kfree(m->frame);
    kfree(m);
}

static int is_mapped(const struct process *p, uint32_t page)
{
    for (const struct mapping *m = p->mappings; m; m = m->next)
        if (page >= m->page && page - m->page < m->pages)
            return 1;
    return 0;
}

/* ---- moving ---- */

static void demote(struct memory *m, uint32_t page)
{
    int32_t frame;
    if (page >= m->seen || m->frame[page])
        return;
    frame = frame_take();
    if (frame < 0)
        return;
    if (machine_tier_move(m->instance, page, MACHINE_NVDIMM, (uint32_t)frame) == 0)
        m->frame[page] = (uint32_t)frame + 1;
    else
        frame_give((uint32_t)frame);
}

static void promote(struct memory *m, uint32_t page)
{
    if (machine_tier_move(m->instance, page, MACHINE_DRAM, 0) != 0)
        return;
    frame_give(m->frame[page] - 1);
    m->frame[page] = 0;
}

/* The policy is told of a page; what has to leave for it leaves. */
static void use(struct memory *m, uint32_t page)
{
    int64_t victim = machine_tier_access(key_of(m, page));
    struct memory *of = victim < 0 ? NULL : memory_of((uint32_t)(victim >> 16));
    if (of)
        demote(of, (uint32_t)victim & 0xffff);
}

/* ---- looking ---- */

static void wish_add(struct memory *m, uint32_t page, uint32_t samples)
{
    uint32_t i;
    if (tier.wishes == tier.limit && tier.wish[tier.limit - 1].samples >= samples)
        return;
    i = tier.wishes < tier.limit ? tier.wishes++ : tier.limit - 1;
    for (; i && tier.wish[i - 1].samples < samples; i--)
        tier.wish[i] = tier.wish[i - 1];
    tier.wish[i] = (struct wish){m, page, samples};
}

static void look_at(const struct process *p, struct memory *m, uint32_t page, uint32_t samples)
{
    int is_new = page == m->seen;
    if (is_new)
        m->seen++;
    if (is_mapped(p, page))
        return;
    if (!tier.dram) {
        demote(m, page);
        return;
    }
    if (m->frame[page] && samples >= tier.threshold)
        wish_add(m, page, samples);
    else if (!m->frame[page] && (is_new || samples >= tier.threshold))
        use(m, page);
}

static void look_at_process(const struct process *p)
{
    uint32_t samples[LOOK];
    uint32_t pages = (uint32_t)(machine_memory_bytes(p->instance) >> 16);
    struct memory *m = memory_for(p, pages);
    for (uint32_t at = 0; m && at < pages; at += LOOK) {
        uint32_t n = pages - at < LOOK ? pages - at : LOOK;
        if (machine_tier_samples(p->instance, at, n, samples) < 0)
            return;
        for (uint32_t i = 0; i < n; i++)
            look_at(p, m, at + i, samples[i]);
    }
}

uint64_t tier_tick(uint64_t now_ns)
{
    if (!tier.period_ns || now_ns < tier.due_ns)
        return now_ns;
    tier.wishes = 0;
    for (const struct process *p = process_from(0); p; p = process_from(p->pid + 1))
        if (p->state == PROCESS_ALIVE)
            look_at_process(p);
    for (uint32_t i = 0; i < tier.wishes; i++) {
        use(tier.wish[i].memory, tier.wish[i].page);
        promote(tier.wish[i].memory, tier.wish[i].page);
    }
    now_ns = (uint64_t)machine_clock(0);
    tier.due_ns = now_ns + tier.period_ns;
    return now_ns;
}

uint64_t tier_slice(uint64_t slice, uint64_t now_ns)
{
    uint64_t left;
    if (!tier.period_ns)
        return slice;
    left = tier.due_ns > now_ns ? tier.due_ns - now_ns : 1;
    return slice && slice < left ? slice : left;
}
