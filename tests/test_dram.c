/* test_dram.c - DRAM timing against the sums that the timings say, and against the bus's limits. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

#include "memhier/dram.h"

/* Distinct primes, so that no two sums are alike by accident; burst is shorter than all. */
static const struct dram_config plain = {.channels = 2,
                                         .banks = 8,
                                         .row_bytes = 4096,
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
    /* A write's data goes earlier on the bus than a read's, so here it is the bank that counts. */
    request(d, MEM_WRITEBACK, 3 * NEXT_BANK, 1500000);
    cr_assert_eq(request(d, MEM_LOAD, 3 * NEXT_BANK, 1500000), CTRL + RCD + BURST + CL + BURST);
    request(d, MEM_WRITEBACK, 3 * NEXT_BANK + NEXT_ROW, 1800000);
    cr_assert_eq(request(d, MEM_LOAD, 3 * NEXT_BANK + NEXT_ROW, 1800000),
                 CTRL + RP + RCD + BURST + CL + BURST);
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

Test(dram, writes_are_posted_until_the_queue_is_full)
{
    struct dram *d = make(&plain);
    request(d, MEM_LOAD, 0, 0);
    for (unsigned i = 0; i < DRAM_WRITE_QUEUE; i++)
        cr_assert_eq(request(d, i & 1 ? MEM_WRITEBACK : MEM_NTSTORE, 0, 1000000), IN);
    cr_assert_eq(dram_counters(d)->write_queue_full, 0);
    /* Then each waits for the oldest: its data has left CWL and its turn's burst after entering. */
    for (unsigned i = 0; i < 8; i++)
        cr_assert_eq(request(d, MEM_CLWB, 0, 1000000), IN + CWL + (i + 1) * BURST);
    cr_assert_eq(dram_counters(d)->write_queue_full, 8);
    cr_assert_eq(dram_counters(d)->writes, DRAM_WRITE_QUEUE + 8);
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

Test(dram, refuses_impossible_sizes)
{
    struct dram_config bad[9];
    for (size_t i = 0; i < 9; i++)
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
    for (size_t i = 0; i < 9; i++) {
        char err[200] = "";
        cr_assert_null(dram_new(&bad[i], err, sizeof err), "row %zu", i);
        cr_assert(!strncmp(err, "dram: ", 6), "%s", err);
    }
}
