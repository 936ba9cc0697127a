/* tage.c - a small TAGE predictor of conditional branches with a loop predictor beside it. */
#include "cpu/tage.h"

#include <stdlib.h>
#include <string.h>

#include "memhier/archive.h"

const uint32_t tage_lengths[TAGE_TABLES] = {5, 10, 18, 35, 68, 130};

#define USE_ALT_MAX  7 /* of 4 bits, signed */
#define LOOP_WAYS    4u
#define LOOP_SURE    3u
#define LOOP_AGE     31u
#define LOOP_LONGEST 16383u

struct entry {
    uint16_t tag;
    int8_t counter; /* -4 to 3: taken from 0 on */
    uint8_t useful; /* 0 to 3 */
};

/* A history folded to `width` bits: bit i of the history is bit i % width of the sum. */
struct fold {
    uint32_t value, width, out; /* out: where the oldest outcome is in it */
};

struct loop {
    uint64_t pc;
    uint16_t trips; /* times one way before the other, 0: not known */
    uint16_t now;   /* so far */
    uint8_t sure, age;
    uint8_t valid, way; /* way: the direction of the body */
};

struct tage {
    uint32_t base_mask, index_bits;
    int8_t use_alt, use_loops; /* from 0 on: yes */
    uint32_t at;               /* place of the latest outcome in history */
    uint32_t random, updates, clear;
    struct fold index[TAGE_TABLES], tag[TAGE_TABLES][2];
    struct loop loops[TAGE_LOOPS];
    uint8_t history[TAGE_HISTORY];
    uint8_t *base;
    struct entry *tables[TAGE_TABLES];
};

struct tage *tage_new(uint32_t bits)
{
    struct tage *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->base_mask = (1u << bits) - 1;
    t->index_bits = bits - 2;
    t->random = 1;
    t->base = malloc((size_t)t->base_mask + 1);
    int failed = !t->base;
    for (uint32_t i = 0; i < TAGE_TABLES; i++) {
        const uint32_t widths[3] = {t->index_bits, TAGE_TAG, TAGE_TAG - 1};
        struct fold *folds[3] = {&t->index[i], &t->tag[i][0], &t->tag[i][1]};
        for (int k = 0; k < 3; k++)
            *folds[k] = (struct fold){.width = widths[k], .out = tage_lengths[i] % widths[k]};
        t->tables[i] = calloc((size_t)1 << t->index_bits, sizeof *t->tables[i]);
        failed |= !t->tables[i];
    }
    if (failed) {
        tage_free(t);
        return NULL;
    }
    memset(t->base, 1, (size_t)t->base_mask + 1);
    return t;
}

void tage_free(struct tage *t)
{
    if (!t)
        return;
    for (uint32_t i = 0; i < TAGE_TABLES; i++)
        free(t->tables[i]);
    free(t->base);
    free(t);
}

/* ---- history ---- */

static inline void fold_step(struct fold *f, uint32_t in, uint32_t out)
{
    uint32_t v = f->value << 1 | in;
    v ^= out << f->out;
    v ^= v >> f->width;
    f->value = v & ((1u << f->width) - 1);
}

static void remember(struct tage *t, int taken)
{
    t->at = (t->at + 1) & (TAGE_HISTORY - 1);
    t->history[t->at] = (uint8_t)taken;
    for (uint32_t i = 0; i < TAGE_TABLES; i++) {
        const uint32_t out = t->history[(t->at - tage_lengths[i]) & (TAGE_HISTORY - 1)];
        fold_step(&t->index[i], (uint32_t)taken, out);
        fold_step(&t->tag[i][0], (uint32_t)taken, out);
        fold_step(&t->tag[i][1], (uint32_t)taken, out);
    }
}

static uint32_t draw(struct tage *t)
{
    t->random ^= t->random << 13;
    t->random ^= t->random >> 17;
    t->random ^= t->random << 5;
    return t->random;
}

/* ---- loops ---- */

static struct loop *find_loop(struct tage *t, uint64_t pc)
{
    struct loop *set = &t->loops[(pc >> 2 & (TAGE_LOOPS / LOOP_WAYS - 1)) * LOOP_WAYS];
    for (uint32_t i = 0; i < LOOP_WAYS; i++)
        if (set[i].valid && set[i].pc == pc)
            return &set[i];
    return NULL;
}

