/* outputs.h - files that a run writes in the end or on its way: could they be written? */
#ifndef SIM_OUTPUTS_H
#define SIM_OUTPUTS_H

#include <stddef.h>

#include "sim/config.h"

/*
 * Asked before a run begins, which may take hours. What the answer rests on may change until then,
 * so whoever writes looks again. Nothing is made or changed (sim/file.h).
 */

/* The files that keys of the config name, and the folder of an image that is to be replaced. 0, or
 * -1 and a message that says where the key was set. */
int outputs_check(const struct config *cfg, char *err, size_t errlen);

#endif
