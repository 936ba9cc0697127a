/* test_rundir.c - run directories appear whole, replace older ones, and are named by their
 * contents. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <jansson.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/digest.h"
#include "sim/rundir.h"
#include "tests/scratch.h"

static char err[1000];

TestSuite(rundir, .init = scratch_enter, .fini = scratch_leave);

static struct config *config(const char *a, const char *b)
{
    const char *sets[] = {"name=try", a, b};
    size_t n = a == NULL ? 1 : b == NULL ? 2 : 3;
    struct config *cfg;
    cr_assert_eq(config_load(NULL, sets, n, &cfg, err, sizeof err), 0, "%s", err);
    return cfg;
}

static size_t entries(const char *path, char *last, size_t n)
{
    DIR *d = opendir(path);
    size_t count = 0;
    struct dirent *e;
    cr_assert_not_null(d);
    while ((e = readdir(d)) != NULL) {
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) {
            count++;
            snprintf(last, n, "%s", e->d_name);
        }
    }
    closedir(d);
    return count;
}

static char *contents(const char *path)
{
    static char buf[16384];
    FILE *f = fopen(path, "r");
    cr_assert(f != NULL, "%s", path);
    buf[fread(buf, 1, sizeof buf - 1, f)] = '\0';
    fclose(f);
    return buf;
}

static const char *hash_of(struct config *cfg, const struct rundir_input *in, size_t n)
{
    static char hash[13];
    struct rundir *r = rundir_begin("tmp-root", cfg, in, n, err, sizeof err);
    cr_assert(r != NULL, "%s", err);
    snprintf(hash, sizeof hash, "%s", rundir_hash(r));
    rundir_abandon(r);
    return hash;
}

/* One whole run whose only own file says `text`. */
static void whole_run(struct config *cfg, const char *root, const char *text, char path[500])
{
    struct rundir_input in = {"boot image", digest_bytes("abc", 3), 3};
    const char *const arguments[] = {"demo.cfg", "-s", "x=\xff"};
    struct rundir_facts facts = {.command = "run",
                                 .arguments = arguments,
                                 .n_arguments = 3,
                                 .label = "a/b",
                                 .version = "1",
                                 .outcome = "exit 0"};
    struct rundir *r = rundir_begin(root, cfg, &in, 1, err, sizeof err);
    cr_assert(r != NULL, "%s", err);
    snprintf(path, 500, "%s", rundir_path(r));
    FILE *f = rundir_create(r, "console.txt", err, sizeof err);
    cr_assert_not_null(f);
    fputs(text, f);
    cr_assert_eq(rundir_close(r, f, err, sizeof err), 0);
    uint64_t v = 5;
    struct stats *s = stats_new();
    stats_add_value(s, "v", "1", "", &v);
    cr_assert_eq(rundir_write_stats(r, s, err, sizeof err), 0);
    stats_free(s);
    cr_assert_eq(rundir_commit(r, &facts, err, sizeof err), 0, "%s", err);
}

Test(rundir, appears_whole)
{
    char name[300], path[500], file[600];
    struct config *cfg = config(NULL, NULL), *again;
    whole_run(cfg, "deep/er/runs", "hello\n", path);
    cr_assert_eq(entries("deep/er/runs", name, sizeof name), 1);
    cr_expect(strncmp(path, "deep/er/runs/try-", 17) == 0 && strlen(path) == 17 + 12, "%s", path);
    cr_expect_str_eq(path + 13, name);
    cr_assert_eq(entries(path, name, sizeof name), 4);

    snprintf(file, sizeof file, "%s/console.txt", path);
    cr_expect_str_eq(contents(file), "hello\n");
    snprintf(file, sizeof file, "%s/resolved.cfg", path);
    cr_expect_eq(config_load(file, NULL, 0, &again, err, sizeof err), 0, "%s", err);
    config_free(again);

    snprintf(file, sizeof file, "%s/run.json", path);
    json_t *j = json_load_file(file, JSON_REJECT_DUPLICATES, NULL);
    cr_assert_not_null(j);
    json_t *in = json_array_get(json_object_get(j, "inputs"), 0);
    cr_expect_str_eq(json_string_value(json_object_get(j, "run")), path + 13);
    cr_expect_str_eq(json_string_value(json_object_get(j, "point")), "a/b");
    cr_expect_eq(json_integer_value(json_object_get(j, "seed")), 1);
    cr_expect_str_eq(json_string_value(json_array_get(json_object_get(j, "arguments"), 2)), "x=?");
    cr_expect_str_eq(json_string_value(json_object_get(in, "name")), "boot image");
    /* What XXH3-128 is for "abc" everywhere. */
    cr_expect_str_eq(json_string_value(json_object_get(in, "xxh3_128")),
                     "06b05ab6733a618578af5f94892f3950");
    json_decref(j);
    config_free(cfg);
}

