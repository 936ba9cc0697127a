/* kvserve.c - a cache server's core: a hash table of items with values, and an LRU list. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guestos/lib/hash.h"
#include "guestos/lib/number.h"

/*
 *   kvserve REQUESTS
 *
 * Requests for 400,000 keys, by Zipf's law; one in ten sets a value, the others get one. A miss is
 * filled as a client would. Values have 40 to 600 bytes, in slabs of four sizes; when a slab class
 * is full its least recently used item leaves. Prints hits and a checksum over all values sent.
 */
#define KEYS    400000u
#define BUCKETS (1u << 16)
#define CLASSES 4u
#define SLAB    (6u << 20) /* bytes of each class */

struct item {
    struct item *chain; /* of its bucket */
    struct item *newer, *older;
    uint32_t key, bytes;
    uint8_t value[];
};

struct class
{
    uint32_t bytes, items; /* of an item; that there can be */
    uint8_t *slab;
    uint32_t used;
    struct item *newest, *oldest;
};

struct server {
    struct item *bucket[BUCKETS];
    struct class class[CLASSES];
};

static uint32_t bucket_of(uint32_t key)
{
    return key * 0x9e3779b1u >> 16;
}

/* A key by weight 1/rank, nearly; neighbours in rank are not neighbours in memory. */
static uint32_t draw_key(uint64_t *random)
{
    const uint32_t octave = 1u << random_next(random) % 19;
    return (octave + (uint32_t)random_next(random) % octave) * 7919u % KEYS;
}

static uint32_t value_bytes(uint32_t key)
{
    const uint32_t r = key * 2654435761u >> 16;
    return 40 + (r % 4 ? r % 120 : r % 560);
}

static void unlink_item(struct class *c, struct item *it)
{
    *(it->newer ? &it->newer->older : &c->newest) = it->older;
    *(it->older ? &it->older->newer : &c->oldest) = it->newer;
}

static void push_newest(struct class *c, struct item *it)
{
    it->newer = NULL;
    it->older = c->newest;
    *(c->newest ? &c->newest->newer : &c->oldest) = it;
    c->newest = it;
}

static struct class *class_of(struct server *s, uint32_t bytes)
{
    struct class *c = s->class;
    while (c->bytes < sizeof(struct item) + bytes)
        c++;
    return c;
}

static struct item *find(struct server *s, uint32_t key)
{
    struct item *it = s->bucket[bucket_of(key)];
    while (it && it->key != key)
        it = it->chain;
    return it;
}

static struct item *make_room(struct server *s, struct class *c)
{
    if (c->used < c->items)
        return (void *)(c->slab + (size_t)c->used++ * c->bytes);
    struct item *it = c->oldest, **from = &s->bucket[bucket_of(it->key)];
    while (*from != it)
        from = &(*from)->chain;
    *from = it->chain;
    unlink_item(c, it);
    return it;
}

static struct item *set(struct server *s, uint32_t key, uint8_t fill)
{
    struct item *it = find(s, key);
    struct class *c = class_of(s, value_bytes(key));
    if (it) {
        unlink_item(c, it);
    } else {
        it = make_room(s, c);
        it->key = key;
        it->bytes = value_bytes(key);
        it->chain = s->bucket[bucket_of(key)];
        s->bucket[bucket_of(key)] = it;
    }
    push_newest(c, it);
    memset(it->value, fill, it->bytes);
    return it;
}

int main(int argc, char **argv)
{
    static const uint32_t sizes[CLASSES] = {96, 160, 320, 640};
    const uint32_t requests = number_argument_or(argc, argv, 1, "kvserve: REQUESTS", 100000, 1,
                                                 100000000);
    struct server *s = calloc(1, sizeof *s);
    uint64_t random = 1, sum = 0, hits = 0;
    for (uint32_t i = 0; s && i < CLASSES; i++) {
        s->class[i] = (struct class){.bytes = sizes[i], .items = SLAB / sizes[i]};
        s->class[i].slab = calloc(1, SLAB);
        if (!s->class[i].slab)
            return 1;
    }
    if (!s)
        return 1;
    for (uint32_t n = 0; n < requests; n++) {
        const uint32_t key = draw_key(&random);
        struct item *it = random_next(&random) % 10 ? find(s, key) : set(s, key, (uint8_t)n);
        hits += it != NULL;
        if (!it)
            it = set(s, key, (uint8_t)key);
        unlink_item(class_of(s, it->bytes), it);
        push_newest(class_of(s, it->bytes), it);
        sum = hash_add(sum, it->value, it->bytes < 64 ? it->bytes : 64);
    }
    printf("kvserve: %llu hits, checksum %llu\n", (unsigned long long)hits,
           (unsigned long long)sum);
    return 0;
}
