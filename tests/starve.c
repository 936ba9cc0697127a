/* starve.c - loaded before a program (LD_PRELOAD): from some allocation on it gets no memory.
 *
 * STARVE_AT=N: the N-th and all after it fail; 0: none does, and their number is written to
 * standard error at the end. Only calls from the program itself count: what libraries do without
 * memory is theirs.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);

static uintptr_t low, high; /* the program's addresses; 0: not known yet */
static long at, calls;

/* The program is the first object. */
static int look(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void)size;
    (void)arg;
    low = info->dlpi_addr;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const uintptr_t end = low + info->dlpi_phdr[i].p_vaddr + info->dlpi_phdr[i].p_memsz;
        if (info->dlpi_phdr[i].p_type == PT_LOAD && end > high)
            high = end;
    }
    return 1;
}

__attribute__((constructor)) static void begin(void)
{
    const char *text = getenv("STARVE_AT");
    at = text ? atol(text) : 0;
    dl_iterate_phdr(look, NULL);
}

__attribute__((destructor)) static void end(void)
{
    if (at == 0)
        fprintf(stderr, "%ld\n", calls);
}

static int starves(const void *caller)
{
    const uintptr_t from = (uintptr_t)caller;
    if (from < low || from >= high)
        return 0;
    const long n = __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED);
    if (at == 0 || n < at)
        return 0;
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t n)
{
    return starves(__builtin_return_address(0)) ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
    return starves(__builtin_return_address(0)) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
    return starves(__builtin_return_address(0)) ? NULL : __libc_realloc(p, n);
}
