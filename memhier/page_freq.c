/* page_freq.c - resident pages by how often they were used. */
#include "memhier/page_freq.h"

#include <stdlib.h>

int page_freq_init(struct page_freq *f)
{
    f->newest = calloc(FREQ_MOST + 1, sizeof *f->newest);
    f->oldest = calloc(FREQ_MOST + 1, sizeof *f->oldest);
    return page_bits_init(&f->used, FREQ_MOST + 1) || !f->newest || !f->oldest ? -1 : 0;
}

void page_freq_free(struct page_freq *f)
{
    free(f->newest);
    free(f->oldest);
    page_bits_free(&f->used);
}
