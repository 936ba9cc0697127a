/* bytecode.c - an interpreter (the program bytecode's), 3n + 1 for n below SIZE: indirect branches.
 */
#include "tests/validate/program.h"
#define run interpret
#include "guestos/programs/bench/bytecode.c"
#undef run
#include "tests/validate/kernel.h"

static struct code code;
static uint32_t limit;

void prepare(uint32_t size)
{
    limit = size;
    write_program(&code);
}

uint32_t run(uint32_t rounds)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < rounds; i++) {
        uint32_t variable[VARIABLES] = {0};
        variable[LIMIT] = limit;
        sum += (uint32_t)interpret(&code, variable);
    }
    return sum;
}
