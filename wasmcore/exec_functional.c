/* exec_functional.c - the engine's loop without a log. */
#define OBSERVED  0
#define METERED   0
#define EXEC_NAME exec_functional
#include "wasmcore/exec.inc"
