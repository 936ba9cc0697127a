/* calibrun.c - the experiments of a calibration file: who touches what, what is measured. */
/*
 * Harts are run in the order of their own times, one access each. Which conditions hold in which
 * group, and why, is in nvdimm/README.md; they are the table `conditions` below.
 */
#include "sim/calibrun.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/error.h"
#include "sim/memside.h"

#define LARGE       (UINT64_C(1) << 31) /* an empty region_bytes, for each hart */
#define NS          1000.0
#define STALL_PS    UINT64_C(10000000) /* 10 us: longer than any queue takes */
#define MOST_STALLS 4096u

/* Latencies are counted in classes that are 1/512 wide. */
#define CLASS_BITS 9u
#define CLASSES    (40u << CLASS_BITS)

struct condition {
    uint8_t prefetch; /* the stream prefetcher is on */
    uint8_t timed;    /* accesses are timed one by one */
    uint8_t warm;     /* stores find their line in the L1D */
    uint8_t stamps;   /* the time stamps are in the figure */
    ps_t pause;       /* before each access */
    uint64_t lines;   /* to be measured, all harts together; 0: see chase */
    uint64_t region;  /* an empty region_bytes; 0: LARGE */
};

static const struct condition conditions[CALIB_GROUPS] = {
    [CALIB_CHASE_GROUP] = {.lines = 0},
    [CALIB_IDLE] = {.timed = 1, .warm = 1, .pause = 500000, .lines = 20000, .region = 1 << 30},
    [CALIB_BANDWIDTH] = {.prefetch = 1, .lines = 120000},
    [CALIB_AMPLIFICATION] = {.lines = 120000},
    [CALIB_PERSIST] = {.timed = 1, .warm = 1, .stamps = 1, .pause = 500000, .lines = 100000},
    [CALIB_FENCE_INTERVAL] = {.prefetch = 1, .lines = 100000},
    [CALIB_TAIL] = {.timed = 1, .stamps = 1, .lines = 40000000},
    [CALIB_WRITE_RATIO] = {.prefetch = 1, .lines = 120000},
    [CALIB_OVERWRITE] = {.lines = 4 * 262144},
};

struct stream {
    struct calib_hart hart;
    uint64_t base, accesses; /* accesses: that fit the region */
    uint64_t random, at;     /* at: number of the next */
    uint64_t addr, left;     /* bytes of the access under way that are still to be touched */
    uint64_t unfenced;       /* bytes since the last fence */
    uint64_t late[2];        /* lines [0, 1) that still wait for their flush */
};

struct run {
    const struct calib_row *row;
    const struct condition *how;
    struct config cfg;
    struct calib_core core;
    struct memside side;
    ps_t stamps;
    uint64_t region;
    struct progress *progress;
    uint64_t done, total; /* lines, for progress */
    struct stream *streams;
    struct calib_result *out;
    double *stalls, *between;
    uint32_t nstalls;
    uint64_t last_stall;
};

/* ---- numbers ---- */

static uint64_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

/* The i-th of 0 … n-1 in a random order that is always the same: a permutation of the next power of
 * two, walked on until it falls below n. */
static uint64_t shuffled(uint64_t i, uint64_t n)
{
    const unsigned bits = n < 2 ? 1 : 64 - (unsigned)__builtin_clzll(n - 1);
    const uint64_t mask = bits == 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
    const unsigned shift = (bits + 1) / 2;
    do {
        for (unsigned round = 0; round < 3; round++) {
            i = (i * UINT64_C(0x9e3779b97f4a7c15) + round * 0x5bd1e995u) & mask;
            i ^= i >> shift;
        }
    } while (i >= n);
    return i;
}

static uint32_t class_of(ps_t ps)
{
    if (ps < 1u << CLASS_BITS)
        return (uint32_t)ps;
    const unsigned top = 63 - (unsigned)__builtin_clzll(ps);
    const uint32_t c = ((top - CLASS_BITS + 1) << CLASS_BITS) +
                       (uint32_t)(ps >> (top - CLASS_BITS) & ((1u << CLASS_BITS) - 1));
    return c < CLASSES ? c : CLASSES - 1;
}

static double class_ns(uint32_t c)
{
    const uint32_t octave = c >> CLASS_BITS, rest = c & ((1u << CLASS_BITS) - 1);
    if (!octave)
        return rest / NS;
    return ldexp((double)rest + 0.5 + (1u << CLASS_BITS), (int)octave - 1) / NS;
}

