/* trapdemo.c - traps a few calls deep, to show what the machine reports about it. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/*
 *   trapdemo bounds|unreachable|divide|signature|stack
 *
 * Each function is kept apart from its caller so that the back trace has all of them.
 */
#define APART __attribute__((noinline))

typedef int unary(int);
typedef int binary(int, int);

static volatile uint32_t far_away = 0xfffffff0u;
static volatile int zero;

APART static int read_out_of_bounds(int x)
{
    return *(volatile int *)(uintptr_t)far_away + x;
}

APART static int reach_the_unreachable(int x)
{
    if (x >= zero)
        __builtin_trap();
    return x;
}

APART static int divide_by_zero(int x)
{
    return x / zero;
}

APART static int add(int a, int b)
{
    return a + b;
}

APART static int call_with_wrong_type(int x)
{
    binary *volatile f = add;
    return ((unary *)(void *)f)(x);
}

APART static int recurse_for_ever(int x)
{
    if (x < zero)
        return 0;
    return recurse_for_ever(x + 1) + zero;
}

static const struct {
    const char *name;
    unary *f;
} ways[] = {
    {"bounds", read_out_of_bounds}, {"unreachable", reach_the_unreachable},
    {"divide", divide_by_zero},     {"signature", call_with_wrong_type},
    {"stack", recurse_for_ever},
};

APART static int third(unary *f, int x)
{
    return f(x) + 3;
}

APART static int second(unary *f, int x)
{
    return third(f, x + 1) + 2;
}

APART static int first(unary *f, int x)
{
    return second(f, x + 1) + 1;
}

int main(int argc, char **argv)
{
    const char *want = argc > 1 ? argv[1] : "bounds";
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        if (strcmp(ways[i].name, want) == 0) {
            printf("about to trap: %s\n", want);
            fflush(stdout);
            return first(ways[i].f, argc);
        }
    }
    fprintf(stderr,
            "trapdemo: '%s' is no way to trap: bounds, unreachable, divide, signature or "
            "stack\n",
            want);
    return 2;
}
