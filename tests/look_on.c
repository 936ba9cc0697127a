/* look_on.c - the engine's loop with the check for preemption. */
/*
 * The measure of what the check costs. look_on.c and look_off.c are the same to the compiler, and
 * where one has the check's nine bytes, the other has an instruction of nine bytes that does
 * nothing: all other code is at the same addresses. Without that, where code happens to lie moves
 * the time of either by ten percent, many times what the check costs.
 */
#define OBSERVED  0
#define METERED   0
#define EXEC_NAME exec_look_on
#define LOOK()    __asm__ goto("test %0, %0\n\tjns %l[preempted]" : : "r"(due) : "cc" : preempted)
#include "wasmcore/exec.inc"
