/* match.h - which ways of a set hold a tag: all tags compared at once. */
#ifndef MEMHIER_MATCH_H
#define MEMHIER_MATCH_H

#include <stdint.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* Of 4, 8 or 16 (2^stride_shift) tags that start at a multiple of 16 bytes: bit w is set when tag w
 * equals tag. */
static inline uint32_t match_tags(const uint32_t *tags, uint32_t stride_shift, uint32_t tag)
{
#ifdef __SSE2__
    const __m128i *t = (const __m128i *)(const void *)tags;
    __m128i key = _mm_set1_epi32((int)tag);
    __m128i a = _mm_cmpeq_epi32(t[0], key);
    if (stride_shift == 2)
        return (uint32_t)_mm_movemask_ps(_mm_castsi128_ps(a));
    __m128i ab = _mm_packs_epi32(a, _mm_cmpeq_epi32(t[1], key));
    if (stride_shift == 3)
        return (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(ab, _mm_setzero_si128()));
    __m128i cd = _mm_packs_epi32(_mm_cmpeq_epi32(t[2], key), _mm_cmpeq_epi32(t[3], key));
    return (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(ab, cd));
#else
    typedef uint32_t four __attribute__((vector_size(16), aligned(16)));
    const four *t = (const four *)(const void *)tags;
    const four key = {tag, tag, tag, tag}, bit = {1, 2, 4, 8};
    four found = (four)(t[0] == key) & bit;
    for (uint32_t i = 1; i < 1u << (stride_shift - 2); i++)
        found |= (four)(t[i] == key) & (bit << (4 * i));
    return found[0] | found[1] | found[2] | found[3];
#endif
}

#endif
