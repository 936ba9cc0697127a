/* lz.c - a compressor of the LZ77 family: hash chains over a large window, literals and copies. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guestos/lib/hash.h"
#include "guestos/lib/number.h"

/*
 *   lz BYTES
 *
 * Makes a text of that many bytes out of 20,000 made-up words by Zipf's law, with phrases that come
 * back, compresses it against a window of 4 MiB, unpacks it and compares. Prints the size.
 */
#define WINDOW    (1u << 22)
#define HASH_BITS 16u
#define SHORTEST  5u
#define LONGEST   (SHORTEST + 254u)
#define CHAIN     24u
#define WORDS     20000u
#define WORD      12u
#define PHRASE    400u

static void *get(size_t bytes)
{
    void *p = calloc(bytes, 1);
    if (p)
        return p;
    fprintf(stderr, "lz: out of memory\n");
    exit(1);
}

/* A rank by weight 1/r, nearly: a power of two, then any below it. */
static uint32_t draw_rank(uint64_t *random)
{
    const uint32_t octave = 1u << random_next(random) % 14;
    return (octave + (uint32_t)random_next(random) % octave) % WORDS;
}

static void make_text(uint8_t *text, uint32_t bytes)
{
    uint8_t(*word)[WORD] = get(WORDS * WORD);
    uint64_t random = 1;
    for (uint32_t i = 0; i < WORDS; i++)
        for (uint32_t k = 0, n = 2 + (uint32_t)random_next(&random) % (WORD - 3); k < n; k++)
            word[i][k] = (uint8_t)('a' + random_next(&random) % 26);
    for (uint32_t at = 0; at < bytes;) {
        if (at > PHRASE && random_next(&random) % 32 == 0) {
            const uint32_t from = (uint32_t)random_next(&random) % (at - PHRASE);
            const uint32_t n = bytes - at < PHRASE ? bytes - at : PHRASE;
            memcpy(text + at, text + from, n);
            at += n;
            continue;
        }
        for (const uint8_t *w = word[draw_rank(&random)]; *w && at < bytes; w++)
            text[at++] = *w;
        if (at < bytes)
            text[at++] = ' ';
    }
    free(word);
}

static uint32_t hash_of(const uint8_t *p)
{
    uint32_t x;
    memcpy(&x, p, sizeof x);
    return (x ^ p[4] * 0x9e3779b1u) * 0x85ebca6bu >> (32 - HASH_BITS);
}

static uint32_t match_length(const uint8_t *a, const uint8_t *b, uint32_t most)
{
    uint32_t n = 0;
    while (n < most && a[n] == b[n])
        n++;
    return n;
}

/* A control byte: 0 and a literal, or a length and four bytes of distance. */
static uint32_t pack(const uint8_t *text, uint32_t bytes, uint8_t *out)
{
    uint32_t *head = get((1u << HASH_BITS) * sizeof *head); /* position plus 1 */
    uint32_t *before = get(WINDOW * sizeof *before), n = 0;
    for (uint32_t at = 0; at < bytes;) {
        uint32_t best = 0, distance = 0, step = 1;
        const uint32_t left = bytes - at, most = left < LONGEST ? left : LONGEST;
        if (left > SHORTEST) {
            uint32_t p = head[hash_of(text + at)];
            for (uint32_t i = 0; p && at - (p - 1) < WINDOW && i < CHAIN; i++) {
                const uint32_t length = match_length(text + p - 1, text + at, most);
                if (length > best) {
                    best = length;
                    distance = at - (p - 1);
                }
                p = before[(p - 1) % WINDOW];
            }
        }
        if (best >= SHORTEST) {
            out[n++] = (uint8_t)(best - SHORTEST + 1);
            memcpy(out + n, &distance, sizeof distance);
            n += sizeof distance;
            step = best;
        } else {
            out[n++] = 0;
            out[n++] = text[at];
        }
        for (; step > 0; step--, at++)
            if (bytes - at > SHORTEST) {
                uint32_t *h = &head[hash_of(text + at)];
                before[at % WINDOW] = *h;
                *h = at + 1;
            }
    }
    free(head);
    free(before);
    return n;
}

static uint32_t unpack(const uint8_t *in, uint32_t n, uint8_t *text)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < n;) {
        const uint32_t control = in[i++];
        if (!control) {
            text[at++] = in[i++];
            continue;
        }
        uint32_t distance;
        memcpy(&distance, in + i, sizeof distance);
        i += sizeof distance;
        for (uint32_t k = 0; k < control + SHORTEST - 1; k++, at++)
            text[at] = text[at - distance];
    }
    return at;
}

int main(int argc, char **argv)
{
    const uint32_t bytes = number_argument_or(argc, argv, 1, "lz: BYTES", 1000000, 1000, 100000000);
    uint8_t *text = get(bytes + 8), *packed = get(2ul * bytes + 8), *again = get(bytes + 8);
    make_text(text, bytes);
    const uint32_t n = pack(text, bytes, packed);
    if (unpack(packed, n, again) != bytes || memcmp(text, again, bytes) != 0) {
        fprintf(stderr, "lz: what came back differs\n");
        return 1;
    }
    printf("lz: %u bytes packed into %u\n", bytes, n);
    return 0;
}
