/* kstring.c - bytes, text and checksums for the kernel, which has no C library. */
#include "kstring.h"

/* With bulk memory the builtins below are single instructions (memory.copy, memory.fill). */

void *memcpy(void *restrict dst, const void *restrict src, size_t n)
{
    return __builtin_memcpy(dst, src, n);
}

void *memmove(void *dst, const void *src, size_t n)
{
    return __builtin_memmove(dst, src, n);
}

void *memset(void *dst, int byte, size_t n)
{
    return __builtin_memset(dst, byte, n);
}

int memcmp(const void *a, const void *b, size_t n)
{
    const uint8_t *x = a, *y = b;
    for (size_t i = 0; i < n; i++) {
        if (x[i] != y[i])
            return x[i] < y[i] ? -1 : 1;
    }
    return 0;
}

size_t strlen(const char *s)
{
    const char *end = s;
    while (*end)
        end++;
    return (size_t)(end - s);
}

/* Length of the well-formed sequence at s (n >= 1 bytes are left), 0 when it is ill-formed:
 * table 3-7 of the Unicode standard. */
static uint32_t utf8_sequence(const uint8_t *s, uint32_t n)
{
    uint8_t first = s[0], low = 0x80, high = 0xbf;
    uint32_t len;
    if (first < 0x80)
        return 1;
    if (first < 0xc2 || first > 0xf4)
        return 0;
    len = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (first == 0xe0)
        low = 0xa0;
    else if (first == 0xed)
        high = 0x9f;
    else if (first == 0xf0)
        low = 0x90;
    else if (first == 0xf4)
        high = 0x8f;
    if (len > n || s[1] < low || s[1] > high)
        return 0;
    for (uint32_t i = 2; i < len; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    }
    return len;
}

int utf8_valid(const char *text, uint32_t n)
{
    const uint8_t *s = (const uint8_t *)text;
    for (uint32_t i = 0, len; i < n; i += len) {
        len = utf8_sequence(s + i, n - i);
        if (len == 0)
            return 0;
    }
    return 1;
}

uint32_t crc32(const void *data, uint32_t n)
{
    const uint8_t *p = data;
    uint32_t crc = ~0u;
    for (uint32_t i = 0; i < n; i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (0xedb88320u & (0u - (crc & 1)));
    }
    return ~crc;
}

uint32_t hash_bytes(uint32_t seed, const void *data, uint32_t n)
{
    const uint8_t *p = data;
    for (uint32_t i = 0; i < n; i++)
        seed = (seed ^ p[i]) * 16777619u;
    return seed;
}
