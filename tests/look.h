/* look.h - a loop of the engine whose check for preemption can be taken out while it stands. */
#ifndef TESTS_LOOK_H
#define TESTS_LOOK_H

#include "wasmcore/state.h"

/* exec_functional with the check as nine bytes that look_set rewrites. x86-64 only. */
exec_fn exec_look;

enum look {
    LOOK_ON,  /* the check as it is */
    LOOK_OFF, /* instead of each an instruction of nine bytes that does nothing */
    LOOK_STOP /* each stops: the run ends with RUN_PREEMPT at its next taken branch or call */
};

/* Makes the code writable. 0, or -1: the host does not allow it, or a check is not as expected. */
int look_init(void);

/* After look_init; what is running heeds it too, so a signal's handler may call it. */
void look_set(enum look how);

#endif
