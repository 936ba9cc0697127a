/* hotcold.c - a program with hot and cold pages, for tiering: hotcold MIB STEPS. Says whether its
 * memory holds at the end what it stored. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define PAGE_WORDS 8192u /* 64 KiB */
#define HOT_EVERY  8u    /* one page of so many gets nine of ten accesses */

static uint64_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

int main(int argc, char **argv)
{
    const uint32_t pages = argc > 1 ? (uint32_t)atoi(argv[1]) * 16 : 16;
    const uint32_t steps = argc > 2 ? (uint32_t)atoi(argv[2]) : 1000;
    const size_t words = (size_t)pages * PAGE_WORDS;
    uint64_t *memory = malloc(words * sizeof *memory);
    uint64_t *added = calloc(pages, sizeof *added);
    uint64_t random = 1, wrong = 0;
    if (!memory || !added)
        return 1;
    for (size_t i = 0; i < words; i++)
        memory[i] = i;
    for (uint32_t i = 0; i < steps; i++) {
        uint32_t page = (uint32_t)(next_random(&random) % pages);
        if (i % 10)
            page = page / HOT_EVERY * HOT_EVERY;
        const size_t word = (size_t)page * PAGE_WORDS + next_random(&random) % PAGE_WORDS;
        memory[word] += i;
        added[page] += i;
    }
    for (uint32_t page = 0; page < pages; page++) {
        uint64_t sum = 0;
        for (uint32_t i = 0; i < PAGE_WORDS; i++)
            sum += memory[(size_t)page * PAGE_WORDS + i] - ((size_t)page * PAGE_WORDS + i);
        wrong += sum != added[page];
    }
    printf("%u pages, %u wrong\n", pages, (unsigned)wrong);
    return wrong != 0;
}
