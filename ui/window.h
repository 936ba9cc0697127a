/* window.h - `pwsim view`: the dashboard as a PNG file or in a window. */
#ifndef UI_WINDOW_H
#define UI_WINDOW_H

#include <stddef.h>

#include "ui/snapshot.h"

#define VIEW_MIN_WIDTH  640
#define VIEW_MIN_HEIGHT 480
#define VIEW_MAX_WIDTH  7680
#define VIEW_MAX_HEIGHT 4320

/*
 * Draw the whole run into a PNG file. Needs no display: SDL's video is not even initialised. The
 * same snapshot and size give the same bytes. 0, or -1 and a message: size out of the range above,
 * fonts missing, file not writable.
 */
int view_screenshot(const struct snapshot *s, const char *png_path, int width, int height,
                    char *err, size_t errlen);

/*
 * Where the window's snapshot comes from. With step NULL it is finished. Otherwise the window calls
 * step(self) again and again while it is not paused; step runs the simulation for a while (1 to
 * 20 ms of host time keep the window lively), may add rows to snap, and returns 1 while there is
 * more to come, 0 when the run has ended, -1 when it failed (what failed is the owner's to tell).
 */
struct view_source {
    struct snapshot *snap;
    int (*step)(void *self);
    void *self;
};

struct view_options {
    int width, height; /* of the window at first; 0: 1280 by 800 */
    const char *shots; /* the key s writes SHOTS-1.png, SHOTS-2.png …, never over a file that
                          exists; NULL: "pwsim" */
};

enum view_end {
    VIEW_CLOSED = 0, /* by the user; a live run may not have ended */
    VIEW_ERROR = -1, /* message in err: no display, no fonts */
    VIEW_FAILED = -2 /* closed by the user after step had returned -1 */
};

/*
 * Open a window and return when the user closes it. opt may be NULL.
 *
 *   q, escape       quit                         left, right      pan
 *   space           pause and go on              + and -, wheel   zoom
 *   u               user and kernel apart, together, user alone, kernel alone
 *   l               logarithmic miss rates       drag             pan
 *   0, home         the whole run                mouse            values of the epoch under it
 *   s               screenshot of what is seen
 */
enum view_end view_window(struct view_source *source, const struct view_options *opt, char *err,
                          size_t errlen);

#endif
