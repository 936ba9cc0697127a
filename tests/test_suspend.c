/* test_suspend.c - a machine that goes into its NVDIMM and on from there, and images that are
 * wrong.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/machine_state.h"
#include "sim/suspend.h"

static char err[1000];

#define SIZE (4u << 20)
#define AREA (2u << 20)

struct rig {
    struct image *image;
    struct config *cfg;
    char *out; /* what the guest has printed, all machines */
    size_t n;
    FILE *console;
    char path[64]; /* what the NVDIMM durably held when the last machine went off */
};

static void rig_make(struct rig *r, const char *domain, const char *restore)
{
    char image[300], dom[64], res[64];
    const char *const b = getenv("B");
    *r = (struct rig){.path = "/tmp/pwsim-suspend-XXXXXX"};
    snprintf(image, sizeof image, "boot.image=%s/boot.elf", b ? b : "build");
    snprintf(dom, sizeof dom, "nvdimm.domain=%s", domain);
    snprintf(res, sizeof res, "power.restore=%s", restore);
    const char *const sets[] = {image,
                                dom,
                                res,
                                "core.model=inorder",
                                "program.name=kvlog",
                                "program.args=20,64",
                                "kernel.data_tier=nvdimm",
                                "machine.dram=16 MiB",
                                "nvdimm.size=4 MiB",
                                "power.area=2 MiB",
                                "power.fail_at=mark=1"};
    cr_assert_eq(config_load(NULL, sets, sizeof sets / sizeof sets[0], &r->cfg, err, sizeof err), 0,
                 "%s", err);
    r->image = image_open(r->cfg->boot_image, err, sizeof err);
    cr_assert_not_null(r->image, "%s", err);
    r->console = open_memstream(&r->out, &r->n);
    close(mkstemp(r->path));
}

static void rig_drop(struct rig *r)
{
    fclose(r->console);
    free(r->out);
    config_free(r->cfg);
    image_free(r->image);
    unlink(r->path);
}

static struct machine_ports ports_of(struct rig *r)
{
    return (struct machine_ports){
        .image = r->image, .input = -1, .console = {r->console, r->console}, .nvdimm_out = r->path};
}

static void finish(struct machine *m)
{
    cr_assert_eq(machine_finish(m, err, sizeof err), 0, "%s", err);
    machine_free(m);
}

/* Until the power fails at about this operator; 0 to UINT64_MAX. What suspending took. */
static ps_t suspend_at(struct rig *r, uint64_t operators)
{
    const struct machine_ports ports = ports_of(r);
    struct machine *m = machine_new(r->cfg, &ports, err, sizeof err);
    cr_assert_not_null(m, "%s", err);
    machine_stop_at(m, (struct machine_point){POINT_INSTRUCTIONS, operators});
    while (machine_step(m, 1000000) == STATE_RUNNING && !machine_at_point(m))
        ;
    cr_assert(machine_at_point(m));
    const int got = suspend_machine(m, err, sizeof err);
    cr_assert_geq(got, 0, "%s", err);
    cr_assert_eq(got == 0, suspend_is_whole(m));
    cr_assert_eq(machine_step(m, 1), STATE_CUT);
    const ps_t took = m->suspend.ps;
    finish(m);
    return took;
}

/* Go on from the image: 0 when it is refused, else to the end. */
static int go_on(struct rig *r)
{
    const struct machine_ports ports = ports_of(r);
    struct config *c = config_copy(r->cfg);
    cr_assert_eq(config_assign(c, "power.fail_at=", err, sizeof err), 0);
    free(c->nvdimm_image);
    c->nvdimm_image = strdup(r->path);
    struct machine *m = suspend_resume(c, &ports, err, sizeof err);
    if (m) {
        while (machine_step(m, 1000000) == STATE_RUNNING)
            ;
        cr_expect_eq(machine_exit_code(m), 0);
        cr_expect_gt(m->suspend.restored_bytes, 100000);
        finish(m);
    }
    config_free(c);
    return m != NULL;
}

static char *uncut(struct rig *r, uint64_t *operators)
{
    const struct machine_ports ports = ports_of(r);
    struct config *c = config_copy(r->cfg);
    cr_assert_eq(config_assign(c, "power.fail_at=", err, sizeof err), 0);
    struct machine *m = machine_new(c, &ports, err, sizeof err);
    while (machine_step(m, 1000000) == STATE_RUNNING)
        ;
    *operators = machine_instructions(m);
    finish(m);
    config_free(c);
    fflush(r->console);
    char *text = strdup(r->out);
    rewind(r->console);
    return text;
}

Test(suspend, goes_on_as_if_nothing_had_been)
{
    static const char *const domains[] = {"none", "adr", "eadr"};
    for (unsigned d = 0; d < 3; d++) {
        struct rig r;
        rig_make(&r, domains[d], "true");
        uint64_t whole;
        char *want = uncut(&r, &whole);
        cr_assert_not_null(strstr(want, "log holds 20 records"));
        for (uint64_t at = 1000; at < whole; at += whole / 5) {
            suspend_at(&r, at);
            cr_assert(go_on(&r), "%s", err);
            fflush(r.console);
            cr_expect_str_eq(r.out, want);
            cr_expect(!go_on(&r), "the mark was taken away");
            rewind(r.console);
        }
        free(want);
        rig_drop(&r);
    }
}

