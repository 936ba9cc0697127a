/* test_dram.c - DRAM timing against the sums that the timings say, and against the bus's limits. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "memhier/dram.h"
#include "memhier/dram_bank.h"

/* Distinct primes, so that no two sums are alike by accident; burst is shorter than all. */
#define BANKS_ABOVE                                                                                \
    {                                                                                              \
        DRAM_ROW, DRAM_RANK, DRAM_BANK, DRAM_GROUP, DRAM_COLUMN, DRAM_CHANNEL                      \
    }
static const struct dram_config plain = {.channels = 2,
                                         .ranks = 1,
                                         .groups = 1,
                                         .banks = 8,
                                         .row_bytes = 4096,
                                         .order = {BANKS_ABOVE, 1, 256, 65536},
                                         .write_queue = 32,
                                         .write_high = 24,
                                         .write_low = 8,
                                         .tck = 1000,
                                         .cl = 23,
                                         .cwl = 17,
                                         .rcd = 29,
                                         .rp = 31,
                                         .ras = 101,
                                         .burst = 3,
                                         .controller = 20001};
#define CL    23000u
#define CWL   17000u
#define RCD   29000u
#define RP    31000u
#define RAS   101000u
#define BURST 3000u
#define CTRL  20001u
#define IN    10000u /* half of CTRL, rounded down */

/* Channel bit 8; a channel's row is 4096 bytes of its own, so 8192 of the address space; 8 banks.
 */
#define NEXT_CHANNEL 256u
#define NEXT_BANK    8192u
/* The bank is the row-sized block's number xored with its bits from the 8s up. 64 blocks on, those
 * bits differ by 8 and the low ones do not: the same bank, another row. */
#define NEXT_ROW (8192u * 64u)

static struct dram *make(const struct dram_config *cfg)
{
    char err[200] = "";
    struct dram *d = dram_new(cfg, err, sizeof err);
    cr_assert_not_null(d, "%s", err);
    return d;
}

static ps_t request(struct dram *d, unsigned kind, uint64_t addr, ps_t at)
{
    struct mem_port port = dram_port(d);
    struct mem_req req = {.addr = addr, .at = at, .bytes = 64, .kind = (uint8_t)kind};
    struct mem_reply r = port_access(&port, &req);
    cr_assert_eq(r.source, SRC_DRAM);
    return r.done - at;
}

Test(dram, unloaded_reads_cost_what_the_timings_say)
{
    static const uint8_t kinds[] = {MEM_FETCH, MEM_LOAD, MEM_STORE, MEM_WALK, MEM_PREFETCH};
    for (size_t k = 0; k < sizeof kinds; k++) {
        struct dram *d = make(&plain);
        const struct dram_counters *n = dram_counters(d);
        cr_assert_eq(request(d, kinds[k], 64, 1000000), CTRL + RCD + CL + BURST);
        cr_assert_eq(request(d, kinds[k], 0, 2000000), CTRL + CL + BURST);
        cr_assert_eq(request(d, kinds[k], 7744, 3000000), CTRL + CL + BURST); /* same row's end */
        cr_assert_eq(request(d, kinds[k], NEXT_CHANNEL, 4000000), CTRL + RCD + CL + BURST);
        cr_assert_eq(request(d, kinds[k], NEXT_BANK, 5000000), CTRL + RCD + CL + BURST);
        cr_assert_eq(request(d, kinds[k], NEXT_ROW, 6000000), CTRL + RP + RCD + CL + BURST);
        cr_assert_eq(request(d, kinds[k], 0, 7000000), CTRL + RP + RCD + CL + BURST);
        cr_assert_eq(request(d, kinds[k], 8 * NEXT_BANK + NEXT_CHANNEL, 8000000),
                     CTRL + RCD + CL + BURST); /* not the bank of block 0 */
        cr_assert_eq(n->row_hits, 2);
        cr_assert_eq(n->row_closed, 4);
        cr_assert_eq(n->row_conflicts, 2);
        cr_assert_eq(n->reads, 8);
        cr_assert_eq(n->writes, 0);
        cr_assert_eq(n->bus_busy_ps, 8 * BURST);
        dram_free(d);
    }
}

