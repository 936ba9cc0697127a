/* page_bits.c - a set of numbers below a limit that finds its least and its greatest quickly. */
#include "memhier/page_bits.h"

#include <stdlib.h>

int page_bits_init(struct page_bits *b, uint64_t limit)
{
    uint64_t words[BITS_LEVELS], all = 0;
    *b = (struct page_bits){0};
    do {
        limit = (limit + 63) / 64;
        words[b->levels++] = limit;
        all += limit;
    } while (limit > 1 && b->levels < BITS_LEVELS);
    b->level[0] = calloc(all + 1, sizeof *b->level[0]);
    if (!b->level[0])
        return -1;
    for (unsigned l = 1; l < b->levels; l++)
        b->level[l] = b->level[l - 1] + words[l - 1];
    return 0;
}

void page_bits_free(struct page_bits *b)
{
    free(b->level[0]);
}
