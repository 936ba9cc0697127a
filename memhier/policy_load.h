/* policy_load.h - replacement policies from shared objects that users build outside this tree. */
#ifndef MEMHIER_POLICY_LOAD_H
#define MEMHIER_POLICY_LOAD_H

#include <stddef.h>

#include "memhier/policy.h"

/* A policy's name that has a slash in it is the path of a shared object. */
int policy_is_path(const char *name);

/*
 * The symbol `cache_policy` of a shared object, checked: it was built for POLICY_ABI and has every
 * function. *handle keeps the object in memory until policy_unload. NULL and a message, without
 * effect, when it cannot be loaded. What its code then does cannot be checked: it is trusted as the
 * binary itself is.
 */
const struct policy *policy_load(const char *path, void **handle, char *err, size_t errlen);
void policy_unload(void *handle); /* NULL is fine */

#endif
