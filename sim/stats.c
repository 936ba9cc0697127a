/* stats.c - the registry of counters: registered once with name, unit and meaning, read by all. */
#include "sim/stats.h"

#include <assert.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "memhier/hostmem.h"
#include "sim/error.h"

struct entry {
    char *name;
    const char *unit, *meaning;
    const uint64_t *value;
};

struct derived {
    char *name, *formula;
    const char *unit, *meaning;
    unsigned decimals;
};

/* Entries are also found by name: a table of open addresses, at most half full. 64 harts have some
 * 16,000. */
struct stats {
    struct entry *entries;
    size_t n, cap;
    uint32_t *places; /* number of an entry plus 1, 0: free */
    size_t nplaces;   /* a power of two, or 0 */
    struct derived *derived;
    size_t nderived, derived_cap;
};

static const char wanted[] = "the registry of counters";

struct stats *stats_new(void)
{
    return hostmem_new(1, sizeof(struct stats), wanted);
}

void stats_free(struct stats *s)
{
    if (s == NULL) {
        return;
    }
    for (size_t i = 0; i < s->n; i++) {
        free(s->entries[i].name);
    }
    for (size_t i = 0; i < s->nderived; i++) {
        free(s->derived[i].name);
        free(s->derived[i].formula);
    }
    free(s->entries);
    free(s->places);
    free(s->derived);
    free(s);
}

/* Room for one more. */
static void *room(void *array, size_t n, size_t *cap, size_t size)
{
    if (n < *cap) {
        return array;
    }
    *cap = *cap ? *cap * 2 : 64;
    return hostmem_resize(array, *cap, size, wanted);
}

static char *join(const char *prefix, const char *name)
{
    return hostmem_format(wanted, "%s%s", prefix, name);
}

/* The place of that name, or the free one where it would stand. */
static uint32_t *place_of(const struct stats *s, const char *name)
{
    const size_t mask = s->nplaces - 1;
    size_t i = XXH3_64bits(name, strlen(name)) & mask;
    while (s->places[i] != 0 && strcmp(s->entries[s->places[i] - 1].name, name) != 0) {
        i = (i + 1) & mask;
    }
    return &s->places[i];
}

static void grow_places(struct stats *s)
{
    free(s->places);
    s->nplaces = s->nplaces ? 2 * s->nplaces : 256;
    s->places = hostmem_new(s->nplaces, sizeof *s->places, wanted);
    for (size_t i = 0; i < s->n; i++) {
        *place_of(s, s->entries[i].name) = (uint32_t)i + 1;
    }
}

static const struct entry *find(const struct stats *s, const char *name)
{
    const uint32_t at = s->nplaces ? *place_of(s, name) : 0;
    return at ? &s->entries[at - 1] : NULL;
}

static int is_derived(const struct stats *s, const char *name)
{
    for (size_t i = 0; i < s->nderived; i++) {
        if (strcmp(s->derived[i].name, name) == 0) {
            return 1;
        }
    }
    return 0;
}

static void add_named(struct stats *s, char *name, const char *unit, const char *meaning,
                      const uint64_t *value)
{
    assert(find(s, name) == NULL && !is_derived(s, name));
    s->entries = room(s->entries, s->n, &s->cap, sizeof *s->entries);
    s->entries[s->n++] = (struct entry){name, unit, meaning, value};
    if (2 * s->n > s->nplaces) {
        grow_places(s);
    } else {
        *place_of(s, name) = (uint32_t)s->n;
    }
}

void stats_add_value(struct stats *s, const char *name, const char *unit, const char *meaning,
                     const uint64_t *value)
{
    add_named(s, join("", name), unit, meaning, value);
}

void stats_add(struct stats *s, const char *prefix, const struct counter *table,
               const void *counters)
{
    for (; table->name != NULL; table++) {
        const char *field = (const char *)counters + table->offset;
        add_named(s, join(prefix, table->name), table->unit, table->meaning,
                  (const uint64_t *)(const void *)field);
    }
}

