/* checkpoint.c - fuzz target: reading checkpoints of either kind, and going on from them. */
/*
 * An input is a list of edits of a good checkpoint, which is made when the target starts: so the
 * fuzzer is behind the checksum at once, and one byte of it can change any field.
 *
 *   u8  which: 0 architectural, 1 full, 2 full on the functional model, 3 full with the policies
 * that learn, 4 contents that follow here, without edits edits: u8 section (of the marks found in
 * it), u16 offset in it, u8: low four bits how many bytes are written there, 0: it ends there; the
 * high bit: they are inserted, not written over; then the bytes
 *
 * Whatever is read is refused with a message or runs on for a while, is written again, and ends.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerInitialize(int *argc, char ***argv);

#define BASES      4u
#define SECTIONS   64u
#define STEP       3000u /* operators, behind a checkpoint that was read */
#define MOST_BYTES (1u << 20)

struct base {
    struct config *cfg;
    struct archive a;
    size_t at[SECTIONS]; /* behind the header */
    uint32_t sections;
};

struct bases {
    struct image *image;
    struct base base[BASES];
};

static const char *const common[] = {
    "program.name=kvlog", "program.args=20,64",  "machine.dram=16 MiB",
    "nvdimm.size=1 MiB",  "l1i.size=2 KiB",      "l1i.ways=4",
    "l1d.size=2 KiB",     "l1d.ways=4",          "l2.size=4 KiB",
    "l2.ways=8",          "llc.size=8 KiB",      "llc.ways=16",
    "tlb.l2_entries=24",  "core.history_bits=4", "l1d.policy=dip",
    "l2.policy=drrip",    "llc.policy=bip",      "kernel.data_tier=nvdimm"};
#define COMMON (sizeof common / sizeof common[0])

static void die(const char *why)
{
    fprintf(stderr, "%s\n", why);
    exit(1);
}

static struct machine_ports ports_of(const struct bases *b)
{
    return (struct machine_ports){.image = b->image, .input = -1};
}

/* What differs between the bases. */
static const char *const own[BASES][4] = {
    {"core.model=inorder"},
    {"core.model=inorder"},
    {"core.model=functional"},
    {"core.model=inorder", "l1d.policy=hawkeye", "l2.policy=glider", "llc.policy=mockingjay"}};

/* Where the marks of sections stand. */
static void find_sections(struct base *b)
{
    static const char *const tags[] = {"KIND", "CONF", "STOR", "THRD", "MEM ", "MACH", "DOMN",
                                       "CODE", "TIME", "OUTP", "DRAM", "NVDM", "DOMW", "HIER",
                                       "CACH", "PDIP", "DRRI", "GLID", "HAWK", "MOCK", "PBIP",
                                       "OPTG", "CORE", "TLB ", "BRCH", "PROF", "INOR"};
    for (size_t i = ARCHIVE_HEADER; i + 4 <= b->a.n && b->sections < SECTIONS; i++)
        for (size_t k = 0; k < sizeof tags / sizeof tags[0]; k++)
            if (memcmp(b->a.bytes + i, tags[k], 4) == 0) {
                b->at[b->sections++] = i;
                break;
            }
}

static void make_base(struct bases *all, unsigned i, const char *image)
{
    const char *sets[COMMON + 5];
    size_t n = COMMON;
    char err[1000];
    struct base *b = &all->base[i];
    memcpy(sets, common, sizeof common);
    sets[n++] = image;
    for (unsigned k = 0; k < 4 && own[i][k]; k++)
        sets[n++] = own[i][k];
    if (config_load(NULL, sets, n, &b->cfg, err, sizeof err))
        die(err);
    if (!all->image && !(all->image = image_open(b->cfg->boot_image, err, sizeof err)))
        die(err);
    const struct machine_ports ports = ports_of(all);
    struct machine *m = machine_new(b->cfg, &ports, err, sizeof err);
    if (!m)
        die(err);
    machine_stop_at(m, (struct machine_point){POINT_INSTRUCTIONS, 60000});
    while (machine_step(m, 100000) == STATE_RUNNING && !machine_at_point(m))
        ;
    if (!machine_at_point(m) ||
        checkpoint_save(m, i ? CHECKPOINT_FULL : CHECKPOINT_ARCHITECTURAL, &b->a, err, sizeof err))
        die("no checkpoint could be made");
    machine_free(m);
    find_sections(b);
    fprintf(stderr, "checkpoint %u: %zu bytes, %u sections\n", i, b->a.n, b->sections);
}

static struct bases *bases(void)
{
    static struct bases all;
    return &all;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const char *const b = getenv("B");
    char image[300];
    (void)argc;
    (void)argv;
    snprintf(image, sizeof image, "boot.image=%s/boot.elf", b ? b : "build");
    for (unsigned i = 0; i < BASES; i++)
        make_base(bases(), i, image);
    return 0;
}

/* ---- one input ---- */

struct input {
    const uint8_t *at, *end;
};

static uint32_t take(struct input *in, unsigned bytes)
{
    uint32_t x = 0;
    for (unsigned i = 0; i < bytes && in->at < in->end; i++)
        x |= (uint32_t)*in->at++ << 8 * i;
    return x;
}

/* The next edit; 0 when the checkpoint ends there. */
static int edit(struct input *in, const struct base *b, uint8_t *to, size_t *n)
{
    const uint32_t section = take(in, 1) % b->sections, offset = take(in, 2);
    const uint32_t what = take(in, 1), left = (uint32_t)(in->end - in->at);
    const uint32_t count = (what & 15) < left ? what & 15 : left;
    const size_t end = section + 1 < b->sections ? b->at[section + 1] : b->a.n;
    const size_t at = b->at[section] + offset % (end - b->at[section]);
    if ((what & 15) == 0 || at + count > *n) {
        *n = at < *n ? at : *n;
        return 0;
    }
    if (what & 128) {
        memmove(to + at + count, to + at, *n - at);
        *n += count;
    }
    memcpy(to + at, in->at, count);
    in->at += count;
    return 1;
}

static void load(const struct bases *all, const struct config *cfg, const uint8_t *bytes, size_t n)
{
    const struct machine_ports ports = ports_of(all);
    char err[1000] = "";
    struct archive again;
    struct machine *m = checkpoint_load(cfg, &ports, bytes, n, err, sizeof err);
    if (!m) {
        if (!*err)
            __builtin_trap(); /* a refusal says why */
        return;
    }
    machine_step(m, STEP);
    if (checkpoint_save(m, CHECKPOINT_FULL, &again, err, sizeof err) && !*err)
        __builtin_trap();
    archive_free(&again);
    (void)machine_finish(m, err, sizeof err);
    machine_free(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    const struct bases *all = bases();
    struct input in = {bytes, bytes + n};
    const uint32_t which = take(&in, 1) % (BASES + 1);
    const struct base *b = &all->base[which % BASES];
    const size_t left = (size_t)(in.end - in.at);
    struct archive a = {.writing = 1, .cap = b->a.n + 16 * n + ARCHIVE_HEADER};
    a.bytes = malloc(a.cap);
    if (!a.bytes)
        abort();
    memcpy(a.bytes, b->a.bytes, b->a.n);
    a.n = b->a.n;
    if (which == BASES) {
        a.n = ARCHIVE_HEADER + left;
        memcpy(a.bytes + ARCHIVE_HEADER, in.at, left);
    } else {
        while (in.at < in.end && edit(&in, b, a.bytes, &a.n))
            ;
    }
    if (archive_seal(&a) == 0)
        load(all, b->cfg, a.bytes, a.n);
    archive_free(&a);
    return 0;
}
