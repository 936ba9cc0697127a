/* draw.h - rectangles, hatching and text on an SDL renderer: all that the panels draw with. */
#ifndef UI_DRAW_H
#define UI_DRAW_H

#include <stddef.h>

#include <SDL2/SDL.h>

enum draw_font { FONT_TITLE, FONT_HEAD, FONT_BODY, FONT_SMALL, FONTS };
enum draw_align { ALIGN_LEFT, ALIGN_CENTRE, ALIGN_RIGHT };

struct draw;

/* Draws on r, which stays the caller's and must outlive it. SDL's video need not be initialised
 * when r is a software renderer on a surface. NULL and a message when a font is missing. */
struct draw *draw_new(SDL_Renderer *r, char *err, size_t errlen);
void draw_free(struct draw *d);

/* Choose the sizes of the fonts for a picture of this size. 0, or -1 and a message. */
int draw_fit(struct draw *d, int width, int height, char *err, size_t errlen);

int draw_em(const struct draw *d); /* size of the body font in pixels: the unit of all layout */
int draw_height(const struct draw *d, enum draw_font font); /* of a line of text */
int draw_width(const struct draw *d, enum draw_font font, const char *text);

void draw_clear(struct draw *d, SDL_Color c);
void draw_fill(struct draw *d, SDL_Rect box, SDL_Color c); /* c.a below 255 blends */
void draw_outline(struct draw *d, SDL_Rect box, SDL_Color c);
/* A light tint with diagonal stripes, which run on from one box to the next. */
void draw_hatch(struct draw *d, SDL_Rect box);
/* A filled box of the size of a letter on the line of text that begins at (x, y). */
void draw_swatch(struct draw *d, enum draw_font font, int x, int y, SDL_Color c, int hatched);

/* UTF-8 text; y is the top of the line, x its left end, middle or right end. */
void draw_text(struct draw *d, enum draw_font font, SDL_Color c, int x, int y,
               enum draw_align align, const char *text);
/* Left-aligned; cut off with an ellipsis where it would be wider than max pixels. */
void draw_text_in(struct draw *d, enum draw_font font, SDL_Color c, int x, int y, int max,
                  const char *text);

#endif
