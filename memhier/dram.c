/* dram.c - DRAM behind a controller: its requests, the write queues, the data buses. */
#include "memhier/dram.h"

#include <stdio.h>
#include <stdlib.h>

#include "memhier/archive.h"
#include "memhier/dram_bank.h"
#include "memhier/kind.h"
#include "memhier/match.h"

/* A write in the queue; done: when its data is in the rows, once it has left. */
struct queued {
    struct dram_place place;
    ps_t accepted, done;
};

/*
 * The queue is a ring: `next` is where the next write goes. The oldest write that waits lies `span`
 * before it; of those between, `waiting` wait, the others have left ahead of their turn. What has
 * left keeps its entry until `done`.
 */
struct channel {
    struct calendar bus;
    struct queued queue[DRAM_MOST_WRITES];
    /* Of each entry that waits: equal for equal rows; of all others: 0. */
    _Alignas(16) uint32_t row_key[DRAM_MOST_WRITES];
    uint32_t next, span, waiting;
    ps_t turn_from, turn_until; /* the last batch of writes, until reads may follow */
};

struct group {
    struct calendar columns;
    ps_t write_until; /* the last batch's data in this group, and wtr_l */
};

struct dram {
    struct dram_counters counters;
    struct dram_ps t;
    struct dram_map map;
    ps_t way_in, way_out; /* the two halves of the controller's time */
    ps_t turn;            /* from a read's data to a write's: two clocks */
    ps_t write_worst;     /* a write that is alone takes no longer */
    uint32_t write_queue, write_high, write_low;
    struct channel *channels;
    struct dram_rank *ranks;
    struct group *groups;
    struct dram_bank *banks;
    uint32_t nchannels, nranks, ngroups, nbanks; /* over all channels */
};

/* ---- making ---- */

static int check_power(const char *name, uint32_t value, uint32_t low, uint32_t high, char *err,
                       size_t errlen)
{
    if (value >= low && value <= high && !(value & (value - 1)))
        return 0;
    snprintf(err, errlen, "dram: %u %s; powers of two from %u to %u are possible", value, name, low,
             high);
    return -1;
}

static int check_range(const char *name, uint64_t value, uint64_t low, uint64_t high, char *err,
                       size_t errlen)
{
    if (value >= low && value <= high)
        return 0;
    snprintf(err, errlen, "dram: %s is %llu; %llu to %llu are possible", name,
             (unsigned long long)value, (unsigned long long)low, (unsigned long long)high);
    return -1;
}

static int check_timings(const struct dram_config *cfg, char *err, size_t errlen)
{
    const struct {
        const char *name;
        uint32_t value, low, high;
    } clocks[] = {{"tCL (clocks)", cfg->cl, 0, 1000},
                  {"tCWL (clocks)", cfg->cwl, 0, 1000},
                  {"tRCD (clocks)", cfg->rcd, 0, 1000},
                  {"tRP (clocks)", cfg->rp, 0, 1000},
                  {"tRAS (clocks)", cfg->ras, 0, 1000},
                  {"tRRD_S (clocks)", cfg->rrd_s, 0, 1000},
                  {"tRRD_L (clocks)", cfg->rrd_l, 0, 1000},
                  {"tFAW (clocks)", cfg->faw, 0, 1000},
                  {"tWR (clocks)", cfg->wr, 0, 1000},
                  {"tRTP (clocks)", cfg->rtp, 0, 1000},
                  {"tWTR_S (clocks)", cfg->wtr_s, 0, 1000},
                  {"tWTR_L (clocks)", cfg->wtr_l, 0, 1000},
                  {"tRFC (clocks)", cfg->rfc, 0, 1000000},
                  {"burst (clocks)", cfg->burst, 1, 1000},
                  {"tCCD_L (clocks)", cfg->ccd_l ? cfg->ccd_l : cfg->burst, cfg->burst, 1000},
                  {"tREFI (clocks)", cfg->refi ? cfg->refi : cfg->rfc + 1, cfg->rfc + 1, 1000000}};
    for (size_t i = 0; i < sizeof clocks / sizeof clocks[0]; i++)
        if (check_range(clocks[i].name, clocks[i].value, clocks[i].low, clocks[i].high, err,
                        errlen))
            return -1;
    return check_range("tCK (ps)", cfg->tck, 1, 100000, err, errlen) ||
           check_range("controller (ps)", cfg->controller, 0, 1000000000, err, errlen);
}