Test(dram, a_row_stays_open_for_ras)
{
    struct dram *d = make(&plain);
    /* Activated at 0 + IN; a conflict that asks at once precharges RAS later. */
    cr_assert_eq(request(d, MEM_LOAD, 0, 0), CTRL + RCD + CL + BURST);
    cr_assert_eq(request(d, MEM_LOAD, NEXT_ROW, 0), CTRL + RAS + RP + RCD + CL + BURST);
    dram_free(d);
}

Test(dram, bank_and_bus_are_used_once_at_a_time)
{
    struct dram *d = make(&plain);
    request(d, MEM_LOAD, 0, 0);
    request(d, MEM_LOAD, NEXT_BANK, 0);
    /* Sixteen hits at one instant in one bank: one burst after the other. */
    for (unsigned i = 0; i < 16; i++)
        cr_assert_eq(request(d, MEM_LOAD, 64 * (i % 4), 1000000), CTRL + CL + (i + 1) * BURST);
    /* In two banks of a channel: the bus is shared. */
    for (unsigned i = 0; i < 16; i++)
        cr_assert_eq(request(d, MEM_LOAD, NEXT_BANK * (i & 1), 2000000),
                     CTRL + CL + (i + 1) * BURST);
    /* In two channels: it is not. */
    request(d, MEM_LOAD, NEXT_CHANNEL, 3000000);
    for (unsigned i = 0; i < 16; i++)
        cr_assert_eq(request(d, MEM_LOAD, NEXT_CHANNEL * (i & 1), 4000000),
                     CTRL + CL + (i / 2 + 1) * BURST);
    dram_free(d);
}

/* 32 entries, batches from 24 down to 8. All to one row, so that the data come one after the other.
 */
Test(dram, writes_are_posted_until_the_queue_is_full)
{
    struct dram *d = make(&plain);
    const struct dram_counters *n = dram_counters(d);
    request(d, MEM_LOAD, 0, 0);
    for (unsigned i = 0; i < 32; i++)
        cr_assert_eq(request(d, i & 1 ? MEM_WRITEBACK : MEM_NTSTORE, 0, 1000000), IN);
    cr_assert_eq(n->write_batches, 1);
    cr_assert_eq(n->write_queue_full, 0);
    /* The entries of the first batch are free when their data has been written: the 24th write
     * started it, CWL before the first data. */
    for (unsigned i = 0; i < 16; i++)
        cr_assert_eq(request(d, MEM_CLWB, 0, 1000000), IN + CWL + (i + 1) * BURST);
    cr_assert_eq(n->write_queue_full, 16);
    cr_assert_eq(n->writes, 48);
    dram_free(d);
}

Test(dram, writes_leave_while_there_is_nothing_else_to_do)
{
    struct dram *d = make(&plain);
    const struct dram_counters *n = dram_counters(d);
    for (unsigned i = 0; i < 8; i++)
        request(d, MEM_WRITEBACK, i * NEXT_BANK, 1000000);
    cr_assert_eq(n->row_closed, 0);
    /* Much later: the writes have opened their rows long ago. */
    cr_assert_eq(request(d, MEM_LOAD, 64, 9000000), CTRL + CL + BURST);
    cr_assert_eq(n->row_closed, 8);
    cr_assert_eq(n->row_hits, 1);
    cr_assert_eq(n->write_batches, 0);
    /* At once: the read goes first. */
    request(d, MEM_WRITEBACK, NEXT_ROW, 10000000);
    cr_assert_eq(request(d, MEM_LOAD, 128, 10000000), CTRL + CL + BURST);
    cr_assert_eq(n->row_conflicts, 0);
    dram_free(d);
}