static void new_loop(struct tage *t, uint64_t pc, int taken)
{
    struct loop *set = &t->loops[(pc >> 2 & (TAGE_LOOPS / LOOP_WAYS - 1)) * LOOP_WAYS];
    struct loop *victim = set;
    for (uint32_t i = 0; i < LOOP_WAYS; i++) {
        if (!set[i].valid) {
            victim = &set[i];
            break;
        }
        if (set[i].age < victim->age)
            victim = &set[i];
    }
    if (victim->valid && victim->age > 0) {
        for (uint32_t i = 0; i < LOOP_WAYS; i++)
            set[i].age = (uint8_t)(set[i].age - (set[i].age > 0));
        return;
    }
    /* the mispredicted outcome is taken for the exit */
    *victim = (struct loop){.pc = pc, .valid = 1, .age = LOOP_AGE, .way = (uint8_t)!taken};
}

static int loop_says(const struct loop *l)
{
    return l->now == l->trips ? !l->way : l->way;
}

static void learn_loop(struct loop *l, int taken)
{
    if (taken == l->way) {
        l->now++;
        if (l->now > LOOP_LONGEST || (l->trips && l->now > l->trips)) { /* went on too long */
            l->now = l->trips = 0;
            l->sure = 0;
        }
        return;
    }
    if (l->trips == l->now && l->trips) {
        l->sure = (uint8_t)(l->sure + (l->sure < LOOP_SURE));
    } else if (l->trips == 0 && l->now) {
        l->trips = l->now;
        l->sure = 0;
    } else { /* another number: no loop of this kind */
        l->valid = l->trips == 0;
        l->trips = 0;
        l->sure = 0;
    }
    l->now = 0;
}

/* ---- tagged tables ---- */

struct found {
    struct entry *provider, *alternative; /* NULL: the base */
    uint32_t table;                       /* of the provider + 1, 0: the base */
    uint32_t index[TAGE_TABLES], tag[TAGE_TABLES];
    int base, says, alternative_says, is_new;
};

static struct found look_up(struct tage *t, uint64_t pc)
{
    struct found f = {0};
    const uint32_t a = (uint32_t)(pc >> 2);
    const uint32_t mask = (1u << t->index_bits) - 1;
    f.base = t->base[a & t->base_mask] >= 2;
    for (uint32_t i = 0; i < TAGE_TABLES; i++) {
        f.index[i] = (a ^ a >> (t->index_bits - i) ^ t->index[i].value) & mask;
        f.tag[i] = (a ^ t->tag[i][0].value ^ t->tag[i][1].value << 1) & ((1u << TAGE_TAG) - 1);
        struct entry *e = &t->tables[i][f.index[i]];
        if (e->tag == f.tag[i]) {
            f.alternative = f.provider;
            f.provider = e;
            f.table = i + 1;
        }
    }
    f.alternative_says = f.alternative ? f.alternative->counter >= 0 : f.base;
    f.says = f.provider ? f.provider->counter >= 0 : f.base;
    f.is_new = f.provider && !f.provider->useful &&
               (f.provider->counter == 0 || f.provider->counter == -1);
    return f;
}

static void count(int8_t *counter, int up, int least, int most)
{
    if (up)
        *counter = (int8_t)(*counter + (*counter < most));
    else
        *counter = (int8_t)(*counter - (*counter > least));
}

static void allocate(struct tage *t, const struct found *f, int taken)
{
    struct entry *chosen = NULL;
    uint32_t tag = 0;
    for (uint32_t i = f->table; i < TAGE_TABLES; i++) {
        struct entry *e = &t->tables[i][f->index[i]];
        if (e->useful)
            continue;
        chosen = e;
        tag = f->tag[i];
        if (draw(t) % 3)
            break;
    }
    if (chosen) {
        *chosen = (struct entry){.tag = (uint16_t)tag, .counter = (int8_t)(taken ? 0 : -1)};
        return;
    }
    for (uint32_t i = f->table; i < TAGE_TABLES; i++)
        t->tables[i][f->index[i]].useful--;
}

