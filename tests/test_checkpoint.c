/* test_checkpoint.c - checkpoints of the whole machine: points, and bytes that are wrong. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "sim/checkpoint.h"

static char err[1000];

Test(checkpoint, points_have_one_form)
{
    static const char *const wrong[] = {"",
                                        "10",
                                        "instructions",
                                        "instructions=",
                                        "cycles=-1",
                                        "mark=4294967296",
                                        "cycles=1x",
                                        "instructions=18446744073709551616",
                                        "mark= 1",
                                        "marks=1"};
    struct machine_point p;
    cr_assert_eq(checkpoint_point("instructions=18446744073709551615", &p, err, sizeof err), 0);
    cr_assert(p.kind == POINT_INSTRUCTIONS && p.n == UINT64_MAX);
    cr_assert_eq(checkpoint_point("cycles=0", &p, err, sizeof err), 0);
    cr_assert(p.kind == POINT_CYCLES && p.n == 0);
    cr_assert_eq(checkpoint_point("mark=4294967295", &p, err, sizeof err), 0);
    cr_assert(p.kind == POINT_MARK && p.n == UINT32_MAX);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        cr_assert_eq(checkpoint_point(wrong[i], &p, err, sizeof err), -1, "%s", wrong[i]);
}

/* ---- a machine with the boot image of the build ---- */

struct guest {
    struct image *image;
    struct config *cfg;
    struct machine_ports ports;
};

static struct guest guest_new(const char *model)
{
    char image[300], core[64];
    const char *const b = getenv("B");
    snprintf(image, sizeof image, "boot.image=%s/boot.elf", b ? b : "build");
    snprintf(core, sizeof core, "core.model=%s", model);
    const char *const sets[] = {image, core, "program.name=hello", "machine.dram=64 MiB",
                                "nvdimm.size=1 MiB"};
    struct guest g = {0};
    cr_assert_eq(config_load(NULL, sets, 5, &g.cfg, err, sizeof err), 0, "%s", err);
    g.image = image_open(g.cfg->boot_image, err, sizeof err);
    cr_assert_not_null(g.image, "%s", err);
    g.ports = (struct machine_ports){.image = g.image, .input = -1};
    return g;
}

static void guest_drop(struct guest *g)
{
    config_free(g->cfg);
    image_free(g->image);
}

/* A checkpoint near a number of operators, and how many the whole run has. */
static struct archive save_at(const struct guest *g, uint64_t n, uint64_t *whole)
{
    struct archive a;
    struct machine *m = machine_new(g->cfg, &g->ports, err, sizeof err);
    cr_assert_not_null(m, "%s", err);
    machine_stop_at(m, (struct machine_point){POINT_INSTRUCTIONS, n});
    while (machine_step(m, 1000) == STATE_RUNNING && !machine_at_point(m))
        ;
    cr_assert(machine_at_point(m));
    cr_assert_geq(machine_instructions(m), n);
    cr_assert_leq(machine_instructions(m), n + 200);
    cr_assert_eq(checkpoint_save(m, CHECKPOINT_ARCHITECTURAL, &a, err, sizeof err), 0, "%s", err);
    while (machine_step(m, 1000) == STATE_RUNNING)
        ;
    *whole = machine_instructions(m);
    machine_free(m);
    return a;
}

static struct machine *load(const struct guest *g, const struct archive *a)
{
    return checkpoint_load(g->cfg, &g->ports, a->bytes, a->n, err, sizeof err);
}

