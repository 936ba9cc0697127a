/* test_config.c - config files: precedence, types, messages with file and line, resolved text. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/config.h"
#include "sim/list.h"
#include "sim/source.h"
#include "tests/scratch.h"

TestSuite(config, .init = scratch_enter, .fini = scratch_leave);

static void file(const char *name, const char *text)
{
    FILE *f = fopen(name, "w");
    cr_assert(f != NULL);
    fputs(text, f);
    fclose(f);
}

/* Load a.cfg with up to one assignment; the error text or NULL. Static: only for messages. */
static const char *load(struct config **cfg, const char *assignment)
{
    static char err[2048];
    int bad = config_load("a.cfg", &assignment, assignment != NULL, cfg, err, sizeof err);
    cr_assert_eq(bad != 0, *cfg == NULL);
    return bad ? err : NULL;
}

static char *resolved(const struct config *cfg, int hashed)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    if (hashed) {
        config_write_hashed(cfg, f);
    } else {
        config_write_resolved(cfg, f);
    }
    fclose(f);
    return text;
}

Test(config, schema_is_sound)
{
    struct config *cfg;
    char err[200];
    cr_assert_eq(config_load(NULL, NULL, 0, &cfg, err, sizeof err), 0);
    for (size_t i = 0; i < config_key_count; i++) {
        const struct config_key *k = &config_keys[i];
        cr_expect_eq(config_find_key(k->path), k, "%s stands twice", k->path);
        cr_expect(*k->meaning != '\0', "%s has no meaning", k->path);
        for (size_t j = 0; j < i; j++) {
            cr_expect_neq(config_keys[j].offset, k->offset, "%s and %s", config_keys[j].path,
                          k->path);
        }
        /* The default, given by name, is accepted again: it lies in the key's own limits. */
        char assignment[256];
        snprintf(assignment, sizeof assignment, "%s=%s", k->path, k->def);
        cr_expect_eq(config_assign(cfg, assignment, err, sizeof err), 0, "%s", err);
    }
    cr_expect_eq(cfg->seed, 1);
    cr_expect_eq(cfg->dram_bytes, UINT64_C(1) << 30);
    cr_expect_eq(cfg->boundary, 0);
    cr_expect_eq(cfg->domain, 1);
    cr_expect_eq(cfg->args.n, 0);
    cr_expect_str_eq(cfg->name, "");
    config_free(cfg);
}

Test(config, precedence)
{
    struct config *cfg;
    cr_assert_eq(mkdir("sub", 0777), 0);
    file("sub/base.cfg", "@include \"more/deep.cfg\"\nseed = 2;\nl1d: { ways = 4; };\n");
    cr_assert_eq(mkdir("sub/more", 0777), 0);
    file("sub/more/deep.cfg", "llc: { size = \"3 MiB\"; };\n"
                              "override_deep: { core: { width = 3; }; llc: { ways = 12; }; };\n");
    file("a.cfg", "  @include\t\"sub/base.cfg\"  // the machine\n"
                  "override: { l1d: { ways = 2; }; core: { width = 4; }; };\n"
                  "l2: { ways = 8; };\n");
    cr_assert_null(load(&cfg, NULL));
    cr_expect_eq(cfg->seed, 2);
    cr_expect_eq(cfg->llc_bytes, 3u << 20);
    cr_expect_eq(cfg->llc_ways, 12);
    cr_expect_eq(cfg->l1d_ways, 2);
    cr_expect_eq(cfg->l2_ways, 8);
    cr_expect_eq(cfg->width, 4, "overrides apply in the order of the text");
    cr_expect_str_eq(cfg->name, "a");
    config_free(cfg);
    cr_assert_null(load(&cfg, "l1d.ways=16"));
    cr_expect_eq(cfg->l1d_ways, 16);
    config_free(cfg);
}