static void learn(struct tage *t, const struct found *f, uint64_t pc, int taken)
{
    if (f->is_new && f->says != f->alternative_says)
        count(&t->use_alt, f->alternative_says == taken, -USE_ALT_MAX - 1, USE_ALT_MAX);
    if (!f->provider) {
        uint8_t *b = &t->base[(uint32_t)(pc >> 2) & t->base_mask];
        *b = (uint8_t)(taken ? *b + (*b < 3) : *b - (*b > 0));
        return;
    }
    if (f->says != f->alternative_says) {
        uint8_t *u = &f->provider->useful;
        *u = (uint8_t)(f->says == taken ? *u + (*u < 3) : *u - (*u > 0));
    }
    count(&f->provider->counter, taken, -4, 3);
}

static void forget_useful(struct tage *t)
{
    if (++t->updates & (TAGE_RESET - 1))
        return;
    const uint8_t keep = t->clear ? 1 : 2;
    t->clear ^= 1;
    for (uint32_t i = 0; i < TAGE_TABLES; i++)
        for (uint32_t k = 0; k < 1u << t->index_bits; k++)
            t->tables[i][k].useful &= keep;
}

int tage_cond(struct tage *t, uint64_t pc, int taken)
{
    const struct found f = look_up(t, pc);
    const int says = f.is_new && t->use_alt >= 0 ? f.alternative_says : f.says;
    struct loop *l = find_loop(t, pc);
    int final = says;
    if (l && l->sure == LOOP_SURE) {
        const int loop = loop_says(l);
        if (t->use_loops >= 0)
            final = loop;
        if (loop != says) {
            count(&t->use_loops, loop == taken, -8, 7);
            if (loop == taken)
                l->age = LOOP_AGE;
        }
    }
    if (l)
        learn_loop(l, taken);
    else if (says != taken)
        new_loop(t, pc, taken);
    learn(t, &f, pc, taken);
    if (says != taken && f.table < TAGE_TABLES)
        allocate(t, &f, taken);
    forget_useful(t);
    remember(t, taken);
    return final != taken;
}

/* ---- checkpoints ---- */

static void entry_archive(struct entry *e, struct archive *a)
{
    uint8_t counter = (uint8_t)(e->counter + 4);
    archive_u16_below(a, &e->tag, 1u << TAGE_TAG);
    archive_u8_below(a, &counter, 8);
    archive_u8_below(a, &e->useful, 4);
    e->counter = (int8_t)(counter - 4);
}

static void loop_archive(struct loop *l, struct archive *a)
{
    archive_u64(a, &l->pc);
    archive_u16_below(a, &l->trips, LOOP_LONGEST + 1);
    archive_u16_below(a, &l->now, LOOP_LONGEST + 1);
    archive_u8_below(a, &l->sure, LOOP_SURE + 1);
    archive_u8_below(a, &l->age, LOOP_AGE + 1);
    archive_u8_below(a, &l->valid, 2);
    archive_u8_below(a, &l->way, 2);
}

static void folds_archive(struct tage *t, struct archive *a)
{
    for (uint32_t i = 0; i < TAGE_TABLES; i++) {
        archive_u32_below(a, &t->index[i].value, UINT64_C(1) << t->index[i].width);
        for (int k = 0; k < 2; k++)
            archive_u32_below(a, &t->tag[i][k].value, UINT64_C(1) << t->tag[i][k].width);
    }
}

void tage_archive(struct tage *t, struct archive *a)
{
    uint8_t alt = (uint8_t)(t->use_alt + 8), loops = (uint8_t)(t->use_loops + 8);
    archive_section(a, "TAGE", 1);
    archive_u8_below(a, &alt, 16);
    archive_u8_below(a, &loops, 16);
    t->use_alt = (int8_t)(alt - 8);
    t->use_loops = (int8_t)(loops - 8);
    archive_u32_below(a, &t->at, TAGE_HISTORY);
    archive_u32(a, &t->random);
    archive_u32(a, &t->updates);
    archive_u32_below(a, &t->clear, 2);
    folds_archive(t, a);
    for (uint32_t i = 0; i < TAGE_LOOPS; i++)
        loop_archive(&t->loops[i], a);
    archive_u8s(a, t->history, TAGE_HISTORY, 2);
    archive_u8s(a, t->base, (size_t)t->base_mask + 1, 4);
    for (uint32_t i = 0; i < TAGE_TABLES; i++)
        for (uint32_t k = 0; k < 1u << t->index_bits && !a->failed; k++)
            entry_archive(&t->tables[i][k], a);
}
