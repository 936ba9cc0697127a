/* look_off.c - the engine's loop without the check for preemption: see look_on.c. */
#define OBSERVED  0
#define METERED   0
#define EXEC_NAME exec_look_off
#define LOOK()                                                                                     \
    __asm__ goto(".byte 0x66, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0" : : "r"(due) : "cc" : preempted)
#include "wasmcore/exec.inc"
