/* test_image.c - boot images: written, read back, read by readelf, and every kind of damage
 * refused. */
#include <criterion/criterion.h>
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sim/image.h"
#include "sim/image_cmd.h"
#include "tests/scratch.h"

static char err[1000];

TestSuite(image, .init = scratch_enter, .fini = scratch_leave);

static size_t bytes_of(const char *path, uint8_t *buf, size_t cap)
{
    FILE *f = fopen(path, "rb");
    cr_assert(f != NULL, "%s", path);
    size_t n = fread(buf, 1, cap, f);
    fclose(f);
    return n;
}

static void put_bytes(const char *path, const void *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");
    cr_assert(f != NULL);
    cr_assert_eq(fwrite(bytes, 1, n, f), n);
    fclose(f);
}

static void write_sample(const char *path)
{
    struct image *img = image_new();
    cr_assert_eq(image_add(img, ".kernel", "\0asm-kernel", 11, err, sizeof err), 0);
    cr_assert_eq(image_add(img, ".prog/hello", "\0asm", 4, err, sizeof err), 0);
    cr_assert_eq(image_add(img, ".file/dir/text.txt", "some text\n", 10, err, sizeof err), 0);
    cr_assert_eq(image_add(img, ".file/empty", NULL, 0, err, sizeof err), 0);
    cr_assert_eq(image_write(img, path, err, sizeof err), 0, "%s", err);
    image_free(img);
}

/* Opens; the caller's bytes are all read once, so that a sanitizer sees a wrong bound. */
static int opens(const char *path)
{
    struct image *img = image_open(path, err, sizeof err);
    unsigned sum = 0;
    if (img == NULL) {
        cr_assert(strncmp(err, path, strlen(path)) == 0, "%s", err);
        return 0;
    }
    cr_assert_not_null(image_find(img, ".kernel"));
    for (size_t i = 0; i < image_count(img); i++) {
        const struct image_section *s = image_section(img, i);
        sum += (unsigned)strlen(s->name);
        for (size_t k = 0; k < s->n; k++) {
            sum += s->bytes[k];
        }
        cr_assert_eq(image_find(img, s->name), s);
    }
    image_free(img);
    return sum > 0;
}

Test(image, round_trip)
{
    static const struct image_section expected[] = {
        {".kernel", (const uint8_t *)"\0asm-kernel", 11},
        {".prog/hello", (const uint8_t *)"\0asm", 4},
        {".file/dir/text.txt", (const uint8_t *)"some text\n", 10},
        {".file/empty", (const uint8_t *)"", 0},
    };
    static uint8_t one[5000], two[5000];
    write_sample("a.elf");
    struct image *img = image_open("a.elf", err, sizeof err);
    cr_assert(img != NULL, "%s", err);
    cr_assert_eq(image_count(img), 4);
    for (size_t i = 0; i < 4; i++) {
        const struct image_section *s = image_section(img, i);
        cr_expect_str_eq(s->name, expected[i].name);
        cr_assert_eq(s->n, expected[i].n);
        cr_expect_eq(memcmp(s->bytes, expected[i].bytes, s->n), 0);
    }
    cr_expect_null(image_find(img, ".prog/hell"));
    cr_expect_null(image_find(img, ".shstrtab"));
    cr_assert_eq(image_write(img, "b.elf", err, sizeof err), 0);
    image_free(img);
    size_t n = bytes_of("a.elf", one, sizeof one);
    cr_assert_eq(bytes_of("b.elf", two, sizeof two), n);
    cr_expect_arr_eq(one, two, n);
    cr_expect(access("a.elf.part", F_OK) != 0);
}

Test(image, readelf_reads_it)
{
    char text[8192];
    write_sample("a.elf");
    FILE *p = popen("LC_ALL=C readelf -W -h -S a.elf 2>&1", "r");
    cr_assert_not_null(p);
    text[fread(text, 1, sizeof text - 1, p)] = '\0';
    if (pclose(p) != 0) {
        cr_skip_test("no readelf");
    }
    cr_expect(strstr(text, ".file/dir/text.txt") != NULL, "%s", text);
    cr_expect(strstr(text, "PROGBITS") != NULL);
    cr_expect(strstr(text, "arning") == NULL && strstr(text, "rror") == NULL, "%s", text);
}

