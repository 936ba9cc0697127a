/* panel.h - the panel seam: a part of the dashboard that shows a snapshot over time. */
#ifndef UI_PANEL_H
#define UI_PANEL_H

#include "ui/draw.h"
#include "ui/plot.h"
#include "ui/scale.h"
#include "ui/snapshot.h"

enum sides { SIDES_APART, SIDES_TOGETHER, SIDES_USER, SIDES_KERNEL, SIDES };

/* What is to be drawn. */
struct scene {
    const struct snapshot *snap;
    struct range range;          /* part of the run that is seen; both 0 for an empty run */
    enum sides sides;            /* of the kernel boundary in the CPI stack */
    const char *state;           /* "running", "paused" …; "" for none */
    int decades;                 /* miss rates on a logarithmic axis */
    int keys;                    /* show the line that says which keys there are */
    int hover, mouse_x, mouse_y; /* hover: show the values under the mouse */
};

/* Sum of the epochs that are in view, wholly or in part; zeros when there are none. */
struct snapshot_epoch scene_sum(const struct scene *scene);

/* The box of values beside the mouse: a name and up to two numbers a row, columns right-aligned. */
#define READOUT_ROWS 32u
struct readout_row {
    SDL_Color colour;
    uint8_t swatch;
    char name[SCALE_TEXT], value[2][SCALE_TEXT];
};
struct readout {
    size_t rows;
    struct readout_row row[READOUT_ROWS];
};

struct panel_ops {
    const char *name;
    int weight; /* share of the height */
    /* Area is the panel's card, already filled. */
    void (*draw)(struct draw *d, const struct scene *scene, SDL_Rect area);
    /* Add rows about the sum of the epochs first to last; their time is said already. */
    void (*read)(const struct scene *scene, size_t first, size_t last, struct readout *out);
};

extern const struct panel_ops panel_cpi, panel_miss;

/* One more row, unless the box is full; the new row to be changed, or NULL. Texts may be "". */
struct readout_row *readout_add(struct readout *out, const char *name, const char *first,
                                const char *second);

#endif
