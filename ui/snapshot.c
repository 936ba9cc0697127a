/* snapshot.c - counters by name become epochs; neighbours merge so that memory stays bounded. */
#include "ui/snapshot.h"

#include <assert.h>
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NO_OFFSET UINT32_MAX

static const char *const demand_kinds[] = {"fetch", "load", "store"};

static char *copy_line(const char *text)
{
    char *line = strdup(text ? text : "");
    for (char *c = line; c && *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = ' ';
    return line;
}

struct snapshot *snapshot_new(const char *name, const char *machine)
{
    struct snapshot *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->name = copy_line(name);
    s->machine = copy_line(machine);
    s->fold = 1;
    if (!s->name || !s->machine) {
        snapshot_free(s);
        return NULL;
    }
    return s;
}

void snapshot_free(struct snapshot *s)
{
    if (!s)
        return;
    free(s->name);
    free(s->machine);
    free(s->epoch);
    free(s->offset);
    free(s);
}

const char *snapshot_error(const struct snapshot *s)
{
    return s->error ? s->error : "no error";
}

static int refuse(struct snapshot *s, const char *why)
{
    s->error = why;
    return -1;
}

/* ---- columns ---- */

/* "hart12.rest" to "rest"; NULL when the name does not begin with a hart. */
static const char *after_hart(const char *name)
{
    if (strncmp(name, "hart", 4) != 0 || !isdigit((unsigned char)name[4]))
        return NULL;
    name += 4;
    while (isdigit((unsigned char)*name))
        name++;
    return *name == '.' ? name + 1 : NULL;
}

static const char *after(const char *name, const char *prefix)
{
    size_t n = strlen(prefix);
    return strncmp(name, prefix, n) == 0 ? name + n : NULL;
}

static uint32_t part_index(struct snapshot *s, const char *name)
{
    for (uint32_t i = 0; i < s->parts; i++)
        if (strcmp(s->part[i], name) == 0)
            return i;
    if (s->parts == SNAPSHOT_PARTS)
        return SNAPSHOT_PARTS - 1;
    snprintf(s->part[s->parts], SNAPSHOT_NAME, "%s",
             s->parts == SNAPSHOT_PARTS - 1 ? "other" : name);
    return s->parts++;
}

/* SNAPSHOT_LEVELS when there is no room for one more. */
static uint32_t level_index(struct snapshot *s, const char *name, size_t len)
{
    for (uint32_t i = 0; i < s->levels; i++)
        if (strlen(s->level[i].name) == len && memcmp(s->level[i].name, name, len) == 0)
            return i;
    if (s->levels == SNAPSHOT_LEVELS)
        return SNAPSHOT_LEVELS;
    memcpy(s->level[s->levels].name, name, len);
    return s->levels++;
}

static uint32_t part_offset(struct snapshot *s, const char *part, bool kernel)
{
    size_t len = strlen(part);
    if (len == 0 || len >= SNAPSHOT_NAME || strchr(part, '.'))
        return NO_OFFSET;
    size_t base = kernel ? offsetof(struct snapshot_epoch, kernel)
                         : offsetof(struct snapshot_epoch, user);
    return (uint32_t)(base + part_index(s, part) * sizeof(uint64_t));
}

static uint32_t level_offset(struct snapshot *s, const char *name)
{
    const char *dot = strchr(name, '.');
    size_t len = dot ? (size_t)(dot - name) : 0;
    if (len == 0 || len >= SNAPSHOT_NAME)
        return NO_OFFSET;
    const char *accesses = after(dot, ".accesses."), *misses = after(dot, ".misses.");
    const char *kind = accesses ? accesses : misses;
    bool demand = false;
    for (size_t i = 0; kind && i < sizeof demand_kinds / sizeof *demand_kinds; i++)
        demand |= strcmp(kind, demand_kinds[i]) == 0;
    if (!demand)
        return NO_OFFSET;
    uint32_t level = level_index(s, name, len);
    if (level == SNAPSHOT_LEVELS)
        return NO_OFFSET;
    if (accesses)
        s->level[level].has_accesses = 1;
    else
        s->level[level].has_misses = 1;
    size_t base = accesses ? offsetof(struct snapshot_epoch, accesses)
                           : offsetof(struct snapshot_epoch, misses);
    return (uint32_t)(base + level * sizeof(uint64_t));
}

static uint32_t column_offset(struct snapshot *s, const char *name)
{
    const char *rest = after_hart(name), *part;
    if (!rest)
        return level_offset(s, name);
    if (strcmp(rest, "instructions") == 0)
        return offsetof(struct snapshot_epoch, instructions);
    if (strcmp(rest, "cycles") == 0) {
        s->has_cycles = 1;
        return offsetof(struct snapshot_epoch, cycles);
    }
    if ((part = after(rest, "cpi.user.")))
        return part_offset(s, part, false);
    if ((part = after(rest, "cpi.kernel.")))
        return part_offset(s, part, true);
    return level_offset(s, rest);
}

/* The picture would be wrong if these came in another unit. */
static bool unit_fits(const char *name, const char *unit)
{
    if (!unit || !*unit)
        return true;
    if (strcmp(name, "ps") == 0)
        return strcmp(unit, "ps") == 0;
    const char *rest = after_hart(name);
    if (rest && (strcmp(rest, "cycles") == 0 || after(rest, "cpi.")))
        return strcmp(unit, "cycles") == 0;
    return true;
}

int snapshot_add_column(struct snapshot *s, const char *name, const char *unit)
{
    if (!name || !*name)
        return refuse(s, "a column has no name");
    if (s->rows)
        return refuse(s, "a column came after the first row");
    if ((s->columns == 0) != (strcmp(name, "ps") == 0))
        return refuse(s, "the first column, and no other, must be \"ps\"");
    if (s->columns == SNAPSHOT_COLUMNS)
        return refuse(s, "too many columns");
    if (!unit_fits(name, unit))
        return refuse(s, "a column's unit is not what its name says: want \"ps\" for ps, "
                         "\"cycles\" for cycles and cpi.*");
    if ((s->columns & (s->columns - 1)) == 0) {
        size_t room = s->columns ? s->columns * 2 : 1;
        uint32_t *offset = realloc(s->offset, room * sizeof *offset);
        if (!offset)
            return refuse(s, "out of memory");
        s->offset = offset;
    }
    s->offset[s->columns] = s->columns ? column_offset(s, name) : NO_OFFSET;
    s->columns++;
    return 0;
}

/* ---- rows ---- */

static uint64_t add_capped(uint64_t a, uint64_t b)
{
    uint64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

static void epoch_add(struct snapshot_epoch *to, const struct snapshot_epoch *e)
{
    to->end_ps = e->end_ps;
    to->instructions = add_capped(to->instructions, e->instructions);
    to->cycles = add_capped(to->cycles, e->cycles);
    for (size_t i = 0; i < SNAPSHOT_PARTS; i++) {
        to->user[i] = add_capped(to->user[i], e->user[i]);
        to->kernel[i] = add_capped(to->kernel[i], e->kernel[i]);
    }
    for (size_t i = 0; i < SNAPSHOT_LEVELS; i++) {
        to->accesses[i] = add_capped(to->accesses[i], e->accesses[i]);
        to->misses[i] = add_capped(to->misses[i], e->misses[i]);
    }
}

static struct snapshot_epoch row_epoch(const struct snapshot *s, const uint64_t *values)
{
    struct snapshot_epoch e = {.end_ps = values[0]};
    for (size_t i = 1; i < s->columns; i++) {
        if (s->offset[i] == NO_OFFSET)
            continue;
        uint64_t *field = (uint64_t *)((char *)&e + s->offset[i]);
        *field = add_capped(*field, values[i]);
    }
    if (!s->has_cycles)
        e.cycles = add_capped(snapshot_user(s, &e), snapshot_kernel(s, &e));
    return e;
}

/* All epochs are full when this is called, and their number is even. */
static void merge_neighbours(struct snapshot *s)
{
    assert(s->epochs % 2 == 0);
    for (size_t i = 0; i < s->epochs / 2; i++) {
        struct snapshot_epoch e = s->epoch[2 * i];
        epoch_add(&e, &s->epoch[2 * i + 1]);
        s->epoch[i] = e;
    }
    s->epochs /= 2;
    s->fold *= 2;
}

static int grow(struct snapshot *s)
{
    size_t room = s->room ? s->room * 2 : 64;
    struct snapshot_epoch *epoch = realloc(s->epoch, room * sizeof *epoch);
    if (!epoch)
        return refuse(s, "out of memory");
    s->epoch = epoch;
    s->room = room;
    return 0;
}

int snapshot_add_row(struct snapshot *s, const uint64_t *values, size_t n)
{
    if (n == 0 || n != s->columns)
        return refuse(s, "a row must have one value for each column");
    if (values[0] < s->total.end_ps)
        return refuse(s, "time runs backwards from one row to the next");
    struct snapshot_epoch e = row_epoch(s, values);
    if (s->epochs && s->in_last < s->fold) {
        epoch_add(&s->epoch[s->epochs - 1], &e);
        s->in_last++;
    } else {
        if (s->epochs == SNAPSHOT_EPOCHS) {
            merge_neighbours(s);
        } else if (s->epochs == s->room && grow(s)) {
            return -1;
        }
        s->epoch[s->epochs++] = e;
        s->in_last = 1;
    }
    epoch_add(&s->total, &e);
    s->rows++;
    return 0;
}

/* ---- questions ---- */

uint64_t snapshot_start(const struct snapshot *s, size_t epoch)
{
    assert(epoch < s->epochs);
    return epoch ? s->epoch[epoch - 1].end_ps : 0;
}

uint64_t snapshot_end(const struct snapshot *s)
{
    return s->total.end_ps;
}

size_t snapshot_at(const struct snapshot *s, uint64_t ps)
{
    assert(s->epochs);
    size_t low = 0, high = s->epochs - 1; /* the answer is in low..high */
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (s->epoch[mid].end_ps > ps)
            high = mid;
        else
            low = mid + 1;
    }
    return low;
}

struct snapshot_epoch snapshot_sum(const struct snapshot *s, size_t first, size_t last)
{
    assert(first <= last && last < s->epochs);
    struct snapshot_epoch sum = {0};
    for (size_t i = first; i <= last; i++)
        epoch_add(&sum, &s->epoch[i]);
    return sum;
}

int snapshot_level_shown(const struct snapshot *s, uint32_t level)
{
    return s->level[level].has_accesses && s->level[level].has_misses;
}

uint64_t snapshot_user(const struct snapshot *s, const struct snapshot_epoch *e)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < s->parts; i++)
        sum = add_capped(sum, e->user[i]);
    return sum;
}

uint64_t snapshot_kernel(const struct snapshot *s, const struct snapshot_epoch *e)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < s->parts; i++)
        sum = add_capped(sum, e->kernel[i]);
    return sum;
}
