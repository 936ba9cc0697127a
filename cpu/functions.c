/* functions.c - the CPI stack and the mispredictions of each guest function, user and kernel apart.
 */
#include "cpu/functions.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_PARTS (1u << 22)
#define NAME_BYTES 96u /* of a name that are printed */
#define LINE_ROOM  (NAME_BYTES + 32 + 21 * (CPI_COUNT + 5))
#define NOBODY     0u /* the part of NO_FUNCTION, user side; the kernel's is the next */
#define TAKEN      4u /* counters that are taken over when another function runs */

const char functions_header[] = "function,side,cycles"
#define X(id, name, meaning) "," #name
    CPI_PARTS(X)
#undef X
        ",instructions,uops,branches,mispredictions";

/* A function on one side. */
struct part {
    uint64_t recent[CPI_COUNT]; /* not settled yet */
    uint64_t cycles[CPI_COUNT];
    uint64_t counts[TAKEN];
    uint32_t func;
    uint8_t kernel, is_recent;
};

struct functions {
    struct part *parts;
    uint32_t n, cap;
    uint32_t *recent; /* parts that have something in `recent`; room for all */
    uint32_t nrecent;
    uint32_t *places; /* by 2 * function + side: part, 0: none */
    uint32_t nplaces;
    uint32_t now; /* part that runs */
    uint64_t since[TAKEN];
};

static void take(const struct core_counters *n, uint64_t out[TAKEN])
{
    out[0] = n->instructions;
    out[1] = n->uops;
    out[2] = n->branches;
    out[3] = n->mispredictions;
}

struct functions *functions_new(void)
{
    struct functions *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    f->cap = 64;
    f->parts = calloc(f->cap, sizeof *f->parts);
    f->recent = calloc(f->cap, sizeof *f->recent);
    if (!f->parts || !f->recent) {
        functions_free(f);
        return NULL;
    }
    f->n = 2;
    f->parts[NOBODY] = (struct part){.func = NO_FUNCTION};
    f->parts[NOBODY + 1] = (struct part){.func = NO_FUNCTION, .kernel = 1};
    return f;
}

void functions_free(struct functions *f)
{
    if (!f)
        return;
    free(f->parts);
    free(f->recent);
    free(f->places);
    free(f);
}

/* ---- finding ---- */

static int grow_places(struct functions *f, uint32_t key)
{
    uint32_t n = f->nplaces ? f->nplaces : 1024;
    while (n <= key)
        n *= 2;
    uint32_t *more = realloc(f->places, n * sizeof *more);
    if (!more)
        return -1;
    memset(more + f->nplaces, 0, (n - f->nplaces) * sizeof *more);
    f->places = more;
    f->nplaces = n;
    return 0;
}

static int grow_parts(struct functions *f)
{
    struct part *parts = realloc(f->parts, 2 * f->cap * sizeof *parts);
    if (parts)
        f->parts = parts;
    uint32_t *recent = realloc(f->recent, 2 * f->cap * sizeof *recent);
    if (recent)
        f->recent = recent;
    if (!parts || !recent)
        return -1;
    f->cap *= 2;
    return 0;
}

static uint32_t part_of(struct functions *f, uint32_t func, int kernel)
{
    const uint32_t nobody = NOBODY + (kernel != 0);
    if (func >= MOST_PARTS / 2)
        return nobody;
    const uint32_t key = 2 * func + (kernel != 0);
    if (key >= f->nplaces && grow_places(f, key))
        return nobody;
    if (!f->places[key]) {
        if (f->n == f->cap && grow_parts(f))
            return nobody;
        f->parts[f->n] = (struct part){.func = func, .kernel = kernel != 0};
        f->places[key] = f->n++;
    }
    return f->places[key];
}

static void account(struct functions *f, const struct core_counters *n)
{
    uint64_t now[TAKEN];
    take(n, now);
    for (unsigned i = 0; i < TAKEN; i++) {
        f->parts[f->now].counts[i] += now[i] - f->since[i];
        f->since[i] = now[i];
    }
}

uint64_t *functions_enter(struct functions *f, const struct core_counters *n, uint32_t func,
                          int kernel)
{
    account(f, n);
    f->now = part_of(f, func, kernel);
    struct part *p = &f->parts[f->now];
    if (!p->is_recent) {
        p->is_recent = 1;
        f->recent[f->nrecent++] = f->now;
    }
    return p->recent;
}

