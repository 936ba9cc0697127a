/* archive.h - components write their state to a run of bytes and read it back, by the same code. */
#ifndef MEMHIER_ARCHIVE_H
#define MEMHIER_ARCHIVE_H

#include <stddef.h>
#include <stdint.h>

/*
 * One function of a component does both: archive_u32(a, &x) appends x when the archive is being
 * written and sets x when it is being read. Numbers are little endian. The first thing that goes
 * wrong sets `failed` (a constant text); from then on nothing is written and every read gives
 * zeros, so a function may go through several fields and look once. What was read is not believed:
 * whoever reads checks ranges, and calls archive_fail.
 *
 * How a component takes part in checkpoints that continue bit-identically (kind `full`): it has one
 * function `x_archive(struct x *, struct archive *)` beside it (or in x_archive.c) that begins with
 * archive_section(a, "XXXX", version) and goes through everything that a later access can see:
 * contents, queues, times, predictors, random state, counters. Not: what x_new made from the config
 * and nobody changes, since a full checkpoint is only read under the same config, into an x that
 * x_new has just made. Sizes that follow from the config are checked by archive_same. Each field
 * that is an index, a count or an enum is read with its limit (archive_*_below), each time by
 * archive_time; lists that must be permutations are checked. Pointers are written as numbers. Who
 * changes the fields raises the version. An owner calls its parts in a fixed order
 * (hierarchy_archive, memside_archive); policies and core models are called through their tables,
 * where `archive` NULL means: with it there are no full checkpoints.
 * tests/test_full.c finds a component that has forgotten something.
 *
 * A sealed archive, which is what a file holds:
 *
 *   0   8 bytes  "pwsimCKP"
 *   8   u32      version of the format, ARCHIVE_VERSION
 *   12  u32      zero
 *   16  u64      bytes of contents
 *   24  16 bytes XXH3-128 of contents, most significant byte first
 *   40  contents
 */
#define ARCHIVE_VERSION 3u
#define ARCHIVE_HEADER  40u

struct archive {
    uint8_t *bytes; /* of a writer: its own */
    size_t n, cap;  /* n: bytes of the contents, header included in both cases */
    size_t at;      /* of a reader */
    const char *failed;
    uint8_t writing;
};

/* An archive to write to: archive_seal it in the end. archive_free frees what a writer holds. */
void archive_begin(struct archive *a);
void archive_free(struct archive *a);
/* Fill in the header. 0, or -1 when something failed on the way. */
int archive_seal(struct archive *a);
/* Read n bytes that were sealed (borrowed). 0, or -1 with `failed` set: not such a file, another
 * version, cut off, too long, or damaged. */
int archive_open(struct archive *a, const uint8_t *bytes, size_t n);

/* The first failure counts. Always -1. */
int archive_fail(struct archive *a, const char *why);

void archive_raw(struct archive *a, void *p, size_t n);
void archive_u8(struct archive *a, uint8_t *x);
void archive_u16(struct archive *a, uint16_t *x);
void archive_u32(struct archive *a, uint32_t *x);
void archive_u64(struct archive *a, uint64_t *x);
/* A number of things that take at least `least` bytes each and are at most `most`: what was read is
 * 0 with the archive failed when there are not that many bytes left. */
void archive_count(struct archive *a, uint32_t *n, uint32_t most, size_t least);
/* Values that are only written; readers get them back. */
static inline uint32_t archive_put32(struct archive *a, uint32_t x)
{
    archive_u32(a, &x);
    return x;
}
static inline uint64_t archive_put64(struct archive *a, uint64_t x)
{
    archive_u64(a, &x);
    return x;
}
static inline uint8_t archive_put8(struct archive *a, uint8_t x)
{
    archive_u8(a, &x);
    return x;
}
/* A mark between sections: when it is not there, something before it was read wrongly. */
void archive_mark(struct archive *a, const char tag[4]);
/* The same, and the form in which the component writes itself; another form is refused. */
void archive_section(struct archive *a, const char tag[4], uint32_t version);

/* Numbers that are below a limit, else the archive fails and they are zero. */
void archive_u8_below(struct archive *a, uint8_t *x, uint32_t limit);
void archive_u16_below(struct archive *a, uint16_t *x, uint32_t limit);
void archive_u32_below(struct archive *a, uint32_t *x, uint64_t limit);
void archive_u64_below(struct archive *a, uint64_t *x, uint64_t limit);
/* Arrays of them. A limit beyond the type's numbers is none. */
void archive_u8s(struct archive *a, uint8_t *x, size_t n, uint32_t limit);
void archive_u16s(struct archive *a, uint16_t *x, size_t n, uint32_t limit);
void archive_u32s(struct archive *a, uint32_t *x, size_t n, uint64_t limit);
/* Any numbers: counters, a struct that consists of uint64_t. */
void archive_u64s(struct archive *a, uint64_t *x, size_t n);
/* Simulated time in ps, or cycles: sums of a few of them do not overflow. */
#define ARCHIVE_TIME_LIMIT (UINT64_C(1) << 58)
void archive_time(struct archive *a, uint64_t *t);
void archive_times(struct archive *a, uint64_t *t, size_t n);
/* A number that the config fixes: that of the archive must be the same. */
void archive_same(struct archive *a, uint64_t x);
/* Bytes of a reader that are left. */
static inline size_t archive_left(const struct archive *a)
{
    return a->n - a->at;
}

#endif
