/* palette.h - every colour of the dashboard; parts and levels have theirs by name. */
#ifndef UI_PALETTE_H
#define UI_PALETTE_H

#include <stdint.h>

#include <SDL2/SDL.h>

struct palette {
    SDL_Color page;    /* behind everything */
    SDL_Color card;    /* behind a panel */
    SDL_Color rim;     /* around a card */
    SDL_Color grid;    /* lines at the ticks */
    SDL_Color axis;    /* the axes, and the border between user and kernel */
    SDL_Color edge;    /* top of the stack */
    SDL_Color ink;     /* text */
    SDL_Color soft;    /* text that says less */
    SDL_Color faint;   /* text of what is switched off */
    SDL_Color nothing; /* time in which no instruction was executed */
    SDL_Color tint;    /* over the part's colour where it is the kernel's … */
    SDL_Color stripe;  /* … and in the stripes of the hatching */
    SDL_Color alert;   /* what the reader must not miss */
};
extern const struct palette palette;

/*
 * Families have a hue (memory levels blue, persistence red, …), their members differ in lightness.
 * The exact values were searched for so that any two parts, and neighbours in the stack most of
 * all, stay apart for colour-blind readers too (Machado, Oliveira, Fernandes 2009; the test has the
 * figures). A name that is not known gets a colour by its index.
 */
SDL_Color palette_part(const char *name, uint32_t index);
/* Lines of cache levels, after Okabe and Ito's palette for colour-blind readers. */
SDL_Color palette_level(const char *name, uint32_t index);

#endif