Test(config, every_type)
{
    struct config *cfg;
    file("a.cfg", "name = \"x-1\"; seed = 5000000000; // needs 64 bits\n"
                  "machine: { wall_clock = 0x10; epoch = 3000000000L; };\n"
                  "program: { args = [\"a\", \"b c\", \"\"]; env = (\"K=V\"); };\n"
                  "boot: { image = \"some/boot.elf\"; };\n"
                  "kernel: { kpti = true; data_tier = \"nvdimm\"; };\n"
                  "core: { frequency = \"3.6 GHz\"; };\n"
                  "dram: { tck = \"0.625 ns\"; };\n"
                  "nvdimm: { size = \"0\"; domain = \"eadr\"; };\n");
    cr_assert_null(load(&cfg, NULL));
    cr_expect_str_eq(cfg->name, "x-1");
    cr_expect_eq(cfg->seed, UINT64_C(5000000000));
    cr_expect_eq(cfg->wall_clock, 16);
    cr_expect_eq(cfg->epoch_cycles, UINT64_C(3000000000));
    cr_expect_eq(cfg->args.n, 3);
    cr_expect_str_eq(cfg->args.v[1], "b c");
    cr_expect_str_eq(cfg->args.v[2], "");
    cr_expect_null(cfg->args.v[3]);
    cr_expect_eq(cfg->env.n, 1);
    cr_expect_str_eq(cfg->boot_image, "some/boot.elf");
    cr_expect_eq(cfg->kpti, 1);
    cr_expect_eq(cfg->data_tier, 1);
    cr_expect_eq(cfg->frequency, UINT64_C(3600000000));
    cr_expect_eq(cfg->dram_tck, 625);
    cr_expect_eq(cfg->nvdimm_bytes, 0);
    cr_expect_eq(cfg->domain, 2);
    config_free(cfg);
}

/* What is wrong with several keys together is found later, and said with where they were set. */
Test(config, blame)
{
    struct config *cfg;
    file("b.cfg", "l2: {\n  ways = 8;\n  size = \"100 KiB\";\n};\n");
    file("a.cfg", "@include \"b.cfg\"\nl1d: { ways = 4;\n cycles = 5; };\n"
                  "override: {\n l2: { cycles = 9; }; };\n");
    static const struct {
        const char *said, *blamed;
    } cases[] = {
        {"l2.size: odd", "b.cfg:3: l2.size: odd"},
        {"l1d.ways: odd", "a.cfg:2: l1d.ways: odd"},
        {"l1d: odd", "a.cfg:3: l1d: odd"},
        {"l2: odd", "a.cfg:5: l2: odd"}, /* the last of the group */
        {"core.rob: odd", "-s core.rob=7: core.rob: odd"},
        {"core: odd", "-s core.rob=7: core: odd"},
        {"llc: nothing of it was set", "llc: nothing of it was set"},
        {"l: no group", "l: no group"},
        {"no key", "no key"},
        {"", ""},
    };
    cr_assert_null(load(&cfg, "core.rob=7"));
    struct config *copy = config_copy(cfg);
    config_free(cfg);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char err[200];
        snprintf(err, sizeof err, "%s", cases[i].said);
        cr_expect_eq(config_blame(copy, err, sizeof err), -1);
        cr_expect_str_eq(err, cases[i].blamed);
    }
    config_free(copy);
    cr_expect_null(load(&cfg, "core.btb_entries=0"));
    config_free(cfg);
    cr_expect_str_eq(load(&cfg, "core.btb_entries=1000"),
                     "-s core.btb_entries=1000: core.btb_entries: 1000 is no power of two");
}

Test(config, assignments)
{
    struct config *cfg;
    char err[500];
    cr_assert_eq(config_load(NULL, NULL, 0, &cfg, err, sizeof err), 0);
    static const struct {
        const char *text;
        size_t n;
        const char *last;
    } lists[] = {
        {"program.args=a,b c", 2, "b c"},
        {"program.args=", 0, NULL},
        {"program.args=one", 1, "one"},
        {"program.args=a,,b,", 4, ""},
        {"program.args=[\"a,b\",\"c\"]", 2, "c"},
        {"program.args=(\"x=y\")", 1, "x=y"},
        {"program.args=[]", 0, NULL},
        {"program.args=a=b", 1, "a=b"},
    };
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        cr_assert_eq(config_assign(cfg, lists[i].text, err, sizeof err), 0, "%s", err);
        cr_expect_eq(cfg->args.n, lists[i].n, "%s: %zu", lists[i].text, cfg->args.n);
        if (lists[i].n > 0 && cfg->args.n == lists[i].n) {
            cr_expect_str_eq(cfg->args.v[lists[i].n - 1], lists[i].last);
        }
    }
    cr_expect_eq(config_assign(cfg, "core.width=8", err, sizeof err), 0);
    cr_expect_eq(config_assign(cfg, "core.frequency=1 GHz", err, sizeof err), 0);
    cr_expect_eq(config_assign(cfg, "kernel.boundary=trap", err, sizeof err), 0);
    cr_expect_eq(config_assign(cfg, "seed=0xff", err, sizeof err), 0);
    cr_expect_eq(cfg->width, 8);
    cr_expect_eq(cfg->boundary, 1);
    cr_expect_eq(cfg->seed, 255);
    static const char *const bad[] = {
        "",
        "seed",
        "=1",
        "seed=",
        "seed=-1",
        "seed=1 ",
        "seed=1.5",
        "seed= 1",
        "seed=99999999999999999999",
        "l1d=4",
        "l1d.size=32",
        "kernel.kpti=yes",
        "core.w=1",
        "core.width=9",
        "kernel.boundary=Trap",
        "core.=1",
        "kernel.boundary=call|trap",
        "program.args=[1]",
        "program.args=[\"a\"",
        "program.args=[\"a\"]; x = 1",
        "program.args=[\n@include \"/\"\n]",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        err[0] = '\0';
        cr_expect_eq(config_assign(cfg, bad[i], err, sizeof err), -1, "%s", bad[i]);
        cr_expect_gt(strlen(err), 10, "%s: %s", bad[i], err);
    }
    cr_expect_eq(cfg->width, 8, "a refused assignment changes nothing");
    cr_expect_eq(cfg->boundary, 1);
    cr_expect_eq(cfg->args.n, 1);
    config_free(cfg);
}

