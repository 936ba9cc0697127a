/* levelhash.c - a hash table of two levels (Zuo et al., OSDI 2018), made durable without a log. */
#include "pm.h"

/*
 *   levelhash run N VERSION   insert or update N times; VERSION: correct, token, update, resize
 *   levelhash check
 *
 * A bucket is two lines: a word of tokens, one bit a slot, and three slots of key and value. A slot
 * is written and durable before its token is set. An update writes another slot and moves the token
 * in one store. To grow, a level of twice the buckets is filled from the smaller one; one word
 * then names both levels. What is wrong:
 *
 *   token    slot and token in one epoch
 *   update   the old token is cleared before the new one is set
 *   resize   the word that names the levels is stored before what moved is durable
 */
#define SLOTS 3u
#define MOST  64u /* buckets, all levels ever together */
#define KEYS  24u
#define SMALL 2u

struct bucket {
    _Alignas(64) volatile uint64_t tokens;
    _Alignas(64) struct {
        volatile uint64_t key, value;
    } slot[SLOTS];
};

struct table {
    _Alignas(64) volatile uint64_t done;
    /* first bucket of the top level << 32 | its buckets << 16 | first of the bottom level, which
     * has half as many */
    _Alignas(64) volatile uint64_t levels;
    _Alignas(64) struct bucket bucket[MOST];
};

static int bad_token, bad_update, bad_resize;

static void set(volatile uint64_t *at, uint64_t v)
{
    *at = v;
    pmem_persist((void *)at, 8);
}

static uint64_t hash(uint64_t key, uint32_t which)
{
    uint64_t h = (key + 1) * (which ? 0x9e3779b97f4a7c15ull : 0xbf58476d1ce4e5b9ull);
    return h ^ h >> 31;
}

/* Candidate i of 4 for a key: two in each level. */
static struct bucket *candidate(struct table *t, uint64_t levels, uint64_t key, uint32_t i)
{
    const uint64_t top = levels >> 32, n = levels >> 16 & 0xffff, bottom = levels & 0xffff;
    return i < 2 ? &t->bucket[top + hash(key, i) % n]
                 : &t->bucket[bottom + hash(key, i - 2) % (n / 2)];
}

static int free_slot(const struct bucket *b)
{
    for (uint32_t s = 0; s < SLOTS; s++)
        if (!(b->tokens >> s & 1))
            return (int)s;
    return -1;
}

static int find(const struct bucket *b, uint64_t key)
{
    for (uint32_t s = 0; s < SLOTS; s++)
        if ((b->tokens >> s & 1) && b->slot[s].key == key)
            return (int)s;
    return -1;
}

static void write_slot(struct bucket *b, int s, uint64_t key, uint64_t value)
{
    b->slot[s].key = key;
    b->slot[s].value = value;
    pmem_flush((void *)&b->slot[s], sizeof b->slot[s]);
    if (!bad_token)
        pmem_sfence();
}

static int insert(struct table *t, uint64_t levels, uint32_t candidates, uint64_t key,
                  uint64_t value)
{
    for (uint32_t i = 0; i < candidates; i++) {
        struct bucket *b = candidate(t, levels, key, i);
        const int s = free_slot(b);
        if (s < 0)
            continue;
        write_slot(b, s, key, value);
        set(&b->tokens, b->tokens | UINT64_C(1) << s);
        return 1;
    }
    return 0;
}

static int update(struct table *t, uint64_t key, uint64_t value)
{
    for (uint32_t i = 0; i < 4; i++) {
        struct bucket *b = candidate(t, t->levels, key, i);
        const int s = find(b, key), to = free_slot(b);
        if (s < 0)
            continue;
        if (to < 0) { /* the value is one word */
            set(&b->slot[s].value, value);
            return 1;
        }
        write_slot(b, to, key, value);
        if (bad_update)
            set(&b->tokens, b->tokens & ~(UINT64_C(1) << s));
        set(&b->tokens, (b->tokens & ~(UINT64_C(1) << s)) | UINT64_C(1) << to);
        return 1;
    }
    return 0;
}

