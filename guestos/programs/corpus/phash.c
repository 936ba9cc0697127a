/* phash.c - a hash table in persistent memory: put, get and remove, each durable before the next.
 */
#include <stdio.h>
#include <string.h>

#include "guestos/lib/hash.h"
#include "guestos/lib/number.h"
#include "pmem.h"
#include "pwk.h"

/*
 *   phash OPERATIONS
 *
 * The named object "phash" has buckets of one line: three pairs of key and value, and a word of
 * bits that tell which are there. A pair is written and flushed before its bit is set, so that a
 * cut leaves it there or not. A key that finds its bucket full goes to one of the next,
 * and the bucket remembers that. Of ten
 * operations six get (three of them of a small part of the keys), three put, one removes.
 */
#define BUCKETS (1u << 18)
#define PAIRS   3u
#define PROBES  8u
#define KEYS    500000u
#define PASSED  (1ull << 63) /* of `there`: some key that belongs here went on; stays for good */

struct bucket {
    uint64_t there;
    struct {
        uint64_t key, value;
    } pair[PAIRS];
    uint64_t spare;
};

static uint32_t home(uint64_t key)
{
    uint64_t state = key;
    return (uint32_t)random_next(&state) % BUCKETS;
}

/* The bucket and place of a key; NULL: it is not there. */
static struct bucket *find(struct bucket *table, uint64_t key, uint32_t *place)
{
    for (uint32_t p = 0, at = home(key); p < PROBES; p++, at = (at + 1) % BUCKETS) {
        for (uint32_t i = 0; i < PAIRS; i++)
            if (table[at].there >> i & 1 && table[at].pair[i].key == key) {
                *place = i;
                return &table[at];
            }
        if (!(table[at].there & PASSED))
            return NULL;
    }
    return NULL;
}

/* Whether there was room. */
static int put(struct bucket *table, uint64_t key, uint64_t value)
{
    uint32_t i;
    struct bucket *b = find(table, key, &i);
    if (b) {
        b->pair[i].value = value;
        pmem_persist(&b->pair[i].value, sizeof value);
        return 1;
    }
    for (uint32_t p = 0, at = home(key); p < PROBES; p++, at = (at + 1) % BUCKETS) {
        b = &table[at];
        for (i = 0; i < PAIRS && b->there >> i & 1;)
            i++;
        if (i < PAIRS) {
            b->pair[i].key = key;
            b->pair[i].value = value;
            pmem_persist(&b->pair[i], sizeof b->pair[i]);
            b->there |= 1u << i;
            pmem_persist(&b->there, sizeof b->there);
            return 1;
        }
        if (!(b->there & PASSED)) {
            b->there |= PASSED;
            pmem_persist(&b->there, sizeof b->there);
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    const uint32_t operations = number_argument_or(argc, argv, 1, "phash: OPERATIONS", 100000, 1,
                                                   100000000);
    const int32_t fd = pwk_pmem_open("phash", 5, (int64_t)BUCKETS * (int64_t)sizeof(struct bucket));
    const int32_t at = fd < 0 ? fd
                              : pwk_map(fd, 0, BUCKETS * sizeof(struct bucket), PWK_MAP_SHARED);
    uint64_t random = 1, sum = 0, full = 0;
    uint32_t i;
    if (fd < 0 || pwk_failed(at)) {
        fprintf(stderr, "phash: no persistent memory\n");
        return 1;
    }
    struct bucket *table = pwk_pointer(at);
    for (uint32_t n = 0; n < operations; n++) {
        const uint64_t what = random_next(&random) % 10;
        const uint64_t key = 1 + random_next(&random) % (what < 3 ? KEYS / 16 : KEYS);
        if (what >= 6 && what < 9) {
            full += !put(table, key, n);
            continue;
        }
        struct bucket *b = find(table, key, &i);
        if (!b)
            continue;
        sum += b->pair[i].value;
        if (what == 9) {
            b->there &= ~(uint64_t)(1u << i);
            pmem_persist(&b->there, sizeof b->there);
        }
    }
    printf("phash: checksum %llu, %llu found no room\n", (unsigned long long)sum,
           (unsigned long long)full);
    return 0;
}
