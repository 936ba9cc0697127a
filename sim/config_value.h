/* config_value.h - one key's value: from text or libconfig's types into the field, and back. */
#ifndef SIM_CONFIG_VALUE_H
#define SIM_CONFIG_VALUE_H

#include "sim/config.h"

struct config_setting_t; /* libconfig.h */

/* Set a field from the text of an assignment (config.h) or from a setting. -1 and what is wrong and
 * was expected, without the key's name; the field is then as it was. */
int value_from_text(struct config *cfg, const struct config_key *key, const char *text, char *err,
                    size_t errlen);
int value_from_setting(struct config *cfg, const struct config_key *key,
                       const struct config_setting_t *setting, char *err, size_t errlen);

/* Canonical libconfig text; hashed: of a FILE only the last part of its path. Free it. */
char *value_text(const struct config *cfg, const struct config_key *key, int hashed);

/* After a plain copy of the struct: give the copy its own strings. */
void value_own(struct config *cfg, const struct config_key *key);
void value_free(struct config *cfg, const struct config_key *key);

#endif
