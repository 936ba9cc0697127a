/* param.h - boot parameters. */
#ifndef KERNEL_PARAM_H
#define KERNEL_PARAM_H

#include <stdint.h>

/* The value of a parameter with a NUL behind it, from kalloc: its length, or -ENOENT. Longer than
 * PARAM_MAX bytes: the boot is refused. */
#define PARAM_MAX (512u << 10)
int32_t param_get(const char *name, char **value);

/* A decimal number within [low, high], or `fallback` when there is no such parameter; anything else
 * and the boot is refused. */
uint32_t param_number(const char *name, uint32_t fallback, uint32_t low, uint32_t high);

/* Is the parameter there and has this value? */
int param_is(const char *name, const char *value);

#endif
