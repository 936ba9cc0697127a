/* draw.c - rectangles, hatching and text on an SDL renderer: all that the panels draw with. */
#include "ui/draw.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <SDL2/SDL_ttf.h>

#include "ui/palette.h"

#define FONT_DIR    "/usr/share/fonts/truetype/dejavu/"
#define TILE        128 /* side of the hatching's texture, a power of two */
#define TILE_PERIOD 8   /* pixels from stripe to stripe, divides TILE */
#define TILE_STRIPE 2

struct draw {
    SDL_Renderer *renderer;
    TTF_Font *font[FONTS];
    SDL_Texture *hatch;
    int em;
};

static const struct {
    const char *file;
    double size; /* in em */
} fonts[FONTS] = {
    [FONT_TITLE] = {FONT_DIR "DejaVuSans-Bold.ttf", 1.35},
    [FONT_HEAD] = {FONT_DIR "DejaVuSans-Bold.ttf", 1.0},
    [FONT_BODY] = {FONT_DIR "DejaVuSans.ttf", 1.0},
    [FONT_SMALL] = {FONT_DIR "DejaVuSans.ttf", 0.9},
};

static SDL_Texture *make_hatch(SDL_Renderer *r)
{
    SDL_Surface *s = SDL_CreateRGBSurfaceWithFormat(0, TILE, TILE, 32, SDL_PIXELFORMAT_ARGB8888);
    if (!s)
        return NULL;
    const SDL_Color a = palette.stripe, b = palette.tint;
    Uint32 on = SDL_MapRGBA(s->format, a.r, a.g, a.b, a.a);
    Uint32 off = SDL_MapRGBA(s->format, b.r, b.g, b.b, b.a);
    for (int y = 0; y < TILE; y++) {
        Uint32 *row = (Uint32 *)(void *)((Uint8 *)s->pixels + y * s->pitch);
        for (int x = 0; x < TILE; x++)
            row[x] = (x + y) % TILE_PERIOD < TILE_STRIPE ? on : off;
    }
    SDL_Texture *t = SDL_CreateTextureFromSurface(r, s);
    if (t)
        SDL_SetTextureBlendMode(t, SDL_BLENDMODE_BLEND);
    SDL_FreeSurface(s);
    return t;
}

static int open_fonts(struct draw *d, char *err, size_t errlen)
{
    for (int i = 0; i < FONTS; i++) {
        if (access(fonts[i].file, R_OK)) {
            snprintf(err, errlen, "%s: %s; it comes with the package fonts-dejavu-core",
                     fonts[i].file, strerror(errno));
            return -1;
        }
        d->font[i] = TTF_OpenFont(fonts[i].file, 12);
        if (!d->font[i]) {
            snprintf(err, errlen, "%s: not a usable font: %s", fonts[i].file, TTF_GetError());
            return -1;
        }
        TTF_SetFontHinting(d->font[i], TTF_HINTING_LIGHT);
    }
    return 0;
}

struct draw *draw_new(SDL_Renderer *r, char *err, size_t errlen)
{
    struct draw *d = calloc(1, sizeof *d);
    if (!d) {
        snprintf(err, errlen, "out of memory");
        return NULL;
    }
    if (TTF_Init()) {
        snprintf(err, errlen, "SDL2_ttf: %s", TTF_GetError());
        free(d);
        return NULL;
    }
    d->renderer = r;
    SDL_SetRenderDrawBlendMode(r, SDL_BLENDMODE_BLEND);
    if (open_fonts(d, err, errlen))
        goto fail;
    d->hatch = make_hatch(r);
    if (!d->hatch) {
        snprintf(err, errlen, "SDL2: %s", SDL_GetError());
        goto fail;
    }
    if (draw_fit(d, 1280, 800, err, errlen))
        goto fail;
    return d;
fail:
    draw_free(d);
    return NULL;
}

void draw_free(struct draw *d)
{
    if (!d)
        return;
    for (int i = 0; i < FONTS; i++)
        if (d->font[i])
            TTF_CloseFont(d->font[i]);
    if (d->hatch)
        SDL_DestroyTexture(d->hatch);
    TTF_Quit();
    free(d);
}

