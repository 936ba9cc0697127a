/* lz.c - compresses SIZE KiB of text: hash chains, matches, and Huffman-like bit lengths. */
#include <string.h>

#include "tests/validate/kernel.h"

#define WINDOW    32768u
#define HASH_BITS 15u
#define SHORTEST  4u
#define LONGEST   258u
#define CHAIN     16u

static uint8_t *text;
static uint32_t *head, *before, counts[512], bytes;
static uint64_t bits;

/* Words of two to nine letters, some far more frequent than others. */
void prepare(uint32_t size)
{
    uint64_t random = 13;
    bytes = size * 1024;
    text = kernel_memory(bytes + 16);
    head = kernel_memory((1u << HASH_BITS) * sizeof *head);
    before = kernel_memory(WINDOW * sizeof *before);
    for (uint32_t i = 0; i < bytes;) {
        const uint64_t r = random_next(&random);
        const uint32_t octave = 1u << r % 12;
        uint64_t word = octave + (r >> 32) % octave;
        for (uint32_t k = 2 + word % 8; k > 0 && i < bytes; k--) {
            word = word * 6364136223846793005u + 1442695040888963407u;
            text[i++] = (uint8_t)('a' + (word >> 40) % 26);
        }
        text[i++] = ' ';
    }
}

static uint32_t hash_of(const uint8_t *p)
{
    uint32_t x;
    memcpy(&x, p, sizeof x);
    return x * 0x9e3779b1u >> (32 - HASH_BITS);
}

static uint32_t length_of(const uint8_t *a, const uint8_t *b, uint32_t most)
{
    uint32_t n = 0;
    while (n < most && a[n] == b[n])
        n++;
    return n;
}

static uint32_t longest(uint32_t at, uint32_t *distance)
{
    const uint32_t left = bytes - at, most = left < LONGEST ? left : LONGEST;
    uint32_t best = 0, p = head[hash_of(text + at)];
    for (uint32_t i = 0; p && at - (p - 1) < WINDOW && i < CHAIN; i++) {
        if (text[p - 1 + best] == text[at + best]) {
            const uint32_t n = length_of(text + p - 1, text + at, most);
            if (n > best) {
                best = n;
                *distance = at - (p - 1);
                if (best == most)
                    break;
            }
        }
        p = before[(p - 1) % WINDOW];
    }
    return best;
}

static void count(uint32_t symbol, uint32_t extra)
{
    counts[symbol]++;
    bits += extra;
}

/* What the symbols would take: the bits of total over count, each. */
static void add_up(void)
{
    uint32_t total = 0;
    for (uint32_t i = 0; i < 512; i++)
        total += counts[i];
    for (uint32_t i = 0; i < 512; i++) {
        uint32_t length = 0;
        while (counts[i] && total >> length > counts[i])
            length++;
        bits += (uint64_t)counts[i] * length;
        counts[i] = 0;
    }
}

static void compress(void)
{
    for (uint32_t i = 0; i < 1u << HASH_BITS; i++)
        head[i] = 0;
    for (uint32_t at = 0; at < bytes;) {
        uint32_t distance = 0, step = longest(at, &distance);
        if (step >= SHORTEST) {
            count(256 + step % 128, (uint32_t)(32 - __builtin_clz(distance)));
        } else {
            count(text[at], 0);
            step = 1;
        }
        for (; step > 0; step--, at++) {
            uint32_t *h = &head[hash_of(text + at)];
            before[at % WINDOW] = *h;
            *h = at + 1;
        }
    }
    add_up();
}

uint32_t run(uint32_t rounds)
{
    for (uint32_t r = 0; r < rounds; r++)
        compress();
    return (uint32_t)bits;
}
