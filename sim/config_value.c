/* config_value.c - one key's value: from text or libconfig's types into the field, and back. */
#include "sim/config_value.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <libconfig.h>
#include <stdlib.h>
#include <string.h>

#include "memhier/hostmem.h"
#include "sim/error.h"
#include "sim/quantity.h"

#define MAX_STRS 4096 /* entries of one list */

struct limit {
    size_t offset;
    uint64_t least, most;
};

static const struct limit limits[] = {
#define KEY(path, field, TYPE, def, unit, meaning)
#define ENUM(path, field, choices, def, meaning)
#define LIMIT(field, least, most) {offsetof(struct config, field), least, most},
#define POWER(field)
#include "sim/keys.def"
#undef KEY
#undef ENUM
#undef LIMIT
#undef POWER
};

/* Fields whose values are powers of two, or 0 where their limits allow that. */
static const size_t powers[] = {
#define KEY(path, field, TYPE, def, unit, meaning)
#define ENUM(path, field, choices, def, meaning)
#define LIMIT(field, least, most)
#define POWER(field) offsetof(struct config, field),
#include "sim/keys.def"
#undef KEY
#undef ENUM
#undef LIMIT
#undef POWER
};

static const char wanted[] = "a value of the config";

static void *field(struct config *cfg, const struct config_key *key)
{
    return (char *)cfg + key->offset;
}

static const void *field_of(const struct config *cfg, const struct config_key *key)
{
    return (const char *)cfg + key->offset;
}

/* ---- numbers ---- */

static enum quantity quantity_of(enum config_type type)
{
    return type == CONFIG_BYTES  ? QUANTITY_BYTES
           : type == CONFIG_TIME ? QUANTITY_TIME
                                 : QUANTITY_FREQUENCY;
}

static int is_quantity(enum config_type type)
{
    return type == CONFIG_BYTES || type == CONFIG_TIME || type == CONFIG_FREQ;
}

static struct limit limit_of(const struct config_key *key)
{
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        if (limits[i].offset == key->offset) {
            return limits[i];
        }
    }
    return (struct limit){key->offset, 0, key->type == CONFIG_INT ? UINT32_MAX : INT64_MAX};
}

static int must_be_power(const struct config_key *key)
{
    for (size_t i = 0; i < sizeof powers / sizeof *powers; i++) {
        if (powers[i] == key->offset) {
            return 1;
        }
    }
    return 0;
}

static int store_number(struct config *cfg, const struct config_key *key, uint64_t v, char *err,
                        size_t errlen)
{
    struct limit l = limit_of(key);
    if ((v & (v - 1)) != 0 && must_be_power(key)) {
        return fail(err, errlen, "%" PRIu64 " is no power of two", v);
    }
    if (v >= l.least && v <= l.most) {
        memcpy(field(cfg, key), &v, sizeof v);
        return 0;
    }
    if (is_quantity(key->type)) {
        char is[QUANTITY_TEXT], least[QUANTITY_TEXT], most[QUANTITY_TEXT];
        enum quantity q = quantity_of(key->type);
        return fail(err, errlen, "%s is out of range: expected %s to %s", quantity_format(q, v, is),
                    quantity_format(q, l.least, least), quantity_format(q, l.most, most));
    }
    return fail(err, errlen, "%" PRIu64 " is out of range: expected %" PRIu64 " to %" PRIu64, v,
                l.least, l.most);
}

static int int_from_text(struct config *cfg, const struct config_key *key, const char *text,
                         char *err, size_t errlen)
{
    char *end;
    int hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    errno = 0;
    unsigned long long v = strtoull(text, &end, hex ? 16 : 10);
    if (!isdigit((unsigned char)*text) || *end != '\0' || errno != 0) {
        return fail(err, errlen, "\"%.40s\" is no whole number from 0 up%s%s", text,
                    *key->unit != '\0' ? " of " : "", key->unit);
    }
    return store_number(cfg, key, v, err, errlen);
}

