/* trap.h - guest traps: their words, and how a fault of the host becomes one. */
#ifndef WASMCORE_TRAP_H
#define WASMCORE_TRAP_H

#include <setjmp.h>

#include "wasmcore/engine.h"

/*
 * Loads and stores of guests are not checked: an address out of bounds hits pages of the space's
 * reservation that the host has not mapped. The fault handler finds out whether the address belongs
 * to a space and, if so and if this host thread is inside trap_catch, jumps there. Any other fault
 * goes to the handler that was installed before. SIGBUS is left alone: pages without access give
 * SIGSEGV, SIGBUS says that the host has no memory for a page that is there, and that is no trap.
 *
 *     struct trap_guard g;
 *     trap_enter(&g);
 *     if (sigsetjmp(g.env, 0) == 0) ... run ...
 *     else ... it was a guest fault ...
 *     trap_leave(&g);
 *
 * Guards nest.
 */
struct trap_guard {
    sigjmp_buf env;
    struct trap_guard *outer;
};

/* Install the handler; once per process, later calls do nothing. 0 or -1. */
int trap_install(void);
void trap_enter(struct trap_guard *g);
void trap_leave(struct trap_guard *g);

#endif
