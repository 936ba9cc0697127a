/* test_champsim.c - ChampSim's records: reading them, and their time on the out-of-order core. */
#include <lzma.h>
#include <stdio.h>
#include <unistd.h>
#include <zlib.h>

#include "cpu/stream.h"
#include "tests/core_rig.h"
#include "traces/champsim.h"

struct record {
    uint64_t ip;
    uint8_t is_branch, taken, written[2], read[4];
    uint64_t stores[2], loads[4];
};
_Static_assert(sizeof(struct record) == CHAMPSIM_BYTES, "as in the file, on this machine");

static char path[] = "/tmp/champsim.XXXXXX";
static int named;

static void write_file(const void *bytes, size_t n)
{
    if (!named) {
        const int fd = mkstemp(path);
        cr_assert_geq(fd, 0);
        named = 1;
        close(fd);
    }
    FILE *f = fopen(path, "wb");
    cr_assert(f && fwrite(bytes, 1, n, f) == n && fclose(f) == 0);
}

static size_t gzipped(const void *bytes, size_t n, uint8_t *out, size_t cap)
{
    z_stream z = {0};
    cr_assert_eq(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)(uintptr_t)bytes;
    z.avail_in = (uInt)n;
    z.next_out = out;
    z.avail_out = (uInt)cap;
    cr_assert_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    const size_t made = cap - z.avail_out;
    deflateEnd(&z);
    return made;
}

static size_t xzed(const void *bytes, size_t n, uint8_t *out, size_t cap)
{
    size_t made = 0;
    cr_assert_eq(lzma_easy_buffer_encode(1, LZMA_CHECK_CRC64, NULL, bytes, n, out, &made, cap),
                 LZMA_OK);
    return made;
}

/* All instructions of the file in lots of `lot`: how many, or -1 and err. */
static int64_t read_all(struct stream_op *out, size_t cap, size_t lot, char *err, size_t errlen)
{
    struct champsim *t = champsim_open(path, err, errlen);
    int64_t n = 0, got;
    cr_assert_not_null(t, "%s", err);
    while ((got = champsim_read(t, out + n, lot, err, errlen)) > 0) {
        n += got;
        cr_assert_leq((size_t)n + lot, cap);
    }
    champsim_close(t);
    return got < 0 ? got : n;
}

Test(champsim, packings_give_the_same_and_cuts_are_refused)
{
    enum { N = 20000 };
    static struct record r[N];
    static struct stream_op plain[N + 2000], other[N + 2000];
    static uint8_t packed[sizeof r + 4096];
    char err[300] = "", want[64];
    for (uint64_t i = 0; i < N; i++)
        r[i] = (struct record){.ip = 0x400000 + 4 * (i * 7 % 1000),
                               .read = {(uint8_t)(i % 20), 3},
                               .written = {(uint8_t)(1 + i % 5)},
                               .loads = {i % 3 ? 0x7fff00000000 + i * i * 64 : 0}};
    write_file(r, sizeof r);
    cr_assert_eq(read_all(plain, N + 2000, 1024, err, sizeof err), N, "%s", err);
    for (size_t i = 0; i < N; i++) {
        cr_assert_eq(plain[i].loads, i % 3 != 0);
        cr_assert_eq(plain[i].pc % 65536, r[i].ip % 65536);
        cr_assert_eq(plain[i].next, i + 1 < N ? plain[i + 1].pc : plain[i].pc + 4);
    }
    const size_t sizes[] = {gzipped(r, sizeof r, packed, sizeof packed)};
    write_file(packed, sizes[0]);
    cr_assert_eq(read_all(other, N + 2000, 77, err, sizeof err), N, "%s", err);
    cr_expect_eq(memcmp(plain, other, N * sizeof *plain), 0);
    /* two streams, one behind the other, are one file */
    const size_t half = N / 2 * sizeof *r;
    size_t both = gzipped(r, half, packed, sizeof packed);
    both += gzipped((uint8_t *)r + half, half, packed + both, sizeof packed - both);
    write_file(packed, both);
    memset(other, 0, sizeof other);
    cr_assert_eq(read_all(other, N + 2000, 1000, err, sizeof err), N, "%s", err);
    cr_expect_eq(memcmp(plain, other, N * sizeof *plain), 0);
    write_file(packed, both - 20);
    cr_expect_eq(read_all(other, N + 2000, 1000, err, sizeof err), -1);
    cr_expect_not_null(strstr(err, "cut off"), "%s", err);
    const size_t xz = xzed(r, sizeof r, packed, sizeof packed);
    write_file(packed, xz);
    memset(other, 0, sizeof other);
    cr_assert_eq(read_all(other, N + 2000, 1, err, sizeof err), N, "%s", err);
    cr_expect_eq(memcmp(plain, other, N * sizeof *plain), 0);
    for (size_t cut = 40; cut < xz; cut += xz / 3) {
        write_file(packed, cut);
        cr_expect_eq(read_all(other, N + 2000, 1000, err, sizeof err), -1, "cut at %zu", cut);
    }
    packed[xz / 2] ^= 1;
    write_file(packed, xz);
    cr_expect_eq(read_all(other, N + 2000, 1000, err, sizeof err), -1);
    for (size_t cut = 1; cut < 64; cut += 9) {
        write_file(r, 5 * sizeof *r + cut);
        cr_expect_eq(read_all(other, N + 2000, 1000, err, sizeof err), -1);
        snprintf(want, sizeof want, "%s: record 5: cut off", path);
        cr_expect_eq(strncmp(err, want, strlen(want)), 0, "%s", err);
    }
    r[7].is_branch = 2;
    write_file(r, sizeof r);
    cr_expect_eq(read_all(other, N + 2000, 1000, err, sizeof err), -1);
    cr_expect_not_null(strstr(err, "record 7"), "%s", err);
    write_file("", 0);
    cr_expect_eq(read_all(other, N + 2000, 1000, err, sizeof err), 0);
    unlink(path);
    cr_expect_null(champsim_open(path, err, sizeof err));
}