Test(dram, the_past_sees_the_row_of_the_past)
{
    struct dram *d = make(&plain);
    request(d, MEM_LOAD, 0, 0);
    request(d, MEM_LOAD, NEXT_ROW, 9000000);
    cr_assert_eq(request(d, MEM_LOAD, 64, 5000000), CTRL + CL + BURST);
    cr_assert_eq(request(d, MEM_LOAD, 2 * NEXT_ROW, 6000000), CTRL + RP + RCD + CL + BURST);
    cr_assert_eq(request(d, MEM_LOAD, 2 * NEXT_ROW, 6500000), CTRL + CL + BURST);
    cr_assert_eq(request(d, MEM_LOAD, NEXT_ROW, 9500000), CTRL + CL + BURST);
    /* No room for opening it before the activation: a hit in the row that is open from then on. */
    ps_t opens = 9000000 + IN + RP + RCD;
    ps_t got = 9000000 - 20000 + request(d, MEM_LOAD, NEXT_ROW + 64, 9000000 - 20000);
    cr_assert_eq(got, opens + BURST + CL + BURST + (CTRL - IN));
    dram_free(d);
}

Test(dram, fences_and_visible_stores_do_nothing)
{
    struct dram *d = make(&plain);
    cr_assert_eq(request(d, MEM_FENCE, 0, 5), 0);
    cr_assert_eq(request(d, MEM_VISIBLE, 0, 5), 0);
    static const struct dram_counters none;
    cr_assert_eq(memcmp(dram_counters(d), &none, sizeof none), 0);
    dram_free(d);
}

Test(dram, random_requests_keep_the_limits)
{
    struct dram *d = make(&plain);
    uint64_t rng = 12345, requests = 20000;
    ps_t now = 0, last = 0;
    for (uint64_t i = 0; i < requests; i++) {
        rng = rng * 6364136223846793005u + 1442695040888963407u;
        ps_t at = now - (now < 40000 ? now : rng >> 40 & 0x3fff);
        ps_t took = request(d, MEM_LOAD, rng >> 30 & 0x3ffffc0, at);
        cr_assert_geq(took, CTRL + CL + BURST);
        last = at + took > last ? at + took : last;
        now += rng >> 55;
    }
    const struct dram_counters *n = dram_counters(d);
    cr_assert_eq(n->row_hits + n->row_closed + n->row_conflicts, requests);
    cr_assert_leq(n->bus_busy_ps, 2 * last);
    cr_assert_eq(n->bus_busy_ps, requests * BURST);
    dram_free(d);
}

/* ---- the finer timings, one by one: all others are 0 or as above ---- */

#define GROUPS_BELOW                                                                               \
    {                                                                                              \
        DRAM_ROW, DRAM_RANK, DRAM_BANK, DRAM_COLUMN, DRAM_GROUP, DRAM_CHANNEL                      \
    }

/* One channel; four groups of two banks, 256 bytes apart, then columns, then the bank. */
static struct dram_config grouped(void)
{
    struct dram_config c = plain;
    c.channels = 1;
    c.groups = 4;
    c.order = (struct dram_order){GROUPS_BELOW, 0, 256, 65536};
    return c;
}
#define NEXT_GROUP    256u
#define BANK_IN_GROUP (4u * 4096u)
#define ROW_IN_BANK   (8u * 4096u)

Test(dram, columns_of_a_group_are_further_apart)
{
    struct dram_config c = grouped();
    c.ccd_l = 7;
    struct dram *d = make(&c);
    for (unsigned g = 0; g < 4; g++)
        request(d, MEM_LOAD, g * NEXT_GROUP, 0);
    for (unsigned i = 0; i < 8; i++) /* one group */
        cr_assert_eq(request(d, MEM_LOAD, 64 * (i & 3), 1000000), CTRL + CL + BURST + i * 7000);
    request(d, MEM_LOAD, BANK_IN_GROUP, 0);
    for (unsigned i = 0; i < 8; i++) /* of two banks */
        cr_assert_eq(request(d, MEM_LOAD, BANK_IN_GROUP * (i & 1), 1500000),
                     CTRL + CL + BURST + i * 7000);
    for (unsigned i = 0; i < 8; i++) /* four in turn: the bus is the limit */
        cr_assert_eq(request(d, MEM_LOAD, NEXT_GROUP * (i & 3), 2000000),
                     CTRL + CL + (i + 1) * BURST);
    dram_free(d);
}

