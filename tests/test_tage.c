/* test_tage.c - TAGE and its loop predictor: against a model in the plainest terms, and what they
 * must learn. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/branch.h"
#include "cpu/tage.h"

/* ---- the plain model: histories are hashed anew for each branch ---- */

#define BITS 8u

struct plain_entry {
    uint32_t tag;
    int counter, useful;
};

struct plain_loop {
    uint64_t pc;
    int trips, now, sure, age, valid, way;
};

struct plain {
    uint8_t history[1 << 20]; /* all outcomes, the latest at n - 1 */
    uint32_t n;
    int base[1 << BITS];
    struct plain_entry table[TAGE_TABLES][1 << (BITS - 2)];
    struct plain_loop loops[16][4];
    int use_alt, use_loops;
    uint32_t random, clear;
};

/* Outcome k branches ago, 0 the latest; before the first: 0. */
static uint32_t ago(const struct plain *p, uint32_t k)
{
    return k < p->n ? p->history[p->n - 1 - k] : 0;
}

static uint32_t folded(const struct plain *p, uint32_t length, uint32_t width)
{
    uint32_t sum = 0;
    for (uint32_t k = 0; k < length; k++)
        sum ^= ago(p, k) << (k % width);
    return sum;
}

static int clamp(int v, int least, int most)
{
    return v < least ? least : v > most ? most : v;
}

static uint32_t plain_draw(struct plain *p)
{
    p->random ^= p->random << 13;
    p->random ^= p->random >> 17;
    p->random ^= p->random << 5;
    return p->random;
}

static void plain_loop(struct plain *p, uint64_t pc, int taken, int tage, int *final)
{
    struct plain_loop *set = p->loops[(pc >> 2) % 16], *l = NULL;
    for (int i = 3; i >= 0; i--)
        if (set[i].valid && set[i].pc == pc)
            l = &set[i];
    *final = tage;
    if (!l) {
        if (tage == taken)
            return;
        int victim = 0;
        for (int i = 3; i >= 0; i--)
            if (!set[i].valid)
                victim = i;
        if (set[victim].valid) {
            for (int i = 1; i < 4; i++)
                if (set[i].age < set[victim].age)
                    victim = i;
            if (set[victim].age > 0) {
                for (int i = 0; i < 4; i++)
                    set[i].age = clamp(set[i].age - 1, 0, 31);
                return;
            }
        }
        set[victim] = (struct plain_loop){.pc = pc, .valid = 1, .age = 31, .way = !taken};
        return;
    }
    if (l->sure == 3) {
        const int says = l->now == l->trips ? !l->way : l->way;
        if (p->use_loops >= 0)
            *final = says;
        if (says != tage) {
            p->use_loops = clamp(p->use_loops + (says == taken ? 1 : -1), -8, 7);
            if (says == taken)
                l->age = 31;
        }
    }
    if (taken == l->way) {
        l->now++;
        if (l->now > 16383 || (l->trips && l->now > l->trips))
            l->now = l->trips = l->sure = 0;
    } else {
        if (l->trips && l->trips == l->now) {
            l->sure = clamp(l->sure + 1, 0, 3);
        } else if (l->trips) {
            l->valid = 0;
        } else {
            l->trips = l->now;
            l->sure = 0;
        }
        l->now = 0;
    }
}

static int plain_cond(struct plain *p, uint64_t pc, int taken)
{
    const uint32_t a = (uint32_t)(pc >> 2), bits = BITS - 2;
    struct plain_entry *e[TAGE_TABLES];
    uint32_t tag[TAGE_TABLES];
    int provider = -1, alternative = -1;
    for (uint32_t i = 0; i < TAGE_TABLES; i++) {
        const uint32_t len = tage_lengths[i];
        e[i] = &p->table[i][(a ^ a >> (bits - i) ^ folded(p, len, bits)) % (1u << bits)];
        tag[i] = (a ^ folded(p, len, TAGE_TAG) ^ folded(p, len, TAGE_TAG - 1) << 1) %
                 (1u << TAGE_TAG);
        if (e[i]->tag == tag[i]) {
            alternative = provider;
            provider = (int)i;
        }
    }
    const int base = p->base[a % (1u << BITS)] >= 2;
    const int alt = alternative >= 0 ? e[alternative]->counter >= 0 : base;
    const int longest = provider >= 0 ? e[provider]->counter >= 0 : base;
    const int fresh = provider >= 0 && !e[provider]->useful &&
                      (e[provider]->counter == 0 || e[provider]->counter == -1);
    const int tage = fresh && p->use_alt >= 0 ? alt : longest;
    int final;
    plain_loop(p, pc, taken, tage, &final);
    if (fresh && longest != alt)
        p->use_alt = clamp(p->use_alt + (alt == taken ? 1 : -1), -8, 7);
    if (provider < 0) {
        p->base[a % (1u << BITS)] = clamp(p->base[a % (1u << BITS)] + (taken ? 1 : -1), 0, 3);
    } else {
        if (longest != alt)
            e[provider]->useful = clamp(e[provider]->useful + (longest == taken ? 1 : -1), 0, 3);
        e[provider]->counter = clamp(e[provider]->counter + (taken ? 1 : -1), -4, 3);
    }
    if (tage != taken && provider < (int)TAGE_TABLES - 1) {
        int chosen = -1;
        for (int i = provider + 1; i < (int)TAGE_TABLES; i++) {
            if (e[i]->useful)
                continue;
            chosen = i;
            if (plain_draw(p) % 3)
                break;
        }
        if (chosen >= 0)
            *e[chosen] = (struct plain_entry){tag[chosen], taken ? 0 : -1, 0};
        for (int i = provider + 1; chosen < 0 && i < (int)TAGE_TABLES; i++)
            e[i]->useful--;
    }
    p->history[p->n++] = (uint8_t)taken;
    if (p->n % TAGE_RESET == 0) {
        for (uint32_t i = 0; i < TAGE_TABLES; i++)
            for (uint32_t k = 0; k < 1u << bits; k++)
                p->table[i][k].useful &= p->clear ? 1 : 2;
        p->clear = !p->clear;
    }
    return final != taken;
}

