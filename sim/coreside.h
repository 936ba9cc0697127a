/* coreside.h - the core of a machine as its configuration describes it. */
#ifndef SIM_CORESIDE_H
#define SIM_CORESIDE_H

#include <stddef.h>

#include "cpu/core.h"
#include "sim/config.h"

/* 0, or -1 and a message: ports that are no ports. Ranges are checked by the models. */
int core_config_of(const struct config *cfg, struct core_config *out, char *err, size_t errlen);

/* A core of the model that core.model names, which is not functional, made of what core_config_of
 * says. NULL and a message, with where the key was set that it is about. */
struct core *core_make(const struct config *cfg, const struct core_config *cc,
                       const struct core_env *env, char *err, size_t errlen);

/* The table of the model that core.model names, NULL: functional, nothing is timed. */
const struct core_ops *core_model_of(const struct config *cfg);

#endif
