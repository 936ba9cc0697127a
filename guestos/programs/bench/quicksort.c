/* quicksort.c - sorts KIB times 1024 bytes of 64-byte records: branches that nobody can predict. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "guestos/lib/number.h"

struct record {
    uint64_t key, value[7];
};

/* xorshift64 (Marsaglia, "Xorshift RNGs", 2003). */
static uint64_t draw(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return *x;
}

static void swap(struct record *a, struct record *b)
{
    struct record t = *a;
    *a = *b;
    *b = t;
}

static void insert(struct record *r, size_t n)
{
    for (size_t i = 1; i < n; i++)
        for (size_t k = i; k > 0 && r[k].key < r[k - 1].key; k--)
            swap(&r[k], &r[k - 1]);
}

/* Hoare's partition around the middle record; short runs by insertion. */
static void sort(struct record *r, size_t n)
{
    while (n > 12) {
        const uint64_t pivot = r[n / 2].key;
        size_t i = 0, k = n - 1;
        for (;;) {
            while (r[i].key < pivot)
                i++;
            while (r[k].key > pivot)
                k--;
            if (i >= k)
                break;
            swap(&r[i++], &r[k--]);
        }
        size_t low = k + 1;
        sort(r, low);
        r += low;
        n -= low;
    }
    insert(r, n);
}

int main(int argc, char **argv)
{
    size_t n = (size_t)number_argument_or(argc, argv, 1, "KIB", 8192, 1, 1 << 20) * 1024 /
               sizeof(struct record);
    struct record *r = malloc(n * sizeof *r);
    uint64_t x = 88172645463325252u, sum = 0;
    if (!r) {
        fputs("quicksort: out of memory\n", stderr);
        return 1;
    }
    for (size_t i = 0; i < n; i++)
        r[i] = (struct record){draw(&x), {i}};
    sort(r, n);
    for (size_t i = 1; i < n; i++) {
        if (r[i].key < r[i - 1].key)
            return 2;
        sum = sum * 31 + r[i].value[0];
    }
    printf("quicksort %u: %08x\n", (unsigned)n, (unsigned)(sum ^ sum >> 32));
    free(r);
    return 0;
}
