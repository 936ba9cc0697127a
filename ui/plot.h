/* plot.h - the frame that panels over time share: axes, and which epochs a column of pixels shows.
 */
#ifndef UI_PLOT_H
#define UI_PLOT_H

#include "ui/draw.h"
#include "ui/scale.h"
#include "ui/snapshot.h"

#define PLOT_WIDTH 8192 /* columns of pixels, at most */

struct plot {
    SDL_Rect box;  /* inside the axes */
    SDL_Rect side; /* right of it: legend or table */
    struct range range;
    struct value_ticks y;
};

/* Divide a panel's area; all panels of one width have the same box.x and box.w. Each may still be
 * empty (w or h not above 0) when the area is tiny. */
struct plot plot_place(const struct draw *d, SDL_Rect area, struct range range);
/* Values from 0 to at least max on the y axis. */
void plot_values(struct plot *p, const struct draw *d, double max);

/* Columns x0 to x1 - 1, which all show the sum of the epochs first to last. */
struct bin {
    int x0, x1;
    size_t first, last;
};

/* The bin that begins at column x of the box (absolute); 0 when there is none, because the run is
 * empty or x is out of the box. */
int plot_bin(const struct plot *p, const struct snapshot *s, int x, struct bin *bin);

int plot_y(const struct plot *p, double value); /* pixel row of a value, kept inside the box */
uint64_t plot_time(const struct plot *p, int x);

void plot_grid(struct draw *d, const struct plot *p);                       /* before the data */
void plot_axes(struct draw *d, const struct plot *p, const char *y_suffix); /* after them */
/* A line of text in the middle of the box, instead of data. */
void plot_message(struct draw *d, const struct plot *p, const char *text);

#endif
