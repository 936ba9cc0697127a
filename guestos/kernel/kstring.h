/* kstring.h - bytes, text and checksums for the kernel, which has no C library. */
#ifndef KERNEL_KSTRING_H
#define KERNEL_KSTRING_H

#include <stddef.h>
#include <stdint.h>

/* As in <string.h>; the compiler calls these too. */
void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);

/* Is [text, text + n) well-formed UTF-8 (no overlong forms, no surrogates)? */
int utf8_valid(const char *text, uint32_t n);

/* Checksums: CRC-32 (IEEE 802.3, reflected) of n bytes, and a 32-bit hash for tables (FNV-1a). */
uint32_t crc32(const void *data, uint32_t n);
uint32_t hash_bytes(uint32_t seed, const void *data, uint32_t n);
#define HASH_SEED 2166136261u

#endif