Test(champsim, kinds_of_branches_follow_from_registers)
{
    static const struct {
        uint8_t written[2], read[4];
        enum stream_branch kind;
    } cases[] = {{{1, 25}, {26, 6, 3}, STREAM_NONE}, {{26}, {26}, STREAM_JUMP},
                 {{26}, {0}, STREAM_JUMP},           {{26}, {3}, STREAM_INDIRECT},
                 {{26}, {26, 25}, STREAM_COND},      {{26}, {26, 2}, STREAM_COND},
                 {{26, 6}, {26, 6}, STREAM_CALL},    {{26, 6}, {26, 6, 9}, STREAM_CALL_INDIRECT},
                 {{26, 6}, {6}, STREAM_RETURN}};
    enum { N = sizeof cases / sizeof *cases };
    struct record r[N] = {0};
    struct stream_op ops[N + 8];
    char err[300];
    for (size_t i = 0; i < N; i++) {
        r[i].ip = 0x1000 + 4 * i;
        memcpy(r[i].written, cases[i].written, 2);
        memcpy(r[i].read, cases[i].read, 4);
        r[i].is_branch = cases[i].kind != STREAM_NONE;
    }
    write_file(r, sizeof r);
    cr_assert_eq(read_all(ops, N + 8, 4, err, sizeof err), N);
    for (size_t i = 0; i < N; i++) {
        cr_expect_eq(ops[i].branch, cases[i].kind, "case %zu: %d", i, ops[i].branch);
        cr_expect_eq(ops[i].taken, cases[i].kind != STREAM_NONE && cases[i].kind != STREAM_COND);
        for (int k = 0; k < 4; k++)
            cr_expect(ops[i].source[k] != 6 && ops[i].source[k] != 26);
    }
    unlink(path);
}

/* ---- on the core ---- */

static uint64_t feed(struct rig *r, const struct stream_op *ops, uint32_t n)
{
    const uint64_t before = now(r);
    r->ops->stream(r->core, ops, n);
    r->ops->drain(r->core);
    check_sum(r);
    return now(r) - before;
}