Test(checkpoint, a_run_in_two_parts_is_one_run)
{
    static const char *const models[] = {"functional", "inorder"};
    for (unsigned from = 0; from < 2; from++)
        for (unsigned to = 0; to < 2; to++)
            for (uint64_t at = 0; at < 17000; at += 1900) {
                struct guest a = guest_new(models[from]), b = guest_new(models[to]);
                uint64_t whole, done = 0;
                struct archive bytes = save_at(&a, at, &whole), again;
                struct machine *m = load(&b, &bytes);
                cr_assert_not_null(m, "%s", err);
                if (from == to) { /* nothing is lost or added */
                    cr_assert_eq(
                        checkpoint_save(m, CHECKPOINT_ARCHITECTURAL, &again, err, sizeof err), 0,
                        "%s", err);
                    cr_assert_eq(again.n, bytes.n);
                    cr_assert_arr_eq(again.bytes, bytes.bytes, bytes.n);
                    archive_free(&again);
                }
                while (machine_step(m, 1000) == STATE_RUNNING)
                    ;
                done = machine_instructions(m);
                cr_assert_eq(machine_step(m, 0), STATE_HALTED);
                cr_assert_eq(machine_exit_code(m), 0);
                cr_assert(done < whole && done + at <= whole && done + at + 200 > whole);
                machine_free(m);
                archive_free(&bytes);
                guest_drop(&a);
                guest_drop(&b);
            }
}

/* ---- bytes that are wrong ---- */

Test(checkpoint, every_truncation_and_flipped_byte_is_refused)
{
    struct guest g = guest_new("functional");
    uint64_t whole;
    struct archive a = save_at(&g, 9000, &whole);
    for (size_t n = 0; n < a.n; n++)
        cr_assert_null(checkpoint_load(g.cfg, &g.ports, a.bytes, n, err, sizeof err));
    for (size_t i = 0; i < a.n; i++) {
        a.bytes[i] ^= 1;
        cr_assert_null(load(&g, &a), "byte %zu", i);
        a.bytes[i] ^= 1;
    }
    archive_free(&a);
    guest_drop(&g);
}

/* With the checksum made right: refused, or it runs without harm. */
Test(checkpoint, wrong_bytes_with_a_right_checksum_do_no_harm, .timeout = 300)
{
    struct guest g = guest_new("inorder");
    uint64_t whole;
    struct archive a = save_at(&g, 9000, &whole);
    unsigned refused = 0, ran = 0;
    for (size_t i = ARCHIVE_HEADER; i<a.n; i += i> a.n - 300 ? 1 : 17) {
        const uint8_t flip = (uint8_t)(1u << i % 8);
        a.bytes[i] ^= flip;
        cr_assert_eq(archive_seal(&a), 0);
        struct machine *m = load(&g, &a);
        if (m) {
            ran++;
            machine_step(m, 20000);
        } else {
            refused++;
        }
        machine_free(m);
        a.bytes[i] ^= flip;
    }
    cr_assert_gt(refused, 100);
    cr_assert_gt(ran, 50);
    archive_free(&a);
    guest_drop(&g);
}

static void refused(const struct guest *g, const struct archive *a, const char *set,
                    const char *what)
{
    struct config *cfg = config_copy(g->cfg);
    cr_assert_eq(config_assign(cfg, set, err, sizeof err), 0, "%s", err);
    struct machine *m = checkpoint_load(cfg, &g->ports, a->bytes, a->n, err, sizeof err);
    cr_assert_null(m, "%s", set);
    cr_assert_not_null(strstr(err, what), "%s", err);
    config_free(cfg);
}

Test(checkpoint, another_guest_is_refused)
{
    struct guest g = guest_new("functional");
    uint64_t whole;
    struct archive a = save_at(&g, 9000, &whole);
    refused(&g, &a, "machine.dram=128 MiB", "machine.dram = ");
    refused(&g, &a, "nvdimm.size=2 MiB", "nvdimm.size = ");
    refused(&g, &a, "program.name=kvlog", "program.name = ");
    refused(&g, &a, "program.args=x", "program.args = ");
    struct image *other = image_new();
    for (size_t i = 0; i < image_count(g.image); i++) {
        const struct image_section *s = image_section(g.image, i);
        cr_assert_eq(image_add(other, s->name, s->bytes, s->n, err, sizeof err), 0);
    }
    cr_assert_eq(image_add(other, ".file/more", "x", 1, err, sizeof err), 0);
    const struct machine_ports ports = {.image = other, .input = -1};
    cr_assert_null(checkpoint_load(g.cfg, &ports, a.bytes, a.n, err, sizeof err));
    cr_assert_not_null(strstr(err, "another boot image"), "%s", err);
    image_free(other);
    archive_free(&a);
    guest_drop(&g);
}
