/* join.c - a query over two tables: hash join, grouping, and sorting by merges. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guestos/lib/hash.h"
#include "guestos/lib/number.h"

/*
 *   join QUERIES
 *
 * 40,000 customers and 250,000 orders of 32 bytes, drawn at random; some customers order more. Each
 * query takes the orders of some days, joins them with the customers of one region through a hash
 * table, sums up by customer, sorts the sums by merging, and adds up the first hundred. Orders are
 * drawn anew after every eighth query.
 */
#define CUSTOMERS 40000u
#define ORDERS    250000u
#define BUCKETS   (1u << 15)
#define DAYS      1000u
#define REGIONS   4u

struct customer {
    uint32_t id, region, discount, next; /* next: in the bucket, plus 1 */
    uint8_t name[16];
};

struct order {
    uint32_t id, customer, day, amount;
    uint8_t what[16];
};

struct group {
    uint32_t customer;
    uint32_t orders;
    uint64_t sum;
};

struct query {
    struct customer *customers;
    struct order *orders;
    uint32_t *bucket;
    struct group *group, *other; /* by customer; of merging */
};

static void *get(size_t n, size_t each)
{
    void *p = calloc(n, each);
    if (p)
        return p;
    fprintf(stderr, "join: out of memory\n");
    exit(1);
}

static uint32_t hash_id(uint32_t id)
{
    return id * 0x9e3779b1u >> 17;
}

/* Ids are spread, as keys are that somebody else gave. */
static uint32_t id_of(uint32_t i)
{
    return i * 2654435761u;
}

static void draw_orders(struct query *q, uint64_t *random)
{
    for (uint32_t i = 0; i < ORDERS; i++) {
        const uint64_t r = random_next(random);
        const uint32_t who = (uint32_t)(r % (r >> 60 < 8 ? CUSTOMERS : CUSTOMERS / 10));
        q->orders[i] = (struct order){.id = i,
                                      .customer = id_of(who),
                                      .day = (uint32_t)(r >> 20) % DAYS,
                                      .amount = (uint32_t)(r >> 40) % 10000};
        memset(q->orders[i].what, (int)(r & 0x7f), sizeof q->orders[i].what);
    }
}

static void build(struct query *q, uint32_t region)
{
    memset(q->bucket, 0, BUCKETS * sizeof *q->bucket);
    for (uint32_t i = 0; i < CUSTOMERS; i++) {
        struct customer *c = &q->customers[i];
        if (c->region != region)
            continue;
        c->next = q->bucket[hash_id(c->id)];
        q->bucket[hash_id(c->id)] = i + 1;
    }
}

static void probe(struct query *q, uint32_t from_day, uint32_t days)
{
    for (uint32_t i = 0; i < CUSTOMERS; i++)
        q->group[i] = (struct group){.customer = i};
    for (uint32_t i = 0; i < ORDERS; i++) {
        const struct order *o = &q->orders[i];
        if ((o->day + DAYS - from_day) % DAYS >= days)
            continue;
        uint32_t c = q->bucket[hash_id(o->customer)];
        while (c && q->customers[c - 1].id != o->customer)
            c = q->customers[c - 1].next;
        if (!c)
            continue;
        q->group[c - 1].orders++;
        q->group[c - 1].sum += o->amount * (100 - q->customers[c - 1].discount);
    }
}

/* Largest sum first, then the lower customer. */
static int before(const struct group *a, const struct group *b)
{
    return a->sum != b->sum ? a->sum > b->sum : a->customer < b->customer;
}

static struct group *sort(struct group *v, struct group *other, uint32_t n)
{
    for (uint32_t width = 1; width < n; width *= 2) {
        for (uint32_t low = 0; low < n; low += 2 * width) {
            const uint32_t mid = low + width < n ? low + width : n;
            const uint32_t high = low + 2 * width < n ? low + 2 * width : n;
            uint32_t a = low, b = mid;
            for (uint32_t k = low; k < high; k++) {
                const int first = b == high || (a < mid && !before(&v[b], &v[a]));
                other[k] = v[first ? a++ : b++];
            }
        }
        struct group *t = v;
        v = other;
        other = t;
    }
    return v;
}

int main(int argc, char **argv)
{
    const uint32_t queries = number_argument_or(argc, argv, 1, "join: QUERIES", 2, 1, 1000000);
    struct query q = {get(CUSTOMERS, sizeof(struct customer)), get(ORDERS, sizeof(struct order)),
                      get(BUCKETS, sizeof(uint32_t)), get(CUSTOMERS, sizeof(struct group)),
                      get(CUSTOMERS, sizeof(struct group))};
    uint64_t random = 1, total = 0;
    for (uint32_t i = 0; i < CUSTOMERS; i++) {
        const uint64_t r = random_next(&random);
        q.customers[i] = (struct customer){
            .id = id_of(i), .region = (uint32_t)r % REGIONS, .discount = (uint32_t)(r >> 32) % 30};
    }
    for (uint32_t n = 0; n < queries; n++) {
        if (n % 8 == 0)
            draw_orders(&q, &random);
        build(&q, n % REGIONS);
        probe(&q, (uint32_t)random_next(&random) % DAYS,
              200 + (uint32_t)random_next(&random) % 600);
        const struct group *sorted = sort(q.group, q.other, CUSTOMERS);
        for (uint32_t i = 0; i < 100; i++)
            total += sorted[i].sum * (i + 1);
    }
    printf("join: %llu\n", (unsigned long long)total);
    return 0;
}
