/* replacement_config.c - reads sim/configs/replacement.cfg and its like, and traces/corpus.tsv. */
#include "sim/replacement_config.h"

#include <libconfig.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/error.h"
#include "sim/file.h"
#include "sim/quantity.h"
#include "sim/source.h"

#define CORPUS_LIMIT (1u << 20)

struct reader {
    struct replacement_config *c;
    const struct source *source;
    config_setting_t *group;
    char *err;
    size_t errlen;
};

/* A message at the line of a key, or of the group where the key is missing. Returns -1. */
static int wrong(const struct reader *r, const char *key, const char *what)
{
    const config_setting_t *s = config_setting_get_member(r->group, key);
    return source_fail(r->source, s ? s : r->group, r->err, r->errlen, "replacement.%s: %s", key,
                       what);
}

static int known_keys(const struct reader *r)
{
    static const char *const keys[] = {"corpus", "split",    "llc",       "warm",
                                       "ways",   "l2",       "l2_ways",   "machine",
                                       "seed",   "policies", "questions", "resamples"};
    for (int i = 0; i < config_setting_length(r->group); i++) {
        const char *name = config_setting_name(config_setting_get_elem(r->group, (unsigned)i));
        size_t k = 0;
        while (k < sizeof keys / sizeof *keys && strcmp(keys[k], name) != 0)
            k++;
        if (k == sizeof keys / sizeof *keys)
            return wrong(r, name, "there is no such key (sim/configs/replacement.cfg has all)");
    }
    return 0;
}

static int read_text(const struct reader *r, const char *key, const char **to)
{
    return config_setting_lookup_string(r->group, key, to) ? 0 : wrong(r, key, "a text is needed");
}

static int read_number(const struct reader *r, const char *key, int least, int most, uint32_t *to)
{
    int v;
    if (!config_setting_lookup_int(r->group, key, &v) || v < least || v > most) {
        char what[80];
        snprintf(what, sizeof what, "a number from %d to %d is needed", least, most);
        return wrong(r, key, what);
    }
    *to = (uint32_t)v;
    return 0;
}

static int read_bytes(const struct reader *r, const char *key, const char *text, uint64_t *to)
{
    char why[256];
    return quantity_parse(QUANTITY_BYTES, text, to, why, sizeof why) ? wrong(r, key, why) : 0;
}

/* The path of a file that is named in the config: from the config's folder. */
static int read_path(const struct reader *r, const char *key, char *path, size_t room)
{
    char copy[4096];
    const char *file;
    if (read_text(r, key, &file))
        return -1;
    snprintf(copy, sizeof copy, "%s", source_path(r->source));
    const int n = *file == '/' ? snprintf(path, room, "%s", file)
                               : snprintf(path, room, "%s/%s", dirname(copy), file);
    return (size_t)n < room ? 0 : wrong(r, key, "the path is too long");
}

/* Each text of a list of at most `most`; take says what is wrong with it. */
static int read_list(const struct reader *r, const char *key, int most,
                     int (*take)(const struct reader *r, const char *text))
{
    const config_setting_t *list = config_setting_get_member(r->group, key);
    const int n = list && (config_setting_is_array(list) || config_setting_is_list(list))
                      ? config_setting_length(list)
                      : 0;
    for (int i = 0; i < n && n <= most; i++) {
        const char *text = config_setting_get_string_elem(list, i);
        if (!text)
            return wrong(r, key, "a list of texts is needed");
        if (take(r, text))
            return -1;
    }
    if (n > 0 && n <= most)
        return 0;
    char what[80];
    snprintf(what, sizeof what, "a list of 1 to %d texts is needed", most);
    return wrong(r, key, what);
}

static int take_size(const struct reader *r, const char *text)
{
    return read_bytes(r, "llc", text, &r->c->llc[r->c->sizes++]);
}

static int take_policy(const struct reader *r, const char *text)
{
    const struct policy *policy = policy_find(text);
    r->c->policy[r->c->policies++] = policy;
    return policy ? 0 : wrong(r, "policies", "a name that `pwsim list policies` has not");
}

static size_t policy_number(const struct replacement_config *c, const char *name, size_t n)
{
    size_t i = 0;
    while (i < c->policies &&
           (strlen(c->policy[i]->name) != n || strncmp(c->policy[i]->name, name, n) != 0))
        i++;
    return i;
}

static int take_question(const struct reader *r, const char *text)
{
    struct replacement_config *c = r->c;
    const size_t n = strcspn(text, ":");
    const size_t a = policy_number(c, text, n);
    const size_t b = text[n] ? policy_number(c, text + n + 1, strlen(text + n + 1)) : c->policies;
    if (a == c->policies || b == c->policies)
        return wrong(r, "questions", "expected \"A:B\", two of the policies");
    c->question[c->questions].a = a;
    c->question[c->questions++].b = b;
    return 0;
}

