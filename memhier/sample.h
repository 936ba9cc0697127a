/* sample.h - which sets of a cache are sampled by policies that learn, and which row each has. */
#ifndef MEMHIER_SAMPLE_H
#define MEMHIER_SAMPLE_H

#include <stdint.h>

/*
 * Of each run of sets / want sets one is sampled (want: a power of two), each time at another
 * offset (the run's number modulo the length), so that strides do not miss them all. The row is the
 * run's number, so no two sampled sets share one. A cache of fewer sets samples all of them.
 */
#define SAMPLE_SETS 64u
#define SAMPLE_NONE UINT32_MAX

struct sample {
    uint32_t shift, mask;
};

static inline void sample_start(struct sample *s, uint32_t sets, uint32_t want)
{
    const uint32_t length = sets > want ? sets / want : 1;
    s->mask = length - 1;
    s->shift = (uint32_t)__builtin_ctz(length);
}

/* 0 to the wanted number - 1, or SAMPLE_NONE. */
static inline uint32_t sample_row(const struct sample *s, uint32_t set)
{
    const uint32_t run = set >> s->shift;
    return (set & s->mask) == (run & s->mask) ? run : SAMPLE_NONE;
}

#endif
