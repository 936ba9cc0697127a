/* test_unpack.c - packed input of any kind gives the same bytes, or is refused. */
#include <criterion/criterion.h>
#include <lzma.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "tests/scratch.h"
#include "traces/import.h"
#include "traces/unpack.h"

#define IN    "in"
#define OUT   "out.trace"
#define LINES 20000

struct bytes {
    uint8_t *v;
    size_t n;
};

/* What a test has made, freed at its end. */
static void *made[16];
static size_t nmade;

static uint8_t *make(size_t n)
{
    cr_assert_lt(nmade, sizeof made / sizeof made[0]);
    return made[nmade++] = calloc(n, 1);
}

static void leave(void)
{
    while (nmade)
        free(made[--nmade]);
    scratch_leave();
}

TestSuite(unpack, .init = scratch_enter, .fini = leave);

/* Loads and stores in Dinero's format. */
static struct bytes make_text(int lines)
{
    struct bytes b = {make((size_t)lines * 16 + 1), 0};
    for (unsigned i = 0; i < (unsigned)lines; i++)
        b.n += (size_t)sprintf((char *)b.v + b.n, "%u %x\n", i % 2, i * 2654435761u % 10000000 * 4);
    return b;
}

static struct bytes gzipped(struct bytes from)
{
    z_stream z = {0};
    struct bytes b = {make(from.n + 1000), 0};
    cr_assert_eq(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = from.v;
    z.avail_in = (uInt)from.n;
    z.next_out = b.v;
    z.avail_out = (uInt)from.n + 1000;
    cr_assert_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    b.n = z.total_out;
    deflateEnd(&z);
    return b;
}

static struct bytes xzed(struct bytes from)
{
    struct bytes b = {make(from.n + 1000), 0};
    cr_assert_eq(lzma_easy_buffer_encode(0, LZMA_CHECK_CRC64, NULL, from.v, from.n, b.v, &b.n,
                                         from.n + 1000),
                 LZMA_OK);
    return b;
}

static struct bytes joined(struct bytes a, struct bytes b)
{
    struct bytes all = {make(a.n + b.n), a.n + b.n};
    memcpy(all.v, a.v, a.n);
    memcpy(all.v + a.n, b.v, b.n);
    return all;
}

static void spill(struct bytes b)
{
    FILE *f = fopen(IN, "wb");
    cr_assert_eq(fwrite(b.v, 1, b.n, f), b.n);
    fclose(f);
}

/* All of IN, so many bytes at a time; -1 where it is refused. */
static int64_t read_in(uint8_t *to, size_t room, size_t step, const char **why)
{
    char err[300] = "";
    static char text[300];
    int64_t got = 0, more;
    struct unpack *u = unpack_open(IN, err, sizeof err);
    cr_assert_not_null(u, "%s", err);
    while ((more = unpack_read(u, to + got, step)) > 0) {
        got += more;
        cr_assert_leq((size_t)got + step, room);
    }
    if (more < 0) {
        snprintf(text, sizeof text, "%s", unpack_error(u));
        *why = text;
        cr_assert_eq(unpack_read(u, to, step), -1);
    }
    unpack_close(u);
    return more < 0 ? -1 : got;
}

static void gives(struct bytes packed, struct bytes want)
{
    static const size_t steps[] = {1, 63, 64, 4096, 1u << 20};
    const size_t room = want.n + (1u << 20) + 1;
    uint8_t *got = malloc(room);
    const char *why = "";
    spill(packed);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        const int64_t n = read_in(got, room, steps[i], &why);
        cr_assert_eq(n, (int64_t)want.n, "%ld, %s", (long)n, why);
        cr_assert_eq(memcmp(got, want.v, want.n), 0);
    }
    free(got);
}

Test(unpack, all_kinds_give_the_same_bytes)
{
    const struct bytes text = make_text(LINES), z = gzipped(text), x = xzed(text),
                       twice = joined(text, text);
    gives(text, text);
    gives(z, text);
    gives(x, text);
    gives(joined(z, z), twice);
    gives(joined(x, x), twice);
    const struct bytes none = {text.v, 0};
    gives(none, none);
    gives(gzipped(none), none);
    gives(xzed(none), none);
}