Test(dram, activations_keep_their_distances)
{
    struct dram_config c = grouped();
    c.rrd_s = 5;
    c.rrd_l = 11;
    struct dram *d = make(&c);
    const ps_t first = CTRL + RCD + CL + BURST;
    cr_assert_eq(request(d, MEM_LOAD, 0, 1000000), first);
    cr_assert_eq(request(d, MEM_LOAD, NEXT_GROUP, 1000000), first + 5000);
    cr_assert_eq(request(d, MEM_LOAD, BANK_IN_GROUP, 1000000), first + 11000);
    dram_free(d);

    c.rrd_l = 5;
    c.faw = 37;
    d = make(&c);
    for (unsigned i = 0; i < 4; i++)
        cr_assert_eq(request(d, MEM_LOAD, i * NEXT_GROUP, 1000000), first + i * 5000);
    for (unsigned i = 0; i < 4; i++) /* the window lets in one for each that leaves it */
        cr_assert_eq(request(d, MEM_LOAD, BANK_IN_GROUP + i * NEXT_GROUP, 1000000),
                     first + 37000 + i * 5000);
    dram_free(d);
}

struct activation {
    ps_t at;
    uint32_t group;
};

static int by_time(const void *a, const void *b)
{
    const ps_t x = ((const struct activation *)a)->at, y = ((const struct activation *)b)->at;
    return x < y ? -1 : x > y;
}

/* Requests for random rows of a rank, up to `late` before the youngest: no two activations are too
 * near, and no five lie in a window, whatever the order in which they were asked for. */
static void activate_at_random(const struct dram_ps *t, uint32_t nbanks, uint32_t ngroups,
                               ps_t late)
{
    enum { REQUESTS = 5000 };
    static struct activation acts[REQUESTS];
    struct dram_bank bank[16];
    struct dram_rank rank = {0};
    uint32_t n = 0;
    uint64_t rng = late + nbanks;
    ps_t now = 1000000;
    memset(bank, 0, sizeof bank);
    for (uint32_t i = 0; i < nbanks; i++)
        bank[i].row = bank[i].previous = DRAM_NO_ROW;
    for (uint32_t i = 0; i < REQUESTS; i++) {
        rng = rng * 6364136223846793005u + 1442695040888963407u;
        const uint32_t b = (uint32_t)(rng >> 40) % nbanks, group = b % ngroups;
        const uint64_t row = rng >> 60;
        now += rng >> 33 & 4095;
        int waited;
        enum dram_row_case how;
        const ps_t at = dram_rank_available(&rank, t, now - (rng >> 20) % (late + 1), &waited);
        const ps_t column = dram_bank_column(&bank[b], &rank, t, row, group, at, &how);
        cr_assert_geq(column, at);
        dram_bank_used(&bank[b], row, column + t->rtp);
        if (how != DRAM_HIT)
            acts[n++] = (struct activation){column - t->rcd, group};
        now += column > now ? (column - now) / 8 : 0;
    }
    qsort(acts, n, sizeof *acts, by_time);
    cr_assert_gt(n, REQUESTS / 4);
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t j = i + 1; j < n && acts[j].at < acts[i].at + t->rrd_l; j++)
            cr_assert_geq(acts[j].at - acts[i].at,
                          acts[j].group == acts[i].group ? t->rrd_l : t->rrd_s);
        cr_assert(i + 4 >= n || acts[i + 4].at >= acts[i].at + t->faw, "five in %lu ps",
                  (unsigned long)(acts[i + 4].at - acts[i].at));
    }
}

