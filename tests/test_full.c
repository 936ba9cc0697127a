/* test_full.c - full checkpoints: a run that is cut in two leaves the bytes of one that is not. */
/*
 * Every core model and every replacement policy takes part, with caches so small that they are
 * busy. What is compared is all that a run leaves: counters, series, console, image, call stacks.
 * A component that forgets something of its state in x_archive makes the second half differ.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memhier/policy.h"
#include "sim/checkpoint.h"
#include "sim/digest.h"
#include "sim/series.h"

#define MOST_SETS 24u
#define KEEP      6u /* stats, series, console, image, call stacks, functions */

static const char *const left[KEEP] = {"stats.json", "series.csv.gz", "console",
                                       "nvdimm.img", "flame.folded",  "functions.csv"};
static char err[1000];

struct setting {
    struct image *image;
    struct config *cfg;
};

static struct setting setting_new(const char *const *more)
{
    const char *sets[MOST_SETS] = {
        "program.name=kvlog", "program.args=40,100",    "machine.dram=64 MiB", "nvdimm.size=1 MiB",
        "machine.epoch=7000", "l1i.size=2 KiB",         "l1i.ways=4",          "l1d.size=2 KiB",
        "l1d.ways=4",         "l2.size=8 KiB",          "l2.ways=8",           "llc.size=32 KiB",
        "llc.ways=16",        "kernel.data_tier=nvdimm"};
    char image[300];
    const char *const b = getenv("B");
    size_t n = 14;
    struct setting s;
    snprintf(image, sizeof image, "boot.image=%s/boot.elf", b ? b : "build");
    sets[n++] = image;
    for (; *more; more++)
        sets[n++] = *more;
    cr_assert_leq(n, MOST_SETS);
    cr_assert_eq(config_load(NULL, sets, n, &s.cfg, err, sizeof err), 0, "%s", err);
    s.image = image_open(s.cfg->boot_image, err, sizeof err);
    cr_assert_not_null(s.image, "%s", err);
    return s;
}

static void setting_drop(struct setting *s)
{
    config_free(s->cfg);
    image_free(s->image);
}

/* ---- one run ---- */

struct run {
    char dir[64];
    struct machine *m;
    struct series *series;
    struct machine_ports ports;
    FILE *console;
    char image[100];
};

static const char *file_of(const struct run *r, const char *name)
{
    static char path[100];
    snprintf(path, sizeof path, "%s/%s", r->dir, name);
    return path;
}

/* from NULL: power-on. */
static void run_begin(struct run *r, const struct setting *s, const struct archive *from)
{
    strcpy(r->dir, "/tmp/pwsim-full-XXXXXX");
    cr_assert_not_null(mkdtemp(r->dir));
    r->console = fopen(file_of(r, "console"), "w+");
    snprintf(r->image, sizeof r->image, "%s/nvdimm.img", r->dir);
    r->ports = (struct machine_ports){
        .image = s->image, .input = -1, .transcript = r->console, .nvdimm_out = r->image};
    r->m = from ? checkpoint_load(s->cfg, &r->ports, from->bytes, from->n, err, sizeof err)
                : machine_new(s->cfg, &r->ports, err, sizeof err);
    cr_assert_not_null(r->m, "%s", err);
    r->series = series_open(file_of(r, "series.csv.gz"), machine_stats(r->m), err, sizeof err);
    cr_assert_not_null(r->series, "%s", err);
    cr_assert_eq(machine_sample(r->m, r->series), 0);
}

static void run_to_point(struct run *r, struct machine_point p)
{
    machine_stop_at(r->m, p);
    while (machine_step(r->m, 1000000) == STATE_RUNNING && !machine_at_point(r->m))
        ;
    cr_assert(machine_at_point(r->m));
}

