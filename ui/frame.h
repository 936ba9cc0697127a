/* frame.h - one whole picture of the dashboard: title, panels, and the read-out under the mouse. */
#ifndef UI_FRAME_H
#define UI_FRAME_H

#include "ui/panel.h"

/* All panels from top to bottom, ended by NULL. */
extern const struct panel_ops *const frame_panels[];
#define FRAME_PANELS 2

struct frame_layout {
    SDL_Rect title;
    SDL_Rect panel[FRAME_PANELS]; /* cards */
    SDL_Rect foot;                /* line of keys; no height when it is not shown */
};

/* Where things are in a picture of that size, with fonts as draw_fit chose them. */
struct frame_layout frame_place(const struct draw *d, int width, int height, int keys);
void frame_draw(struct draw *d, const struct scene *scene, int width, int height);

#endif
