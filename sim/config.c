/* config.c - the configuration of one simulated machine: every key of keys.def as a typed field. */
#include "sim/config.h"

#include <assert.h>
#include <ctype.h>
#include <libconfig.h>
#include <stdlib.h>
#include <string.h>

#include "memhier/hostmem.h"
#include "sim/config_apply.h"
#include "sim/config_value.h"
#include "sim/error.h"

const struct config_key config_keys[] = {
#define KEY(path, field, TYPE, def, unit, meaning)                                                 \
    {path, def, unit, meaning, NULL, CONFIG_##TYPE, offsetof(struct config, field)},
#define ENUM(path, field, choices, def, meaning)                                                   \
    {path, def, "", meaning, choices, CONFIG_ENUM, offsetof(struct config, field)},
#define LIMIT(field, least, most)
#define POWER(field)
#include "sim/keys.def"
#undef KEY
#undef ENUM
#undef LIMIT
#undef POWER
};
const size_t config_key_count = sizeof config_keys / sizeof *config_keys;

#define MAX_PATH 256 /* of a key, in characters */
#define MAX_NAME 64  /* of an experiment: it names a folder */

static const char wanted[] = "the config";

/* ---- keys ---- */

const struct config_key *config_find_key(const char *path)
{
    for (size_t i = 0; i < config_key_count; i++) {
        if (strcmp(config_keys[i].path, path) == 0) {
            return &config_keys[i];
        }
    }
    return NULL;
}

const char *config_type_name(enum config_type type)
{
    static const char *const names[] = {
        [CONFIG_INT] = "INT",   [CONFIG_BYTES] = "BYTES", [CONFIG_TIME] = "TIME",
        [CONFIG_FREQ] = "FREQ", [CONFIG_BOOL] = "BOOL",   [CONFIG_STR] = "STR",
        [CONFIG_FILE] = "FILE", [CONFIG_STRS] = "STRS",   [CONFIG_ENUM] = "ENUM",
    };
    return names[type];
}

const char *config_choice(const char *path, uint32_t value, char *buf, size_t len)
{
    const struct config_key *key = config_find_key(path);
    assert(key != NULL && key->type == CONFIG_ENUM);
    const char *at = key->choices;
    for (; value > 0; value--) {
        at += strcspn(at, "|");
        assert(*at == '|');
        at++;
    }
    snprintf(buf, len, "%.*s", (int)strcspn(at, "|"), at);
    return buf;
}

static int is_group(const char *path)
{
    size_t n = strlen(path);
    for (size_t i = 0; i < config_key_count; i++) {
        if (strncmp(config_keys[i].path, path, n) == 0 && config_keys[i].path[n] == '.') {
            return 1;
        }
    }
    return 0;
}

/* Levenshtein's distance, row by row; b has at most MAX_PATH characters. */
static size_t distance(const char *a, const char *b)
{
    size_t row[MAX_PATH + 1], n = strlen(b);
    for (size_t j = 0; j <= n; j++) {
        row[j] = j;
    }
    for (size_t i = 0; a[i] != '\0'; i++) {
        size_t corner = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < n; j++) {
            size_t change = corner + (a[i] != b[j]);
            size_t gap = 1 + (row[j] < row[j + 1] ? row[j] : row[j + 1]);
            corner = row[j + 1];
            row[j + 1] = change < gap ? change : gap;
        }
    }
    return row[n];
}

