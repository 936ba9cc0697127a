/* stackmap.c - where lowered code keeps the locals and operands of wasm at a point of execution. */
#include "wasmcore/stackmap.h"

#include <stdlib.h>

#include "wasmcore/builder.h"

void map_want(struct map_set *s, const struct unit *u, uint32_t func, uint32_t key, uint32_t most)
{
    if (GROW(s->v, s->cap, s->n, 1)) {
        s->failed = 1;
        return;
    }
    s->v[s->n++] = (struct map_key){.unit = u, .func = func, .key = key, .most = most};
}

static int compare(const void *x, const void *y)
{
    const struct map_key *a = x, *b = y;
    if (a->unit->number != b->unit->number)
        return a->unit->number < b->unit->number ? -1 : 1;
    if (a->func != b->func)
        return a->func < b->func ? -1 : 1;
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    return 0;
}

/* Sort, and let each key be there once, with the greatest `most`. */
static void tidy(struct map_set *s)
{
    uint32_t n = 0;
    if (s->n > 0)
        qsort(s->v, s->n, sizeof(*s->v), compare);
    for (uint32_t i = 0; i < s->n; i++) {
        if (n > 0 && compare(&s->v[n - 1], &s->v[i]) == 0) {
            if (s->v[i].most > s->v[n - 1].most)
                s->v[n - 1].most = s->v[i].most;
        } else {
            s->v[n++] = s->v[i];
        }
    }
    s->n = n;
}

static struct map_key *find(const struct map_set *s, const struct unit *u, uint32_t func,
                            uint32_t key)
{
    const struct map_key k = {.unit = u, .func = func, .key = key};
    return s->n ? bsearch(&k, s->v, s->n, sizeof(*s->v), compare) : NULL;
}

const struct stack_map *map_find(const struct map_set *s, const struct unit *u, uint32_t func,
                                 uint32_t key)
{
    const struct map_key *k = find(s, u, func, key);
    return k ? k->map : NULL;
}

static struct map_value describe(const struct builder *b, uint32_t pos)
{
    const struct entry *e = &b->stack[pos];
    struct map_value v = {.type = e->type, .fixed = e->kind == E_CONST};
    v.bits = v.fixed ? e->bits : 0;
    v.slot = e->kind == E_LOCAL ? e->local : stack_temp_slot(b, pos);
    return v;
}

struct seeing {
    struct map_set *set;
    uint32_t func;
};

/* A point has come up. */
static void see(void *arg, const struct builder *b, uint32_t offset)
{
    const struct seeing *w = arg;
    uint32_t insn = b->blocks[b->block].insn;
    struct map_key *k = find(w->set, b->unit, w->func, w->set->by_offset ? offset : insn);
    uint64_t n = (uint64_t)b->nlocals + b->height;
    if (!k || k->map || n > k->most)
        return;
    struct stack_map *m = malloc(sizeof(*m) + (size_t)n * sizeof(m->values[0]));
    if (!m) {
        w->set->failed = 1;
        return;
    }
    *m = (struct stack_map){.insn = insn,
                            .offset = offset,
                            .nlocals = b->nlocals,
                            .height = b->height,
                            .temps = b->temps};
    for (uint32_t i = 0; i < b->nlocals; i++)
        m->values[i] = (struct map_value){.type = b->local_types[i], .slot = (uint16_t)i};
    for (uint32_t i = 0; i < b->height; i++)
        m->values[b->nlocals + i] = describe(b, i);
    k->map = m;
}

int map_make(struct map_set *s, struct store *st)
{
    if (s->failed)
        return -1;
    tidy(s);
    for (uint32_t i = 0; i < s->n; i++) {
        const struct map_key *k = &s->v[i];
        struct seeing w = {s, k->func};
        if (i > 0 && k[-1].unit == k->unit && k[-1].func == k->func)
            continue;
        if (lower_again(st, st->units[k->unit->number], k->func, see, &w) || s->failed)
            return -1;
    }
    return 0;
}

void map_free(struct map_set *s)
{
    for (uint32_t i = 0; i < s->n; i++)
        free(s->v[i].map);
    free(s->v);
    *s = (struct map_set){0};
}
