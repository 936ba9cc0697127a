/* fib.c - Fibonacci numbers by double recursion: calls and returns. */
#include <stdint.h>
#include <stdio.h>

#include "guestos/lib/number.h"

__attribute__((noinline)) static uint32_t fib(uint32_t n)
{
    return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

int main(int argc, char **argv)
{
    uint32_t n = number_argument_or(argc, argv, 1, "N", 27, 0, 45);
    printf("fib %u: %u\n", (unsigned)n, (unsigned)fib(n));
    return 0;
}
