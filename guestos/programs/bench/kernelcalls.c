/* kernelcalls.c - a kernel call again and again, for measuring what one costs. */
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "guestos/lib/number.h"
#include "pwk.h"

/* The same loop without a call: what is subtracted. */
static inline uint32_t nothing(uint32_t x)
{
    __asm__ volatile("" : "+r"(x));
    return x;
}

static void yields(uint32_t n)
{
    while (n--)
        sched_yield();
}

/* Two processes that take turns. */
static void switches(char *self, uint32_t n)
{
    char number[16];
    snprintf(number, sizeof number, "%u", n / 2);
    const char *argv[] = {self, "yield", number, NULL};
    int32_t pid = pwk_spawn(self, (uint32_t)strlen(self), argv, NULL);
    yields(n / 2);
    pwk_wait((uint32_t)pid, NULL, 0);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    const uint32_t n = number_argument_or(argc, argv, 2, "N", 1000000, 1, UINT32_MAX);
    uint32_t sum = 0;
    if (strcmp(what, "empty") == 0)
        for (uint32_t i = 0; i < n; i++)
            sum += nothing(i);
    else if (strcmp(what, "null") == 0)
        for (uint32_t i = 0; i < n; i++)
            sum += pwk_self();
    else if (strcmp(what, "yield") == 0)
        yields(n);
    else if (strcmp(what, "switch") == 0)
        switches(argv[0], n);
    else
        return fputs("usage: kernelcalls empty|null|yield|switch [N]\n", stderr), 2;
    return sum == UINT32_MAX;
}
