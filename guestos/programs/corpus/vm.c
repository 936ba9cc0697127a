/* vm.c - an interpreter of byte code with a heap of cells and a collector. */
#include <stdio.h>
#include <stdlib.h>

#include "guestos/lib/hash.h"
#include "guestos/lib/number.h"

/*
 *   vm INSERTS
 *
 * A stack machine; a value is a number (odd: twice the number plus one) or a cell (even: twice its
 * index, 0: nil). Cells are pairs; when none is free, those that the stack reaches are marked and
 * the others swept. The program that it runs inserts INSERTS numbers drawn at random into a search
 * tree, without changing a cell that is there: each insert makes the path to the new leaf anew, as
 * functional programs do. Every 40,000 inserts the tree is summed up and dropped. A tree is nil or
 * (key left . right).
 */
#define CELLS 600000u
#define STACK 100000u
#define BATCH 40000u

enum op { PUSH, ARG, NIL, CONS, CAR, CDR, LESS, ADD, JUMP_IF, JUMP_UNLESS, CALL, RETURN };

struct instruction {
    uint8_t op, args; /* of a call */
    uint16_t to;      /* argument, target, constant */
};

#define INSERT 0u
#define SUM    39u

static const struct instruction code[] = {
    /* insert(tree, key): nil becomes a leaf */
    {ARG, 0, 0},
    {JUMP_IF, 0, 8},
    {ARG, 0, 1},
    {NIL, 0, 0},
    {NIL, 0, 0},
    {CONS, 0, 0},
    {CONS, 0, 0},
    {RETURN, 0, 0},
    /* 8: key < car(tree)? */
    {ARG, 0, 1},
    {ARG, 0, 0},
    {CAR, 0, 0},
    {LESS, 0, 0},
    {JUMP_UNLESS, 0, 26},
    /* 13: (car(tree) insert(left, key) . right) */
    {ARG, 0, 0},
    {CAR, 0, 0},
    {ARG, 0, 0},
    {CDR, 0, 0},
    {CAR, 0, 0},
    {ARG, 0, 1},
    {CALL, 2, INSERT},
    {ARG, 0, 0},
    {CDR, 0, 0},
    {CDR, 0, 0},
    {CONS, 0, 0},
    {CONS, 0, 0},
    {RETURN, 0, 0},
    /* 26: (car(tree) left . insert(right, key)) */
    {ARG, 0, 0},
    {CAR, 0, 0},
    {ARG, 0, 0},
    {CDR, 0, 0},
    {CAR, 0, 0},
    {ARG, 0, 0},
    {CDR, 0, 0},
    {CDR, 0, 0},
    {ARG, 0, 1},
    {CALL, 2, INSERT},
    {CONS, 0, 0},
    {CONS, 0, 0},
    {RETURN, 0, 0},
    /* 39: sum(tree) */
    {ARG, 0, 0},
    {JUMP_IF, 0, 43},
    {PUSH, 0, 0},
    {RETURN, 0, 0},
    /* 43: car(tree) + sum(left) + sum(right) */
    {ARG, 0, 0},
    {CAR, 0, 0},
    {ARG, 0, 0},
    {CDR, 0, 0},
    {CAR, 0, 0},
    {CALL, 1, SUM},
    {ADD, 0, 0},
    {ARG, 0, 0},
    {CDR, 0, 0},
    {CDR, 0, 0},
    {CALL, 1, SUM},
    {ADD, 0, 0},
    {RETURN, 0, 0},
};

struct cell {
    uint32_t car, cdr;
};

struct vm {
    struct cell cell[CELLS];
    uint8_t mark[CELLS];
    uint32_t work[2 * CELLS + STACK]; /* of the collector */
    uint32_t stack[STACK], sp;
    uint32_t free; /* list through car; 0 ends it */
    uint64_t steps, collections;
};

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "vm: %s\n", what);
    exit(1);
}

static uint32_t add_work(struct vm *m, uint32_t n, uint32_t value)
{
    if (!(value & 1) && value && !m->mark[value / 2])
        m->work[n++] = value / 2;
    return n;
}