static double percentile(const struct calib_result *r, uint32_t thousandths)
{
    const double from_top = (double)r->samples * (100000 - thousandths) / 100000;
    double n = 0;
    for (uint32_t c = CLASSES; r->latency && c-- > 0;) {
        n += r->latency[c];
        if (n >= from_top && n > 0)
            return class_ns(c);
    }
    return 0;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *v, size_t n)
{
    if (!n)
        return 0;
    qsort(v, n, sizeof *v, ascending);
    return v[n / 2];
}

/* ---- one access ---- */

static uint64_t address(const struct run *r, struct stream *s)
{
    const uint64_t access = r->row->access, i = s->at++;
    switch (r->row->pattern) {
    case CALIB_HALF_LINES: {
        const uint64_t lines = r->region / 256;
        return s->base + i % lines * 256 + (i / lines & 1) * 128;
    }
    case CALIB_RANDOM:
        return s->base + next_random(&s->random) % s->accesses * access;
    case CALIB_CHASE:
        return s->base + shuffled(i % s->accesses, s->accesses) * access;
    case CALIB_SEQUENTIAL:
        break;
    }
    /* single loads shorter than a line: cold lines, one after the other */
    const uint64_t stride = r->row->access < 64 && r->how->timed ? 64 : access;
    return s->base + i % (r->region / stride) * stride;
}

static void flush_late(struct stream *s)
{
    for (; s->late[0] < s->late[1]; s->late[0] += LINE_BYTES)
        calib_clwb(&s->hart, s->late[0]);
}

static void touch(struct stream *s, enum calib_op op, uint64_t addr, uint32_t bytes)
{
    struct calib_hart *h = &s->hart;
    switch (op) {
    case CALIB_READ:
        calib_load(h, addr, bytes);
        break;
    case CALIB_NTSTORE:
        calib_ntstore(h, addr, bytes);
        break;
    case CALIB_STORE_CLWB:
        calib_store(h, addr, bytes);
        calib_clwb(h, addr);
        break;
    case CALIB_STORE_CLWB_LATE:
        calib_store(h, addr, bytes);
        if (s->late[1] != addr) {
            flush_late(s);
            s->late[0] = addr;
        }
        s->late[1] = addr + LINE_BYTES;
        break;
    case CALIB_STORE:
        calib_store(h, addr, bytes);
        break;
    }
}

/* One line of an access, and its fence if one is due: when it is over. */
static ps_t line_once(struct run *r, struct stream *s)
{
    struct calib_hart *h = &s->hart;
    const uint64_t n = s->left < LINE_BYTES ? s->left : LINE_BYTES;
    touch(s, r->row->op, s->addr, (uint32_t)n);
    s->addr += n;
    s->left -= n;
    s->unfenced += n;
    if (!r->row->fence || s->unfenced < r->row->fence)
        return h->now;
    flush_late(s);
    s->unfenced = 0;
    return calib_sfence(h);
}

static void begin_access(const struct run *r, struct stream *s)
{
    s->addr = address(r, s);
    s->left = r->row->access;
}

static void note_latency(struct run *r, ps_t ps)
{
    struct calib_result *o = r->out;
    o->samples++;
    o->mean += (double)ps / NS;
    o->latency[class_of(ps)]++;
}

/* The latency of a read is that of its data; of a write, that of its fence. */
static void timed_access(struct run *r, struct stream *s, int measure)
{
    struct calib_hart *h = &s->hart;
    const int stores = r->row->op != CALIB_READ && r->row->op != CALIB_NTSTORE;
    begin_access(r, s);
    if (r->how->warm && stores) {
        for (uint64_t i = 0; i < r->row->access; i += LINE_BYTES)
            calib_load(h, s->addr + i, 8);
        calib_depend(h);
    }
    h->now += r->how->pause;
    const ps_t from = h->now;
    ps_t over = from;
    while (s->left)
        over = line_once(r, s);
    if (r->row->op == CALIB_READ) {
        calib_depend(h);
        over = h->now;
    }
    over += r->how->stamps ? r->stamps : 0;
    h->now = h->now > over ? h->now : over;
    if (measure)
        note_latency(r, over - from);
}

static void untimed_line(struct run *r, struct stream *s, int measure)
{
    const ps_t from = s->hart.now;
    if (!s->left)
        begin_access(r, s);
    (void)line_once(r, s);
    if (!measure || s->hart.now - from < STALL_PS || r->nstalls == MOST_STALLS)
        return;
    r->stalls[r->nstalls] = (double)(s->hart.now - from) / NS;
    r->between[r->nstalls++] = (double)(s->at - r->last_stall);
    r->last_stall = s->at;
}

static void advance(struct run *r, uint64_t lines)
{
    r->done += lines;
    if ((r->done & 0xffff) < lines)
        progress_update(r->progress, 0, r->done, r->total);
}

/* ---- experiments ---- */

