/* look.c - a loop of the engine whose check for preemption can be taken out while it stands. */
/*
 * Two copies of a loop cannot be compared: where code lies moves the time of a program by several
 * percent, even if the copies are equal byte by byte and their addresses modulo 4096 too. So there
 * is one copy, in which the checks are rewritten:
 *
 *     LOOK_ON    test r, r          jns preempted
 *     LOOK_OFF   nopw 0(rax, rax)   (all nine bytes)
 *     LOOK_STOP  test r, r          nop; jmp preempted
 *
 * The other places of the code, the thread's data and the code that it runs stay where they are.
 * Wherever in a check the processor is when a handler writes LOOK_STOP over it, it finds the
 * beginning of an instruction there. The loop is left as by preemption.
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/look.h"

#define OBSERVED  0
#define METERED   0
#define EXEC_NAME exec_look
#define LOOK()                                                                                     \
    __asm__ goto("1:\ttest %0, %0\n\tjns %l[preempted]\n"                                          \
                 "2:\t.pushsection look_sites, \"a\"\n\t.long 1b - ., 2b - .\n\t.popsection"       \
                 :                                                                                 \
                 : "r"(due)                                                                        \
                 : "cc"                                                                            \
                 : preempted)
#include "wasmcore/exec.inc"

enum { BYTES = 9, JNS = 3, SITES = 512 };

/* Of each check the distances to its first byte and to the one behind it, from these fields. */
struct site {
    int32_t begin, end;
};
/* the linker's, of the section */
extern const struct site __start_look_sites[], __stop_look_sites[];

static uint8_t as_built[SITES][BYTES];

static size_t site_count(void)
{
    return (size_t)(__stop_look_sites - __start_look_sites);
}

static uint8_t *site_at(const int32_t *field)
{
    return (uint8_t *)((uintptr_t)field + (uintptr_t)(intptr_t)*field);
}

int look_init(void)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t low = UINTPTR_MAX, high = 0;
    if (site_count() == 0 || site_count() > SITES)
        return -1;
    for (size_t i = 0; i < site_count(); i++) {
        const struct site *s = &__start_look_sites[i];
        const uint8_t *at = site_at(&s->begin);
        if (site_at(&s->end) - at != BYTES || at[JNS] != 0x0f || at[JNS + 1] != 0x89)
            return -1;
        memcpy(as_built[i], at, BYTES);
        low = (uintptr_t)at < low ? (uintptr_t)at : low;
        high = (uintptr_t)at + BYTES > high ? (uintptr_t)at + BYTES : high;
    }
    low -= low % page;
    return mprotect((void *)low, high - low, PROT_READ | PROT_WRITE | PROT_EXEC);
}

void look_set(enum look how)
{
    static const uint8_t nothing[BYTES] = {0x66, 0x0f, 0x1f, 0x84}, jump[2] = {0x90, 0xe9};
    for (size_t i = 0; i < site_count(); i++) {
        uint8_t *at = site_at(&__start_look_sites[i].begin);
        memcpy(at, how == LOOK_OFF ? nothing : as_built[i], BYTES);
        if (how == LOOK_STOP)
            memcpy(at + JNS, jump, sizeof jump);
    }
}
