/* coreside.h - the core of a machine as its configuration describes it. */
#ifndef SIM_CORESIDE_H
#define SIM_CORESIDE_H

#include <stddef.h>

#include "cpu/core.h"
#include "sim/config.h"

/* 0, or -1 and a message: ports that are no ports. Ranges are checked by the models. */
int core_config_of(const struct config *cfg, struct core_config *out, char *err, size_t errlen);

/* The table of the model that core.model names, NULL: functional, nothing is timed. */
const struct core_ops *core_model_of(const struct config *cfg);

#endif
