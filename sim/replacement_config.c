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

#define CORPUS_LIMIT (1u << 20)

struct reader {
    struct replacement_config *c;
    config_setting_t *group;
    const char *path;
    char *err;
    size_t errlen;
};

static int wrong(const struct reader *r, const char *key, const char *what)
{
    return fail(r->err, r->errlen, "%s: replacement.%s: %s", r->path, key, what);
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

/* The i-th text of a list, NULL past its end; *bad when there is no such list. */
static const char *element(const struct reader *r, const char *key, unsigned i)
{
    const config_setting_t *list = config_setting_get_member(r->group, key);
    return list ? config_setting_get_string_elem(list, (int)i) : NULL;
}

static size_t policy_number(const struct replacement_config *c, const char *name, size_t n)
{
    size_t i = 0;
    while (i < c->policies &&
           (strlen(c->policy[i]->name) != n || strncmp(c->policy[i]->name, name, n) != 0))
        i++;
    return i;
}

static int read_lists(const struct reader *r)
{
    struct replacement_config *c = r->c;
    const char *text;
    while ((text = element(r, "llc", (unsigned)c->sizes)) && c->sizes < 8)
        if (read_bytes(r, "llc", text, &c->llc[c->sizes++]))
            return -1;
    while ((text = element(r, "policies", (unsigned)c->policies)) &&
           c->policies < REPLACEMENT_POLICIES) {
        c->policy[c->policies] = policy_find(text);
        if (!c->policy[c->policies])
            return wrong(r, "policies", "a name that `pwsim list policies` has not");
        c->policies++;
    }
    while ((text = element(r, "questions", (unsigned)c->questions)) &&
           c->questions < REPLACEMENT_QUESTIONS) {
        const size_t n = strcspn(text, ":");
        const size_t a = policy_number(c, text, n);
        const size_t b = text[n] ? policy_number(c, text + n + 1, strlen(text + n + 1))
                                 : c->policies;
        if (a == c->policies || b == c->policies)
            return wrong(r, "questions", "expected \"A:B\", two of the policies");
        c->question[c->questions].a = a;
        c->question[c->questions++].b = b;
    }
    c->lru = policy_number(c, "lru", 3);
    c->opt = policy_number(c, "opt-bypass", 10);
    if (!c->sizes || c->lru == c->policies || c->opt == c->policies)
        return wrong(r, "policies", "sizes are needed, and lru and opt-bypass among the policies");
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

static int read_corpus(const struct reader *r, const char *file, const char *split)
{
    char path[4096], copy[4096], *save = NULL;
    size_t n;
    snprintf(copy, sizeof copy, "%s", r->path);
    snprintf(path, sizeof path, "%s/%s", dirname(copy), file);
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

/* Optional: the machine that times the points, a file from the config's folder. */
static int read_machine(const struct reader *r)
{
    static const char *const set[] = {"nvdimm.size=4 GiB", "machine.dram=4 GiB"};
    char path[4096], copy[4096];
    const char *file;
    if (!config_setting_lookup_string(r->group, "machine", &file))
        return config_setting_get_member(r->group, "machine") ? read_text(r, "machine", &file) : 0;
    snprintf(copy, sizeof copy, "%s", r->path);
    snprintf(path, sizeof path, "%s/%s", dirname(copy), file);
    return config_load(path, set, sizeof set / sizeof set[0], &r->c->machine, r->err, r->errlen);
}

static int read_group(const struct reader *r)
{
    struct replacement_config *c = r->c;
    const char *corpus, *split, *l2;
    uint32_t seed = 1;
    if (read_text(r, "corpus", &corpus) || read_text(r, "split", &split) ||
        read_text(r, "l2", &l2) || read_bytes(r, "l2", l2, &c->above.l2_bytes) ||
        read_number(r, "ways", 1, 16, &c->ways) ||
        read_number(r, "l2_ways", 1, 16, &c->above.l2_ways) ||
        read_number(r, "resamples", 100, 1000000, &c->resamples) ||
        read_number(r, "seed", 0, 1000000000, &seed) || read_lists(r) || read_warm(r) ||
        read_machine(r))
        return -1;
    c->seed = seed;
    snprintf(c->split, sizeof c->split, "%s", split);
    return read_corpus(r, corpus, split);
}

int replacement_config_read(struct replacement_config *c, const char *path, char *err,
                            size_t errlen)
{
    struct reader r = {.c = c, .path = path, .err = err, .errlen = errlen};
    config_t file;
    int bad;
    *c = (struct replacement_config){0};
    config_init(&file);
    if (!config_read_file(&file, path))
        bad = fail(err, errlen, "%s:%d: %s", path, config_error_line(&file),
                   config_error_text(&file));
    else if (!(r.group = config_lookup(&file, "replacement")))
        bad = fail(err, errlen, "%s: expected a group \"replacement\"", path);
    else
        bad = read_group(&r);
    config_destroy(&file);
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
