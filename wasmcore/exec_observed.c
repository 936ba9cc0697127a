/* exec_observed.c - the engine's loop with a log of blocks and addresses. */
#define OBSERVED  1
#define METERED   0
#define EXEC_NAME exec_observed
#include "wasmcore/exec.inc"
