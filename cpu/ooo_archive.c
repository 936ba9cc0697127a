/* ooo_archive.c - the out-of-order core in a checkpoint. */
#include "cpu/ooo.h"

static void front_archive(struct ooo *c, struct archive *a)
{
    archive_time(a, &c->fetch);
    archive_time(a, &c->code_page);
    archive_time(a, &c->code_line);
    when_archive(a, &c->redirect);
    archive_u32_below(a, &c->fetch_left, c->fetch_width + 1);
    archive_time(a, &c->branch_done);
    archive_time(a, &c->dispatch);
    archive_u32_below(a, &c->dispatch_left, c->width + 1);
    archive_u32(a, &c->sequence);
    archive_u32_below(a, &c->waiting, c->scheduler + 1);
    archive_time(a, &c->swept);
    archive_u32_below(a, &c->retire_left, c->retire_width + 1);
    archive_u8_below(a, &c->bulk_begun, 2);
}

static void queues_archive(struct ooo *c, struct archive *a)
{
    archive_same(a, (uint64_t)c->store_queue << 32 | c->load_queue);
    whens_archive(a, c->stores, c->store_queue);
    archive_u32_below(a, &c->store_at, c->store_queue);
    when_archive(a, &c->store_last);
    archive_u64(a, &c->store_line);
    archive_u32_below(a, &c->store_left, c->line_commits);
    archive_times(a, c->loads, c->load_queue);
    archive_u32_below(a, &c->load_at, c->load_queue);
    archive_time(a, &c->load_barrier);
    archive_time(a, &c->step_ready);
    inflight_archive(&c->misses, a);
    for (int i = 0; i < 2; i++)
        calendar_archive(&c->divider[i], a);
    for (unsigned i = 0; i < OOO_CLASSES; i++) {
        archive_time(a, &c->full[i].from);
        archive_time(a, &c->full[i].to);
    }
}

static void walks_archive(struct ooo *c, struct archive *a)
{
    archive_times(a, c->walkers, c->nwalkers);
    archive_time(a, &c->walk_until);
    archive_u32(a, &c->walk_at);
    for (uint32_t i = 0; i < OOO_WALKS; i++) {
        archive_u64(a, &c->walks[i].key);
        archive_time(a, &c->walks[i].until);
    }
}

static void slot_archive(struct ooo_slot *s, struct archive *a)
{
    archive_u32(a, &s->cycle);
    archive_u16(a, &s->busy);
    archive_u16_below(a, &s->leaving, OOO_WINDOW);
}

static void pending_archive(struct ooo_pending *p, struct archive *a)
{
    archive_u64(a, &p->word);
    archive_time(a, &p->ready);
    archive_time(a, &p->commit);
    archive_u8(a, &p->bytes);
}

/* Those that wait for issue are those that leave in cycles to come, or have left uncounted: else
 * the scheduler could never be empty again. */
static void check_waiting(struct ooo *c, struct archive *a)
{
    uint32_t leaving = 0;
    for (uint32_t i = 0; i < OOO_CYCLES; i++)
        leaving += c->slots[i].leaving;
    if (leaving != c->waiting && !a->writing)
        archive_fail(a, "damaged: a scheduler");
    if (a->failed)
        c->waiting = 0;
}

void ooo_archive(struct core *core, struct archive *a)
{
    struct ooo *c = ooo_of(core);
    core_archive(core, a);
    archive_section(a, "OOO ", 2);
    front_archive(c, a);
    queues_archive(c, a);
    walks_archive(c, a);
    for (uint32_t i = 0; i < OOO_CYCLES; i++)
        slot_archive(&c->slots[i], a);
    check_waiting(c, a);
    for (uint32_t i = 0; i < OOO_WINDOW; i++) {
        archive_time(a, &c->past[i].dispatch);
        archive_time(a, &c->past[i].retire);
    }
    for (uint32_t i = 0; i < OOO_PENDING; i++)
        pending_archive(&c->pending[i], a);
    archive_times(a, c->ready, REGISTERS + 2);
}