static int quantity_from_text(struct config *cfg, const struct config_key *key, const char *text,
                              char *err, size_t errlen)
{
    uint64_t v;
    if (quantity_parse(quantity_of(key->type), text, &v, err, errlen) != 0) {
        return -1;
    }
    return store_number(cfg, key, v, err, errlen);
}

/* ---- names ---- */

static int store_bool(struct config *cfg, const struct config_key *key, int on)
{
    *(uint8_t *)field(cfg, key) = on != 0;
    return 0;
}

static int bool_from_text(struct config *cfg, const struct config_key *key, const char *text,
                          char *err, size_t errlen)
{
    if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0) {
        return fail(err, errlen, "\"%.40s\" is neither true nor false", text);
    }
    return store_bool(cfg, key, *text == 't');
}

static int enum_from_text(struct config *cfg, const struct config_key *key, const char *text,
                          char *err, size_t errlen)
{
    size_t n = strlen(text);
    uint32_t i = 0;
    for (const char *c = key->choices; c != NULL; i++) {
        size_t len = strcspn(c, "|");
        if (len == n && memcmp(c, text, n) == 0) {
            memcpy(field(cfg, key), &i, sizeof i);
            return 0;
        }
        c = c[len] == '|' ? c + len + 1 : NULL;
    }
    return fail(err, errlen, "\"%.40s\" is none of %s", text, key->choices);
}

static void store_string(struct config *cfg, const struct config_key *key, const char *text)
{
    char *copy = hostmem_text(text, wanted);
    char **to = field(cfg, key);
    free(*to);
    *to = copy;
}

/* ---- lists of strings ---- */

static void strs_add(struct strs *s, const char *text, size_t n)
{
    s->v = hostmem_resize(s->v, s->n + 2, sizeof *s->v, wanted);
    s->v[s->n++] = hostmem_text_part(text, n, wanted);
    s->v[s->n] = NULL;
}

static void strs_free(struct strs *s)
{
    for (size_t i = 0; i < s->n; i++) {
        free(s->v[i]);
    }
    free(s->v);
    *s = (struct strs){NULL, 0};
}

static void store_strs(struct config *cfg, const struct config_key *key, struct strs s)
{
    struct strs *to = field(cfg, key);
    if (s.v == NULL) {
        s.v = hostmem_new(1, sizeof *s.v, wanted);
    }
    strs_free(to);
    *to = s;
}

static int strs_from_setting(struct config *cfg, const struct config_key *key,
                             const config_setting_t *setting, char *err, size_t errlen)
{
    struct strs s = {NULL, 0};
    int type = config_setting_type(setting), n = config_setting_length(setting);
    if (type != CONFIG_TYPE_ARRAY && type != CONFIG_TYPE_LIST) {
        return fail(err, errlen, "expected a list of strings, as in [\"one\", \"two\"]");
    }
    if (n > MAX_STRS) {
        return fail(err, errlen, "a list of %d strings; at most %d are allowed", n, MAX_STRS);
    }
    for (int i = 0; i < n; i++) {
        const config_setting_t *e = config_setting_get_elem(setting, (unsigned)i);
        const char *text = config_setting_get_string(e);
        if (config_setting_type(e) != CONFIG_TYPE_STRING || text == NULL) {
            strs_free(&s);
            return fail(err, errlen, "element %d of the list is no string (put it in quotes)",
                        i + 1);
        }
        strs_add(&s, text, strlen(text));
    }
    store_strs(cfg, key, s);
    return 0;
}

/* The text of a libconfig array or list. No line breaks: an @include begins a line. */
static int strs_from_array(struct config *cfg, const struct config_key *key, const char *text,
                           char *err, size_t errlen)
{
    char *whole = NULL;
    config_t tree;
    int bad = -1;
    if (strchr(text, '\n') != NULL || asprintf(&whole, "v = %s;", text) < 0) {
        return fail(err, errlen, "a list must stand on one line");
    }
    config_init(&tree);
    if (config_read_string(&tree, whole) != CONFIG_TRUE ||
        config_setting_length(config_root_setting(&tree)) != 1) {
        fail(err, errlen, "\"%.40s\" is no list of strings, as in [\"one\",\"two\"]", text);
    } else {
        bad = strs_from_setting(cfg, key, config_lookup(&tree, "v"), err, errlen);
    }
    config_destroy(&tree);
    free(whole);
    return bad;
}

