/* sort.c - quicksort of SIZE numbers of 32 bits: branches that nobody can predict. */
#include "tests/validate/kernel.h"

static uint32_t *from, *to;
static uint32_t n;

void prepare(uint32_t size)
{
    uint64_t random = 3;
    n = size;
    from = kernel_memory(n * sizeof *from);
    to = kernel_memory(n * sizeof *to);
    for (uint32_t i = 0; i < n; i++)
        from[i] = (uint32_t)random_next(&random);
}

static void swap(uint32_t *a, uint32_t *b)
{
    const uint32_t t = *a;
    *a = *b;
    *b = t;
}

static void insert(uint32_t *r, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++)
        for (uint32_t k = i; k > 0 && r[k] < r[k - 1]; k--)
            swap(&r[k], &r[k - 1]);
}

static void sort(uint32_t *r, uint32_t count)
{
    while (count > 12) {
        const uint32_t pivot = r[count / 2];
        uint32_t i = 0, k = count - 1;
        for (;;) {
            while (r[i] < pivot)
                i++;
            while (r[k] > pivot)
                k--;
            if (i >= k)
                break;
            swap(&r[i++], &r[k--]);
        }
        sort(r, k + 1);
        r += k + 1;
        count -= k + 1;
    }
    insert(r, count);
}

uint32_t run(uint32_t rounds)
{
    uint32_t sum = 0;
    for (uint32_t r = 0; r < rounds; r++) {
        for (uint32_t i = 0; i < n; i++)
            to[i] = from[i] ^ r * 0x9e3779b1u;
        sort(to, n);
        sum = sum * 31 + to[n / 3];
    }
    return sum;
}