/* To its end; digests of what it left. */
static void run_end(struct run *r, struct digest out[KEEP])
{
    while (machine_step(r->m, 1000000) == STATE_RUNNING)
        ;
    cr_assert_eq(machine_finish(r->m, err, sizeof err), 0, "%s", err);
    cr_assert_eq(series_close(r->series, err, sizeof err), 0, "%s", err);
    cr_assert_eq(fclose(r->console), 0);
    FILE *f = fopen(file_of(r, "stats.json"), "w");
    cr_assert_eq(stats_write_json(machine_stats(r->m), f), 0);
    fclose(f);
    f = fopen(file_of(r, "flame.folded"), "w");
    char *folded = machine_folded(r->m);
    fputs(folded ? folded : "", f);
    free(folded);
    fclose(f);
    f = fopen(file_of(r, "functions.csv"), "w");
    char *functions = machine_functions(r->m);
    fputs(functions ? functions : "", f);
    free(functions);
    fclose(f);
    for (unsigned i = 0; i < KEEP; i++) {
        uint64_t n;
        cr_assert_eq(digest_file(file_of(r, left[i]), &out[i], &n, err, sizeof err), 0, "%s", err);
        unlink(file_of(r, left[i]));
    }
    rmdir(r->dir);
    machine_free(r->m);
}

static void same(const struct digest *a, const struct digest *b, const char *what, uint64_t at)
{
    for (unsigned i = 0; i < KEEP; i++)
        cr_assert_arr_eq(a[i].b, b[i].b, sizeof a[i].b, "%s: %s differs when cut at %lu", what,
                         left[i], (unsigned long)at);
}

/* The whole run, the run that writes a checkpoint on its way, and the one that goes on from it;
 * read and written again, the checkpoint is the same. */
static void cut(const char *const *more, const char *what, enum point_kind kind, unsigned cuts)
{
    struct setting s = setting_new(more);
    struct digest whole[KEEP], first[KEEP], second[KEEP];
    struct run r;
    run_begin(&r, &s, NULL);
    while (machine_step(r.m, 1000000) == STATE_RUNNING)
        ;
    const uint64_t end = kind == POINT_CYCLES ? machine_cycles(r.m) : machine_instructions(r.m);
    run_end(&r, whole);
    for (unsigned i = 1; i <= cuts; i++) {
        const uint64_t at = end * i / (cuts + 1);
        struct archive a, again;
        run_begin(&r, &s, NULL);
        run_to_point(&r, (struct machine_point){kind, at});
        cr_assert_eq(checkpoint_save(r.m, CHECKPOINT_FULL, &a, err, sizeof err), 0, "%s: %s", what,
                     err);
        run_end(&r, first);
        same(whole, first, what, at);
        run_begin(&r, &s, &a);
        cr_assert_eq(checkpoint_save(r.m, CHECKPOINT_FULL, &again, err, sizeof err), 0, "%s", err);
        cr_assert_eq(again.n, a.n, "%s", what);
        cr_assert_arr_eq(again.bytes, a.bytes, a.n, "%s", what);
        run_end(&r, second);
        same(whole, second, what, at);
        archive_free(&a);
        archive_free(&again);
    }
    setting_drop(&s);
}

/* ---- all components ---- */

Test(full, every_core_model_goes_on_as_if_never_cut, .timeout = 300)
{
    char model[64];
    for (const struct core_ops *const *ops = core_models; *ops; ops++) {
        snprintf(model, sizeof model, "core.model=%s", (*ops)->name);
        cut((const char *[]){model, NULL}, model, POINT_INSTRUCTIONS, 7);
        cut((const char *[]){model, NULL}, model, POINT_CYCLES, 5);
        cut((const char *[]){model, "kernel.boundary=trap", "kernel.kpti=true", "kernel.ibpb=true",
                             "kernel.l1d_flush=true", "tlb.l1_entries=8", NULL},
            model, POINT_CYCLES, 5);
    }
    cut((const char *[]){"core.model=ooo", "core.predictor=tage", "core.target_history=true",
                         "core.btb_entries=64", NULL},
        "tage", POINT_CYCLES, 5);
    cut((const char *[]){"core.model=ooo", "core.target_history=true", "core.target_branches=9",
                         NULL},
        "target_branches", POINT_CYCLES, 5);
    cut((const char *[]){"core.model=functional", NULL}, "functional", POINT_INSTRUCTIONS, 7);
}