/* The image is all that is handed over: without it, or with another, nobody goes on. */
Test(suspend, what_is_damaged_is_refused)
{
    uint64_t random = 1;
    struct rig r;
    rig_make(&r, "adr", "true");
    suspend_at(&r, 500000);
    FILE *f = fopen(r.path, "r+b");
    uint8_t *good = malloc(SIZE);
    cr_assert_eq(fread(good, 1, SIZE, f), SIZE);
    uint64_t end = 0;
    for (uint64_t i = SIZE - AREA; i < SIZE; i++)
        end = good[i] ? i : end;
    for (uint32_t i = 0; i < 60; i++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        const uint64_t span = i < 30 ? 128 + 3000 : end + 1 - (SIZE - AREA);
        uint64_t at = SIZE - AREA + (random >> 33) % span;
        at += at % 128 >= 8 && at < SIZE - AREA + 64 ? 64 : 0; /* nothing is behind the mark */
        at += at >= SIZE - AREA + 104 && at < SIZE - AREA + 128 ? 64 : 0; /* nor behind the head */
        fseek(f, (long)at, SEEK_SET);
        fputc(good[at] ^ (1 << random % 8), f);
        fflush(f);
        if (at < SIZE - AREA + 128 + 2000 ||
            at >= SIZE - AREA + FRAME_BYTES) /* else it may be padding, which nobody reads */
            cr_expect(!go_on(&r), "byte %u of the area", (unsigned)(at - (SIZE - AREA)));
        else
            (void)go_on(&r);
        rewind(f);
        fwrite(good, 1, SIZE, f);
        fflush(f);
    }
    for (uint32_t i = 0; i < 40; i++) { /* sizes that are none */
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        const uint64_t word = random >> (random % 64);
        fseek(f, (long)(SIZE - AREA + 72 + 8 * (i & 1)), SEEK_SET);
        fwrite(&word, 8, 1, f);
        fflush(f);
        cr_expect(!go_on(&r));
        rewind(f);
        fwrite(good, 1, SIZE, f);
    }
    memset(good + SIZE - AREA, 0, AREA);
    rewind(f);
    fwrite(good, 1, SIZE, f);
    fclose(f);
    cr_expect(!go_on(&r));
    cr_expect_not_null(strstr(err, "nothing is suspended"), "%s", err);
    free(good);
    rig_drop(&r);
}

/* However soon the hold-up energy is used up: the mark is not durable before all is. */
Test(suspend, a_short_hold_up_leaves_nothing_or_all)
{
    static const char *const domains[] = {"adr", "eadr"};
    for (unsigned d = 0; d < 2; d++) {
        struct rig r;
        rig_make(&r, domains[d], "true");
        const ps_t whole = suspend_at(&r, 500000);
        cr_assert(go_on(&r), "%s", err);
        for (ps_t lasts = 1; lasts + 100000 < whole; lasts += whole / 9) {
            r.cfg->power_holdup = lasts;
            suspend_at(&r, 500000);
            cr_expect(!go_on(&r));
            cr_expect_not_null(strstr(err, "nothing is suspended"), "%s", err);
        }
        r.cfg->power_holdup = whole;
        suspend_at(&r, 500000);
        cr_expect(go_on(&r), "%s", err);
        rig_drop(&r);
    }
}

/* Without suspending, the area of the image holds nothing. */
Test(suspend, a_plain_cut_leaves_nothing_to_go_on_from)
{
    struct rig r;
    rig_make(&r, "adr", "false");
    const struct machine_ports ports = ports_of(&r);
    struct machine *m = machine_new(r.cfg, &ports, err, sizeof err);
    while (machine_step(m, 1000000) == STATE_RUNNING)
        ;
    cr_assert_eq(machine_step(m, 1), STATE_CUT);
    finish(m);
    r.cfg->power_restore = 1;
    cr_expect(!go_on(&r));
    rig_drop(&r);
}

/* Under eADR the caches are flushed by hold-up energy: so many lines, so much time and energy. */
Test(suspend, eadr_flushes_what_the_caches_hold)
{
    static const char *const domains[] = {"adr", "eadr"};
    for (unsigned d = 0; d < 2; d++) {
        struct rig r;
        rig_make(&r, domains[d], "false");
        cr_assert_eq(config_assign(r.cfg, "program.name=wordcount", err, sizeof err), 0);
        cr_assert_eq(config_assign(r.cfg, "program.args=sample.txt", err, sizeof err), 0);
        cr_assert_eq(config_assign(r.cfg, "power.fail_at=cycles=3000000", err, sizeof err), 0);
        const struct machine_ports ports = ports_of(&r);
        struct machine *m = machine_new(r.cfg, &ports, err, sizeof err);
        while (machine_step(m, 1000000) == STATE_RUNNING)
            ;
        size_t n, dirty = 0;
        uint64_t *lines = hierarchy_dirty(m->mem.hierarchy, &n);
        for (size_t i = 0; i < n; i++)
            dirty += (size_t)addr_is_nvdimm(lines[i]);
        free(lines);
        cr_assert_eq(machine_step(m, 1), STATE_CUT);
        cr_assert_eq(machine_finish(m, err, sizeof err), 0, "%s", err);
        cr_expect_eq(m->holdup.lines, d ? dirty : 0);
        cr_expect_eq(m->holdup.move_pj, d ? dirty * 64 * (1 + 11228) : 0);
        cr_expect_eq(m->holdup.ps > 0, d && dirty);
        lines = hierarchy_dirty(m->mem.hierarchy, &n);
        for (size_t i = 0; d && i < n; i++)
            cr_expect_not(addr_is_nvdimm(lines[i]), "it was flushed");
        free(lines);
        machine_free(m);
        rig_drop(&r);
    }
}
