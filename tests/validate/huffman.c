/* huffman.c - decodes SIZE thousand symbols of a prefix code, bit buffer and table of eight bits.
 */
#include "tests/validate/kernel.h"

/* Symbol s has s + 1 bits, s ones and a zero; the last has no zero. */
#define SYMBOLS 9u

static uint8_t *bits; /* of the encoded text */
static uint32_t n;
static struct {
    uint8_t symbol, length;
} table[256];

static uint32_t length_of(uint32_t symbol)
{
    return symbol + 1 < SYMBOLS ? symbol + 1 : SYMBOLS - 1;
}

static void make_table(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t s = 0;
        while (s < SYMBOLS - 1 && i >> s & 1)
            s++;
        table[i].symbol = (uint8_t)s;
        table[i].length = (uint8_t)length_of(s);
    }
}

void prepare(uint32_t size)
{
    uint64_t random = 29;
    uint32_t at = 0;
    n = size * 1000;
    bits = kernel_memory(n + 64);
    for (uint32_t i = 0; i < n + 64; i++)
        bits[i] = 0;
    make_table();
    for (uint32_t i = 0; i < n; i++) {
        uint32_t s = 0;
        for (uint64_t x = random_next(&random) >> 32; s < SYMBOLS - 1 && (x & 7) < 4; x >>= 3)
            s++;
        for (uint32_t k = 0; k < length_of(s); k++, at++)
            if (k < s)
                bits[at >> 3] |= (uint8_t)(1u << (at & 7));
    }
}

uint32_t run(uint32_t rounds)
{
    uint32_t sum = 0;
    for (uint32_t r = 0; r < rounds; r++) {
        uint32_t at = 0, buffer = 0, have = 0;
        for (uint32_t i = 0; i < n; i++) {
            while (have < 8) {
                buffer |= (uint32_t)bits[at++] << have;
                have += 8;
            }
            const uint32_t k = buffer & 255;
            sum = sum * 3 + table[k].symbol;
            buffer >>= table[k].length;
            have -= table[k].length;
        }
    }
    return sum;
}