static int strs_from_text(struct config *cfg, const struct config_key *key, const char *text,
                          char *err, size_t errlen)
{
    if (*text == '[' || *text == '(') {
        return strs_from_array(cfg, key, text, err, errlen);
    }
    struct strs s = {NULL, 0};
    for (const char *at = *text != '\0' ? text : NULL; at != NULL;) {
        size_t n = strcspn(at, ",");
        if (s.n == MAX_STRS) {
            strs_free(&s);
            return fail(err, errlen, "a list of more than %d strings", MAX_STRS);
        }
        strs_add(&s, at, n);
        at = at[n] == ',' ? at + n + 1 : NULL;
    }
    store_strs(cfg, key, s);
    return 0;
}

/* ---- any type ---- */

int value_from_text(struct config *cfg, const struct config_key *key, const char *text, char *err,
                    size_t errlen)
{
    switch (key->type) {
    case CONFIG_INT:
        return int_from_text(cfg, key, text, err, errlen);
    case CONFIG_BYTES:
    case CONFIG_TIME:
    case CONFIG_FREQ:
        return quantity_from_text(cfg, key, text, err, errlen);
    case CONFIG_BOOL:
        return bool_from_text(cfg, key, text, err, errlen);
    case CONFIG_ENUM:
        return enum_from_text(cfg, key, text, err, errlen);
    case CONFIG_STRS:
        return strs_from_text(cfg, key, text, err, errlen);
    case CONFIG_STR:
    case CONFIG_FILE:
        store_string(cfg, key, text);
        break;
    }
    return 0;
}

static const char *found_name(int type)
{
    switch (type) {
    case CONFIG_TYPE_GROUP:
        return "a group";
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        return "a whole number";
    case CONFIG_TYPE_FLOAT:
        return "a number with a point";
    case CONFIG_TYPE_STRING:
        return "a string";
    case CONFIG_TYPE_BOOL:
        return "true or false";
    default:
        return "a list";
    }
}

static int wrong_type(const struct config_key *key, int found, char *err, size_t errlen)
{
    int number = found == CONFIG_TYPE_INT || found == CONFIG_TYPE_INT64 ||
                 found == CONFIG_TYPE_FLOAT;
    if (is_quantity(key->type) && number) {
        return fail(err, errlen, "a bare number has no unit: write a string, as in %s",
                    key->type == CONFIG_BYTES  ? "\"32 KiB\""
                    : key->type == CONFIG_TIME ? "\"305 ns\""
                                               : "\"3.6 GHz\"");
    }
    static const char *const expected[] = {
        [CONFIG_INT] = "a whole number without quotes",
        [CONFIG_BYTES] = "a size as a string, as in \"32 KiB\"",
        [CONFIG_TIME] = "a time as a string, as in \"305 ns\"",
        [CONFIG_FREQ] = "a frequency as a string, as in \"3.6 GHz\"",
        [CONFIG_BOOL] = "true or false without quotes",
        [CONFIG_STR] = "a string",
        [CONFIG_FILE] = "a path as a string",
        [CONFIG_STRS] = "a list of strings",
        [CONFIG_ENUM] = "one of these as a string: ",
    };
    return fail(err, errlen, "is %s: expected %s%s", found_name(found), expected[key->type],
                key->type == CONFIG_ENUM ? key->choices : "");
}

