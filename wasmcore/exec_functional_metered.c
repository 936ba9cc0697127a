/* exec_functional_metered.c - the engine's loop without a log, for threads whose fuel is limited.
 */
#define OBSERVED  0
#define METERED   1
#define EXEC_NAME exec_functional_metered
#include "wasmcore/exec.inc"
