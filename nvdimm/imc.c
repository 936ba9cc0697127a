/* imc.c - the write pending queue by reservation: an entry's whole way is known when it is taken.
 */
#include "nvdimm/imc.h"

#include <stdlib.h>

#include "memhier/archive.h"

#define NO_LINE UINT64_MAX

static ps_t later(ps_t a, ps_t b)
{
    return a > b ? a : b;
}

int imc_init(struct imc *q, const struct imc_config *cfg, struct ddrt *ddrt)
{
    *q = (struct imc){.cfg = *cfg, .ddrt = ddrt, .youngest = cfg->wpq - 1};
    q->wpq = calloc(cfg->wpq, sizeof *q->wpq);
    q->rpq = calloc(cfg->rpq, sizeof *q->rpq);
    if (!q->wpq || !q->rpq || index_init(&q->index, cfg->wpq))
        return -1;
    for (uint32_t i = 0; i < cfg->wpq; i++)
        q->wpq[i].line = NO_LINE;
    return 0;
}

void imc_free(struct imc *q)
{
    free(q->wpq);
    free(q->rpq);
    index_free(&q->index);
}

static struct wpq_entry *find(const struct imc *q, uint64_t line)
{
    uint32_t i = index_first(&q->index, line);
    while (i != INDEX_NONE && q->wpq[i].line != line)
        i = index_next(&q->index, i);
    return i == INDEX_NONE ? NULL : &q->wpq[i];
}

const struct wpq_entry *imc_find(const struct imc *q, uint64_t line, ps_t at)
{
    const struct wpq_entry *e = find(q, line);
    return e && e->accept <= at && at < e->release ? e : NULL;
}

/* The store queue has been told of the entry's bytes already. */
int imc_may_join(const struct imc *q, uint64_t line, uint64_t bytes, ps_t at)
{
    const struct wpq_entry *e = find(q, line);
    return e && !(e->bytes & bytes) && e->accept <= at && at < e->start &&
           ddrt_may_join(q->ddrt, line, e->start);
}

void imc_join(struct imc *q, uint64_t line, uint64_t bytes)
{
    struct wpq_entry *e = find(q, line);
    e->bytes |= bytes;
    ddrt_join(q->ddrt, line, bytes, e->release);
}

ps_t imc_accept(const struct imc *q, ps_t at)
{
    const ps_t oldest = q->wpq[q->next].release;
    if (oldest <= at || at >= q->wpq[q->youngest].reached)
        return later(at, oldest);
    for (uint32_t i = 0; i < q->cfg.wpq; i++) {
        if (q->wpq[i].reached > at || q->wpq[i].release <= at)
            return at;
    }
    return oldest;
}

void imc_write(struct imc *q, uint64_t line, uint64_t bytes, ps_t reached, ps_t accept)
{
    const uint32_t i = q->next;
    struct wpq_entry *e = &q->wpq[i];
    if (e->line != NO_LINE)
        index_remove(&q->index, e->line, i);
    index_add(&q->index, line, i);
    q->youngest = i;
    q->next = i + 1 == q->cfg.wpq ? 0 : i + 1;
    e->line = line;
    e->bytes = bytes;
    e->reached = reached;
    e->accept = accept;
    e->start = ddrt_write(q->ddrt, line, bytes, accept);
    e->release = e->start + q->ddrt->cfg.write;
}

ps_t imc_read(struct imc *q, ps_t at, uint32_t *entry)
{
    *entry = q->rpq_next;
    q->rpq_next = *entry + 1 == q->cfg.rpq ? 0 : *entry + 1;
    return later(at, q->rpq[*entry]);
}

static void entry_archive(struct imc *q, uint32_t i, struct archive *a)
{
    struct wpq_entry *e = &q->wpq[i];
    archive_u64(a, &e->line);
    archive_time(a, &e->reached);
    archive_time(a, &e->accept);
    archive_time(a, &e->start);
    archive_time(a, &e->release);
    archive_u64(a, &e->bytes);
    if (e->line != NO_LINE && e->line >> 40)
        archive_fail(a, "damaged: a line of the write pending queue");
    if (a->failed)
        e->line = NO_LINE;
    else if (!a->writing && e->line != NO_LINE)
        index_add(&q->index, e->line, i);
}

void imc_archive(struct imc *q, struct archive *a)
{
    archive_same(a, q->cfg.wpq);
    archive_same(a, q->cfg.rpq);
    archive_u32_below(a, &q->next, q->cfg.wpq);
    archive_u32_below(a, &q->youngest, q->cfg.wpq);
    for (uint32_t i = 0; i < q->cfg.wpq; i++) /* the oldest first: so they are found as before */
        entry_archive(q, (q->next + i) % q->cfg.wpq, a);
    archive_times(a, q->rpq, q->cfg.rpq);
    archive_u32_below(a, &q->rpq_next, q->cfg.rpq);
}