Test(full, every_policy_goes_on_as_if_never_cut, .timeout = 300)
{
    char l1i[64], l1d[64], l2[64], llc[64];
    uint32_t n = 0;
    while (policy_table[n] && !policy_table[n]->foresees) /* OPT, the last, is in no machine */
        n++;
    for (uint32_t i = 0; i < n; i++) {
        const char *const names[] = {policy_table[i]->name, policy_table[(i + 1) % n]->name,
                                     policy_table[(i + 2) % n]->name,
                                     policy_table[(i + 3) % n]->name};
        snprintf(l1i, sizeof l1i, "l1i.policy=%s", names[0]);
        snprintf(l1d, sizeof l1d, "l1d.policy=%s", names[1]);
        snprintf(l2, sizeof l2, "l2.policy=%s", names[2]);
        snprintf(llc, sizeof llc, "llc.policy=%s", names[3]);
        cut((const char *[]){l1i, l1d, l2, llc, NULL}, names[0], POINT_INSTRUCTIONS, 2);
    }
}

Test(full, every_kind_of_cache_goes_on_as_if_never_cut, .timeout = 300)
{
    static const char *const rows[][5] = {
        {"l1d.prefetch=next-line", "l2.prefetch=best-offset", "llc.inclusion=inclusive"},
        {"l1d.prefetch=ip-stride", "l2.prefetch=stream", "llc.inclusion=exclusive"},
        {"l1d.prefetch=ip-stride", "l1d.prefetch_distance=9", "l2.prefetch=stream",
         "l2.prefetch_page=64 KiB", "core.line_commits=2"},
        {"l1d.mshrs=2", "l2.mshrs=3", "llc.mshrs=2", "l2.interval=3", "l2.prefetch=next-line"},
        {"l1d.write=through", "l2.write_allocate=false", "llc.directory_sets=16"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cut((const char *[]){rows[i][0], rows[i][1], rows[i][2], rows[i][3], rows[i][4], NULL},
            rows[i][0], POINT_INSTRUCTIONS, 2);
}

Test(full, every_domain_goes_on_as_if_never_cut, .timeout = 300)
{
    static const char *const domains[] = {"nvdimm.domain=none", "nvdimm.domain=adr",
                                          "nvdimm.domain=eadr"};
    for (unsigned i = 0; i < 3; i++)
        cut((const char *[]){domains[i], "nvdimm.wpq=4", "nvdimm.buffer=4", NULL}, domains[i],
            POINT_INSTRUCTIONS, 6);
}

Test(full, every_kind_of_memory_goes_on_as_if_never_cut, .timeout = 300)
{
    static const char *const rows[][3] = {
        {"memory_mode.size=64 KiB"},
        {"memory_mode.size=48 KiB", "memory_mode.ways=3", "kernel.data_tier=nvdimm"},
        {"nvdimm.media=dram", "nvdimm.modules=2", "kernel.data_tier=nvdimm"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cut((const char *[]){rows[i][0], rows[i][1], rows[i][2], NULL}, rows[i][0],
            POINT_INSTRUCTIONS, 3);
}

/* Threads, processes on memory of their own and ends that interrupt other harts. */
Test(full, several_harts_go_on_as_if_never_cut, .timeout = 300)
{
    static const char *const work[] = {"program.args=baton,3", "program.args=private,5",
                                       "program.args=endings,2", "program.args=pipes,1"};
    static const char *const cores[] = {"core.model=functional", "core.model=inorder",
                                        "core.model=ooo"};
    char image[300], what[100];
    const char *const b = getenv("B");
    snprintf(image, sizeof image, "boot.image=%s/guest/tests/smp.elf", b ? b : "build");
    for (unsigned w = 0; w < 4; w++)
        for (unsigned c = 0; c < 3; c++) {
            const char *const harts = c == 1 ? "machine.harts=5" : "machine.harts=3";
            snprintf(what, sizeof what, "%s on %s", work[w], cores[c]);
            cut((const char *[]){image, "program.name=smp", work[w], cores[c], harts,
                                 "machine.epoch=100000", NULL},
                what, c == 1 ? POINT_INSTRUCTIONS : POINT_CYCLES, 2);
        }
}

/* ---- what is refused ---- */

#define PART_BYTES 1200u

static struct archive halfway(const struct setting *s)
{
    struct archive a;
    struct run r;
    struct digest ignored[KEEP];
    run_begin(&r, s, NULL);
    run_to_point(&r, (struct machine_point){POINT_INSTRUCTIONS, 200000});
    cr_assert_eq(checkpoint_save(r.m, CHECKPOINT_FULL, &a, err, sizeof err), 0, "%s", err);
    run_end(&r, ignored);
    return a;
}

Test(full, another_config_is_refused)
{
    static const struct {
        const char *set, *says; /* NULL: it goes on */
    } rows[] = {{"llc.policy=srrip", "llc.policy = "},
                {"core.width=3", "core.width = "},
                {"machine.epoch=9000", "machine.epoch"},
                {"seed=2", "seed = "},
                {"name=other", NULL},
                {"machine.harts=2", "machine.harts = "},
                {"machine.dram=128 MiB", "machine.dram = "}};
    struct setting s = setting_new((const char *[]){NULL});
    struct archive a = halfway(&s);
    const struct machine_ports ports = {.image = s.image, .input = -1};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct config *cfg = config_copy(s.cfg);
        cr_assert_eq(config_assign(cfg, rows[i].set, err, sizeof err), 0, "%s", err);
        struct machine *m = checkpoint_load(cfg, &ports, a.bytes, a.n, err, sizeof err);
        cr_assert_eq(m == NULL, rows[i].says != NULL, "%s", rows[i].set);
        if (rows[i].says)
            cr_assert_not_null(strstr(err, rows[i].says), "%s", err);
        machine_free(m);
        config_free(cfg);
    }
    archive_free(&a);
    setting_drop(&s);
}

/* With the checksum made right: refused, or it runs without harm. Of `tries` bytes, in the parts
 * that begin with the tag (NULL: anywhere). */
static void wrong_bytes(const char *const *more, const char *tag, unsigned tries)
{
    struct setting s = setting_new(more);
    struct archive a = halfway(&s);
    const uint8_t *const part = tag ? memmem(a.bytes, a.n, tag, 4) : a.bytes + ARCHIVE_HEADER;
    cr_assert_not_null(part);
    const size_t from = (size_t)(part - a.bytes), bytes = tag ? PART_BYTES : a.n - from;
    const struct machine_ports ports = {.image = s.image, .input = -1};
    uint64_t random = 1;
    unsigned refused = 0, ran = 0;
    for (unsigned i = 0; i < tries; i++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        const size_t at = from + (size_t)((random >> 20) % bytes);
        const uint8_t was = a.bytes[at];
        a.bytes[at] = (uint8_t)(random >> 12);
        cr_assert_eq(archive_seal(&a), 0);
        struct machine *m = checkpoint_load(s.cfg, &ports, a.bytes, a.n, err, sizeof err);
        if (m)
            machine_step(m, 5000);
        ran += m != NULL;
        refused += m == NULL;
        machine_free(m);
        a.bytes[at] = was;
    }
    cr_assert_gt(refused, tries / 10);
    cr_assert_gt(ran, tries / 20);
    archive_free(&a);
    setting_drop(&s);
}

Test(full, wrong_bytes_with_a_right_checksum_do_no_harm, .timeout = 300)
{
    char image[300];
    const char *const b = getenv("B");
    snprintf(image, sizeof image, "boot.image=%s/guest/tests/smp.elf", b ? b : "build");
    wrong_bytes((const char *[]){"llc.policy=glider", NULL}, NULL, 500);
    wrong_bytes(
        (const char *[]){image, "program.name=smp", "program.args=lock,3", "machine.harts=3", NULL},
        "MACH", 500);
}
