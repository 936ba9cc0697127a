/* quantity.h - sizes, times and frequencies as text with units, in exact integers. */
#ifndef SIM_QUANTITY_H
#define SIM_QUANTITY_H

#include <stddef.h>
#include <stdint.h>

/*
 * A quantity is a decimal number and a unit, with or without one space: "32 KiB", "13.75ns",
 * "3.6 GHz". The number must come out as a whole number of bytes, picoseconds or hertz; nothing is
 * rounded. "0" needs no unit. Decimal byte units (kB, MB) are refused: they are read both ways.
 */
enum quantity { QUANTITY_BYTES, QUANTITY_TIME, QUANTITY_FREQUENCY };

#define QUANTITY_TEXT 40 /* bytes that hold any formatted quantity */

/* 0 and *out in bytes, ps or Hz; -1 and what is wrong with the text. */
int quantity_parse(enum quantity kind, const char *text, uint64_t *out, char *err, size_t errlen);

/* The canonical text; parsing it gives the same value. Returns buf. */
const char *quantity_format(enum quantity kind, uint64_t value, char buf[QUANTITY_TEXT]);

/* "1,234,567": for people; at most 26 bytes. Returns buf. */
const char *quantity_group(uint64_t value, char buf[QUANTITY_TEXT]);

#endif