static int config_check(const struct dram_config *cfg, char *err, size_t errlen)
{
    return check_power("channels", cfg->channels, 1, 16, err, errlen) ||
           check_power("ranks", cfg->ranks, 1, 8, err, errlen) ||
           check_power("bank groups", cfg->groups, 1, 16, err, errlen) ||
           check_power("banks", cfg->banks, 1, 64, err, errlen) ||
           check_power("bytes of a row", cfg->row_bytes, 256, 65536, err, errlen) ||
           check_timings(cfg, err, errlen) ||
           check_range("write queue (lines)", cfg->write_queue, 1, DRAM_MOST_WRITES, err, errlen) ||
           check_range("high mark of the write queue (lines)", cfg->write_high, 1, cfg->write_queue,
                       err, errlen) ||
           check_range("low mark of the write queue (lines)", cfg->write_low, 0,
                       cfg->write_high - 1, err, errlen);
}

static struct dram_ps in_ps(const struct dram_config *cfg)
{
    const ps_t ck = cfg->tck;
    return (struct dram_ps){.cl = cfg->cl * ck,
                            .cwl = cfg->cwl * ck,
                            .rcd = cfg->rcd * ck,
                            .rp = cfg->rp * ck,
                            .ras = cfg->ras * ck,
                            .ccd_l = (cfg->ccd_l ? cfg->ccd_l : cfg->burst) * ck,
                            .rrd_s = cfg->rrd_s * ck,
                            .rrd_l = cfg->rrd_l * ck,
                            .faw = cfg->faw * ck,
                            .wr = cfg->wr * ck,
                            .rtp = cfg->rtp * ck,
                            .wtr_s = cfg->wtr_s * ck,
                            .wtr_l = cfg->wtr_l * ck,
                            .rfc = cfg->rfc * ck,
                            .refi = cfg->refi * ck,
                            .burst = cfg->burst * ck};
}

static int make_parts(struct dram *d, const struct dram_config *cfg)
{
    d->nchannels = cfg->channels;
    d->nranks = cfg->channels * cfg->ranks;
    d->ngroups = d->nranks * cfg->groups;
    d->nbanks = d->nranks * cfg->banks;
    d->channels = calloc(d->nchannels, sizeof *d->channels);
    d->ranks = calloc(d->nranks, sizeof *d->ranks);
    d->groups = calloc(d->ngroups, sizeof *d->groups);
    d->banks = calloc(d->nbanks, sizeof *d->banks);
    if (!d->channels || !d->ranks || !d->groups || !d->banks)
        return -1;
    for (uint32_t i = 0; i < d->nranks; i++)
        d->ranks[i].offset = d->t.refi / cfg->ranks * (i % cfg->ranks);
    for (uint32_t i = 0; i < d->nbanks; i++)
        d->banks[i].row = d->banks[i].previous = DRAM_NO_ROW;
    return 0;
}

struct dram *dram_new(const struct dram_config *cfg, char *err, size_t errlen)
{
    const struct dram_shape shape = {.channels = cfg->channels,
                                     .ranks = cfg->ranks,
                                     .groups = cfg->groups,
                                     .banks = cfg->banks,
                                     .row_bytes = cfg->row_bytes};
    struct dram_map map;
    if (config_check(cfg, err, errlen) || dram_map_init(&map, &cfg->order, &shape, err, errlen))
        return NULL;
    struct dram *d = calloc(1, sizeof *d);
    if (!d)
        goto no_memory;
    d->map = map;
    d->t = in_ps(cfg);
    d->way_in = cfg->controller / 2;
    d->way_out = cfg->controller - d->way_in;
    d->turn = 2 * cfg->tck;
    d->write_worst = d->t.rp + d->t.rcd + d->t.cwl + d->t.burst + d->t.wtr_l;
    d->write_queue = cfg->write_queue;
    d->write_high = cfg->write_high;
    d->write_low = cfg->write_low;
    if (make_parts(d, cfg) == 0)
        return d;
no_memory:
    snprintf(err, errlen, "dram: out of memory");
    dram_free(d);
    return NULL;
}

