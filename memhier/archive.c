/* archive.c - components write their state to a run of bytes and read it back, by the same code. */
#include "memhier/archive.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define CONTENTS_AT 16u
#define DIGEST_AT   24u

static const char magic[8] = "pwsimCKP";

/* ---- the header ---- */

static void put_number(uint8_t *to, uint64_t x, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        to[i] = (uint8_t)(x >> 8 * i);
}

static uint64_t get_number(const uint8_t *from, unsigned bytes)
{
    uint64_t x = 0;
    for (unsigned i = 0; i < bytes; i++)
        x |= (uint64_t)from[i] << 8 * i;
    return x;
}

int archive_fail(struct archive *a, const char *why)
{
    if (!a->failed)
        a->failed = why;
    return -1;
}

void archive_begin(struct archive *a)
{
    uint8_t header[ARCHIVE_HEADER] = {0};
    *a = (struct archive){.writing = 1};
    memcpy(header, magic, sizeof magic);
    archive_raw(a, header, sizeof header);
}

void archive_free(struct archive *a)
{
    if (a->writing)
        free(a->bytes);
    a->bytes = NULL;
}

static void digest(const struct archive *a, uint8_t out[16])
{
    XXH128_canonical_t c;
    XXH128_canonicalFromHash(&c, XXH3_128bits(a->bytes + ARCHIVE_HEADER, a->n - ARCHIVE_HEADER));
    memcpy(out, c.digest, sizeof c.digest);
}

int archive_seal(struct archive *a)
{
    if (a->failed)
        return -1;
    put_number(a->bytes + sizeof magic, ARCHIVE_VERSION, 4);
    put_number(a->bytes + CONTENTS_AT, a->n - ARCHIVE_HEADER, 8);
    digest(a, a->bytes + DIGEST_AT);
    return 0;
}

int archive_open(struct archive *a, const uint8_t *bytes, size_t n)
{
    uint8_t sum[16];
    *a = (struct archive){.bytes = (uint8_t *)(uintptr_t)bytes, .n = n, .at = ARCHIVE_HEADER};
    if (n < ARCHIVE_HEADER || memcmp(bytes, magic, sizeof magic) != 0)
        return archive_fail(a, "not a checkpoint");
    if (get_number(bytes + sizeof magic, 8) != ARCHIVE_VERSION)
        return archive_fail(a, "a checkpoint of another version");
    if (get_number(bytes + CONTENTS_AT, 8) != n - ARCHIVE_HEADER)
        return archive_fail(a, "cut off, or longer than it says");
    digest(a, sum);
    if (memcmp(sum, bytes + DIGEST_AT, sizeof sum) != 0)
        return archive_fail(a, "damaged: its checksum is wrong");
    return 0;
}

/* ---- contents ---- */

static int reserve(struct archive *a, size_t n)
{
    if (a->n + n <= a->cap)
        return 0;
    const size_t cap = 2 * (a->n + n);
    uint8_t *p = realloc(a->bytes, cap);
    if (!p)
        return archive_fail(a, "out of memory");
    a->bytes = p;
    a->cap = cap;
    return 0;
}

void archive_raw(struct archive *a, void *p, size_t n)
{
    if (a->writing) {
        if (n == 0 || a->failed || reserve(a, n))
            return;
        memcpy(a->bytes + a->n, p, n);
        a->n += n;
        return;
    }
    if (!a->failed && n > archive_left(a))
        archive_fail(a, "damaged: it ends too early");
    if (a->failed) {
        if (n)
            memset(p, 0, n);
        return;
    }
    if (n)
        memcpy(p, a->bytes + a->at, n);
    a->at += n;
}

static uint64_t number(struct archive *a, uint64_t x, unsigned bytes)
{
    uint8_t b[8];
    put_number(b, x, bytes);
    archive_raw(a, b, bytes);
    return a->writing ? x : get_number(b, bytes);
}

void archive_u8(struct archive *a, uint8_t *x)
{
    *x = (uint8_t)number(a, *x, 1);
}

void archive_u16(struct archive *a, uint16_t *x)
{
    *x = (uint16_t)number(a, *x, 2);
}

void archive_u32(struct archive *a, uint32_t *x)
{
    *x = (uint32_t)number(a, *x, 4);
}

void archive_u64(struct archive *a, uint64_t *x)
{
    *x = number(a, *x, 8);
}

void archive_count(struct archive *a, uint32_t *n, uint32_t most, size_t least)
{
    archive_u32(a, n);
    if (a->writing)
        return;
    if (*n > most || (least && *n > archive_left(a) / least)) {
        archive_fail(a, "damaged: a number in it is too large");
        *n = 0;
    }
}

void archive_mark(struct archive *a, const char tag[4])
{
    char t[4];
    memcpy(t, tag, sizeof t);
    archive_raw(a, t, sizeof t);
    if (memcmp(t, tag, sizeof t) != 0)
        archive_fail(a, "damaged: its parts are not where they should be");
}

void archive_section(struct archive *a, const char tag[4], uint32_t version)
{
    archive_mark(a, tag);
    if (!a->failed && archive_put32(a, version) != version && !a->failed)
        archive_fail(a, "made by another version of pwsim: a part of it has another form");
}

/* ---- numbers with limits ---- */

/* Numbers of `bytes` bytes each, at p in the host's order, all below the limit. */
static void numbers(struct archive *a, void *p, size_t n, unsigned bytes, uint64_t limit)
{
    uint8_t *at = p;
    for (size_t i = 0; i < n; i++, at += bytes) {
        uint64_t x = 0;
        memcpy(&x, at, bytes);
        x = number(a, x, bytes);
        if (x >= limit && limit && !a->writing) {
            archive_fail(a, "damaged: a number in it is too large");
            x = 0;
        }
        memcpy(at, &x, bytes);
    }
}
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers() copies the low bytes");

void archive_u8_below(struct archive *a, uint8_t *x, uint32_t limit)
{
    numbers(a, x, 1, 1, limit);
}

void archive_u16_below(struct archive *a, uint16_t *x, uint32_t limit)
{
    numbers(a, x, 1, 2, limit);
}

void archive_u32_below(struct archive *a, uint32_t *x, uint64_t limit)
{
    numbers(a, x, 1, 4, limit);
}

void archive_u64_below(struct archive *a, uint64_t *x, uint64_t limit)
{
    numbers(a, x, 1, 8, limit);
}

void archive_u8s(struct archive *a, uint8_t *x, size_t n, uint32_t limit)
{
    numbers(a, x, n, 1, limit);
}

void archive_u16s(struct archive *a, uint16_t *x, size_t n, uint32_t limit)
{
    numbers(a, x, n, 2, limit);
}

void archive_u32s(struct archive *a, uint32_t *x, size_t n, uint64_t limit)
{
    numbers(a, x, n, 4, limit);
}

void archive_u64s(struct archive *a, uint64_t *x, size_t n)
{
    numbers(a, x, n, 8, 0);
}

void archive_time(struct archive *a, uint64_t *t)
{
    numbers(a, t, 1, 8, ARCHIVE_TIME_LIMIT);
}

void archive_times(struct archive *a, uint64_t *t, size_t n)
{
    numbers(a, t, n, 8, ARCHIVE_TIME_LIMIT);
}

void archive_same(struct archive *a, uint64_t x)
{
    if (archive_put64(a, x) != x)
        archive_fail(a, "made with other sizes");
}
