/* c20.c - C20: one process stores a price, another reads it, derives an invoice from it and makes
 * that durable. broken: the price is not durable yet when it is told; unflushed is the same with a
 * flush whose fence comes later. */
#include "pm.h"
#include <unistd.h>

struct shop {
    _Alignas(64) volatile uint64_t price;
    _Alignas(64) volatile uint64_t invoice;
};

static void tell(int fd)
{
    if (write(fd, "x", 1) != 1)
        exit(9);
}

static void wait_for(int fd)
{
    char c;
    if (read(fd, &c, 1) != 1)
        exit(9);
}

/* The child, which sets the price. Descriptors 0: to hear, 1: to tell. */
static int seller(const char *how)
{
    struct shop *s = pm_open("c20", sizeof *s);
    for (uint64_t i = 1; i <= 3; i++) {
        s->price = 100 * i;
        if (strcmp(how, "broken") != 0)
            pmem_clwb((void *)&s->price);
        if (strcmp(how, "correct") == 0)
            pmem_sfence();
        tell(1);
        wait_for(0);
        if (strcmp(how, "broken") == 0)
            pmem_clwb((void *)&s->price);
        if (strcmp(how, "correct") != 0)
            pmem_sfence();
    }
    return 0;
}

static int buyer(char **argv)
{
    int32_t to[2], from[2];
    struct shop *s = pm_open("c20", sizeof *s);
    const char *const child[] = {argv[0], "seller", argv[1], NULL};
    if (pwk_pipe(to) || pwk_pipe(from))
        return 9;
    const int32_t fds[] = {to[0], from[1], 2, PWK_FD_END};
    if (pwk_spawn(argv[0], (uint32_t)strlen(argv[0]), child, fds) < 0)
        return 9;
    for (uint64_t i = 1; i <= 3; i++) {
        wait_for(from[0]);
        s->invoice = s->price + 1;
        pmem_persist((void *)&s->invoice, sizeof s->invoice);
        tell(to[1]);
    }
    return pwk_wait(0, NULL, 0) < 0 ? 9 : 0;
}

int main(int argc, char **argv)
{
    if (pm_is(argc, argv, "seller"))
        return argc > 2 ? seller(argv[2]) : 9;
    if (!pm_is(argc, argv, "check"))
        return argc > 1 ? buyer(argv) : 9;
    const struct shop *s = pm_open("c20", sizeof *s);
    if (s->invoice > s->price + 1)
        pm_inconsistent("there is an invoice for a price that was never set");
    return 0;
}