Test(config, messages)
{
    static const struct {
        const char *text, *message; /* the message begins so; NULL text: no such file */
    } cases[] = {
        {"seed = 1;\nsede = 2;\n", "a.cfg:2: there is no key \"sede\"; did you mean \"seed\"?"},
        {"\n\nl1d: { sizes = \"1 KiB\"; };\n",
         "a.cfg:3: there is no key \"l1d.sizes\"; did you mean \"l1d.size\"?"},
        {"kpti = true;\n", "a.cfg:1: there is no key \"kpti\"; did you mean \"kernel.kpti\"?"},
        {"qqqqqqqq: { x = 1; };\n", "a.cfg:1: there is no key \"qqqqqqqq\" (see"},
        {"seed: { x = 1; };\n", "a.cfg:1: seed: is a group: expected a whole number"},
        {"l1d = 4;\n", "a.cfg:1: l1d is a group of keys"},
        {"core: { width = \"2\"; };\n", "a.cfg:1: core.width: is a string: expected a whole"},
        {"core: { width = 2.5; };\n", "a.cfg:1: core.width: is a number with a point"},
        {"core: { width = -2; };\n", "a.cfg:1: core.width: -2 is negative"},
        {"core:\n{\n width = 99;\n};\n",
         "a.cfg:3: core.width: 99 is out of range: expected 1 to 8"},
        {"seed = -5000000000;\n", "a.cfg:1: seed: -5000000000 is negative"},
        {"core: { width = 4294967298; };\n", "a.cfg:1: core.width: 4294967298 is out of range"},
        {"l1d: { size = 32768; };\n", "a.cfg:1: l1d.size: a bare number has no unit: write a"},
        {"l1d: { size = 4294967296; };\n", "a.cfg:1: l1d.size: a bare number has no unit"},
        {"l1d: { size = \"32\"; };\n", "a.cfg:1: l1d.size: a size needs a unit"},
        {"l1d: { size = \"32 KB\"; };\n", "a.cfg:1: l1d.size: \"KB\" is read both ways"},
        {"l1d: { size = \"32 B\"; };\n",
         "a.cfg:1: l1d.size: 32 B is out of range: expected 64 B to 1 GiB"},
        {"dram: { tck = 1; };\n", "a.cfg:1: dram.tck: a bare number has no unit: write a string, "
                                  "as in \"305 ns\""},
        {"kernel: { kpti = 1; };\n", "a.cfg:1: kernel.kpti: is a whole number: expected true"},
        {"kernel: { boundary = \"jump\"; };\n",
         "a.cfg:1: kernel.boundary: \"jump\" is none of call|trap"},
        {"kernel: { boundary = 1; };\n", "a.cfg:1: kernel.boundary: is a whole number: expected "
                                         "one of these as a string: call|trap"},
        {"program: { args = \"a b\"; };\n", "a.cfg:1: program.args: is a string: expected a list"},
        {"program: { args = [1, 2]; };\n", "a.cfg:1: program.args: element 1 of the list is no"},
        {"program: { args = (\"a\", (\"b\")); };\n", "a.cfg:1: program.args: element 2"},
        {"seed = ;\n", "a.cfg:1: syntax error: expected a key with its value, `name = value;`"},
        {"core.model = \"ooo\"\n", "a.cfg:1: syntax error: expected a key with its value"},
        {"seed = 1;\nseed = 2;\n", "a.cfg:2: duplicate setting name"},
        {"override = 1;\n", "a.cfg:1: override: expected a group"},
        {"override: { override: { seed = 1; }; };\n", "a.cfg:1: there is no key \"override\""},
        {"name = \"a/b\";\n", "a.cfg:1: name: \"a/b\" cannot name a folder"},
        {"name = \"..\";\n", "a.cfg:1: name: \"..\" cannot name a folder"},
        {"seed = 99999999999999999999;\n", "a.cfg:1: a number that does not fit 63 bits"},
        {"name = \"abc\n\n", "a.cfg:1: this string has no end"},
        {"\n/* abc\n", "a.cfg:2: this comment has no end"},
        {"@include \"no.cfg\"\n", "a.cfg:1: @include: no.cfg: No such file"},
        {"\n@include \"/\"\n", "a.cfg:2: @include: /: not a regular file"},
        {"@include \"b.cfg\"\n", "b.cfg:2: there is no key \"sed\"; did you mean \"seed\"?"},
        {"@include \"c.cfg\"\nl1d: { ways = 2; };\n", "a.cfg:2: duplicate setting name (to change"},
        {"@include \"a.cfg\"\n", "a.cfg:1: includes nested too deeply"},
        {"@include 'b.cfg'\n", "a.cfg:1: expected @include \"FILE\""},
        {"@include \"b.cfg\n", "a.cfg:1: expected @include \"FILE\""},
        {"@include \"c.cfg\" seed = 1;\n", "a.cfg:1: only a comment may follow"},
        {"@include \"c.cfg\"\n\n\nseeed = 1;\n", "a.cfg:4: there is no key \"seeed\""},
    };
    file("b.cfg", "\nsed = 1;\n");
    file("c.cfg", "\n\nl1d: {\nways = 4;\n};");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct config *cfg;
        file("a.cfg", cases[i].text);
        const char *err = load(&cfg, NULL);
        cr_assert(err != NULL, "accepted: %s", cases[i].text);
        cr_expect(strncmp(err, cases[i].message, strlen(cases[i].message)) == 0,
                  "%s says %s\ninstead of %s", cases[i].text, err, cases[i].message);
    }
    struct config *cfg;
    file("a.cfg", "");
    const char *err = load(&cfg, "l1d.way=3");
    cr_expect(strncmp(err, "-s l1d.way=3: there is no key \"l1d.way\"; did you mean", 50) == 0,
              "%s", err);
    cr_expect_str_eq(load(&cfg, "core.width=0"),
                     "-s core.width=0: core.width: 0 is out of range: expected 1 to 8");
    unlink("a.cfg");
    cr_expect_str_eq(load(&cfg, NULL), "a.cfg: No such file or directory");
}