Test(dram, activations_keep_their_distances_in_any_order)
{
    static const struct dram_ps ddr4 = {.cl = 14250,
                                        .rcd = 14250,
                                        .rp = 14250,
                                        .ras = 32250,
                                        .ccd_l = 5250,
                                        .rrd_s = 3000,
                                        .rrd_l = 5250,
                                        .faw = 21000,
                                        .rtp = 7500,
                                        .burst = 3000},
                                ddr5 = {.cl = 16640,
                                        .rcd = 16224,
                                        .rp = 16224,
                                        .ras = 32032,
                                        .ccd_l = 4992,
                                        .rrd_s = 3328,
                                        .rrd_l = 4992,
                                        .faw = 13312,
                                        .rtp = 7488,
                                        .burst = 3328};
    for (ps_t late = 0; late < 1000000; late = late ? 3 * late : 2000)
        for (uint32_t banks = 4; banks <= 16; banks *= 2) {
            activate_at_random(&ddr4, banks, 4, late);
            activate_at_random(&ddr5, banks, banks / 2, late);
        }
}

Test(dram, rows_are_closed_no_sooner_than_they_may)
{
    struct dram_config c = grouped();
    c.rtp = 13;
    struct dram *d = make(&c);
    request(d, MEM_LOAD, 0, 1000000);
    /* A read command at 2 us; then the conflict's precharge waits for rtp. */
    cr_assert_eq(request(d, MEM_LOAD, 0, 2000000), CTRL + CL + BURST);
    cr_assert_eq(request(d, MEM_LOAD, ROW_IN_BANK, 2000000), 13000 + CTRL + RP + RCD + CL + BURST);
    dram_free(d);

    c.rtp = 0;
    c.wr = 19;
    d = make(&c);
    request(d, MEM_LOAD, 0, 1000000);
    /* 24 writes make a batch; the row's last data is 16 bursts after the first command and CWL. */
    for (unsigned i = 0; i < 24; i++)
        request(d, MEM_WRITEBACK, 0, 2000000);
    cr_assert_eq(request(d, MEM_LOAD, ROW_IN_BANK, 2000000),
                 CWL + 16 * BURST + 19000 + CTRL + RP + RCD + CL + BURST);
    dram_free(d);
}

Test(dram, reads_wait_for_a_batch_of_writes_and_the_turnaround)
{
    struct dram_config c = grouped();
    c.wtr_s = 6;
    c.wtr_l = 15;
    struct dram *d = make(&c);
    for (unsigned g = 0; g < 4; g++)
        request(d, MEM_LOAD, g * NEXT_GROUP, 1000000);
    for (unsigned i = 0; i < 24; i++)
        request(d, MEM_WRITEBACK, 0, 2000000);
    cr_assert_eq(dram_counters(d)->write_batches, 1);
    const ps_t data = CWL + 16 * BURST;
    cr_assert_eq(request(d, MEM_LOAD, NEXT_GROUP, 2000000), data + 6000 + CTRL + CL + BURST);
    cr_assert_eq(request(d, MEM_LOAD, 0, 2000000), data + 15000 + CTRL + CL + BURST);
    dram_free(d);
}

/* The bus turns round in two clocks from a read's data to a write's command. */
Test(dram, a_write_keeps_its_distance_to_a_read)
{
    struct dram_config c = plain;
    c.write_high = 1;
    c.write_low = 0;
    struct dram *d = make(&c);
    request(d, MEM_LOAD, 0, 0);
    cr_assert_eq(request(d, MEM_LOAD, 0, 1000000), CTRL + CL + BURST);
    cr_assert_eq(request(d, MEM_WRITEBACK, 64, 1000000), IN);
    const ps_t command = 1000000 + CL + BURST + 2 * c.tck;
    cr_assert_eq(request(d, MEM_LOAD, 128, command), CTRL + CWL + BURST + CL + BURST);
    dram_free(d);
}