void functions_settle(struct functions *f, struct core_counters *n)
{
    for (uint32_t i = 0; i < f->nrecent; i++) {
        struct part *p = &f->parts[f->recent[i]];
        uint64_t *to = p->kernel ? n->kernel_cycles : n->user_cycles;
        for (unsigned k = 0; k < CPI_COUNT; k++) {
            to[k] += p->recent[k];
            p->cycles[k] += p->recent[k];
            p->recent[k] = 0;
        }
        p->is_recent = 0;
    }
    f->nrecent = 0;
    f->parts[f->now].is_recent = 1; /* it goes on */
    f->recent[f->nrecent++] = f->now;
}

/* ---- text ---- */

static uint64_t total(const struct part *p)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < CPI_COUNT; i++)
        sum += p->cycles[i];
    return sum;
}

struct row {
    const struct part *part;
    uint64_t cycles;
    const char *name;
};

static int by_cycles(const void *va, const void *vb)
{
    const struct row *a = va, *b = vb;
    if (a->cycles != b->cycles)
        return a->cycles < b->cycles ? 1 : -1;
    const int names = strcmp(a->name, b->name);
    if (names)
        return names;
    if (a->part->func != b->part->func) /* names need not be unique */
        return a->part->func < b->part->func ? -1 : 1;
    return a->part->kernel - b->part->kernel;
}

static size_t put_name(char *to, const char *name)
{
    const size_t n = strnlen(name, NAME_BYTES);
    for (size_t i = 0; i < n; i++) {
        const unsigned char c = (unsigned char)name[i];
        to[i] = c <= ' ' || c == 0x7f || c == ',' || c == '"' ? '_' : name[i];
    }
    return n;
}

static char *put_row(char *to, const struct row *r)
{
    to += put_name(to, r->name);
    to += sprintf(to, ",%s,%" PRIu64, r->part->kernel ? "kernel" : "user", r->cycles);
    for (unsigned i = 0; i < CPI_COUNT; i++)
        to += sprintf(to, ",%" PRIu64, r->part->cycles[i]);
    for (unsigned i = 0; i < TAKEN; i++)
        to += sprintf(to, ",%" PRIu64, r->part->counts[i]);
    *to++ = '\n';
    *to = 0;
    return to;
}

char *functions_csv(struct functions *f, const struct core_counters *n, char *const *names,
                    uint32_t nnames)
{
    account(f, n);
    struct row *rows = calloc(f->n, sizeof *rows);
    char *text = malloc((size_t)f->n * LINE_ROOM + 1), *at = text;
    uint32_t count = 0;
    if (!rows || !text) {
        free(rows);
        free(text);
        return NULL;
    }
    for (uint32_t i = 0; i < f->n; i++) {
        const struct part *p = &f->parts[i];
        const char *name = p->func == NO_FUNCTION ? "(none)"
                           : p->func < nnames     ? names[p->func]
                                                  : "?";
        if (total(p) || p->counts[0] || p->counts[2])
            rows[count++] = (struct row){p, total(p), name};
    }
    qsort(rows, count, sizeof *rows, by_cycles);
    *at = 0;
    for (uint32_t i = 0; i < count; i++)
        at = put_row(at, &rows[i]);
    free(rows);
    return text;
}

/* ---- checkpoints ---- */

void functions_archive(struct functions *f, const struct core_counters *n, struct archive *a)
{
    uint32_t count = f->n;
    account(f, n);
    archive_section(a, "FUNC", 1);
    archive_count(a, &count, MOST_PARTS, 8 * (CPI_COUNT + TAKEN));
    for (uint32_t i = 0; i < count && !a->failed; i++) {
        struct part none = {.func = NO_FUNCTION}, *p = a->writing ? &f->parts[i] : &none;
        uint32_t func = p->func;
        uint8_t kernel = p->kernel;
        archive_u32(a, &func);
        archive_u8_below(a, &kernel, 2);
        if (!a->writing) {
            const uint32_t place = part_of(f, func, kernel); /* may move them all */
            p = &f->parts[place];
        }
        archive_u64s(a, p->cycles, CPI_COUNT);
        archive_u64s(a, p->counts, TAKEN);
    }
    take(n, f->since);
}
