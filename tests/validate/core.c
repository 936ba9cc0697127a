/* core.c - lists, small matrices, a state machine, checksums (the program benchcore's). */
#include "tests/validate/program.h"
#include "guestos/programs/benchcore.c"
#include "tests/validate/kernel.h"

static uint64_t state;

void prepare(uint32_t size)
{
    state = size;
}

uint32_t run(uint32_t rounds)
{
    uint16_t crc = 0xffff;
    for (uint32_t i = 0; i < rounds; i++) {
        state ^= crc;
        crc = bench_list(&state, crc);
        crc = bench_matrix(&state, crc);
        crc = bench_states(&state, crc);
    }
    return crc;
}
