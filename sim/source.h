/* source.h - a config file as read: its text with @includes put in, libconfig's tree of it, and the
 * file and line of each setting. */
#ifndef SIM_SOURCE_H
#define SIM_SOURCE_H

#include <stddef.h>

/*
 * @include is expanded here and not by libconfig: so its path is relative to the file that it
 * stands in, and a folder or an endless circle of includes is an error instead of the end of the
 * process. On the way, whole numbers that need more than 32 bits get the L without which
 * libconfig 1.5 reads them wrongly.
 */
#define SOURCE_MAX_BYTES (256u << 10) /* all files together */
#define SOURCE_MAX_DEPTH 16
#define SOURCE_MAX_FILES 256

struct source;
struct config_setting_t; /* libconfig.h */

/* NULL and "FILE: …" or "FILE:LINE: …". */
struct source *source_read(const char *path, char *err, size_t errlen);
void source_free(struct source *s); /* NULL is fine */
const char *source_path(const struct source *s);
/* The root group; valid until source_free. */
struct config_setting_t *source_root(const struct source *s);
/* "FILE:LINE" of a setting of this source; free it. */
char *source_where(const struct source *s, const struct config_setting_t *at);
/* Format "FILE:LINE: message" for a setting of this source into err. Returns -1. */
int source_fail(const struct source *s, const struct config_setting_t *at, char *err, size_t errlen,
                const char *fmt, ...) __attribute__((format(printf, 5, 6)));

#endif