/* Says that there is no such key, and which one may have been meant. */
static int unknown(const char *path, char *err, size_t errlen)
{
    const char *nearest = NULL;
    size_t best = strlen(path) / 3 + 2;
    for (size_t i = 0; i < config_key_count; i++) {
        const char *whole = config_keys[i].path, *last = strrchr(whole, '.');
        size_t d = distance(path, whole);
        if (last != NULL && strcmp(last + 1, path) == 0) {
            d = 1; /* the key without its group */
        }
        if (d < best) {
            best = d;
            nearest = whole;
        }
    }
    return fail(err, errlen, "there is no key \"%.80s\"%s%s%s (see pwsim list keys)", path,
                nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
}

/* ---- where keys were set ---- */

/* at is the config's from now on. */
static void note_set(struct config *cfg, const struct config_key *key, char *at)
{
    struct config_origin *o = &cfg->origins[key - config_keys];
    free(o->at);
    *o = (struct config_origin){at, ++cfg->settings};
}

/* Where the key of that path, or the last one of that group, was set; NULL: nowhere. */
static const char *set_at(const struct config *cfg, const char *path)
{
    struct config_origin last = {NULL, 0};
    const size_t n = strlen(path);
    for (size_t i = 0; i < config_key_count; i++) {
        const char *p = config_keys[i].path;
        if (strncmp(p, path, n) == 0 && (p[n] == '.' || p[n] == '\0') &&
            cfg->origins[i].number > last.number) {
            last = cfg->origins[i];
        }
    }
    return last.at;
}

int config_blame(const struct config *cfg, char *err, size_t errlen)
{
    char path[MAX_PATH];
    const size_t n = strcspn(err, ":");
    if (n == 0 || err[n] != ':' || n >= sizeof path) {
        return -1;
    }
    memcpy(path, err, n);
    path[n] = '\0';
    const char *at = set_at(cfg, path);
    if (at == NULL) {
        return -1;
    }
    char *whole = hostmem_format(wanted, "%s: %s", at, err);
    snprintf(err, errlen, "%s", whole);
    free(whole);
    return -1;
}

/* ---- the whole ---- */

struct config *config_default(void)
{
    struct config *cfg = hostmem_new(1, sizeof *cfg, wanted);
    cfg->origins = hostmem_new(config_key_count, sizeof *cfg->origins, wanted);
    for (size_t i = 0; i < config_key_count; i++) {
        char err[256];
        int bad = value_from_text(cfg, &config_keys[i], config_keys[i].def, err, sizeof err);
        assert(bad == 0);
        (void)bad;
    }
    return cfg;
}

struct config *config_copy(const struct config *cfg)
{
    struct config *copy = hostmem_new(1, sizeof *copy, wanted);
    *copy = *cfg;
    copy->origins = hostmem_new(config_key_count, sizeof *copy->origins, wanted);
    for (size_t i = 0; i < config_key_count; i++) {
        value_own(copy, &config_keys[i]);
        copy->origins[i] = cfg->origins[i];
        if (copy->origins[i].at != NULL) {
            copy->origins[i].at = hostmem_text(copy->origins[i].at, wanted);
        }
    }
    return copy;
}

void config_free(struct config *cfg)
{
    if (cfg == NULL) {
        return;
    }
    for (size_t i = 0; i < config_key_count; i++) {
        value_free(cfg, &config_keys[i]);
        free(cfg->origins[i].at);
    }
    free(cfg->origins);
    free(cfg);
}

/* at: the config's on success, else the caller's. */
static int assign_at(struct config *cfg, const char *assignment, char *at, char *err, size_t errlen)
{
    char path[MAX_PATH], why[512];
    size_t n = strcspn(assignment, "=");
    if (assignment[n] != '=' || n == 0 || n >= sizeof path) {
        return fail(err, errlen, "\"%.80s\": expected KEY=VALUE", assignment);
    }
    memcpy(path, assignment, n);
    path[n] = '\0';
    const struct config_key *key = config_find_key(path);
    if (key == NULL && is_group(path)) {
        return fail(err, errlen, "%s is a group of keys: expected one of its keys", path);
    }
    if (key == NULL) {
        return unknown(path, err, errlen);
    }
    if (value_from_text(cfg, key, assignment + n + 1, why, sizeof why) != 0) {
        return fail(err, errlen, "%s: %s", path, why);
    }
    note_set(cfg, key, at);
    return 0;
}

int config_assign(struct config *cfg, const char *assignment, char *err, size_t errlen)
{
    char *at = hostmem_format(wanted, "-s %.80s", assignment);
    const int bad = assign_at(cfg, assignment, at, err, errlen);
    if (bad) {
        free(at);
    }
    return bad;
}

int config_assign_setting(struct config *cfg, const struct source *source,
                          const config_setting_t *setting, char *err, size_t errlen)
{
    char why[768], *at = source_where(source, setting);
    if (assign_at(cfg, config_setting_get_string(setting), at, why, sizeof why) == 0) {
        return 0;
    }
    free(at);
    return source_fail(source, setting, err, errlen, "%s", why);
}

int config_apply_assignments(struct config *cfg, const char *const *assignments, size_t n,
                             char *err, size_t errlen)
{
    for (size_t i = 0; i < n; i++) {
        char why[768];
        if (config_assign(cfg, assignments[i], why, sizeof why) != 0) {
            return fail(err, errlen, "-s %.80s: %s", assignments[i], why);
        }
    }
    return 0;
}

/* ---- a file's tree ---- */

struct walk {
    struct config *cfg;
    const struct source *source;
    char path[MAX_PATH];
    char *err;
    size_t errlen;
};

static int walk_leaf(struct walk *w, const config_setting_t *s)
{
    char why[512];
    const struct config_key *key = config_find_key(w->path);
    if (key == NULL && is_group(w->path)) {
        return source_fail(w->source, s, w->err, w->errlen,
                           "%s is a group of keys: expected %s: { … };", w->path, w->path);
    }
    if (key == NULL) {
        unknown(w->path, why, sizeof why);
        return source_fail(w->source, s, w->err, w->errlen, "%s", why);
    }
    if (value_from_setting(w->cfg, key, s, why, sizeof why) != 0) {
        return source_fail(w->source, s, w->err, w->errlen, "%s: %s", w->path, why);
    }
    note_set(w->cfg, key, source_where(w->source, s));
    return 0;
}

static int walk_group(struct walk *w, const config_setting_t *group);

static int walk_member(struct walk *w, const config_setting_t *s)
{
    const char *name = config_setting_name(s);
    size_t at = strlen(w->path);
    int n = snprintf(w->path + at, MAX_PATH - at, "%s%s", at > 0 ? "." : "", name);
    if (n < 0 || (size_t)n >= MAX_PATH - at) {
        return source_fail(w->source, s, w->err, w->errlen, "a key's name is too long");
    }
    int bad = config_setting_is_group(s) && config_find_key(w->path) == NULL && is_group(w->path)
                  ? walk_group(w, s)
                  : walk_leaf(w, s);
    w->path[at] = '\0';
    return bad;
}

/* A group with names of its own instead of keys. */
static int is_special(const config_setting_t *s)
{
    const char *name = config_setting_name(s);
    return strcmp(name, "experiment") == 0 || strcmp(name, "override") == 0 ||
           strncmp(name, "override_", 9) == 0;
}

static int walk_group(struct walk *w, const config_setting_t *group)
{
    for (int i = 0; i < config_setting_length(group); i++) {
        const config_setting_t *s = config_setting_get_elem(group, (unsigned)i);
        if (w->path[0] == '\0' && config_setting_is_root(group) && is_special(s)) {
            if (!config_setting_is_group(s)) {
                return source_fail(w->source, s, w->err, w->errlen, "%s: expected a group",
                                   config_setting_name(s));
            }
            continue;
        }
        if (walk_member(w, s) != 0) {
            return -1;
        }
    }
    return 0;
}

int config_apply_source(struct config *cfg, const struct source *source, char *err, size_t errlen)
{
    struct walk w = {cfg, source, "", err, errlen};
    const config_setting_t *root = source_root(source);
    if (walk_group(&w, root) != 0) {
        return -1;
    }
    for (int i = 0; i < config_setting_length(root); i++) {
        const config_setting_t *s = config_setting_get_elem(root, (unsigned)i);
        if (is_special(s) && strcmp(config_setting_name(s), "experiment") != 0 &&
            walk_group(&w, s) != 0) {
            return -1;
        }
    }
    return 0;
}

/* ---- the experiment's name ---- */

static int name_char(char c)
{
    return isalnum((unsigned char)c) || c == '.' || c == '_' || c == '-';
}

/* "folder/demo.cfg" -> "demo", with '-' for what a name cannot hold. */
static void name_from_path(struct config *cfg, const char *path)
{
    const char *base = strrchr(path, '/');
    base = base != NULL ? base + 1 : path;
    size_t n = strlen(base);
    if (n > 4 && strcmp(base + n - 4, ".cfg") == 0) {
        n -= 4;
    }
    n = n < MAX_NAME ? n : MAX_NAME;
    free(cfg->name);
    cfg->name = hostmem_text_part(base, n, wanted);
    for (size_t i = 0; i < n; i++) {
        if (!name_char(cfg->name[i]) || (i == 0 && cfg->name[i] == '.')) {
            cfg->name[i] = '-';
        }
    }
}

int config_finish(struct config *cfg, const char *path, char *err, size_t errlen)
{
    if (cfg->name[0] == '\0' && path != NULL) {
        name_from_path(cfg, path);
    }
    size_t n = strlen(cfg->name), good = 0;
    while (name_char(cfg->name[good])) {
        good++;
    }
    if (good != n || n > MAX_NAME || cfg->name[0] == '.') {
        fail(err, errlen,
             "name: \"%.80s\" cannot name a folder: expected at most %d letters, digits, \"_\", "
             "\"-\" and \".\"",
             cfg->name, MAX_NAME);
        return config_blame(cfg, err, errlen);
    }
    return 0;
}

int config_load(const char *path, const char *const *assignments, size_t n, struct config **out,
                char *err, size_t errlen)
{
    struct config *cfg = config_default();
    struct source *source = NULL;
    int bad = -1;
    if (path != NULL) {
        source = source_read(path, err, errlen);
        if (source == NULL || config_apply_source(cfg, source, err, errlen) != 0) {
            goto out;
        }
    }
    if (config_apply_assignments(cfg, assignments, n, err, errlen) != 0 ||
        config_finish(cfg, path, err, errlen) != 0) {
        goto out;
    }
    bad = 0;
out:
    source_free(source);
    if (bad != 0) {
        config_free(cfg);
        cfg = NULL;
    }
    *out = cfg;
    return bad;
}

/* ---- writing ---- */

/* Length of the group part of a path: 3 of "l1d.size", 0 of "seed". */
static int group_length(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot != NULL ? (int)(dot - path) : 0;
}

/* keys.def has groups of one level only, and the keys of a group stand together. */
static void write_keys(const struct config *cfg, FILE *f, int hashed)
{
    const char *open = "";
    int open_length = 0;
    for (size_t i = 0; i < config_key_count; i++) {
        const char *path = config_keys[i].path;
        int n = group_length(path);
        if (n != open_length || strncmp(path, open, (size_t)n) != 0) {
            fputs(open_length > 0 ? "};\n" : "", f);
            if (n > 0) {
                fprintf(f, "%.*s: {\n", n, path);
            }
            open = path;
            open_length = n;
        }
        char *text = value_text(cfg, &config_keys[i], hashed);
        fprintf(f, "%s%s = %s;\n", n > 0 ? "    " : "", path + (n > 0 ? n + 1 : 0), text);
        free(text);
    }
    fputs(open_length > 0 ? "};\n" : "", f);
}

void config_write_resolved(const struct config *cfg, FILE *f)
{
    write_keys(cfg, f, 0);
}

void config_write_hashed(const struct config *cfg, FILE *f)
{
    write_keys(cfg, f, 1);
}

char *config_text(const struct config *cfg, const struct config_key *key)
{
    return value_text(cfg, key, 0);
}