static int read_lists(const struct reader *r)
{
    struct replacement_config *c = r->c;
    if (read_list(r, "llc", 8, take_size) ||
        read_list(r, "policies", REPLACEMENT_POLICIES, take_policy) ||
        (config_setting_get_member(r->group, "questions") &&
         read_list(r, "questions", REPLACEMENT_QUESTIONS, take_question)))
        return -1;
    c->lru = policy_number(c, "lru", 3);
    c->opt = policy_number(c, "opt-bypass", 10);
    if (c->lru == c->policies || c->opt == c->policies)
        return wrong(r, "policies", "lru and opt-bypass are needed among them");
    return 0;
}

/* Optional: each size for each of the numbers, instead of for 0 alone. */
static int read_warm(const struct reader *r)
{
    struct replacement_config *c = r->c;
    const config_setting_t *list = config_setting_get_member(r->group, "warm");
    const size_t sizes = c->sizes;
    const int n = list && config_setting_is_array(list) ? config_setting_length(list) : 0;
    if (!list)
        return 0;
    c->sizes = 0;
    for (int i = 0; i < n; i++)
        for (size_t z = 0; z < sizes; z++, c->sizes++) {
            const int passes = config_setting_get_int_elem(list, i);
            if (config_setting_type(config_setting_get_elem(list, (unsigned)i)) !=
                    CONFIG_TYPE_INT ||
                c->sizes == REPLACEMENT_SIZES || passes < 0 || passes > (int)REPLACEMENT_PASSES)
                break;
            c->llc[c->sizes] = c->llc[z];
            c->warm[c->sizes] = (uint32_t)passes;
        }
    return c->sizes == sizes * (size_t)n && n
               ? 0
               : wrong(r, "warm", "a list of numbers from 0 to 8 is needed, 32 points at most");
}

/* ---- the corpus: a head line, then name, split, … with tabs between ---- */

static int add_trace(struct replacement_config *c, const char *folder, const char *name)
{
    if (c->traces == REPLACEMENT_TRACES)
        return -1;
    c->name[c->traces] = strdup(name);
    if (asprintf(&c->path[c->traces], "%s/corpus/%s.trace", folder, name) < 0)
        c->path[c->traces] = NULL;
    c->traces++;
    return c->name[c->traces - 1] && c->path[c->traces - 1] ? 0 : -1;
}

static int read_corpus(const struct reader *r, const char *split)
{
    char path[4096], *save = NULL;
    size_t n;
    if (read_path(r, "corpus", path, sizeof path))
        return -1;
    char *text = (char *)file_read(path, CORPUS_LIMIT, &n, r->err, r->errlen);
    if (!text)
        return -1;
    const char *folder = dirname(path);
    int bad = 0, first = 1;
    for (char *line = strtok_r(text, "\n", &save); line && !bad;
         line = strtok_r(NULL, "\n", &save), first = 0) {
        char name[128], of[32];
        if (first || sscanf(line, "%127[^\t]\t%31[^\t]", name, of) != 2 || strcmp(of, split) != 0)
            continue;
        if (add_trace(r->c, folder, name))
            bad = wrong(r, "corpus", "more than 256 traces");
    }
    free(text);
    return bad || r->c->traces ? bad : wrong(r, "split", "the corpus has no trace of it");
}

/* Optional: the machine that times the points. */
static int read_machine(const struct reader *r)
{
    static const char *const set[] = {"nvdimm.size=4 GiB", "machine.dram=4 GiB"};
    char path[4096];
    if (!config_setting_get_member(r->group, "machine"))
        return 0;
    if (read_path(r, "machine", path, sizeof path))
        return -1;
    return config_load(path, set, sizeof set / sizeof set[0], &r->c->machine, r->err, r->errlen);
}

static int read_group(const struct reader *r)
{
    struct replacement_config *c = r->c;
    const char *split, *l2;
    uint32_t seed = 1;
    if (known_keys(r) || read_text(r, "split", &split) || read_text(r, "l2", &l2) ||
        read_bytes(r, "l2", l2, &c->above.l2_bytes) || read_number(r, "ways", 1, 16, &c->ways) ||
        read_number(r, "l2_ways", 1, 16, &c->above.l2_ways) ||
        read_number(r, "resamples", 100, 1000000, &c->resamples) ||
        read_number(r, "seed", 0, 1000000000, &seed) || read_lists(r) || read_warm(r) ||
        read_machine(r))
        return -1;
    c->seed = seed;
    snprintf(c->split, sizeof c->split, "%s", split);
    return read_corpus(r, split);
}

int replacement_config_read(struct replacement_config *c, const char *path, char *err,
                            size_t errlen)
{
    struct source *source = source_read(path, err, errlen);
    *c = (struct replacement_config){0};
    if (!source)
        return -1;
    struct reader r = {.c = c, .source = source, .err = err, .errlen = errlen};
    r.group = config_setting_get_member(source_root(source), "replacement");
    const int bad = r.group && config_setting_is_group(r.group)
                        ? read_group(&r)
                        : fail(err, errlen, "%s: expected a group \"replacement\"", path);
    source_free(source);
    if (bad)
        replacement_config_free(c);
    return bad;
}

void replacement_config_free(struct replacement_config *c)
{
    for (size_t i = 0; i < c->traces; i++) {
        free(c->name[i]);
        free(c->path[i]);
    }
    config_free(c->machine);
    *c = (struct replacement_config){0};
}