Test(dram, refresh_stops_a_rank_and_closes_its_rows)
{
    struct dram_config c = grouped();
    c.ranks = 2;
    c.rfc = 300;
    c.refi = 8000;
    struct dram *d = make(&c);
    const ps_t refresh = 8000000, next_rank = 8u * 4096u;
    request(d, MEM_LOAD, 0, 1000000);
    request(d, MEM_LOAD, next_rank, 1000000);
    cr_assert_eq(request(d, MEM_LOAD, 0, refresh - IN - 1), CTRL + CL + BURST);
    cr_assert_eq(request(d, MEM_LOAD, 0, refresh - IN), 300000 + CTRL + RCD + CL + BURST);
    cr_assert_eq(request(d, MEM_LOAD, 0, refresh + 400000), CTRL + CL + BURST);
    /* The other rank's turn is half an interval later. */
    cr_assert_eq(request(d, MEM_LOAD, next_rank, refresh + 100000), CTRL + CL + BURST);
    cr_assert_eq(request(d, MEM_LOAD, next_rank, refresh * 3 / 2 + 200000 - IN),
                 100000 + CTRL + RCD + CL + BURST);
    cr_assert_eq(request(d, MEM_LOAD, 0, 3 * refresh + 10000), /* 10 ns into it */
                 300000 - 10000 - IN + CTRL + RCD + CL + BURST);
    cr_assert_eq(dram_counters(d)->refresh_waits, 3);
    dram_free(d);
}

/* A conflict that must wait lets hits of the open row by, although it was made known first. */
Test(dram, row_hits_go_before_a_conflict)
{
    struct dram *d = make(&plain);
    request(d, MEM_LOAD, 0, 1000000);
    const ps_t conflict = request(d, MEM_LOAD, NEXT_ROW, 1000000);
    cr_assert_eq(conflict, CTRL + RAS + RP + RCD + CL + BURST);
    for (unsigned i = 1; i <= 4; i++)
        cr_assert_eq(request(d, MEM_LOAD, 64, 1000000), CTRL + RCD + CL + (i + 1) * BURST);
    cr_assert_eq(dram_counters(d)->row_hits, 4);
    dram_free(d);
}

/* ---- bandwidth ---- */

static const struct dram_config ddr4_2666 = {.channels = 2,
                                             .ranks = 2,
                                             .groups = 4,
                                             .banks = 16,
                                             .row_bytes = 8192,
                                             .order = {GROUPS_BELOW, 1, 256, 65536},
                                             .tck = 750,
                                             .cl = 19,
                                             .cwl = 14,
                                             .rcd = 19,
                                             .rp = 19,
                                             .ras = 43,
                                             .ccd_l = 7,
                                             .rrd_s = 4,
                                             .rrd_l = 7,
                                             .faw = 28,
                                             .wr = 20,
                                             .rtp = 10,
                                             .wtr_s = 4,
                                             .wtr_l = 10,
                                             .rfc = 467,
                                             .refi = 10400,
                                             .burst = 4,
                                             .controller = 20000,
                                             .write_queue = 32,
                                             .write_high = 24,
                                             .write_low = 8};

#define DEEPEST 1024u

/* Lines in order or at random, one in `writes` of them written, so many under way: MB/s. */
static uint64_t bandwidth_of(const struct dram_config *cfg, int random, unsigned writes,
                             unsigned under_way)
{
    struct dram *d = make(cfg);
    uint64_t rng = 1, lines = 100000;
    ps_t done[DEEPEST] = {0}, now = 0;
    for (uint64_t i = 0; i < lines; i++) {
        rng = rng * 6364136223846793005u + 1442695040888963407u;
        now = done[i % under_way] > now ? done[i % under_way] : now;
        const uint64_t addr = 64 * (random ? rng >> 40 : i);
        done[i % under_way] = now + request(d, writes && i % writes == 0 ? MEM_WRITEBACK : MEM_LOAD,
                                            addr, now);
    }
    const struct dram_counters *n = dram_counters(d);
    for (unsigned i = 0; i < under_way; i++)
        now = done[i] > now ? done[i] : now;
    cr_assert_leq(n->bus_busy_ps, cfg->channels * now, "more than the buses can carry");
    dram_free(d);
    return lines * 64 * 1000000 / now;
}