static struct stream *earliest(struct run *r)
{
    struct stream *best = r->streams;
    for (uint32_t i = 1; i < r->row->threads; i++) {
        if (r->streams[i].hart.now < best->hart.now)
            best = &r->streams[i];
    }
    return best;
}

/* n steps: lines, or whole accesses where they are timed. */
static void run_steps(struct run *r, uint64_t n, int measure)
{
    const uint64_t lines = r->how->timed ? (r->row->access + LINE_BYTES - 1) / LINE_BYTES : 1;
    for (uint64_t i = 0; i < n; i++) {
        if (r->how->timed)
            timed_access(r, r->streams, measure);
        else
            untimed_line(r, earliest(r), measure);
        advance(r, lines);
    }
}

static uint64_t media_bytes(const struct run *r)
{
    return r->side.nvdimm ? nvdimm_counters(r->side.nvdimm)->media.writes * 256 : 0;
}

static void run_stream(struct run *r)
{
    const uint64_t access = r->row->access, step = r->how->timed || access < 64 ? access : 64;
    const uint64_t lines = (step + LINE_BYTES - 1) / LINE_BYTES;
    const uint64_t n = r->how->lines / lines + 1;
    uint64_t warm = r->how->timed ? n / 10 : n / 2;
    if (r->row->op == CALIB_STORE) /* the caches have to fill first */
        warm += 2 * r->cfg.llc_bytes / step;
    r->total = (n + warm) * lines;
    run_steps(r, warm, 0);
    const ps_t from = earliest(r)->hart.now;
    const uint64_t media = media_bytes(r);
    run_steps(r, n, 1);
    const double ps = (double)(earliest(r)->hart.now - from), bytes = (double)(n * step);
    r->out->throughput = bytes / ps * 1000;
    r->out->per_line = ps / NS / (double)(n * lines);
    r->out->media_per_issued = (double)(media_bytes(r) - media) / bytes;
    if (r->out->samples)
        r->out->mean /= (double)r->out->samples;
}

/* A pass over the region or, where that is very large, over the first blocks of its random order.
 * Returns how long it took for each line. */
static double chase_pass(struct run *r, enum calib_op op, uint64_t blocks)
{
    struct stream *s = r->streams;
    struct calib_hart *h = &s->hart;
    const ps_t from = h->now;
    for (uint64_t i = 0; i < blocks; i++) {
        const uint64_t addr = s->base + shuffled(i, s->accesses) * r->row->access;
        for (uint64_t k = 0; k < r->row->access; k += LINE_BYTES)
            touch(s, op, addr + k, LINE_BYTES);
        if (op == CALIB_READ)
            calib_depend(h);
        advance(r, r->row->access / LINE_BYTES);
    }
    flush_late(s);
    calib_mfence(h);
    const uint64_t lines = blocks * r->row->access / LINE_BYTES;
    return (double)(h->now - from) / NS / (double)lines;
}

static void run_chase(struct run *r)
{
    const uint64_t most = (UINT64_C(1) << 24) / r->row->access;
    const uint64_t all = r->streams->accesses, blocks = all < most ? all : most;
    const uint64_t bytes = blocks * r->row->access;
    const unsigned warm = bytes < 1 << 20 ? 20 : 1, passes = bytes < 1 << 20 ? 40 : 1;
    const enum calib_op write = r->row->op == CALIB_READ ? CALIB_NTSTORE : r->row->op;
    double sum = 0;
    r->total = (warm + passes) * 2 * bytes / LINE_BYTES;
    for (unsigned i = 0; i < warm + passes; i++) {
        const double w = chase_pass(r, write, blocks), rd = chase_pass(r, CALIB_READ, blocks);
        sum += i < warm ? 0 : r->row->op == CALIB_READ ? rd : w;
    }
    r->out->per_line = sum / passes;
}

/* ---- setting up ---- */

static void make_core(struct run *r)
{
    const struct config *c = &r->cfg;
    r->core = (struct calib_core){.fills = (uint32_t)c->calib_fills,
                                  .stores = (uint32_t)c->store_buffer,
                                  .flushes = (uint32_t)c->calib_flushes,
                                  .stream = (uint32_t)c->calib_stream,
                                  .credits = (uint32_t)c->calib_credits,
                                  .any = (uint32_t)c->calib_any,
                                  .issue = c->calib_issue,
                                  .flush_interval = c->calib_flush_interval,
                                  .nt_path = c->calib_nt_path,
                                  .nt_interval = c->calib_nt_interval,
                                  .nt_release = c->calib_nt_release,
                                  .sfence = c->calib_sfence,
                                  .restart = c->calib_restart,
                                  .mfence = c->calib_mfence};
    if (r->core.stores > CALIB_MOST)
        r->core.stores = CALIB_MOST;
    r->stamps = c->calib_stamps;
}

