/* dram.c - DRAM behind a controller: where an address lies, and when its bank and bus are free. */
#include "memhier/dram.h"

#include <stdio.h>
#include <stdlib.h>

#include "memhier/archive.h"
#include "memhier/calendar.h"

#define INTERLEAVE_SHIFT 8u
#define ROW_NONE         UINT64_MAX

struct bank {
    uint64_t row;      /* open since `activated`, or ROW_NONE */
    uint64_t previous; /* open before that */
    ps_t activated;
    struct calendar busy;
};

struct channel {
    struct calendar bus;
    ps_t queued[DRAM_WRITE_QUEUE]; /* when each entry's write is done */
    uint32_t next;
};

struct dram {
    struct dram_counters counters;
    ps_t cl, cwl, rcd, rp, ras, burst; /* in ps */
    ps_t way_in, way_out;              /* the two halves of the controller's time */
    uint32_t channel_bits, bank_bits, row_shift;
    struct channel *channels;
    struct bank *banks; /* of channel 0, then of channel 1 … */
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

static int config_check(const struct dram_config *cfg, char *err, size_t errlen)
{
    return check_power("channels", cfg->channels, 1, 16, err, errlen) ||
           check_power("banks", cfg->banks, 1, 64, err, errlen) ||
           check_power("bytes of a row", cfg->row_bytes, 256, 65536, err, errlen) ||
           check_range("tCK (ps)", cfg->tck, 1, 100000, err, errlen) ||
           check_range("tCL (clocks)", cfg->cl, 0, 1000, err, errlen) ||
           check_range("tCWL (clocks)", cfg->cwl, 0, 1000, err, errlen) ||
           check_range("tRCD (clocks)", cfg->rcd, 0, 1000, err, errlen) ||
           check_range("tRP (clocks)", cfg->rp, 0, 1000, err, errlen) ||
           check_range("tRAS (clocks)", cfg->ras, 0, 1000, err, errlen) ||
           check_range("burst (clocks)", cfg->burst, 1, 1000, err, errlen) ||
           check_range("controller (ps)", cfg->controller, 0, 1000000000, err, errlen);
}

struct dram *dram_new(const struct dram_config *cfg, char *err, size_t errlen)
{
    if (config_check(cfg, err, errlen))
        return NULL;
    struct dram *d = calloc(1, sizeof *d);
    size_t banks = (size_t)cfg->channels * cfg->banks;
    if (d) {
        d->channels = calloc(cfg->channels, sizeof *d->channels);
        d->banks = calloc(banks, sizeof *d->banks);
    }
    if (!d || !d->channels || !d->banks) {
        snprintf(err, errlen, "dram: out of memory");
        dram_free(d);
        return NULL;
    }
    for (size_t i = 0; i < banks; i++)
        d->banks[i].row = d->banks[i].previous = ROW_NONE;
    d->cl = cfg->cl * cfg->tck;
    d->cwl = cfg->cwl * cfg->tck;
    d->rcd = cfg->rcd * cfg->tck;
    d->rp = cfg->rp * cfg->tck;
    d->ras = cfg->ras * cfg->tck;
    d->burst = cfg->burst * cfg->tck;
    d->way_in = cfg->controller / 2;
    d->way_out = cfg->controller - d->way_in;
    d->channel_bits = (uint32_t)__builtin_ctz(cfg->channels);
    d->bank_bits = (uint32_t)__builtin_ctz(cfg->banks);
    d->row_shift = (uint32_t)__builtin_ctz(cfg->row_bytes);
    return d;
}

void dram_free(struct dram *d)
{
    if (!d)
        return;
    free(d->channels);
    free(d->banks);
    free(d);
}

/* ---- where an address lies ---- */

struct place {
    struct channel *channel;
    struct bank *bank;
    uint64_t row;
};

static struct place locate(const struct dram *d, uint64_t addr)
{
    uint64_t block = addr >> INTERLEAVE_SHIFT;
    uint64_t channel = block & ((UINT64_C(1) << d->channel_bits) - 1);
    uint64_t unit = block >> d->channel_bits >> (d->row_shift - INTERLEAVE_SHIFT);
    uint64_t row = unit >> d->bank_bits;
    uint64_t bank = (unit ^ row) & ((UINT64_C(1) << d->bank_bits) - 1);
    return (struct place){.channel = &d->channels[channel],
                          .bank = &d->banks[channel << d->bank_bits | bank],
                          .row = row};
}

/* ---- banks ---- */

/* Try to serve the row before the bank's last activation, from the row that was open then. Returns
 * whether there was room; *column is when the column command goes out. */
static int access_past(struct dram *d, struct bank *b, uint64_t row, ps_t at, ps_t *column)
{
    ps_t lead = row == b->previous ? 0 : b->previous == ROW_NONE ? d->rcd : d->rp + d->rcd;
    ps_t start = calendar_when(&b->busy, at, lead + d->burst);
    if (start + lead + d->burst > b->activated)
        return 0;
    if (!lead)
        d->counters.row_hits++;
    else if (b->previous == ROW_NONE)
        d->counters.row_closed++;
    else
        d->counters.row_conflicts++;
    b->previous = row;
    (void)calendar_reserve(&b->busy, start, lead + d->burst);
    *column = start + lead;
    return 1;
}

static void open_row(struct bank *b, uint64_t row, ps_t at)
{
    b->previous = b->row;
    b->row = row;
    b->activated = at;
}

/* When the column command for the row goes out, at the earliest at `at`. */
static ps_t access_bank(struct dram *d, struct bank *b, uint64_t row, ps_t at)
{
    ps_t column;
    if (at < b->activated && access_past(d, b, row, at, &column))
        return column;
    if (b->row == row) {
        d->counters.row_hits++;
        ps_t from = at < b->activated ? b->activated : at;
        return calendar_reserve(&b->busy, from, d->burst);
    }
    if (b->row == ROW_NONE) {
        d->counters.row_closed++;
        ps_t start = calendar_reserve(&b->busy, at, d->rcd + d->burst);
        open_row(b, row, start);
        return start + d->rcd;
    }
    d->counters.row_conflicts++;
    ps_t ripe = b->activated + d->ras;
    ps_t start = calendar_reserve(&b->busy, at < ripe ? ripe : at, d->rp + d->rcd + d->burst);
    open_row(b, row, start + d->rp);
    return start + d->rp + d->rcd;
}

/* The data's time on the bus; returns its end. */
static ps_t transfer(struct dram *d, struct channel *c, ps_t from)
{
    d->counters.bus_busy_ps += d->burst;
    return calendar_reserve(&c->bus, from, d->burst) + d->burst;
}

/* ---- requests ---- */

static struct mem_reply read_line(struct dram *d, const struct mem_req *req)
{
    struct place p = locate(d, req->addr);
    ps_t column = access_bank(d, p.bank, p.row, req->at + d->way_in);
    ps_t end = transfer(d, p.channel, column + d->cl);
    d->counters.reads++;
    return (struct mem_reply){.done = end + d->way_out, .source = SRC_DRAM};
}

static struct mem_reply write_line(struct dram *d, const struct mem_req *req)
{
    struct place p = locate(d, req->addr);
    ps_t *entry = &p.channel->queued[p.channel->next++ & (DRAM_WRITE_QUEUE - 1)];
    ps_t accepted = req->at + d->way_in;
    if (accepted < *entry) {
        accepted = *entry;
        d->counters.write_queue_full++;
    }
    ps_t column = access_bank(d, p.bank, p.row, accepted);
    *entry = transfer(d, p.channel, column + d->cwl);
    d->counters.writes++;
    return (struct mem_reply){.done = accepted, .source = SRC_DRAM};
}

static struct mem_reply dram_access(void *self, const struct mem_req *req)
{
    switch ((enum mem_kind)req->kind) {
    case MEM_FETCH:
    case MEM_LOAD:
    case MEM_STORE:
    case MEM_WALK:
    case MEM_PREFETCH:
        return read_line(self, req);
    case MEM_FENCE:
    case MEM_VISIBLE:
        return (struct mem_reply){.done = req->at, .source = SRC_DRAM};
    default:
        return write_line(self, req);
    }
}

struct mem_port dram_port(struct dram *d)
{
    return (struct mem_port){.access = dram_access, .self = d};
}

/* ---- checkpoints ---- */

void dram_archive(struct dram *d, struct archive *a)
{
    const uint32_t channels = 1u << d->channel_bits, banks = channels << d->bank_bits;
    archive_section(a, "DRAM", 1);
    archive_same(a, banks);
    for (uint32_t i = 0; i < banks; i++) {
        struct bank *b = &d->banks[i];
        archive_u64(a, &b->row);
        archive_u64(a, &b->previous);
        archive_time(a, &b->activated);
        calendar_archive(&b->busy, a);
    }
    for (uint32_t i = 0; i < channels; i++) {
        calendar_archive(&d->channels[i].bus, a);
        archive_times(a, d->channels[i].queued, DRAM_WRITE_QUEUE);
        archive_u32(a, &d->channels[i].next);
    }
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
    {NULL, NULL, NULL, 0},
};