Test(rundir, replaces_an_older_run)
{
    char name[300], path[500], file[600];
    struct config *cfg = config(NULL, NULL);
    whole_run(cfg, "runs", "one\n", path);
    snprintf(file, sizeof file, "%s/extra", path); /* not part of the next run */
    fclose(fopen(file, "w"));
    whole_run(cfg, "runs", "two\n", path);
    cr_assert_eq(entries("runs", name, sizeof name), 1);
    cr_assert_eq(entries(path, name, sizeof name), 4);
    snprintf(file, sizeof file, "%s/console.txt", path);
    cr_expect_str_eq(contents(file), "two\n");
    config_free(cfg);
}

Test(rundir, abandoned_leaves_nothing)
{
    char name[300] = "";
    struct config *cfg = config(NULL, NULL);
    struct rundir *r = rundir_begin("runs", cfg, NULL, 0, err, sizeof err);
    cr_assert_not_null(r);
    cr_expect_eq(entries("runs", name, sizeof name), 1);
    cr_expect_eq(name[0], '.', "an unfinished run is hidden");
    cr_expect(access(rundir_path(r), F_OK) != 0);
    rundir_abandon(r);
    cr_expect_eq(entries("runs", name, sizeof name), 0);
    rundir_abandon(NULL);
    config_free(cfg);
}

Test(rundir, the_name_is_that_of_the_contents)
{
    char first[13], path[2][500];
    struct rundir_input in[2] = {{"a", digest_bytes("x", 1), 1}, {"b", digest_bytes("y", 1), 1}};
    struct config *cfg = config("nvdimm.image=/one/place/pool.img", NULL);
    snprintf(first, sizeof first, "%s", hash_of(cfg, in, 2));
    cr_expect_str_eq(hash_of(cfg, in, 2), first);
    cr_expect_str_neq(hash_of(cfg, in, 1), first);
    in[1].digest = digest_bytes("z", 1);
    cr_expect_str_neq(hash_of(cfg, in, 2), first);
    in[1].digest = digest_bytes("y", 1);
    config_free(cfg);

    cfg = config("nvdimm.image=other/pool.img", NULL);
    cr_expect_str_eq(hash_of(cfg, in, 2), first, "the folder of an input does not count");
    config_free(cfg);
    cfg = config("nvdimm.image=other/pool.img", "l1d.ways=4");
    cr_expect_str_neq(hash_of(cfg, in, 2), first);
    config_free(cfg);

    /* From another folder, the same name. */
    cfg = config(NULL, NULL);
    whole_run(cfg, "runs", "", path[0]);
    cr_assert_eq(mkdir("elsewhere", 0777), 0);
    cr_assert_eq(chdir("elsewhere"), 0);
    whole_run(cfg, "runs", "", path[1]);
    cr_expect_str_eq(path[0], path[1]);
    config_free(cfg);
}

Test(rundir, errors)
{
    struct config *cfg = config(NULL, NULL);
    fclose(fopen("file", "w"));
    cr_expect_null(rundir_begin("file/runs", cfg, NULL, 0, err, sizeof err));
    cr_expect(strncmp(err, "file/runs: cannot make", 22) == 0, "%s", err);
    cr_expect_null(rundir_begin("file", cfg, NULL, 0, err, sizeof err));
    config_free(cfg);

    struct digest d;
    uint64_t bytes = 0;
    FILE *f = fopen("file", "w");
    fputs("abc", f);
    fclose(f);
    cr_assert_eq(digest_file("file", &d, &bytes, err, sizeof err), 0);
    struct digest expected = digest_bytes("abc", 3);
    cr_expect_eq(bytes, 3);
    cr_expect_arr_eq(d.b, expected.b, 16);
    cr_expect_eq(digest_file("none", &d, NULL, err, sizeof err), -1);
    cr_expect_eq(digest_file(".", &d, NULL, err, sizeof err), -1);
}

/* Readers and several writers of the same run: every reader sees one of the runs, whole. */
Test(rundir, workers_at_once)
{
    char path[500], file[600];
    struct config *cfg = config(NULL, NULL);
    whole_run(cfg, "runs", "0\n", path);
    snprintf(file, sizeof file, "%s/console.txt", path);
    pid_t child[3];
    for (int w = 0; w < 3; w++) {
        child[w] = fork();
        if (child[w] == 0) {
            for (int i = 0; i < 20; i++) {
                char p[500];
                whole_run(cfg, "runs", "0\n", p);
            }
            _exit(0);
        }
    }
    for (int i = 0; i < 2000; i++) {
        cr_assert(access(path, F_OK) == 0, "the run is always there");
    }
    for (int w = 0; w < 3; w++) {
        int status = -1;
        waitpid(child[w], &status, 0);
        cr_expect_eq(status, 0);
    }
    cr_expect_str_eq(contents(file), "0\n");
    cr_expect_eq(entries("runs", path, sizeof path), 1);
    config_free(cfg);
}
