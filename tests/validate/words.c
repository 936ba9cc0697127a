/* words.c - a prefix tree of words, built and asked: pointers, bytes, short loops. */
#include "tests/validate/kernel.h"

struct node {
    uint32_t child, sibling, count; /* by number, 0: none */
    uint8_t letter;
};
static struct node *nodes;
static uint8_t *text;
static uint32_t bytes, used;

void prepare(uint32_t size)
{
    uint64_t random = 19;
    bytes = size * 1024;
    text = kernel_memory(bytes);
    nodes = kernel_memory((bytes + 2) * sizeof *nodes);
    for (uint32_t i = 0; i < bytes;) {
        const uint64_t r = random_next(&random);
        uint64_t word = r % 7 < 4 ? r >> 8 & 63 : r >> 8 & 4095;
        for (uint32_t k = 2 + word % 7; k > 0 && i < bytes; k--) {
            word = word * 6364136223846793005u + 1442695040888963407u;
            text[i++] = (uint8_t)('a' + (word >> 40) % 26);
        }
        if (i < bytes)
            text[i++] = ' ';
    }
}

static uint32_t child_of(uint32_t at, uint8_t letter)
{
    uint32_t c = nodes[at].child;
    while (c && nodes[c].letter != letter)
        c = nodes[c].sibling;
    if (!c) {
        c = ++used;
        nodes[c] = (struct node){0, nodes[at].child, 0, letter};
        nodes[at].child = c;
    }
    return c;
}

uint32_t run(uint32_t rounds)
{
    uint32_t sum = 0;
    for (uint32_t r = 0; r < rounds; r++) {
        used = 1;
        nodes[1] = (struct node){0};
        for (uint32_t i = 0, at = 1; i < bytes; i++) {
            if (text[i] == ' ') {
                sum += ++nodes[at].count;
                at = 1;
            } else {
                at = child_of(at, text[i]);
            }
        }
    }
    return sum + used;
}
