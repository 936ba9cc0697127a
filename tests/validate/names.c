/* names.c - a hash table from names to numbers: SIZE thousand look-ups of 2,000 names, compared
 * byte by byte. */
#include "tests/validate/kernel.h"

#define NAMES 2000u
#define SLOTS 4096u

struct slot {
    char name[24];
    uint32_t length, count;
};
static struct slot *slots;
static char (*names)[24];
static uint32_t *lengths, thousands;

void prepare(uint32_t size)
{
    uint64_t random = 23;
    thousands = size;
    slots = kernel_memory(SLOTS * sizeof *slots);
    names = kernel_memory(NAMES * sizeof *names);
    lengths = kernel_memory(NAMES * sizeof *lengths);
    for (uint32_t i = 0; i < NAMES; i++) {
        lengths[i] = 3 + (uint32_t)(random_next(&random) >> 60);
        for (uint32_t k = 0; k < lengths[i]; k++)
            names[i][k] = (char)('a' + (random_next(&random) >> 59) % 26);
    }
}

static uint32_t hash(const char *name, uint32_t length)
{
    uint32_t h = 2166136261u;
    for (uint32_t i = 0; i < length; i++)
        h = (h ^ (uint8_t)name[i]) * 16777619u;
    return h;
}

static int same(const char *a, const char *b, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (a[i] != b[i])
            return 0;
    return 1;
}

static struct slot *find(const char *name, uint32_t length)
{
    uint32_t i = hash(name, length) % SLOTS;
    while (slots[i].length && !(slots[i].length == length && same(slots[i].name, name, length)))
        i = (i + 1) % SLOTS;
    return &slots[i];
}

uint32_t run(uint32_t rounds)
{
    uint32_t sum = 0;
    for (uint32_t r = 0; r < rounds; r++) {
        uint64_t random = 7;
        for (uint32_t i = 0; i < SLOTS; i++)
            slots[i].length = slots[i].count = 0;
        for (uint32_t i = 0; i < thousands * 1000; i++) {
            const uint32_t k = (uint32_t)((random_next(&random) >> 33) % NAMES);
            struct slot *s = find(names[k], lengths[k]);
            if (!s->length) {
                s->length = lengths[k];
                for (uint32_t j = 0; j < lengths[k]; j++)
                    s->name[j] = names[k][j];
            }
            sum += ++s->count * (i & 15);
        }
    }
    return sum;
}
