/* list.c - `pwsim list`: what there is, one aligned line each. */
#include "sim/list.h"

#include <string.h>

#include "sim/config.h"

void list_rows(const struct list_row *rows, size_t n, FILE *f)
{
    int width = 0;
    for (size_t i = 0; i < n; i++) {
        int w = (int)strlen(rows[i].name);
        width = w > width ? w : width;
    }
    for (size_t i = 0; i < n; i++) {
        fprintf(f, "%-*s  %s\n", width, rows[i].name, rows[i].meaning);
    }
}

static const char *type_text(const struct config_key *k)
{
    return k->choices != NULL ? k->choices : config_type_name(k->type);
}

static const char *default_text(const struct config_key *k)
{
    return *k->def != '\0' ? k->def : "-";
}

static void widen(int *width, const char *text)
{
    int w = (int)strlen(text);
    *width = w > *width ? w : *width;
}

void list_keys(FILE *f)
{
    int path = 0, type = 0, def = 0, unit = 0;
    for (size_t i = 0; i < config_key_count; i++) {
        const struct config_key *k = &config_keys[i];
        widen(&path, k->path);
        widen(&type, type_text(k));
        widen(&def, default_text(k));
        widen(&unit, k->unit);
    }
    for (size_t i = 0; i < config_key_count; i++) {
        const struct config_key *k = &config_keys[i];
        fprintf(f, "%-*s  %-*s  %-*s  %-*s  %s\n", path, k->path, type, type_text(k), def,
                default_text(k), unit, k->unit, k->meaning);
    }
}
