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

/* The history of each table folded to `width` bits: bit i of the history is bit i % width of the
 * sum. All tables are stepped at once, as vectors of the host: LANES, of which the last are idle.
 */
#define LANES 8u

struct folds {
    uint32_t value[LANES];
    uint32_t out[LANES]; /* the bit where the oldest outcome is in it; idle ones: 0 */
    uint32_t width;
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
    struct folds index, tag[2];
    struct loop loops[TAGE_LOOPS];
    uint8_t history[TAGE_HISTORY];
    uint8_t *base;
    struct entry *tables[TAGE_TABLES];
};

static void folds_init(struct folds *f, uint32_t width)
{
    f->width = width;
    for (uint32_t i = 0; i < TAGE_TABLES; i++)
        f->out[i] = 1u << tage_lengths[i] % width;
}

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
    folds_init(&t->index, t->index_bits);
    folds_init(&t->tag[0], TAGE_TAG);
    folds_init(&t->tag[1], TAGE_TAG - 1);
    for (uint32_t i = 0; i < TAGE_TABLES; i++) {
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

/* in: the outcome; out: all ones for tables whose history loses an outcome that was taken. */
static inline void folds_step(struct folds *f, uint32_t in, const uint32_t out[LANES])
{
    for (uint32_t i = 0; i < LANES; i++) {
        uint32_t v = f->value[i] << 1 | in;
        v ^= out[i] & f->out[i];
        v ^= v >> f->width;
        f->value[i] = v & ((1u << f->width) - 1);
    }
}

static void remember(struct tage *t, int taken)
{
    uint32_t out[LANES] = {0};
    t->at = (t->at + 1) & (TAGE_HISTORY - 1);
    t->history[t->at] = (uint8_t)taken;
#pragma GCC unroll 6
    for (uint32_t i = 0; i < TAGE_TABLES; i++)
        out[i] = -(uint32_t)t->history[(t->at - tage_lengths[i]) & (TAGE_HISTORY - 1)];
    folds_step(&t->index, (uint32_t)taken, out);
    folds_step(&t->tag[0], (uint32_t)taken, out);
    folds_step(&t->tag[1], (uint32_t)taken, out);
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
    uint32_t index[LANES], tag[LANES];
    int base, says, alternative_says, is_new;
};

/* Where each table would have the branch, and under which tag. */
static inline void hash(const struct tage *t, uint32_t a, struct found *f)
{
    const uint32_t mask = (1u << t->index_bits) - 1;
    uint32_t high[LANES] = {0};
#pragma GCC unroll 6
    for (uint32_t i = 0; i < TAGE_TABLES; i++)
        high[i] = a >> (t->index_bits - i);
    for (uint32_t i = 0; i < LANES; i++)
        f->index[i] = (a ^ high[i] ^ t->index.value[i]) & mask;
    for (uint32_t i = 0; i < LANES; i++)
        f->tag[i] = (a ^ t->tag[0].value[i] ^ t->tag[1].value[i] << 1) & ((1u << TAGE_TAG) - 1);
}

static inline void look_up(struct tage *t, uint64_t pc, struct found *f)
{
    const uint32_t a = (uint32_t)(pc >> 2);
    hash(t, a, f);
    f->provider = f->alternative = NULL;
    f->table = 0;
    f->base = t->base[a & t->base_mask] >= 2;
#pragma GCC unroll 6
    for (uint32_t i = 0; i < TAGE_TABLES; i++) {
        struct entry *e = &t->tables[i][f->index[i]];
        if (e->tag == f->tag[i]) {
            f->alternative = f->provider;
            f->provider = e;
            f->table = i + 1;
        }
    }
    f->alternative_says = f->alternative ? f->alternative->counter >= 0 : f->base;
    f->says = f->provider ? f->provider->counter >= 0 : f->base;
    f->is_new = f->provider && !f->provider->useful &&
                (f->provider->counter == 0 || f->provider->counter == -1);
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
    struct found f;
    look_up(t, pc, &f);
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
        archive_u32_below(a, &t->index.value[i], UINT64_C(1) << t->index.width);
        for (int k = 0; k < 2; k++)
            archive_u32_below(a, &t->tag[k].value[i], UINT64_C(1) << t->tag[k].width);
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