void dram_free(struct dram *d)
{
    if (!d)
        return;
    free(d->channels);
    free(d->ranks);
    free(d->groups);
    free(d->banks);
    free(d);
}

/* ---- banks and buses ---- */

/* When the column command for the place may go out, as far as rank, bank and group go. */
static ps_t column_command(struct dram *d, const struct dram_place *p, ps_t at)
{
    struct dram_rank *r = &d->ranks[p->rank];
    enum dram_row_case how;
    int waited;
    at = dram_rank_available(r, &d->t, at, &waited);
    d->counters.refresh_waits += (uint64_t)waited;
    const ps_t column = dram_bank_column(&d->banks[p->bank], r, &d->t, p->row, p->group, at, &how);
    d->counters.row_hits += how == DRAM_HIT;
    d->counters.row_closed += how == DRAM_CLOSED;
    d->counters.row_conflicts += how == DRAM_CONFLICT;
    return d->t.ccd_l > d->t.burst
               ? calendar_reserve(&d->groups[p->group].columns, column, d->t.ccd_l)
               : column;
}

/* A command that bank or bus make wait until its rank is refreshed opens its row again then: when
 * its data comes. */
static __attribute__((noinline)) ps_t past_refresh(struct dram *d, struct channel *c,
                                                   const struct dram_rank *r, ps_t from, ps_t lead)
{
    const ps_t first = dram_rank_next_refresh(r, &d->t), between = d->t.refi - d->t.rfc;
    const ps_t open = d->t.rcd < between ? d->t.rcd : 0;
    int waited = 0;
    for (;;) {
        from = calendar_when(&c->bus, from, d->t.burst);
        if (from - lead < first)
            break;
        const ps_t into = (from - lead - first) % d->t.refi;
        if (into >= d->t.rfc)
            break;
        from += d->t.rfc - into + open;
        waited = 1;
    }
    d->counters.refresh_waits += (uint64_t)waited;
    return from;
}

/* The data's time on the bus, `lead` after the column command or later; returns its end. */
static ps_t transfer(struct dram *d, struct channel *c, const struct dram_rank *r, ps_t column,
                     ps_t lead)
{
    ps_t from = column + lead;
    const ps_t end = calendar_end(&c->bus), latest = end > from ? end : from;
    if (d->t.refi && latest - lead >= dram_rank_next_refresh(r, &d->t))
        from = past_refresh(d, c, r, from, lead);
    d->counters.bus_busy_ps += d->t.burst;
    return calendar_reserve(&c->bus, from, d->t.burst) + d->t.burst;
}

/* ---- writes ---- */

/* Place in the ring, so far before the next. */
static uint32_t ring(const struct dram *d, const struct channel *c, uint32_t back)
{
    const uint32_t i = c->next - back; /* nobody foresees whether it wraps */
    return i + (d->write_queue & -(i >> 31));
}

static uint32_t row_key(const struct dram_place *p)
{
    return (uint32_t)(p->row * 2654435761u ^ p->bank) | 1;
}

/* A write's data goes to its row, at the earliest at `at`. */
static void write_out(struct dram *d, struct channel *c, uint32_t i, ps_t at)
{
    struct queued *w = &c->queue[i];
    struct group *g = &d->groups[w->place.group];
    const ps_t column = column_command(d, &w->place, at < w->accepted ? w->accepted : at);
    w->done = transfer(d, c, &d->ranks[w->place.rank], column, d->t.cwl);
    dram_bank_used(&d->banks[w->place.bank], w->place.row, w->done + d->t.wr);
    if (w->done + d->t.wtr_s > c->turn_until)
        c->turn_until = w->done + d->t.wtr_s;
    g->write_until = w->done + d->t.wtr_l;
    c->row_key[i] = 0;
    c->waiting--;
    while (c->span && !c->row_key[ring(d, c, c->span)])
        c->span--;
}