Test(image, names)
{
    static const char *const good[] = {".prog/a", ".file/\xc3\xa9 and more"};
    static const char *const bad[] = {"",      "kernel",   ".prog/",   ".file/",    ".text",
                                      ".prog", ".kernel2", ".file/\t", ".file/a\n", ".file/\x7f"};
    struct image *img = image_new();
    char longest[400] = ".file/";
    for (size_t i = 0; i < 2; i++) {
        cr_expect_eq(image_add(img, good[i], "x", 1, err, sizeof err), 0, "%s", good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_expect_eq(image_add(img, bad[i], "x", 1, err, sizeof err), -1, "%s", bad[i]);
    }
    cr_expect_eq(image_write(img, "a.elf", err, sizeof err), -1);
    cr_expect_str_eq(err, "a.elf: a boot image needs a section .kernel");
    cr_expect_eq(image_add(img, ".prog/a", "y", 1, err, sizeof err), -1);
    cr_expect_str_eq(err, "a second section .prog/a");
    memset(longest + 6, 'x', 249);
    cr_expect_eq(image_add(img, longest, "y", 1, err, sizeof err), 0);
    memset(longest + 6, 'x', 250);
    cr_expect_eq(image_add(img, longest, "y", 1, err, sizeof err), -1);
    image_free(img);
}

Test(image, many_sections)
{
    struct image *img = image_new();
    char name[32];
    cr_assert_eq(image_add(img, ".kernel", "k", 1, err, sizeof err), 0);
    for (unsigned i = 1; i < IMAGE_MAX_SECTIONS; i++) {
        snprintf(name, sizeof name, ".file/%u", i);
        cr_assert_eq(image_add(img, name, &i, sizeof i, err, sizeof err), 0);
    }
    cr_expect_eq(image_add(img, ".file/x", "x", 1, err, sizeof err), -1);
    cr_assert_eq(image_write(img, "a.elf", err, sizeof err), 0, "%s", err);
    image_free(img);
    img = image_open("a.elf", err, sizeof err);
    cr_assert(img != NULL, "%s", err);
    cr_assert_eq(image_count(img), IMAGE_MAX_SECTIONS);
    for (unsigned i = 1; i < IMAGE_MAX_SECTIONS; i += 977) {
        snprintf(name, sizeof name, ".file/%u", i);
        const struct image_section *s = image_find(img, name);
        cr_assert(s != NULL && s->n == sizeof i && memcmp(s->bytes, &i, sizeof i) == 0);
    }
    image_free(img);
}

Test(image, refusals)
{
    static uint8_t raw[5000], copy[5000];
    write_sample("a.elf");
    size_t n = bytes_of("a.elf", raw, sizeof raw);
    Elf64_Ehdr h;
    memcpy(&h, raw, sizeof h);
    for (size_t i = 0; i < n; i++) { /* cut off: the section headers stand at the end */
        put_bytes("b.elf", raw, i);
        cr_assert_not(opens("b.elf"), "%zu of %zu bytes", i, n);
    }
    static const struct {
        unsigned section;
        size_t field;
        uint64_t value;
        const char *said;
    } cases[] = {
        {1, offsetof(Elf64_Shdr, sh_offset), UINT64_MAX, "section 1 lies outside"},
        {1, offsetof(Elf64_Shdr, sh_size), UINT64_MAX, "section 1 lies outside"},
        {2, offsetof(Elf64_Shdr, sh_offset), UINT64_MAX - 3, "section 2 lies outside"},
        {2, offsetof(Elf64_Shdr, sh_size), 5000, "section 2 lies outside"},
        {3, offsetof(Elf64_Shdr, sh_flags), SHF_COMPRESSED, "section 3 is not plain"},
        {5, offsetof(Elf64_Shdr, sh_size), UINT64_MAX, "lies outside"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        memcpy(copy, raw, n);
        memcpy(copy + h.e_shoff + cases[i].section * sizeof(Elf64_Shdr) + cases[i].field,
               &cases[i].value, 8);
        put_bytes("b.elf", copy, n);
        cr_assert_not(opens("b.elf"), "case %zu", i);
        cr_expect(strstr(err, cases[i].said) != NULL, "case %zu: %s", i, err);
    }
    /* Two sections of one name; no kernel. */
    Elf64_Shdr first;
    memcpy(copy, raw, n);
    memcpy(&first, raw + h.e_shoff + sizeof first, sizeof first);
    memcpy(copy + h.e_shoff + 2 * sizeof first, &first, 4);
    put_bytes("b.elf", copy, n);
    cr_expect_not(opens("b.elf"));
    cr_expect_str_eq(err, "b.elf: a second section .kernel");
    uint8_t *at = memmem(raw, n, ".kernel", 8);
    cr_assert_not_null(at);
    memcpy(at, ".prog/x", 7);
    put_bytes("b.elf", raw, n);
    cr_expect_not(opens("b.elf"));
    cr_expect_str_eq(err, "b.elf: no section .kernel: not a boot image");

    put_bytes("b.elf", "\0asm\1\0\0\0", 8);
    cr_expect_not(opens("b.elf"));
    cr_expect_str_eq(err, "b.elf: not an ELF file");
    cr_expect_not(opens("none.elf"));
    cr_expect_not(opens("."));
    cr_expect_not(opens("/dev/zero"));
}

/* Any byte of the header, the section headers and the names may be anything. */
Test(image, random_damage)
{
    static uint8_t raw[5000], copy[5000];
    static const uint8_t values[] = {0x00, 0x01, 0xff};
    write_sample("a.elf");
    size_t n = bytes_of("a.elf", raw, sizeof raw), opened = 0, tried = 0;
    cr_assert_gt(n, 0);
    for (size_t i = 0; i < n; i++) {
        for (size_t v = 0; v < sizeof values; v++) {
            memcpy(copy, raw, n);
            copy[i] = values[v];
            put_bytes("b.elf", copy, n);
            opened += (size_t)opens("b.elf");
            tried++;
        }
    }
    uint64_t x = 88172645463325252u; /* xorshift */
    for (int i = 0; i < 2000; i++) {
        memcpy(copy, raw, n);
        for (int k = 0; k < 4; k++) {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            copy[x % n] = (uint8_t)(x >> 32);
        }
        put_bytes("b.elf", copy, n);
        opened += (size_t)opens("b.elf");
        tried++;
    }
    cr_expect(opened > 0 && opened < tried, "%zu of %zu", opened, tried);
}

static int command(char *const *argv)
{
    int argc = 0;
    while (argv[argc] != NULL) {
        argc++;
    }
    err[0] = '\0';
    return image_cmd(argc, argv, err, sizeof err);
}

Test(image, command_line)
{
    char *const build[] = {"build", "a.elf", ".kernel=k", ".prog/p=p", ".file/a=b.txt=p", NULL};
    put_bytes("k", "kernel", 6);
    put_bytes("p", "program", 7);
    put_bytes("b.txt=p", "odd", 3);
    cr_assert_eq(command(build), 0, "%s", err);
    struct image *img = image_open("a.elf", err, sizeof err);
    cr_assert_not_null(img);
    cr_expect_eq(image_find(img, ".file/a")->n, 3);
    image_free(img);

    char *const bad[][6] = {
        {NULL},
        {"make", NULL},
        {"build", NULL},
        {"build", "b.elf", NULL},
        {"build", "b.elf", ".kernel", NULL},
        {"build", "b.elf", ".kernel=none", NULL},
        {"build", "b.elf", ".kernel=k", ".kernel=p", NULL},
        {"build", "b.elf", ".prog/p=p", NULL},
        {"build", "no/such/b.elf", ".kernel=k", NULL},
        {"list", NULL},
        {"list", "k", NULL},
        {"list", "--json", NULL},
        {"list", "a.elf", "b.elf", NULL},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_expect_eq(command(bad[i]), -1, "case %zu", i);
        cr_expect_gt(strlen(err), 8);
    }
    cr_expect(access("b.elf", F_OK) != 0 && access("b.elf.part", F_OK) != 0);
}