int draw_fit(struct draw *d, int width, int height, char *err, size_t errlen)
{
    double scale = SDL_min(width / 1280.0, height / 800.0);
    int em = (int)(SDL_clamp(scale * 14, 11.0, 60.0) + 0.5);
    if (em == d->em)
        return 0;
    for (int i = 0; i < FONTS; i++) {
        if (TTF_SetFontSize(d->font[i], (int)(em * fonts[i].size + 0.5))) {
            snprintf(err, errlen, "SDL2_ttf: %s", TTF_GetError());
            return -1;
        }
    }
    d->em = em;
    return 0;
}

int draw_em(const struct draw *d)
{
    return d->em;
}

int draw_height(const struct draw *d, enum draw_font font)
{
    return TTF_FontHeight(d->font[font]);
}

int draw_width(const struct draw *d, enum draw_font font, const char *text)
{
    int w = 0;
    return TTF_SizeUTF8(d->font[font], text, &w, NULL) ? 0 : w;
}

void draw_clear(struct draw *d, SDL_Color c)
{
    SDL_SetRenderDrawColor(d->renderer, c.r, c.g, c.b, c.a);
    SDL_RenderClear(d->renderer);
}

void draw_fill(struct draw *d, SDL_Rect box, SDL_Color c)
{
    if (box.w <= 0 || box.h <= 0)
        return;
    SDL_SetRenderDrawColor(d->renderer, c.r, c.g, c.b, c.a);
    SDL_RenderFillRect(d->renderer, &box);
}

void draw_outline(struct draw *d, SDL_Rect box, SDL_Color c)
{
    SDL_SetRenderDrawColor(d->renderer, c.r, c.g, c.b, c.a);
    SDL_RenderDrawRect(d->renderer, &box);
}

void draw_hatch(struct draw *d, SDL_Rect box)
{
    for (int y = box.y; y < box.y + box.h;) {
        int ty = y & (TILE - 1), h = SDL_min(TILE - ty, box.y + box.h - y);
        for (int x = box.x; x < box.x + box.w;) {
            int tx = x & (TILE - 1), w = SDL_min(TILE - tx, box.x + box.w - x);
            SDL_Rect from = {tx, ty, w, h}, to = {x, y, w, h};
            SDL_RenderCopy(d->renderer, d->hatch, &from, &to);
            x += w;
        }
        y += h;
    }
}

void draw_swatch(struct draw *d, enum draw_font font, int x, int y, SDL_Color c, int hatched)
{
    int size = d->em * 4 / 5, height = draw_height(d, font);
    SDL_Rect box = {x, y + (height - size) / 2, size, size};
    draw_fill(d, box, c);
    if (hatched)
        draw_hatch(d, box);
    draw_outline(d, box, (SDL_Color){60, 72, 88, 90});
}

void draw_text(struct draw *d, enum draw_font font, SDL_Color c, int x, int y,
               enum draw_align align, const char *text)
{
    if (!*text)
        return;
    SDL_Surface *s = TTF_RenderUTF8_Blended(d->font[font], text, c);
    if (!s)
        return;
    SDL_Texture *t = SDL_CreateTextureFromSurface(d->renderer, s);
    SDL_Rect to = {x, y, s->w, s->h};
    if (align == ALIGN_CENTRE)
        to.x -= s->w / 2;
    else if (align == ALIGN_RIGHT)
        to.x -= s->w;
    if (t) {
        SDL_RenderCopy(d->renderer, t, NULL, &to);
        SDL_DestroyTexture(t);
    }
    SDL_FreeSurface(s);
}

/* Bytes of the first n characters of UTF-8 text. */
static size_t utf8_bytes(const char *text, int n)
{
    size_t i = 0;
    for (; text[i] && n > 0; n--)
        do
            i++;
        while (((unsigned char)text[i] & 0xc0) == 0x80);
    return i;
}

void draw_text_in(struct draw *d, enum draw_font font, SDL_Color c, int x, int y, int max,
                  const char *text)
{
    if (draw_width(d, font, text) <= max) {
        draw_text(d, font, c, x, y, ALIGN_LEFT, text);
        return;
    }
    int room = max - draw_width(d, font, "…"), width = 0, fit = 0;
    if (room <= 0 || TTF_MeasureUTF8(d->font[font], text, room, &width, &fit))
        return;
    char cut[1024];
    int n = (int)SDL_min(utf8_bytes(text, fit), sizeof cut - 8);
    snprintf(cut, sizeof cut, "%.*s…", n, text);
    draw_text(d, font, c, x, y, ALIGN_LEFT, cut);
}