/* All writes to the row of the oldest, then those to the row of the next oldest, until n have left;
 * at most as many as wait. */
static void write_batch(struct dram *d, struct channel *c, ps_t at, uint32_t n)
{
    const ps_t idle = calendar_end(&c->bus) + d->turn;
    const ps_t from = at > idle ? at : idle;
    d->counters.write_batches++;
    c->turn_from = c->turn_until = from;
    while (n) {
        const uint32_t oldest = ring(d, c, c->span), key = c->row_key[oldest];
        write_out(d, c, oldest, from);
        n--;
        for (uint32_t first = 0; first < d->write_queue; first += 16)
            for (uint32_t equal = match_tags(c->row_key + first, 4, key); equal && n; n--) {
                write_out(d, c, first + (uint32_t)__builtin_ctz(equal), from);
                equal &= equal - 1;
            }
    }
}

/* When the oldest write that waits may leave while the channel has nothing else to do. */
static inline ps_t leisure(const struct dram *d, const struct channel *c)
{
    const ps_t accepted = c->queue[ring(d, c, c->span)].accepted;
    ps_t from = calendar_end(&c->bus) + d->turn;
    from = from > c->turn_until ? from : c->turn_until;
    return from > accepted ? from : accepted;
}

static __attribute__((noinline)) void write_while_idle(struct dram *d, struct channel *c, ps_t at)
{
    for (ps_t from; c->waiting && (from = leisure(d, c)) + d->write_worst <= at;) {
        c->turn_from = from;
        write_out(d, c, ring(d, c, c->span), from);
    }
}

/* The channel had nothing to do before `at`: writes have left meanwhile. */
static inline void write_in_leisure(struct dram *d, struct channel *c, ps_t at)
{
    if (c->waiting && leisure(d, c) + d->write_worst <= at)
        write_while_idle(d, c, at);
}

static struct mem_reply write_line(struct dram *d, const struct mem_req *req)
{
    const struct dram_place p = dram_locate(&d->map, req->addr);
    struct channel *c = &d->channels[p.channel];
    ps_t accepted = req->at + d->way_in;
    write_in_leisure(d, c, accepted);
    struct queued *w = &c->queue[c->next];
    if (accepted < w->done) {
        accepted = w->done;
        d->counters.write_queue_full++;
    }
    *w = (struct queued){.place = p, .accepted = accepted};
    c->row_key[c->next] = row_key(&p);
    c->next = c->next + 1 == d->write_queue ? 0 : c->next + 1;
    c->waiting++;
    c->span++;
    d->counters.writes++;
    if (c->span >= d->write_high)
        write_batch(d, c, accepted, c->waiting > d->write_low ? c->waiting - d->write_low : 1);
    return (struct mem_reply){.done = accepted, .source = SRC_DRAM};
}

/* ---- reads ---- */

/* While writes leave, and for wtr afterwards, no read command goes out. */
static ps_t after_writes(const struct channel *c, const struct group *g, ps_t at)
{
    if (at < c->turn_from)
        return at;
    const ps_t until = c->turn_until > g->write_until ? c->turn_until : g->write_until;
    return at < until ? until : at;
}

static struct mem_reply read_line(struct dram *d, const struct mem_req *req)
{
    const struct dram_place p = dram_locate(&d->map, req->addr);
    struct channel *c = &d->channels[p.channel];
    const ps_t at = req->at + d->way_in;
    write_in_leisure(d, c, at);
    const ps_t start = after_writes(c, &d->groups[p.group], at);
    const ps_t column = column_command(d, &p, start);
    const ps_t end = transfer(d, c, &d->ranks[p.rank], after_writes(c, &d->groups[p.group], column),
                              d->t.cl);
    dram_bank_used(&d->banks[p.bank], p.row, end - d->t.burst - d->t.cl + d->t.rtp);
    d->counters.reads++;
    return (struct mem_reply){.done = end + d->way_out, .source = SRC_DRAM};
}