/* Cut at every length; a file of one byte or two is not known to be packed. */
static void refuses_when_cut(struct bytes packed, struct bytes text, size_t magic)
{
    uint8_t *got = malloc(text.n + 10000);
    for (size_t n = magic; n < packed.n; n++) {
        const char *why = "";
        spill((struct bytes){packed.v, n});
        cr_assert_eq(read_in(got, text.n + 10000, 4096, &why), -1, "cut at %zu", n);
        cr_assert_not_null(strstr(why, "cut off"), "%s", why);
    }
    free(got);
}

Test(unpack, what_is_cut_off_is_refused, .timeout = 60)
{
    const struct bytes text = make_text(200);
    refuses_when_cut(gzipped(text), text, 3);
    refuses_when_cut(xzed(text), text, 6);
}

/* A bit changed anywhere behind the header: it is refused, or is one of those that fill a byte up.
 */
static void notices_damage(struct bytes packed, struct bytes text, size_t header)
{
    uint8_t *got = malloc(text.n + 10000);
    int harmless = 0;
    for (size_t i = header; i < packed.n; i++) {
        const char *why = "";
        packed.v[i] ^= 0x10;
        spill(packed);
        const int64_t n = read_in(got, text.n + 10000, 4096, &why);
        harmless += n >= 0;
        cr_assert(n < 0 || ((size_t)n == text.n && !memcmp(got, text.v, text.n)), "byte %zu", i);
        packed.v[i] ^= 0x10;
    }
    cr_assert_leq(harmless, 1);
    free(got);
}

Test(unpack, what_is_damaged_is_refused, .timeout = 60)
{
    const struct bytes text = make_text(200);
    notices_damage(gzipped(text), text, 10);
    notices_damage(xzed(text), text, 6);
}

Test(unpack, files_that_are_none_are_refused)
{
    char err[300] = "";
    cr_assert_null(unpack_open("nonesuch", err, sizeof err));
    cr_assert_not_null(strstr(err, "nonesuch: No such file"), "%s", err);
    cr_assert_null(unpack_open(".", err, sizeof err));
    cr_assert_not_null(strstr(err, "directory"), "%s", err);
    unpack_close(NULL);
}

/* ---- import ---- */

static int import(enum import_format format, struct bytes b, struct import_result *r, char *err)
{
    const struct import_options opt = {.format = format};
    spill(b);
    return import_run(IN, OUT, &opt, r, err, 300);
}

Test(unpack, imports_packed_text)
{
    const struct bytes text = make_text(LINES), packed[] = {text, gzipped(text), xzed(text)};
    struct import_result r;
    char err[300] = "";
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(import(IMPORT_DINERO, packed[i], &r, err), 0, "%s", err);
        cr_assert_eq(r.records, LINES);
        cr_assert_eq(r.input, LINES);
    }
}

/* Of packed records the number of the one at which it ends is said, and that the packing is why. */
Test(unpack, import_names_the_record_of_damaged_packing)
{
    uint8_t *zeros = make(640000);
    for (size_t i = 0; i < 10000; i++)
        memcpy(zeros + i * 64, &i, sizeof i);
    const struct bytes plain = {zeros, 640000};
    struct bytes packed[] = {gzipped(plain), xzed(plain)};
    struct import_result r;
    char err[300] = "";
    for (size_t i = 0; i < 2; i++) {
        cr_assert_eq(import(IMPORT_CHAMPSIM, packed[i], &r, err), 0, "%s", err);
        cr_assert_eq(r.instructions, 10000);
        packed[i].n /= 2;
        cr_assert_eq(import(IMPORT_CHAMPSIM, packed[i], &r, err), -1);
        cr_assert_not_null(strstr(err, "in: record "), "%s", err);
        cr_assert_not_null(strstr(err, "the compressed file is cut off"), "%s", err);
    }
}