static void collect(struct vm *m)
{
    uint32_t n = 0;
    m->collections++;
    for (uint32_t i = 0; i < m->sp; i++)
        n = add_work(m, n, m->stack[i]);
    while (n > 0) {
        const uint32_t c = m->work[--n];
        if (m->mark[c])
            continue;
        m->mark[c] = 1;
        n = add_work(m, n, m->cell[c].car);
        n = add_work(m, n, m->cell[c].cdr);
    }
    m->free = 0;
    for (uint32_t c = CELLS - 1; c > 0; c--) {
        if (!m->mark[c]) {
            m->cell[c].car = m->free;
            m->free = c;
        }
        m->mark[c] = 0;
    }
}

static void push(struct vm *m, uint32_t value)
{
    if (m->sp == STACK)
        fail("the stack is full");
    m->stack[m->sp++] = value;
}

static void cons(struct vm *m)
{
    if (!m->free)
        collect(m);
    const uint32_t c = m->free;
    if (!c)
        fail("the heap is full");
    m->free = m->cell[c].car;
    m->cell[c] = (struct cell){m->stack[m->sp - 2], m->stack[m->sp - 1]};
    m->sp--;
    m->stack[m->sp - 1] = 2 * c;
}

/* Calls a function whose arguments are on the stack; its result takes their place. Return addresses
 * and frames are on the stack, too, as numbers. */
static void run(struct vm *m, uint32_t entry, uint32_t args)
{
    const uint32_t outermost = m->sp - args;
    uint32_t pc = entry, fp = outermost, *s = m->stack;
    push(m, 1);
    push(m, 1);
    for (;;) {
        const struct instruction i = code[pc++];
        m->steps++;
        switch ((enum op)i.op) {
        case PUSH:
            push(m, 2u * i.to + 1);
            break;
        case ARG:
            push(m, s[fp + i.to]);
            break;
        case NIL:
            push(m, 0);
            break;
        case CONS:
            cons(m);
            break;
        case CAR:
            s[m->sp - 1] = m->cell[s[m->sp - 1] / 2].car;
            break;
        case CDR:
            s[m->sp - 1] = m->cell[s[m->sp - 1] / 2].cdr;
            break;
        case LESS:
            m->sp--;
            s[m->sp - 1] = s[m->sp - 1] < s[m->sp] ? 3 : 1;
            break;
        case ADD:
            m->sp--;
            s[m->sp - 1] = (s[m->sp - 1] + s[m->sp] - 1) | 1;
            break;
        case JUMP_IF:
            if (s[--m->sp] > 1)
                pc = i.to;
            break;
        case JUMP_UNLESS:
            if (s[--m->sp] <= 1)
                pc = i.to;
            break;
        case CALL:
            push(m, 2 * pc + 1);
            push(m, 2 * fp + 1);
            fp = m->sp - 2 - i.args;
            pc = i.to;
            break;
        case RETURN: { /* what the caller pushed lies above the arguments */
            const uint32_t result = s[m->sp - 1], back = m->sp - 3;
            const uint32_t at = fp;
            pc = s[back] / 2;
            fp = s[back + 1] / 2;
            m->sp = at;
            push(m, result);
            if (at == outermost)
                return;
            break;
        }
        }
    }
}

int main(int argc, char **argv)
{
    const uint32_t inserts = number_argument_or(argc, argv, 1, "vm: INSERTS", 20000, 1, 100000000);
    struct vm *m = calloc(1, sizeof *m);
    uint64_t random = 1, total = 0;
    if (!m)
        fail("out of memory");
    collect(m);
    push(m, 0);
    for (uint32_t n = 1; n <= inserts; n++) {
        push(m, (uint32_t)(random_next(&random) % 1000000007) * 2 + 1);
        run(m, INSERT, 2);
        if (n % BATCH && n < inserts)
            continue;
        run(m, SUM, 1);
        total += m->stack[0] / 2;
        m->stack[0] = 0;
    }
    printf("vm: %llu instructions, %llu collections, sum %llu\n", (unsigned long long)m->steps,
           (unsigned long long)m->collections, (unsigned long long)total);
    return 0;
}