static uint64_t bandwidth(int random, unsigned writes)
{
    return bandwidth_of(&ddr4_2666, random, writes, 64);
}

/* Two channels of 64 bits at 2,666 MT/s carry 42,667 MB/s; refresh takes 4.5 % of it. */
Test(dram, bandwidth_is_that_of_the_buses)
{
    const uint64_t peak = 42667, read = bandwidth(0, 0), mixed = bandwidth(0, 3);
    cr_assert(read > peak * 90 / 100 && read < peak * 96 / 100, "read %lu MB/s",
              (unsigned long)read);
    cr_assert(mixed > peak * 60 / 100 && mixed < read, "mixed %lu MB/s", (unsigned long)mixed);
    /* At random each line opens a row: at most four in tFAW on each of four ranks. */
    const uint64_t random = bandwidth(1, 0), rows = UINT64_C(16) * 64 * 1000000 / (28 * 750);
    cr_assert(random > peak * 40 / 100 && random < rows && random < peak * 96 / 100,
              "random %lu MB/s", (unsigned long)random);
}

/* A rank that is refreshed carries nothing, however many requests wait for it: with one rank, reads
 * in order and at random get what refresh leaves of the bus, and no more. */
Test(dram, refresh_takes_its_part_under_load)
{
    for (uint32_t refi = 10400; refi >= 1300; refi /= 2) {
        struct dram_config c = ddr4_2666;
        c.ranks = 1;
        c.refi = refi;
        const uint64_t left = UINT64_C(42667) * (refi - c.rfc) / refi;
        for (unsigned under_way = 64; under_way <= DEEPEST; under_way *= 4) {
            const uint64_t read = bandwidth_of(&c, 0, 0, under_way);
            const uint64_t random = bandwidth_of(&c, 1, 0, under_way);
            cr_assert(read <= left && read > left * 90 / 100, "%u under way, %u: %lu of %lu MB/s",
                      under_way, refi, (unsigned long)read, (unsigned long)left);
            cr_assert(random <= left, "%u under way, %u: %lu of %lu MB/s at random", under_way,
                      refi, (unsigned long)random, (unsigned long)left);
        }
    }
}

/* ---- the address map ---- */

Test(dram, orders_of_fields)
{
    static const char *const wrong[] = {"",
                                        "row",
                                        "row,rank,bank,group,column",
                                        "row,rank,bank,group,column,channel,",
                                        "row,rank,bank,group,column,column",
                                        "row rank bank group column channel",
                                        "rows,rank,bank,group,column,channel"};
    struct dram_order o = {.hash = 0, .interleave = 64, .rows = 16};
    char err[300];
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        cr_assert_eq(dram_order_parse(wrong[i], &o, err, sizeof err), -1, "%s", wrong[i]);
        cr_assert(strstr(err, "dram.mapping"), "%s", err);
    }
    cr_assert_eq(dram_order_parse("channel, row,rank ,column,bank,group", &o, err, sizeof err), 0,
                 "%s", err);
    const struct dram_shape shape = {
        .channels = 2, .ranks = 2, .groups = 4, .banks = 8, .row_bytes = 256};
    struct dram_map m;
    cr_assert_eq(dram_map_init(&m, &o, &shape, err, sizeof err), 0, "%s", err);
    /* bits: channel 15, row 14..11, rank 10, column 9..8 (rows of 4 lines), bank... */
    const struct {
        uint64_t addr;
        struct dram_place at;
    } rows[] = {{0, {0, 0, 0, 0, 0}},
                {1u << 6, {0, 0, 1, 2, 0}},   /* group */
                {1u << 8, {0, 0, 0, 1, 0}},   /* bank in group */
                {1u << 9, {0, 0, 0, 0, 0}},   /* column */
                {1u << 11, {0, 1, 4, 8, 0}},  /* rank */
                {1u << 12, {0, 0, 0, 0, 1}},  /* row */
                {1u << 16, {1, 2, 8, 16, 0}}, /* channel */
                {(1u << 16) - 1, {0, 1, 7, 15, 15}}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct dram_place p = dram_locate(&m, rows[i].addr), *e = &rows[i].at;
        cr_assert(p.channel == e->channel && p.rank == e->rank && p.group == e->group &&
                      p.bank == e->bank && p.row == e->row,
                  "row %zu: channel %u rank %u group %u bank %u row %lu", i, p.channel, p.rank,
                  p.group, p.bank, (unsigned long)p.row);
    }
}

