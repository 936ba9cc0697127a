/* panel.c - what panels have in common: the sum that is in view, and the rows of the read-out. */
#include "ui/panel.h"

#include <stdio.h>

struct snapshot_epoch scene_sum(const struct scene *scene)
{
    const struct snapshot *s = scene->snap;
    if (s->epochs == 0)
        return (struct snapshot_epoch){0};
    if (scene->range.from == 0 && scene->range.to >= snapshot_end(s))
        return s->total;
    return snapshot_sum(s, snapshot_at(s, scene->range.from), snapshot_at(s, scene->range.to - 1));
}

struct readout_row *readout_add(struct readout *out, const char *name, const char *first,
                                const char *second)
{
    if (out->rows == READOUT_ROWS)
        return NULL;
    struct readout_row *row = &out->row[out->rows++];
    *row = (struct readout_row){0};
    snprintf(row->name, sizeof row->name, "%s", name);
    snprintf(row->value[0], sizeof row->value[0], "%s", first);
    snprintf(row->value[1], sizeof row->value[1], "%s", second);
    return row;
}