static uint64_t after(uint64_t levels)
{
    return (levels >> 32) + (levels >> 16 & 0xffff);
}

/* The new top level lies behind the old one, which becomes the bottom. */
static void grow(struct table *t)
{
    const uint64_t old = t->levels, n = old >> 16 & 0xffff, bottom = old & 0xffff;
    const uint64_t levels = after(old) << 32 | 2 * n << 16 | old >> 32;
    if (after(old) + 2 * n > MOST)
        exit(8);
    for (uint64_t i = 0; i < 2 * n; i++)
        if (t->bucket[after(old) + i].tokens) /* left by a cut in the midst of this */
            set(&t->bucket[after(old) + i].tokens, 0);
    if (bad_resize)
        set(&t->levels, levels);
    for (uint64_t i = 0; i < n / 2; i++)
        for (uint32_t s = 0; s < SLOTS; s++) {
            const struct bucket *b = &t->bucket[bottom + i];
            if ((b->tokens >> s & 1) && !insert(t, levels, 2, b->slot[s].key, b->slot[s].value))
                exit(7);
        }
    if (!bad_resize)
        set(&t->levels, levels);
}

static uint64_t key_of(uint64_t i)
{
    return (i * 7) % KEYS + 100;
}

/* The last value that the first n operations gave the key, 0: none. */
static uint64_t value_of(uint64_t key, uint64_t n)
{
    for (uint64_t i = n; i-- > 0;)
        if (key_of(i) == key)
            return i + 1;
    return 0;
}

static void put(struct table *t, uint64_t key, uint64_t value)
{
    if (update(t, key, value))
        return;
    while (!insert(t, t->levels, 4, key, value))
        grow(t);
}

static void check(struct table *t)
{
    for (uint64_t key = 100; key < 100 + KEYS; key++) {
        uint32_t times = 0;
        uint64_t value = 0;
        for (uint32_t i = 0; i < 4; i++) {
            const struct bucket *b = candidate(t, t->levels, key, i);
            int again = 0;
            for (uint32_t k = 0; k < i; k++)
                again |= b == candidate(t, t->levels, key, k);
            for (uint32_t s = 0; !again && s < SLOTS; s++)
                if ((b->tokens >> s & 1) && b->slot[s].key == key) {
                    times++;
                    value = b->slot[s].value;
                }
        }
        if (times > 1)
            pm_inconsistent("a key is there twice");
        if (value != value_of(key, t->done) && value != value_of(key, t->done + 1))
            pm_inconsistent(times ? "a value is wrong" : "a key is lost");
    }
    for (uint64_t i = t->levels & 0xffff; i < after(t->levels); i++)
        for (uint32_t s = 0; s < SLOTS; s++)
            if ((t->bucket[i].tokens >> s & 1) && t->bucket[i].slot[s].key - 100 >= KEYS)
                pm_inconsistent("a slot counts as taken, but was never written");
}

int main(int argc, char **argv)
{
    struct table *t = pm_open("levelhash", sizeof *t);
    if (!t->levels && pm_is(argc, argv, "check"))
        return 0;
    if (!t->levels)
        set(&t->levels, (uint64_t)(SMALL / 2) << 32 | SMALL << 16);
    if (pm_is(argc, argv, "check")) {
        check(t);
        return 0;
    }
    if (argc != 4)
        return 2;
    bad_token = strcmp(argv[3], "token") == 0;
    bad_update = strcmp(argv[3], "update") == 0;
    bad_resize = strcmp(argv[3], "resize") == 0;
    for (uint64_t i = t->done; i < strtoull(argv[2], NULL, 10); i++) {
        put(t, key_of(i), i + 1);
        set(&t->done, i + 1);
    }
    check(t);
    return 0;
}
