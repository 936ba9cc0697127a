/* rundir.c - the directory that holds what one run was and what it found. */
#include "sim/rundir.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memhier/hostmem.h"
#include "sim/error.h"
#include "sim/unfinished.h"

#define HASH_DIGITS 12
#define OPEN_FILES  16 /* of a tree that is being removed */

struct rundir {
    char *root;
    char *base;   /* NAME-HASH */
    char *final;  /* ROOT/NAME-HASH */
    char *hidden; /* ROOT/.NAME-HASH.XXXXXX */
    char *file;   /* last answer of rundir_file */
    char hash[HASH_DIGITS + 1];
    int unfinished; /* the hidden one */
    uint64_t seed;
    json_t *inputs; /* array, as run.json will show it */
};

static const char wanted[] = "the run directory";

/* ---- folders ---- */

/* mkdir -p: 0, or -1 with errno. */
static int make_path(const char *path)
{
    char *copy = hostmem_text(path, wanted);
    int bad = 0;
    for (char *at = copy + 1; !bad && *path != '\0'; at++) {
        char c = *at;
        if (c == '/' || c == '\0') {
            *at = '\0';
            bad = mkdir(copy, 0777) != 0 && errno != EEXIST;
            *at = c;
        }
        if (c == '\0') {
            break;
        }
    }
    free(copy);
    return bad ? -1 : 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static int remove_tree(const char *path)
{
    return nftw(path, remove_one, OPEN_FILES, FTW_DEPTH | FTW_PHYS);
}

static int is_plain_name(const char *name)
{
    return *name != '\0' && *name != '.' && strchr(name, '/') == NULL;
}

/* ---- the hash ---- */

static void compute_hash(struct rundir *r, const struct config *cfg,
                         const struct rundir_input *inputs, size_t n)
{
    char *text = NULL, hex[DIGEST_TEXT];
    size_t len = 0;
    FILE *f = hostmem_must(open_memstream(&text, &len), 0, wanted);
    config_write_hashed(cfg, f);
    for (size_t i = 0; i < n; i++) {
        fprintf(f, "%s %s\n", inputs[i].name, digest_hex(inputs[i].digest, hex));
    }
    fclose(f);
    digest_hex(digest_bytes(hostmem_must(text, 0, wanted), len), hex);
    memcpy(r->hash, hex, HASH_DIGITS);
    free(text);
}

/* As a JSON string; what is not UTF-8 (a path may be anything) is shown by '?'. */
static json_t *shown(const char *text)
{
    json_t *j = json_string(text);
    if (j != NULL) {
        return j;
    }
    char *copy = hostmem_text(text, wanted);
    for (char *c = copy; *c != '\0'; c++) {
        *c = (*c & 0x80) != 0 ? '?' : *c;
    }
    j = hostmem_must(json_string(copy), 0, wanted);
    free(copy);
    return j;
}

static json_t *inputs_json(const struct rundir_input *inputs, size_t n)
{
    char hex[DIGEST_TEXT];
    json_t *list = hostmem_must(json_array(), 0, wanted);
    for (size_t i = 0; i < n; i++) {
        json_t *one = hostmem_must(json_object(), 0, wanted);
        json_object_set_new(one, "name", shown(inputs[i].name));
        json_object_set_new(one, "xxh3_128", json_string(digest_hex(inputs[i].digest, hex)));
        json_object_set_new(one, "bytes", json_integer((json_int_t)inputs[i].bytes));
        json_array_append_new(list, one);
    }
    return list;
}

/* ---- begin ---- */

static int write_config(struct rundir *r, const struct config *cfg, char *err, size_t errlen)
{
    FILE *f = rundir_create(r, "resolved.cfg", err, errlen);
    if (f == NULL) {
        return -1;
    }
    config_write_resolved(cfg, f);
    return rundir_close(r, f, err, errlen);
}

static void drop(struct rundir *r)
{
    unfinished_done(r->unfinished);
    json_decref(r->inputs);
    free(r->root);
    free(r->base);
    free(r->final);
    free(r->hidden);
    free(r->file);
    free(r);
}

struct rundir *rundir_begin(const char *root, const struct config *cfg,
                            const struct rundir_input *inputs, size_t n, char *err, size_t errlen)
{
    struct rundir *r = hostmem_new(1, sizeof *r, wanted);
    r->unfinished = -1;
    root = *root != '\0' ? root : ".";
    compute_hash(r, cfg, inputs, n);
    r->seed = cfg->seed;
    r->inputs = inputs_json(inputs, n);
    r->root = hostmem_text(root, wanted);
    r->base = hostmem_format(wanted, "%s-%s", *cfg->name != '\0' ? cfg->name : "run", r->hash);
    r->final = hostmem_format(wanted, "%s/%s", root, r->base);
    char *stem = hostmem_format(wanted, "%s/.%s", root, r->base);
    r->hidden = hostmem_format(wanted, "%s.%s", stem, "XXXXXX");
    free(stem);
    if (make_path(root) != 0) {
        fail(err, errlen, "%s: cannot make this folder: %s", root, strerror(errno));
        drop(r);
        return NULL;
    }
    if (mkdtemp(r->hidden) == NULL) {
        fail(err, errlen, "%s: cannot make a folder in it: %s", root, strerror(errno));
        drop(r);
        return NULL;
    }
    r->unfinished = unfinished_add(r->hidden, "");
    if (write_config(r, cfg, err, errlen) != 0) {
        rundir_abandon(r);
        return NULL;
    }
    return r;
}

const char *rundir_hash(const struct rundir *r)
{
    return r->hash;
}

const char *rundir_path(const struct rundir *r)
{
    return r->final;
}

/* ---- files ---- */

const char *rundir_file(struct rundir *r, const char *name)
{
    assert(is_plain_name(name));
    free(r->file);
    r->file = hostmem_format(wanted, "%s/%s", r->hidden, name);
    return r->file;
}

FILE *rundir_create(struct rundir *r, const char *name, char *err, size_t errlen)
{
    const char *path = rundir_file(r, name);
    FILE *f = fopen(path, "w+be"); /* a checkpoint reads it back */
    if (f == NULL) {
        fail(err, errlen, "%s: %s", path, strerror(errno));
    }
    return f;
}

int rundir_close(struct rundir *r, FILE *f, char *err, size_t errlen)
{
    errno = 0;
    int bad = ferror(f) != 0;
    bad = fclose(f) != 0 || bad;
    if (!bad) {
        return 0;
    }
    return fail(err, errlen, "%s: cannot write: %s", r->final,
                errno != 0 ? strerror(errno) : "an earlier write failed");
}

int rundir_write_stats(struct rundir *r, const struct stats *stats, char *err, size_t errlen)
{
    FILE *f = rundir_create(r, "stats.json", err, errlen);
    if (f == NULL) {
        return -1;
    }
    int bad = stats_write_json(stats, f);
    if (rundir_close(r, f, err, errlen) != 0) {
        return -1;
    }
    return bad == 0 ? 0 : fail(err, errlen, "%s: cannot write stats.json", r->final);
}

static void set_text(json_t *object, const char *key, const char *text)
{
    if (text != NULL) {
        json_object_set_new(object, key, shown(text));
    }
}

static int write_run_json(struct rundir *r, const struct rundir_facts *facts, char *err,
                          size_t errlen)
{
    json_t *run = hostmem_must(json_object(), 0, wanted),
           *arguments = hostmem_must(json_array(), 0, wanted);
    for (size_t i = 0; i < facts->n_arguments; i++) {
        json_array_append_new(arguments, shown(facts->arguments[i]));
    }
    set_text(run, "run", r->base);
    set_text(run, "command", facts->command);
    json_object_set_new(run, "arguments", arguments);
    set_text(run, "point", facts->label);
    set_text(run, "outcome", facts->outcome);
    json_object_set_new(run, "seed", json_integer((json_int_t)r->seed));
    set_text(run, "version", facts->version);
    set_text(run, "compiler", facts->compiler);
    json_object_set(run, "inputs", r->inputs);

    FILE *f = rundir_create(r, "run.json", err, errlen);
    int bad = -1;
    if (f != NULL) {
        int failed = json_dumpf(run, f, JSON_INDENT(2)) != 0 || fputc('\n', f) == EOF;
        bad = rundir_close(r, f, err, errlen);
        if (bad == 0 && failed) {
            bad = fail(err, errlen, "%s: cannot write run.json", r->final);
        }
    }
    json_decref(run);
    return bad;
}

/* ---- commit ---- */

/* Without an exchange in one step: the old one aside, the new one in. */
static int replace_in_steps(struct rundir *r)
{
    char *aside = hostmem_format(wanted, "%s%s", r->hidden, ".old");
    int bad = rename(r->final, aside) != 0;
    if (!bad && rename(r->hidden, r->final) != 0) {
        int cause = errno;
        rename(aside, r->final);
        errno = cause;
        bad = 1;
    }
    if (!bad) {
        remove_tree(aside);
    }
    free(aside);
    return bad ? -1 : 0;
}

/* The hidden directory becomes the final one. 0, or -1 with errno and the hidden one still there.
 */
static int appear(struct rundir *r)
{
    chmod(r->hidden, 0755); /* mkdtemp makes it private */
    if (renameat2(AT_FDCWD, r->hidden, AT_FDCWD, r->final, RENAME_NOREPLACE) == 0) {
        return 0;
    }
    if (errno != EEXIST && errno != EINVAL && errno != ENOSYS) {
        return -1;
    }
    if (renameat2(AT_FDCWD, r->hidden, AT_FDCWD, r->final, RENAME_EXCHANGE) == 0) {
        remove_tree(r->hidden); /* the older run */
        return 0;
    }
    if (rename(r->hidden, r->final) == 0) { /* it did not exist, or was empty */
        return 0;
    }
    return errno == ENOTEMPTY || errno == EEXIST ? replace_in_steps(r) : -1;
}

int rundir_commit(struct rundir *r, const struct rundir_facts *facts, char *err, size_t errlen)
{
    if (write_run_json(r, facts, err, errlen) != 0) {
        rundir_abandon(r);
        return -1;
    }
    if (appear(r) != 0) {
        fail(err, errlen, "%s: cannot put the run there: %s", r->final, strerror(errno));
        rundir_abandon(r);
        return -1;
    }
    drop(r);
    return 0;
}

void rundir_abandon(struct rundir *r)
{
    if (r == NULL) {
        return;
    }
    remove_tree(r->hidden);
    drop(r);
}
