/* fib.c - the SIZEth Fibonacci number by double recursion: calls and returns. */
#include "tests/validate/kernel.h"

static uint32_t size_of;

void prepare(uint32_t size)
{
    size_of = size;
}

__attribute__((noinline)) static uint32_t fib(uint32_t n)
{
    return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

uint32_t run(uint32_t rounds)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < rounds; i++)
        sum += fib(size_of - i % 2);
    return sum;
}