/* Lines of one row, whatever the order: each place has exactly as many as a row holds. */
Test(dram, every_order_spreads_all_lines)
{
    static const char *const orders[] = {
        "row,rank,bank,column,group,channel", "row,column,rank,bank,group,channel",
        "channel,rank,bank,group,row,column", "column,row,group,bank,rank,channel"};
    for (size_t k = 0; k < sizeof orders / sizeof orders[0]; k++) {
        for (unsigned hash = 0; hash < 2; hash++) {
            struct dram_order o = {.hash = (uint8_t)hash, .interleave = 128, .rows = 8};
            const struct dram_shape shape = {
                .channels = 2, .ranks = 2, .groups = 2, .banks = 4, .row_bytes = 512};
            static unsigned seen[16][8];
            struct dram_map m;
            char err[300];
            memset(seen, 0, sizeof seen);
            cr_assert_eq(dram_order_parse(orders[k], &o, err, sizeof err), 0);
            cr_assert_eq(dram_map_init(&m, &o, &shape, err, sizeof err), 0);
            for (uint64_t line = 0; line < 16 * 8 * 8; line++) {
                const struct dram_place p = dram_locate(&m, line * 64);
                cr_assert(p.bank < 16 && p.row < 8 && p.group == p.bank / 2 &&
                          p.rank == p.group / 2 && p.channel == p.rank / 2);
                seen[p.bank][p.row]++;
            }
            for (size_t i = 0; i < 16 * 8; i++)
                cr_assert_eq(seen[i / 8][i % 8], 8, "%s, hash %u", orders[k], hash);
        }
    }
}

Test(dram, refuses_impossible_sizes)
{
    struct dram_config bad[18];
    const size_t n = sizeof bad / sizeof bad[0];
    for (size_t i = 0; i < n; i++)
        bad[i] = plain;
    bad[0].channels = 3;
    bad[1].channels = 0;
    bad[2].banks = 128;
    bad[3].row_bytes = 128;
    bad[4].tck = 0;
    bad[5].burst = 0;
    bad[6].ras = 1001;
    bad[7].controller = UINT64_C(1) << 40;
    bad[8].row_bytes = 131072;
    bad[9].ranks = 0;
    bad[10].groups = 16;
    bad[11].order.interleave = 32;
    bad[12].order.interleave = 8192;
    bad[13].order.rows = 3;
    bad[14].refi = bad[14].rfc = 100;
    bad[15].ccd_l = 2;
    bad[16].write_low = bad[16].write_high;
    bad[17].write_queue = 129;
    for (size_t i = 0; i < n; i++) {
        char err[200] = "";
        cr_assert_null(dram_new(&bad[i], err, sizeof err), "row %zu", i);
        cr_assert(!strncmp(err, "dram: ", 6), "%s", err);
    }
}