static int make_streams(struct run *r, char *err, size_t errlen)
{
    const uint32_t n = r->row->threads;
    r->streams = calloc(n, sizeof *r->streams);
    if (!r->streams)
        return fail(err, errlen, "out of memory");
    for (uint32_t i = 0; i < n; i++) {
        struct stream *s = &r->streams[i];
        calib_hart_init(&s->hart, &r->core, r->side.hierarchy,
                        i < hierarchy_harts(r->side.hierarchy) ? i : 0,
                        r->how->prefetch ? r->core.stream : 0);
        const uint64_t part = (r->region + (1 << 21) - 1) >> 21 << 21;
        s->base = (r->row->dram ? 0 : NVDIMM_BASE) + i * part;
        s->accesses = r->region / r->row->access;
        s->random = r->cfg.seed * 1000 + i;
        s->at = n > 1 ? next_random(&s->random) % s->accesses : 0;
    }
    return 0;
}

/* The row's modules and harts; powers of two where the DRAM model wants them. */
static int make_machine(struct run *r, char *err, size_t errlen)
{
    r->cfg.nvdimm_bytes = r->cfg.nvdimm_bytes ? r->cfg.nvdimm_bytes : 1;
    r->cfg.nv_modules = r->row->dimms;
    if (r->row->dram)
        r->cfg.dram_channels = r->row->dimms >= 8   ? 8
                               : r->row->dimms >= 4 ? 4
                               : r->row->dimms >= 2 ? 2
                                                    : 1;
    if (r->cfg.calib_llc) {
        r->cfg.llc_bytes = r->cfg.calib_llc;
        r->cfg.llc_ways = r->cfg.calib_llc_ways;
        r->cfg.llc_slices = r->cfg.calib_llc_slices;
    }
    r->cfg.harts = r->row->threads;
    if (memside_make(&r->side, &r->cfg, 0, err, errlen) == 0)
        return 0;
    r->cfg.harts = 1;
    return memside_make(&r->side, &r->cfg, 0, err, errlen);
}

static int prepare(struct run *r, char *err, size_t errlen)
{
    struct calib_result *o = r->out;
    r->region = r->row->region ? r->row->region : r->how->region ? r->how->region : LARGE;
    make_core(r);
    if (make_machine(r, err, errlen) || make_streams(r, err, errlen))
        return -1;
    o->latency = calloc(CLASSES, sizeof *o->latency);
    r->stalls = calloc(MOST_STALLS, sizeof *r->stalls);
    r->between = calloc(MOST_STALLS, sizeof *r->between);
    return o->latency && r->stalls && r->between ? 0 : fail(err, errlen, "out of memory");
}

int calib_run(const struct calib_row *row, const struct config *cfg, struct progress *progress,
              struct calib_result *out, char *err, size_t errlen)
{
    struct run r = {
        .row = row, .how = &conditions[row->group], .cfg = *cfg, .progress = progress, .out = out};
    *out = (struct calib_result){0};
    int bad = prepare(&r, err, errlen);
    if (!bad && row->group == CALIB_CHASE_GROUP)
        run_chase(&r);
    else if (!bad)
        run_stream(&r);
    if (!bad) {
        out->stall = median(r.stalls, r.nstalls);
        out->writes_between = median(r.between, r.nstalls);
    }
    free(r.stalls);
    free(r.between);
    free(r.streams);
    memside_drop(&r.side);
    if (bad)
        calib_result_drop(out);
    return bad;
}

void calib_result_drop(struct calib_result *r)
{
    free(r->latency);
    r->latency = NULL;
}

double calib_figure(const struct calib_result *r, const struct calib_row *row)
{
    switch (row->stat) {
    case CALIB_PER_LINE:
        return r->per_line;
    case CALIB_MEAN:
        return r->mean;
    case CALIB_THROUGHPUT:
        return r->throughput;
    case CALIB_MEDIA_PER_ISSUED:
        return r->media_per_issued;
    case CALIB_ISSUED_PER_MEDIA:
        return r->media_per_issued > 0 ? 1 / r->media_per_issued : 0;
    case CALIB_PERCENTILE:
        return percentile(r, row->percentile);
    case CALIB_STALL:
        return r->stall;
    case CALIB_WRITES_BETWEEN:
        return r->writes_between;
    }
    return 0;
}

int calib_same(const struct calib_row *a, const struct calib_row *b)
{
    return a->group == b->group && a->op == b->op && a->pattern == b->pattern &&
           a->dram == b->dram && a->dimms == b->dimms && a->threads == b->threads &&
           a->access == b->access && a->region == b->region && a->fence == b->fence;
}