/* ---- the port ---- */

static struct mem_reply dram_access(void *self, const struct mem_req *req)
{
    if (kind_reads(req->kind))
        return read_line(self, req);
    if (kind_writes(req->kind))
        return write_line(self, req);
    return (struct mem_reply){.done = req->at, .source = SRC_DRAM};
}

struct mem_port dram_port(struct dram *d)
{
    return (struct mem_port){.access = dram_access, .self = d};
}

/* ---- checkpoints ---- */

static void archive_place(struct dram *d, struct archive *a, struct dram_place *p)
{
    archive_u32_below(a, &p->channel, d->nchannels);
    archive_u32_below(a, &p->rank, d->nranks);
    archive_u32_below(a, &p->group, d->ngroups);
    archive_u32_below(a, &p->bank, d->nbanks);
    archive_u64(a, &p->row);
}

static void archive_channel(struct dram *d, struct archive *a, struct channel *c)
{
    uint32_t waiting = 0;
    calendar_archive(&c->bus, a);
    archive_u32_below(a, &c->next, d->write_queue);
    archive_u32_below(a, &c->span, d->write_queue);
    archive_u32_below(a, &c->waiting, d->write_queue);
    archive_time(a, &c->turn_from);
    archive_time(a, &c->turn_until);
    for (uint32_t i = 0; i < d->write_queue; i++) {
        archive_place(d, a, &c->queue[i].place);
        archive_time(a, &c->queue[i].accepted);
        archive_time(a, &c->queue[i].done);
        archive_u32(a, &c->row_key[i]);
        waiting += c->row_key[i] != 0;
    }
    if (waiting != c->waiting || waiting > c->span || !c->waiting != !c->span ||
        (c->span && !c->row_key[ring(d, c, c->span)]))
        archive_fail(a, "damaged: a write queue of DRAM");
}

void dram_archive(struct dram *d, struct archive *a)
{
    archive_section(a, "DRAM", 3);
    archive_same(a, d->nbanks);
    for (uint32_t i = 0; i < d->nbanks; i++)
        dram_bank_archive(&d->banks[i], a);
    for (uint32_t i = 0; i < d->nranks; i++)
        dram_rank_archive(&d->ranks[i], a);
    for (uint32_t i = 0; i < d->ngroups; i++) {
        calendar_archive(&d->groups[i].columns, a);
        archive_time(a, &d->groups[i].write_until);
    }
    for (uint32_t i = 0; i < d->nchannels; i++)
        archive_channel(d, a, &d->channels[i]);
    archive_u64s(a, (uint64_t *)&d->counters, sizeof d->counters / sizeof(uint64_t));
}

/* ---- counters ---- */

const struct dram_counters *dram_counters(const struct dram *d)
{
    return &d->counters;
}

#define FIELD(f) offsetof(struct dram_counters, f)

const struct counter dram_counter_table[] = {
    {"reads", "lines", "lines read", FIELD(reads)},
    {"writes", "lines", "lines written, wholly or in part", FIELD(writes)},
    {"row_hits", "1", "accesses to the row that was open", FIELD(row_hits)},
    {"row_closed", "1", "accesses to a bank without an open row", FIELD(row_closed)},
    {"row_conflicts", "1", "accesses to a bank with another row open", FIELD(row_conflicts)},
    {"bus_busy", "ps", "data transfers, summed over the channels", FIELD(bus_busy_ps)},
    {"write_queue_full", "1", "writes that waited for a free queue entry", FIELD(write_queue_full)},
    {"write_batches", "1", "times that reads had to wait for writes", FIELD(write_batches)},
    {"refresh_waits", "1", "accesses that a refresh of their rank held up", FIELD(refresh_waits)},
    {NULL, NULL, NULL, 0},
};