Test(champsim, instructions_take_what_micro_ops_take)
{
    enum { N = 1000 };
    static struct stream_op ops[N];
    struct rig *r = rig_new_of(&core_ooo);
    r->cfg.width = 4;
    r->cfg.window.ports[UOP_ALU] = 0xf;
    r->cfg.window.fuse_loads = 1;
    static const struct {
        int chain, load, store;
        uint64_t cycles;
    } cases[] = {{0, 0, 0, N / 4},        /* as wide as the machine */
                 {1, 0, 0, N},            /* one after the other */
                 {1, 1, 0, N * L1},       /* a chase */
                 {0, 1, 0, N / 2},        /* two load ports */
                 {0, 0, 1, N},            /* one store a cycle */
                 {1, 1, 1, N * (5 + 1)}}; /* add to memory: forwarded, then added */
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        for (uint64_t i = 0; i < N; i++)
            ops[i] = (struct stream_op){.pc = 64 + i % 8 * 4,
                                        .next = 64 + (i + 1) % 8 * 4,
                                        .source = {cases[k].chain ? 3 : 0},
                                        .result = {3},
                                        .loads = (uint8_t)cases[k].load,
                                        .stores = (uint8_t)cases[k].store,
                                        .load = {8192},
                                        .store = {8192}};
        rig_core(r);
        feed(r, ops, N);
        const uint64_t took = feed(r, ops, N);
        cr_expect(took >= cases[k].cycles && took <= cases[k].cycles * 102 / 100 + 8,
                  "case %zu: %lu cycles, want %lu", k, took, cases[k].cycles);
        cr_expect_eq(counters(r)->instructions, 2 * N);
    }
    rig_free(r);
}

Test(champsim, branches_are_predicted_and_returns_find_their_call)
{
    /* a loop of call, f's body, return, conditional jump back */
    enum { N = 4000 };
    static struct stream_op ops[N];
    struct rig *r = rig_new_of(&core_ooo);
    for (uint32_t i = 0; i < N; i += 4) {
        ops[i] = (struct stream_op){.pc = 0x1000,
                                    .next = 0x2000,
                                    .branch = STREAM_CALL,
                                    .taken = 1,
                                    .stores = 1,
                                    .store = {0x9000}};
        ops[i + 1] = (struct stream_op){.pc = 0x2000, .next = 0x2004, .result = {1}};
        ops[i + 2] = (struct stream_op){.pc = 0x2004,
                                        .next = 0x1005,
                                        .branch = STREAM_RETURN,
                                        .taken = 1,
                                        .loads = 1,
                                        .load = {0x9000}};
        ops[i + 3] = (struct stream_op){
            .pc = 0x1005, .next = 0x1000, .branch = STREAM_COND, .taken = 1};
    }
    feed(r, ops, N);
    cr_expect_eq(counters(r)->branches, N / 2);
    cr_expect_leq(counters(r)->mispredictions, 12, "%lu", counters(r)->mispredictions);
    const uint64_t before = counters(r)->mispredictions;
    for (uint32_t i = 2; i < N; i += 4)
        ops[i].next = 0x1105; /* returns elsewhere */
    feed(r, ops, N);
    cr_expect_geq(counters(r)->mispredictions - before, N / 4);
    rig_free(r);
}

/* A wrong target costs core.mispredict_indirect, a wrong direction core.mispredict, and no more. */
Test(champsim, refills_take_what_is_configured)
{
    enum { N = 400 };
    static struct stream_op ops[N];
    static const uint8_t kinds[] = {STREAM_INDIRECT, STREAM_CALL_INDIRECT, STREAM_COND};
    struct rig *r = rig_new_of(&core_ooo);
    for (size_t k = 0; k < sizeof kinds; k++) {
        uint64_t took[3], wrong[3];
        for (uint32_t i = 0; i < N; i++) { /* there and back; each time elsewhere */
            const int there = i % 2 == 0, taken = kinds[k] != STREAM_COND || i % 4 == 0;
            const uint64_t to = !taken ? 0x1004 : i % 4 == 0 ? 0x1010 : 0x1020;
            ops[i] = there ? (struct stream_op){.pc = 0x1000,
                                                .next = to,
                                                .branch = kinds[k],
                                                .taken = (uint8_t)taken}
                           : (struct stream_op){.pc = ops[i - 1].next,
                                                .next = 0x1000,
                                                .branch = STREAM_JUMP,
                                                .taken = 1};
        }
        for (uint32_t i = 0; i < 3; i++) {
            r->cfg.branch.predictor = PREDICTOR_BIMODAL;
            r->cfg.branch.mispredict_cycles = i == 1 ? 50 : 20;
            r->cfg.branch.indirect_cycles = i == 2 ? 60 : 20;
            rig_core(r);
            took[i] = feed(r, ops, N);
            wrong[i] = counters(r)->mispredictions;
        }
        const int cond = kinds[k] == STREAM_COND;
        cr_assert_gt(wrong[0], N / 8);
        cr_expect_eq(took[1] - took[0], cond ? 30 * wrong[0] : 0, "kind %u", kinds[k]);
        cr_expect_eq(took[2] - took[0], cond ? 0 : 40 * wrong[0], "kind %u", kinds[k]);
    }
    rig_free(r);
}