Test(config, text_that_is_no_include)
{
    struct config *cfg;
    file("a.cfg", "/* \n@include \"nowhere\"\n*/ # @include \"nowhere\"\n"
                  "// @include \"x\"\nname = \"n\"; program: { name = \"a\\\"\n"
                  "@include \\\"z\\\" 9999999999\"; };\nseed = 3;\n");
    const char *err = load(&cfg, NULL);
    cr_assert_null(err, "%s", err);
    cr_expect_str_eq(cfg->program, "a\"\n@include \"z\" 9999999999");
    cr_expect_eq(cfg->seed, 3);
    config_free(cfg);
}

Test(config, resolved_text_reads_back)
{
    struct config *cfg, *again, *copy;
    static const char *const sets[] = {
        "name=x",
        "seed=9007199254740993",
        "machine.dram=1.5 GiB",
        "program.args=[\"a,b\",\"\",\"q\\\"\\\\\\n\\t\",\"\xc3\xa9\"]",
        "program.name=line\nbreak\x01\x7f",
        "boot.image=/somewhere/else/boot.elf",
        "nvdimm.image=pool.img",
        "kernel.boundary=trap",
        "kernel.kpti=true",
        "core.frequency=2133333333 Hz",
        "dram.tck=0.625 ns",
    };
    size_t n = sizeof sets / sizeof *sets;
    char err[500];
    cr_assert_eq(config_load(NULL, sets, n, &cfg, err, sizeof err), 0, "%s", err);
    char *first = resolved(cfg, 0), *hashed = resolved(cfg, 1);
    file("a.cfg", first);
    const char *said = load(&again, NULL);
    cr_assert_null(said, "%s in\n%s", said, first);
    char *second = resolved(again, 0);
    cr_expect_str_eq(first, second);
    cr_expect_str_eq(again->program, "line\nbreak\x01\x7f");
    cr_expect_str_eq(again->args.v[2], "q\"\\\n\t");
    for (size_t i = 0; i < config_key_count; i++) {
        const char *dot = strrchr(config_keys[i].path, '.');
        cr_expect(strstr(first, dot != NULL ? dot + 1 : config_keys[i].path) != NULL);
    }
    cr_expect(strstr(first, "image = \"/somewhere/else/boot.elf\"") != NULL);
    cr_expect(strstr(hashed, "image = \"boot.elf\"") != NULL);
    cr_expect(strstr(hashed, "somewhere") == NULL);
    cr_expect(strstr(hashed, "image = \"pool.img\"") != NULL);

    copy = config_copy(again);
    config_free(again);
    char *third = resolved(copy, 0);
    cr_expect_str_eq(first, third, "a copy stands for itself");
    config_free(copy);
    config_free(cfg);
    free(first);
    free(second);
    free(third);
    free(hashed);
}

