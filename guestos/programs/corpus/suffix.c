/* suffix.c - an index of all suffixes of a text, and searches in it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guestos/lib/hash.h"
#include "guestos/lib/number.h"

/*
 *   suffix BYTES
 *
 * Makes a text of that many bytes whose words come back, sorts all its suffixes by prefix doubling
 * (Manber and Myers, SIAM J. Computing 22, 1993; with a radix sort of the pairs of ranks), and
 * looks up 100,000 words by binary search. Prints how often they were found.
 */
#define WORDS    2000u
#define SEARCHES 100000u
#define WORD     10u

struct index {
    uint8_t *text;
    uint32_t n, *order, *rank, *spare, *count;
};

static void *get(size_t n, size_t each)
{
    void *p = calloc(n, each);
    if (p)
        return p;
    fprintf(stderr, "suffix: out of memory\n");
    exit(1);
}

static void make_text(struct index *x, char (*word)[WORD])
{
    uint64_t random = 1;
    for (uint32_t i = 0; i < WORDS; i++)
        for (uint32_t k = 0, n = 2 + (uint32_t)random_next(&random) % (WORD - 3); k < n; k++)
            word[i][k] = (char)('a' + random_next(&random) % 20);
    for (uint32_t at = 0; at < x->n;) {
        const uint32_t octave = 1u << random_next(&random) % 11;
        const char *w = word[(octave + random_next(&random) % octave) % WORDS];
        while (*w && at < x->n)
            x->text[at++] = (uint8_t)*w++;
        if (at < x->n)
            x->text[at++] = ' ';
    }
}

/* Order by rank, what comes in `by` being in order already; ranks are below `ranks`. */
static void sort_by_rank(struct index *x, const uint32_t *by, uint32_t ranks)
{
    memset(x->count, 0, (ranks + 1) * sizeof *x->count);
    for (uint32_t i = 0; i < x->n; i++)
        x->count[x->rank[i] + 1]++;
    for (uint32_t r = 0; r < ranks; r++)
        x->count[r + 1] += x->count[r];
    for (uint32_t i = 0; i < x->n; i++)
        x->order[x->count[x->rank[by[i]]]++] = by[i];
}

static uint32_t rank_at(const struct index *x, uint32_t i)
{
    return i < x->n ? x->rank[i] + 1 : 0;
}

static void build(struct index *x)
{
    uint32_t ranks = 256, n = 0;
    for (uint32_t i = 0; i < x->n; i++) {
        x->rank[i] = x->text[i];
        x->spare[i] = i;
    }
    sort_by_rank(x, x->spare, ranks);
    for (uint32_t width = 1; width < x->n && n + 1 < x->n; width *= 2) {
        uint32_t k = 0;
        for (uint32_t i = x->n > width ? x->n - width : 0; i < x->n; i++)
            x->spare[k++] = i; /* nothing follows: first */
        for (uint32_t i = 0; i < x->n; i++)
            if (x->order[i] >= width)
                x->spare[k++] = x->order[i] - width;
        sort_by_rank(x, x->spare, ranks);
        n = 0;
        x->spare[x->order[0]] = 0;
        for (uint32_t i = 1; i < x->n; i++) {
            const uint32_t a = x->order[i - 1], b = x->order[i];
            n += x->rank[a] != x->rank[b] || rank_at(x, a + width) != rank_at(x, b + width);
            x->spare[b] = n;
        }
        memcpy(x->rank, x->spare, x->n * sizeof *x->rank);
        ranks = n + 1;
    }
}

/* How many suffixes begin with the word. */
static uint32_t find(const struct index *x, const char *word)
{
    const size_t length = strlen(word);
    uint32_t edge[2];
    for (int upper = 0; upper < 2; upper++) {
        uint32_t low = 0, high = x->n;
        while (low < high) {
            const uint32_t mid = (low + high) / 2;
            const int c = strncmp((const char *)x->text + x->order[mid], word, length);
            if (c < 0 || (upper && c == 0))
                low = mid + 1;
            else
                high = mid;
        }
        edge[upper] = low;
    }
    return edge[1] - edge[0];
}

int main(int argc, char **argv)
{
    struct index x = {
        .n = number_argument_or(argc, argv, 1, "suffix: BYTES", 100000, 1000, 20000000)};
    char(*word)[WORD] = get(WORDS, sizeof *word);
    uint64_t random = 2, found = 0;
    const uint32_t ranks = x.n > 256 ? x.n : 256;
    x.text = get(x.n + 1, 1);
    x.order = get(x.n, sizeof *x.order);
    x.rank = get(x.n, sizeof *x.rank);
    x.spare = get(x.n, sizeof *x.spare);
    x.count = get(ranks + 2, sizeof *x.count);
    make_text(&x, word);
    build(&x);
    for (uint32_t i = 0; i < SEARCHES; i++)
        found += find(&x, word[random_next(&random) % WORDS]);
    printf("suffix: %llu found\n", (unsigned long long)found);
    return 0;
}