int value_from_setting(struct config *cfg, const struct config_key *key,
                       const struct config_setting_t *setting, char *err, size_t errlen)
{
    int type = config_setting_type(setting);
    if (key->type == CONFIG_INT && (type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64)) {
        long long v = type == CONFIG_TYPE_INT ? config_setting_get_int(setting)
                                              : config_setting_get_int64(setting);
        if (v < 0) {
            return fail(err, errlen, "%lld is negative: expected a whole number from 0 up", v);
        }
        return store_number(cfg, key, (uint64_t)v, err, errlen);
    }
    if (key->type == CONFIG_BOOL && type == CONFIG_TYPE_BOOL) {
        return store_bool(cfg, key, config_setting_get_bool(setting));
    }
    if (key->type == CONFIG_STRS && (type == CONFIG_TYPE_ARRAY || type == CONFIG_TYPE_LIST)) {
        return strs_from_setting(cfg, key, setting, err, errlen);
    }
    if (type == CONFIG_TYPE_STRING && key->type != CONFIG_INT && key->type != CONFIG_BOOL &&
        key->type != CONFIG_STRS) {
        const char *text = config_setting_get_string(setting);
        return value_from_text(cfg, key, text != NULL ? text : "", err, errlen);
    }
    return wrong_type(key, type, err, errlen);
}

/* ---- back to text ---- */

static void put_quoted(FILE *f, const char *s)
{
    fputc('"', f);
    for (; *s != '\0'; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\') {
            fprintf(f, "\\%c", c);
        } else if (c < 0x20 || c == 0x7f) {
            fprintf(f, "\\x%02x", c);
        } else {
            fputc(c, f);
        }
    }
    fputc('"', f);
}

/* A file's contents count as an input of a run, not where it lies. A policy may be one. */
static int names_file(const struct config_key *key)
{
    const char *last = strrchr(key->path, '.');
    return key->type == CONFIG_FILE || (last && strcmp(last, ".policy") == 0);
}

static void put_value(FILE *f, const struct config *cfg, const struct config_key *key, int hashed)
{
    const void *at = field_of(cfg, key);
    char buf[QUANTITY_TEXT], name[64];
    const struct strs *list = at;
    const char *text, *slash;
    switch (key->type) {
    case CONFIG_INT:
        fprintf(f, "%" PRIu64 "%s", *(const uint64_t *)at,
                *(const uint64_t *)at > INT32_MAX ? "L" : "");
        break;
    case CONFIG_BYTES:
    case CONFIG_TIME:
    case CONFIG_FREQ:
        put_quoted(f, quantity_format(quantity_of(key->type), *(const uint64_t *)at, buf));
        break;
    case CONFIG_BOOL:
        fputs(*(const uint8_t *)at ? "true" : "false", f);
        break;
    case CONFIG_STR:
    case CONFIG_FILE:
        text = *(char *const *)at;
        slash = hashed && names_file(key) ? strrchr(text, '/') : NULL;
        put_quoted(f, slash != NULL ? slash + 1 : text);
        break;
    case CONFIG_STRS:
        fputc('[', f);
        for (size_t i = 0; i < list->n; i++) {
            fputs(i > 0 ? ", " : "", f);
            put_quoted(f, list->v[i]);
        }
        fputc(']', f);
        break;
    case CONFIG_ENUM:
        put_quoted(f, config_choice(key->path, *(const uint32_t *)at, name, sizeof name));
        break;
    }
}

char *value_text(const struct config *cfg, const struct config_key *key, int hashed)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = hostmem_must(open_memstream(&text, &n), 0, wanted);
    put_value(f, cfg, key, hashed);
    fclose(f);
    return hostmem_must(text, 0, wanted);
}

void value_own(struct config *cfg, const struct config_key *key)
{
    if (key->type == CONFIG_STR || key->type == CONFIG_FILE) {
        char **text = field(cfg, key);
        *text = hostmem_text(*text, wanted);
    } else if (key->type == CONFIG_STRS) {
        struct strs *to = field(cfg, key), from = *to;
        *to = (struct strs){hostmem_new(1, sizeof(char *), wanted), 0};
        for (size_t i = 0; i < from.n; i++) {
            strs_add(to, from.v[i], strlen(from.v[i]));
        }
    }
}

void value_free(struct config *cfg, const struct config_key *key)
{
    if (key->type == CONFIG_STR || key->type == CONFIG_FILE) {
        free(*(char **)field(cfg, key));
    } else if (key->type == CONFIG_STRS) {
        strs_free(field(cfg, key));
    }
}
