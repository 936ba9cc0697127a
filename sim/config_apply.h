/* config_apply.h - the steps of config_load one by one, for experiments: defaults, source,
 * assignments. */
#ifndef SIM_CONFIG_APPLY_H
#define SIM_CONFIG_APPLY_H

#include "sim/config.h"
#include "sim/source.h"

struct config *config_default(void);
/* The file's keys, then its `override` groups. */
int config_apply_source(struct config *cfg, const struct source *source, char *err, size_t errlen);
/* The text of an assignment that stands in a file. */
int config_assign_setting(struct config *cfg, const struct source *source,
                          const struct config_setting_t *setting, char *err, size_t errlen);
/* Messages begin with "-s path=value: ". */
int config_apply_assignments(struct config *cfg, const char *const *assignments, size_t n,
                             char *err, size_t errlen);
/* Settle and check the name; path may be NULL. */
int config_finish(struct config *cfg, const char *path, char *err, size_t errlen);

#endif
