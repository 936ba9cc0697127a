/* codec.h - trace records as few bytes: predict the next record, write down what was wrong. */
#ifndef TRACES_CODEC_H
#define TRACES_CODEC_H

#include <stddef.h>
#include <stdint.h>

#include "traces/trace.h"

/*
 * A block of records is coded as one control byte each, followed by the data bytes of all. Encoder
 * and decoder keep the same two tables, zero at the start of a block:
 *
 *   expect[1024]  by the code addresses and kinds of the two records before: code address, gap,
 *                 depends, kind, bytes, hart, tier, side of the record that came next last time
 *   stream[1024]  by code address and kind of a record: last address and last step; the expected
 *                 address is their sum
 *
 * A set bit in the control byte says that the expectation was wrong; then follow, in this order:
 *
 *   bit 0  code address: its difference from the previous record's (first: from 0), signed
 *   bit 1  four bytes: kind, bytes, hart, tier | side << 1
 *   bit 2  gap, unsigned
 *   bit 3  depends, unsigned
 *   bit 4  address: its difference from the stream's last address, signed
 *
 * Bits 5 to 7 are 0. Numbers are little-endian groups of 7 bits, bit 7 set when more follow;
 * signed ones are zigzag-coded first (0, -1, 1, -2 …); arithmetic is modulo 2^64.
 *
 * Index of `stream`: bits 22 up of key = high word of ((pc ^ kind << 48) * 0x9e3779b97f4a7c15).
 * Index of `expect`: bits 22 up of (previous key + the key before it rotated left by 1), 32 bits.
 */
#define CODEC_BITS      10u
#define CODEC_MAX_BYTES 34u /* of one record's data, as coded: 10 + 4 + 5 + 5 + 10 */
#define CODEC_SLACK     44u /* that the decoder may touch for a damaged record: 4 times 10, and 4 */

struct codec_expect {
    uint64_t pc;
    uint32_t gap, depends;
    uint32_t shape; /* the four bytes of bit 1, the first lowest */
};

struct codec_stream {
    uint64_t addr, step;
};

struct codec {
    struct codec_expect expect[1u << CODEC_BITS];
    struct codec_stream stream[1u << CODEC_BITS];
    uint64_t pc;
    uint32_t key, context;
};

/* Begin a block. */
void codec_start(struct codec *c);

/* Code one record: its control byte, and its data at p, where CODEC_MAX_BYTES must be free. Returns
 * the end of the data. */
uint8_t *codec_encode(struct codec *c, const struct trace_record *r, uint8_t *control, uint8_t *p);

/*
 * Decode n records from their control bytes and the data at p, of which CODEC_SLACK bytes past
 * `end` must be readable. Returns the end of the data, or NULL when it is not the coding of valid
 * records: *bad is the number of the first. `before` records stand in front of these in the trace.
 */
const uint8_t *codec_decode(struct codec *c, const uint8_t *control, const uint8_t *p,
                            const uint8_t *end, uint64_t before, struct trace_record *out, size_t n,
                            size_t *bad);

/* Whether a record may stand in a trace after `before` others. */
int codec_valid(const struct trace_record *r, uint64_t before);

#endif
