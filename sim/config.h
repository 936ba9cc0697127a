/* config.h - the configuration of one simulated machine: every key of keys.def as a typed field. */
#ifndef SIM_CONFIG_H
#define SIM_CONFIG_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * A config file is libconfig text. The path "l1d.size" is the key `size` in the group `l1d`. Files
 * may @include others, relative to the file that includes. Precedence, weakest first: the defaults
 * of keys.def, the file's keys, the groups `override` (and `override_…`) in the order of the text,
 * command-line assignments in their order. An `experiment` group is left to experiment.h.
 *
 * The text of an assignment "path=value": numbers, sizes, times, names and booleans as in a file
 * but without quotes; a list of strings either comma-separated ("program.args=a,b c" has two) or as
 * libconfig text (`program.args=["a,b","c"]`); nothing after the "=" is the empty string or list.
 */

struct strs {
    char **v; /* v[n] is NULL */
    size_t n;
};

enum config_type {
    CONFIG_INT,   /* uint64_t */
    CONFIG_BYTES, /* uint64_t */
    CONFIG_TIME,  /* uint64_t, picoseconds */
    CONFIG_FREQ,  /* uint64_t, Hz */
    CONFIG_BOOL,  /* uint8_t */
    CONFIG_STR,   /* char *, never NULL */
    CONFIG_FILE,  /* char *, never NULL: path of an input, from the current directory */
    CONFIG_STRS,  /* struct strs */
    CONFIG_ENUM   /* uint32_t: position in choices */
};

#define CONFIG_C_INT   uint64_t
#define CONFIG_C_BYTES uint64_t
#define CONFIG_C_TIME  uint64_t
#define CONFIG_C_FREQ  uint64_t
#define CONFIG_C_BOOL  uint8_t
#define CONFIG_C_STR   char *
#define CONFIG_C_FILE  char *
#define CONFIG_C_STRS  struct strs

/* Where a key was set last: "FILE:LINE" or "-s path=value", NULL: nowhere; and as which setting. */
struct config_origin {
    char *at;
    uint32_t number;
};

struct config {
#define KEY(path, field, TYPE, def, unit, meaning) CONFIG_C_##TYPE field;
#define ENUM(path, field, choices, def, meaning)   uint32_t field;
#define LIMIT(field, least, most)
#define POWER(field)
#include "sim/keys.def"
#undef KEY
#undef ENUM
#undef LIMIT
#undef POWER
    struct config_origin *origins; /* by key */
    uint32_t settings;             /* how many there were */
};

/* program.terminals: this, or a set of streams plus 1. */
enum { TERMINALS_HOST };

struct config_key {
    const char *path, *def, *unit, *meaning;
    const char *choices; /* of an ENUM, "a|b"; else NULL */
    enum config_type type;
    size_t offset; /* of the field in struct config */
};
extern const struct config_key config_keys[]; /* in schema order */
extern const size_t config_key_count;

/* The key of that path, or NULL. */
const struct config_key *config_find_key(const char *path);
/* "INT", "BYTES" …: for listings. */
const char *config_type_name(enum config_type type);

/*
 * Read a file (NULL: none) and apply n assignments. 0 and a config to free; or -1 and
 * "FILE:LINE: what is wrong, what was expected" or "-s path=value: …". If `name` was not given it
 * becomes the file's name without folder and ".cfg".
 */
int config_load(const char *path, const char *const *assignments, size_t n, struct config **out,
                char *err, size_t errlen);
/* One more assignment; on error the config is unchanged, the message has no "-s" in front. */
int config_assign(struct config *cfg, const char *assignment, char *err, size_t errlen);
/*
 * What is wrong with several values together is found by whoever is made of them. err is such a
 * message; if it begins with the path of a key or of a group and ":", where that key (of the group,
 * the one that was set last) was set is put in front, as in config_load's messages. Returns -1.
 */
int config_blame(const struct config *cfg, char *err, size_t errlen);
struct config *config_copy(const struct config *cfg);
void config_free(struct config *cfg); /* NULL is fine */

/* All keys as libconfig text in schema order, defaults written out; reading it gives an equal
 * config. The caller checks ferror. */
void config_write_resolved(const struct config *cfg, FILE *f);
/* The same for hashing: values of type FILE are cut to the last part of their path. */
void config_write_hashed(const struct config *cfg, FILE *f);
/* One key's value as it stands in the resolved text; free it. */
char *config_text(const struct config *cfg, const struct config_key *key);
/* Name of an ENUM's value: config_choice("kernel.boundary", cfg->boundary) is "call" (into buf). */
const char *config_choice(const char *path, uint32_t value, char *buf, size_t len);

#endif
