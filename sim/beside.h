/* beside.h - files that are installed in the folder of the binary. */
#ifndef SIM_BESIDE_H
#define SIM_BESIDE_H

#include <limits.h>

/* The path of name in the folder of the running binary. 0, or -1: unknown, or too long. */
int beside_binary(const char *name, char path[static PATH_MAX]);

#endif