/* Cut anywhere, with any byte changed, a file is accepted or refused with a message: no more. */
Test(config, damaged_text)
{
    static const char whole[] =
        "@include \"b.cfg\"\n/* c */ seed = 0x1F; l1d: { size = \"32 KiB\"; ways = 8; };\n"
        "program: { args = [\"a\", \"b\\n\"]; env = (); }; # x\noverride: { seed = 77L; };\n"
        "core: { frequency = \"2.2 GHz\"; }; kernel: { kpti = false; };\n";
    static const char odd[] = "\"\\{}()[];,=:/*#@\n\t\x01\xff-+.0L";
    file("b.cfg", "llc: { ways = 4; };\n");
    char text[sizeof whole];
    size_t refused = 0, tried = 0;
    for (size_t i = 0; i < sizeof whole - 1; i++) {
        for (size_t k = 0; k < sizeof odd; k++) {
            struct config *cfg;
            memcpy(text, whole, sizeof whole);
            if (k < sizeof odd - 1) {
                text[i] = odd[k];
            } else {
                text[i] = '\0'; /* cut off */
            }
            file("a.cfg", text);
            const char *err = load(&cfg, NULL);
            tried++;
            if (err != NULL) {
                refused++;
                cr_assert(strncmp(err, "a.cfg", 5) == 0 || strncmp(err, "b.cfg", 5) == 0, "%s",
                          err);
            }
            config_free(cfg);
        }
    }
    cr_expect(refused > tried / 2 && refused < tried);
}

Test(config, bounds)
{
    struct config *cfg;
    FILE *f = fopen("a.cfg", "w");
    for (unsigned i = 0; i < SOURCE_MAX_BYTES / 8; i++) {
        fputs("# 3456 \n", f);
    }
    fputs("\n", f);
    fclose(f);
    const char *err = load(&cfg, NULL);
    cr_expect(strstr(err, "more than 256 KiB") != NULL, "%s", err);

    f = fopen("a.cfg", "w"); /* deeper than the parser's stack */
    fputs("x = ", f);
    for (unsigned i = 0; i < 100000; i++) {
        fputc('(', f);
    }
    fclose(f);
    cr_expect_not_null(load(&cfg, NULL));

    f = fopen("a.cfg", "w");
    fwrite("seed = 1;\n\0\n", 1, 12, f);
    fclose(f);
    cr_expect_str_eq(load(&cfg, NULL), "a.cfg:2: a zero byte: not a text file");

    f = fopen("a.cfg", "w"); /* each file includes the next one many times */
    for (unsigned i = 0; i < 100; i++) {
        fputs("@include \"a.cfg\"\n", f);
    }
    fclose(f);
    cr_expect(strstr(load(&cfg, NULL), "nested too deeply") != NULL);
    file("b.cfg", "");
    f = fopen("a.cfg", "w");
    for (unsigned i = 0; i < 1000; i++) {
        fputs("@include \"b.cfg\"\n", f);
    }
    fclose(f);
    cr_expect_str_eq(load(&cfg, NULL), "a.cfg:256: too many included files");
}

Test(config, listing)
{
    char *text = NULL;
    size_t n = 0, lines = 0;
    FILE *f = open_memstream(&text, &n);
    list_keys(f);
    fclose(f);
    for (size_t i = 0; i < n; i++) {
        lines += text[i] == '\n';
    }
    cr_expect_eq(lines, config_key_count);
    cr_expect(strstr(text, "\nl1d.size") != NULL && strstr(text, "dram|nvdimm") != NULL);
    free(text);
}