void stats_add_ratio(struct stats *s, const char *name, const char *unit, const char *meaning,
                     const char *formula, unsigned decimals)
{
    struct ratio r;
    char err[200];
    int bad = stats_formula(s, formula, &r, err, sizeof err);
    assert(bad == 0 && find(s, name) == NULL && !is_derived(s, name));
    (void)bad;
    s->derived = room(s->derived, s->nderived, &s->derived_cap, sizeof *s->derived);
    s->derived[s->nderived++] = (struct derived){.name = join("", name),
                                                 .formula = join("", formula),
                                                 .unit = unit,
                                                 .meaning = meaning,
                                                 .decimals = decimals};
}

size_t stats_count(const struct stats *s)
{
    return s->n;
}

const char *stats_name(const struct stats *s, size_t i)
{
    assert(i < s->n);
    return s->entries[i].name;
}

uint64_t stats_value(const struct stats *s, size_t i)
{
    assert(i < s->n);
    return *s->entries[i].value;
}

int stats_lookup(const struct stats *s, const char *name, uint64_t *value)
{
    const struct entry *e = find(s, name);
    if (e == NULL) {
        return 0;
    }
    *value = *e->value;
    return 1;
}

static int source_lookup(const void *self, const char *name, uint64_t *value)
{
    return stats_lookup(self, name, value);
}

static const char *source_name(const void *self, size_t i)
{
    const struct stats *s = self;
    return i < s->n ? s->entries[i].name : NULL;
}

int stats_formula(const struct stats *s, const char *formula, struct ratio *out, char *err,
                  size_t errlen)
{
    struct formula_source from = {s, source_lookup, source_name};
    return formula_eval(formula, &from, out, err, errlen);
}

/* The nearest double to a number of few decimals; printed with 15 digits it is that number again.
 */
static json_t *derived_json(const struct stats *s, const struct derived *d)
{
    static const double scale[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6};
    struct ratio r;
    char err[200];
    if (stats_formula(s, d->formula, &r, err, sizeof err) != 0 || r.den == 0) {
        return json_null();
    }
    return json_real((double)ratio_fixed(r, d->decimals) / scale[d->decimals]);
}

int stats_write_json(const struct stats *s, FILE *f)
{
    json_t *object = json_object();
    int bad = object == NULL;
    for (size_t i = 0; i < s->n && !bad; i++) {
        uint64_t v = *s->entries[i].value;
        json_int_t shown = v > INT64_MAX ? INT64_MAX : (json_int_t)v;
        bad = json_object_set_new(object, s->entries[i].name, json_integer(shown)) != 0;
    }
    for (size_t i = 0; i < s->nderived && !bad; i++) {
        json_t *value = derived_json(s, &s->derived[i]);
        bad = json_object_set_new(object, s->derived[i].name, value) != 0;
    }
    bad = bad || json_dumpf(object, f, JSON_INDENT(2) | JSON_REAL_PRECISION(15)) != 0 ||
          fputc('\n', f) == EOF;
    json_decref(object);
    return bad ? -1 : 0;
}

void stats_list(const struct stats *s, FILE *f)
{
    int name = 0, unit = 0;
    for (size_t i = 0; i < s->n; i++) {
        int n = (int)strlen(s->entries[i].name), u = (int)strlen(s->entries[i].unit);
        name = n > name ? n : name;
        unit = u > unit ? u : unit;
    }
    for (size_t i = 0; i < s->nderived; i++) {
        int n = (int)strlen(s->derived[i].name), u = (int)strlen(s->derived[i].unit);
        name = n > name ? n : name;
        unit = u > unit ? u : unit;
    }
    for (size_t i = 0; i < s->n; i++) {
        const struct entry *e = &s->entries[i];
        fprintf(f, "%-*s  %-*s  %s\n", name, e->name, unit, e->unit, e->meaning);
    }
    for (size_t i = 0; i < s->nderived; i++) {
        const struct derived *d = &s->derived[i];
        fprintf(f, "%-*s  %-*s  %s = %s\n", name, d->name, unit, d->unit, d->meaning, d->formula);
    }
}
