/* libc.c - an ordinary C program: memory that grows, printing, sorting, arguments, random bytes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"

extern char **environ;

static struct checks c;

static int ascending(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

static void memory(void)
{
    enum { BLOCKS = 64, BYTES = 200000 }; /* 12.8 MB in all */
    unsigned char *block[BLOCKS];
    int wrong = 0;
    for (int i = 0; i < BLOCKS; i++) {
        block[i] = malloc(BYTES);
        CHECK(&c, block[i] != NULL);
        if (block[i])
            memset(block[i], i, BYTES);
    }
    for (int i = 0; i < BLOCKS; i++) {
        for (int k = 0; block[i] && k < BYTES; k += 997)
            wrong += block[i][k] != i;
        free(block[i]);
    }
    CHECK_EQ(&c, wrong, 0);
}

static void text(void)
{
    char buf[128];
    snprintf(buf, sizeof buf, "%d %u %s %c %08.3f %g %llx %5s|", -5, 7u, "text", 'c', 3.14159,
             1e100, 0x123456789abcdefull, "ab");
    CHECK(&c, strcmp(buf, "-5 7 text c 0003.142 1e+100 123456789abcdef    ab|") == 0);
    CHECK(&c, strtod("2.5e3", NULL) == 2500.0);
    CHECK(&c, sqrt(2.0) > 1.41421356 && sqrt(2.0) < 1.41421357);
    CHECK(&c, fabs(sin(1.0) - 0.84147098480789650665) < 1e-15);
}

static void sorting(void)
{
    static int n[1000];
    int wrong = 0;
    for (int i = 0; i < 1000; i++)
        n[i] = (i * 7919) % 1000; /* 7919 has no factor of 1000: a permutation */
    qsort(n, 1000, sizeof *n, ascending);
    for (int i = 0; i < 1000; i++)
        wrong += n[i] != i;
    CHECK_EQ(&c, wrong, 0);
}

static void random_bytes(void)
{
    unsigned char a[300] = {0}, b[300] = {0};
    int seen = 0;
    for (int i = 0; i < 300; i += 100) {
        CHECK_EQ(&c, getentropy(a + i, 100), 0);
        CHECK_EQ(&c, getentropy(b + i, 100), 0);
    }
    CHECK(&c, memcmp(a, b, sizeof a) != 0);
    for (int i = 0; i < 300; i++)
        seen |= a[i];
    CHECK_EQ(&c, seen, 0xff);
}

int main(int argc, char **argv)
{
    CHECK(&c, argc >= 1 && argv[0][0] != 0 && argv[argc] == NULL);
    CHECK(&c, environ == NULL || getenv("THERE IS NO SUCH NAME") == NULL);
    memory();
    text();
    sorting();
    random_bytes();
    return check_end(&c);
}
