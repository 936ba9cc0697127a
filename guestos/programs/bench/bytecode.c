/* bytecode.c - an interpreter of a stack machine, whose program follows 3n + 1 for n below LIMIT:
 * indirect branches, and conditional ones that depend on data. */
#include <stdint.h>
#include <stdio.h>

#include "guestos/lib/number.h"

enum op { PUSH, LOAD, STORE, ADD, MUL, SHIFT, AND, LESS, EQUAL, JUMP, JUMP_IF_NOT, HALT };

struct code {
    struct {
        int32_t op, operand;
    } at[128];
    int32_t n;
};

static int32_t emit(struct code *c, enum op op, int32_t operand)
{
    c->at[c->n].op = op;
    c->at[c->n].operand = operand;
    return c->n++;
}

static void jump_here(struct code *c, int32_t jump)
{
    c->at[jump].operand = c->n;
}

/* variable = variable op number */
static void change(struct code *c, int32_t variable, enum op op, int32_t number)
{
    emit(c, LOAD, variable);
    emit(c, PUSH, number);
    emit(c, op, 0);
    emit(c, STORE, variable);
}

enum { I, N, STEPS, LIMIT, VARIABLES };

static void write_program(struct code *c)
{
    emit(c, PUSH, 1);
    emit(c, STORE, I);
    const int32_t outer = emit(c, LOAD, I);
    emit(c, LOAD, LIMIT);
    emit(c, LESS, 0);
    const int32_t done = emit(c, JUMP_IF_NOT, 0);
    emit(c, LOAD, I);
    emit(c, STORE, N);
    const int32_t inner = emit(c, PUSH, 1);
    emit(c, LOAD, N);
    emit(c, LESS, 0);
    const int32_t next = emit(c, JUMP_IF_NOT, 0);
    emit(c, LOAD, N);
    emit(c, PUSH, 1);
    emit(c, AND, 0);
    const int32_t even = emit(c, JUMP_IF_NOT, 0);
    change(c, N, MUL, 3);
    change(c, N, ADD, 1);
    const int32_t count = emit(c, JUMP, 0);
    jump_here(c, even);
    change(c, N, SHIFT, 1);
    jump_here(c, count);
    change(c, STEPS, ADD, 1);
    emit(c, JUMP, inner);
    jump_here(c, next);
    change(c, I, ADD, 1);
    emit(c, JUMP, outer);
    jump_here(c, done);
    emit(c, HALT, 0);
}

static uint64_t run(const struct code *c, uint32_t variable[VARIABLES])
{
    uint32_t stack[16], *top = stack;
    uint64_t executed = 0;
    for (int32_t pc = 0;; pc++) {
        const int32_t operand = c->at[pc].operand;
        executed++;
        switch ((enum op)c->at[pc].op) {
        case PUSH:
            *top++ = (uint32_t)operand;
            break;
        case LOAD:
            *top++ = variable[operand];
            break;
        case STORE:
            variable[operand] = *--top;
            break;
        case ADD:
            top--;
            top[-1] += top[0];
            break;
        case MUL:
            top--;
            top[-1] *= top[0];
            break;
        case SHIFT:
            top--;
            top[-1] >>= top[0];
            break;
        case AND:
            top--;
            top[-1] &= top[0];
            break;
        case LESS:
            top--;
            top[-1] = top[-1] < top[0];
            break;
        case EQUAL:
            top--;
            top[-1] = top[-1] == top[0];
            break;
        case JUMP:
            pc = operand - 1;
            break;
        case JUMP_IF_NOT:
            if (!*--top)
                pc = operand - 1;
            break;
        case HALT:
            return executed;
        }
    }
}

int main(int argc, char **argv)
{
    static struct code code;
    uint32_t variable[VARIABLES] = {0};
    variable[LIMIT] = number_argument_or(argc, argv, 1, "LIMIT", 3000, 1, 100000);
    write_program(&code);
    const uint64_t executed = run(&code, variable);
    printf("bytecode %u: %u steps, %llu executed\n", (unsigned)variable[LIMIT],
           (unsigned)variable[STEPS], (unsigned long long)executed);
    return 0;
}