static uint32_t draw(uint64_t *state, uint32_t n)
{
    *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (uint32_t)((*state >> 33) % n);
}

Test(tage, agrees_with_a_plain_model_branch_by_branch)
{
    struct plain *p = calloc(1, sizeof *p);
    struct tage *t = tage_new(BITS);
    cr_assert(p && t);
    p->random = 1;
    for (uint32_t i = 0; i < 1u << BITS; i++)
        p->base[i] = 1;
    uint64_t seed = 3;
    uint32_t phase[40] = {0}, wrong = 0;
    for (uint32_t i = 0; i < 300000; i++) {
        const uint32_t b = draw(&seed, i < 150000 ? 40 : 8);
        int taken;
        phase[b]++;
        if (b % 4 == 0)
            taken = phase[b] % (3 + b) != 0; /* a loop */
        else if (b % 4 == 1)
            taken = (int)ago(p, b); /* as one before it */
        else if (b % 4 == 2)
            taken = draw(&seed, 8) == 0;
        else
            taken = (int)(ago(p, 2) ^ ago(p, 7) ^ (phase[b] >> 10 & 1));
        const uint64_t pc = 0x10000 + 4 * (uint64_t)(b * b);
        const int want = plain_cond(p, pc, taken);
        cr_assert_eq(tage_cond(t, pc, taken), want, "branch %u", i);
        wrong += (uint32_t)want;
    }
    cr_expect_gt(wrong, 1000);
    tage_free(t);
    free(p);
}

/* ---- what it is for ---- */

static uint32_t wrong_of_loop(enum predictor kind, int trips)
{
    const struct branch_config cfg = {
        .predictor = (uint8_t)kind, .history_bits = 12, .target_entries = 64, .return_entries = 8};
    struct branch b;
    uint32_t wrong = 0;
    cr_assert_eq(branch_init(&b, &cfg), 0);
    for (int round = 0; round < 100; round++)
        for (int i = 0; i < trips; i++) {
            const int w = branch_cond(&b, 0x400, 1, i + 1 < trips);
            wrong += round >= 60 && w;
        }
    branch_free(&b);
    return wrong;
}

Test(tage, knows_when_loops_end)
{
    static const int trips[] = {3, 8, 32, 100, 1000};
    for (size_t i = 0; i < sizeof trips / sizeof *trips; i++) {
        cr_expect_eq(wrong_of_loop(PREDICTOR_TAGE, trips[i]), 0, "%d trips", trips[i]);
        cr_expect_eq(wrong_of_loop(PREDICTOR_BIMODAL, trips[i]), 40);
        cr_expect_eq(wrong_of_loop(PREDICTOR_STATIC, trips[i]), 40);
    }
    cr_expect_eq(wrong_of_loop(PREDICTOR_GSHARE, 8), 0);
    cr_expect_eq(wrong_of_loop(PREDICTOR_GSHARE, 32), 40);
}

/* A branch that does what another did 40 branches ago: too long ago for 12 bits of history. */
Test(tage, uses_long_histories)
{
    static const enum predictor kinds[] = {PREDICTOR_TAGE, PREDICTOR_GSHARE, PREDICTOR_BIMODAL};
    uint32_t wrong[3] = {0};
    for (int k = 0; k < 3; k++) {
        const struct branch_config cfg = {.predictor = (uint8_t)kinds[k],
                                          .history_bits = 12,
                                          .target_entries = 64,
                                          .return_entries = 8};
        struct branch b;
        uint64_t seed = 5;
        cr_assert_eq(branch_init(&b, &cfg), 0);
        for (int round = 0; round < 4000; round++) {
            const int coin = (int)draw(&seed, 2);
            branch_cond(&b, 0x100, 0, coin);
            for (uint32_t i = 0; i < 40; i++)
                branch_cond(&b, 0x200 + 4 * i, 0, i % 3 == 0);
            const int w = branch_cond(&b, 0x800, 0, coin);
            wrong[k] += round >= 2000 && w;
        }
        branch_free(&b);
    }
    cr_expect_lt(wrong[0], 60, "%u of 2000", wrong[0]);
    cr_expect_gt(wrong[1], 700, "%u", wrong[1]);
    cr_expect_gt(wrong[2], 700, "%u", wrong[2]);
}

/* An interpreter: the next target follows from the last two, not from the last. */
Test(tage, indirect_branches_follow_their_history)
{
    static const uint32_t program[] = {1, 2, 3, 1, 2, 4, 1, 5, 3, 4, 1, 2};
    for (uint8_t history = 0; history < 2; history++) {
        const struct branch_config cfg = {.history_bits = 12,
                                          .target_entries = 512,
                                          .target_history = history,
                                          .return_entries = 8};
        struct branch b;
        uint32_t wrong = 0;
        cr_assert_eq(branch_init(&b, &cfg), 0);
        for (uint32_t i = 0; i < 1200; i++) {
            const int w = branch_indirect(&b, 0x4000, program[i % 12]);
            wrong += i >= 600 && w;
        }
        cr_expect(history ? wrong == 0 : wrong == 600, "%u", wrong);
        branch_barrier(&b);
        cr_expect_eq(branch_indirect(&b, 0x4000, program[0]), 1);
        branch_free(&b);
    }
}
