/* scale.h - which part of the run is seen, where ticks go on an axis, and numbers as text. */
#ifndef UI_SCALE_H
#define UI_SCALE_H

#include <stddef.h>
#include <stdint.h>

#define SCALE_TEXT 40 /* bytes that hold any text made here */

/* A part [from, to) of simulated time, ps. */
struct range {
    uint64_t from, to;
};

/* The part's length times num/den, with the time `anchor` staying at its place in the picture;
 * never shorter than `least` ps, never beyond [0, end). */
struct range range_zoom(struct range r, unsigned num, unsigned den, uint64_t anchor, uint64_t least,
                        uint64_t end);
/* Moved by num/den of its length, to the left for a negative num, as far as [0, end) goes. */
struct range range_pan(struct range r, int num, unsigned den, uint64_t end);

/* Ticks of the time axis stand at the multiples of step. */
struct time_ticks {
    uint64_t step; /* ps, at least 1; 1, 2 or 5 times a power of ten */
    uint64_t unit; /* ps */
    const char *unit_name;
    int decimals; /* 0 to 2 */
};

/* At most `most` steps fit into the range (most at least 1). */
struct time_ticks time_ticks(struct range r, unsigned most);
/* A multiple of the step as "1,250" or "0.25", without the unit. */
void time_tick_text(char text[SCALE_TEXT], const struct time_ticks *t, uint64_t ps);

/* A value axis: linear from 0, or by decades. */
struct value_ticks {
    double bottom; /* 0: linear; else a power of ten, and top is one too */
    double top;    /* the last tick */
    double step;   /* linear only */
    int decimals;
};

/* Linear; max: the largest value to be seen; at most `most` steps (at least 1). A max that is not
 * above 0 counts as 1. */
struct value_ticks value_ticks(double max, unsigned most);
/* Logarithmic; what is below bottom, zeros too, is placed at bottom. */
struct value_ticks value_decades(double bottom, double top);
unsigned value_tick_count(const struct value_ticks *t);
double value_tick(const struct value_ticks *t, unsigned i);
void value_tick_text(char text[SCALE_TEXT], const struct value_ticks *t, unsigned i);
/* Where a value is between the axis's ends, 0 to 1; values beyond them are at the ends. */
double value_place(const struct value_ticks *t, double value);

void text_count(char text[SCALE_TEXT], uint64_t n); /* "1,234,567"; "12,345.678 G" */
/* "1.234 ms", "0 ps"; digits after the point: 3 or 6, cut off and not rounded. */
void text_time(char text[SCALE_TEXT], uint64_t ps, int digits);
void text_ratio(char text[SCALE_TEXT], double v);       /* 4 digits: "0.0312", "12.35" */
void text_percent(char text[SCALE_TEXT], double share); /* of 0 to 1: "7.3%", "<0.1%", "0%" */

#endif
