/* exec_observed_metered.c - the engine's loop with a log, for threads whose fuel is limited. */
#define OBSERVED  1
#define METERED   1
#define EXEC_NAME exec_observed_metered
#include "wasmcore/exec.inc"
