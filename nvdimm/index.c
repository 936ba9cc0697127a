/* index.c - where in an array the entry with a given key is: making an empty one. */
#include "nvdimm/index.h"

#include <stdlib.h>
#include <string.h>

int index_init(struct index *x, uint32_t entries)
{
    unsigned bits = 4;
    while (bits < 20 && (1u << bits) < 2 * entries)
        bits++;
    x->shift = 64 - bits;
    x->head = malloc((sizeof *x->head) << bits);
    x->next = malloc(sizeof *x->next * entries);
    if (!x->head || !x->next)
        return -1;
    memset(x->head, 0xff, (sizeof *x->head) << bits);
    return 0;
}

void index_free(struct index *x)
{
    free(x->head);
    free(x->next);
}
