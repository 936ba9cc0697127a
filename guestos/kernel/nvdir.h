/* nvdir.h - the directory of named objects in the NVDIMM, and who has which of its frames. */
#ifndef KERNEL_NVDIR_H
#define KERNEL_NVDIR_H

#include <stdint.h>

/*
 * The directory fills frame 0. All numbers are little endian; a "word" is 8 aligned bytes, the most
 * that becomes durable in one piece.
 *
 *   bytes        what
 *   0..7         magic, the word "pwnvdir" and a NUL: written last when the module is formatted
 *   8..11        version, 1
 *   12..15       frames of the module
 *   16..55       zero
 *   56..59       CRC-32 of bytes 8..55
 *   60..63       zero
 *   64..71       the "fresh" word: low, high (24 bits each), CRC-32 of those 6 bytes (its low 16
 *                bits). Frames [low, high) were not written since the module was new: zeros
 *   72..127      zero
 *   128 + 128 i  entry i, 0 <= i < 511:
 *     0..3         1: live       (bytes 0..7 are one word: state and checksum change together,
 *     4..7         CRC-32 of       and last; the entry is free when the word is 0)
 *                  bytes 8..127
 *     8..11        first frame
 *     12..15       frames
 *     16..23       size in bytes, as asked for
 *     24..27       generation
 *     28..31       length of the name
 *     32..127      name, zeros behind it
 *
 * Order of durable steps, each flushed and fenced before the next begins:
 *
 *   format   fresh word; bytes 8..63; magic. A frame with no magic and no entry is formatted anew.
 *   create   fresh word without the frames to be taken; zeros into those that were not fresh;
 *            bytes 8..127 of a free entry; its word 0.
 *   grow     as create, the entry with the same name and first frame, more frames and the next
 *            generation; then word 0 of the old entry becomes free. Of two live entries with one
 *            name the later generation counts; the other is freed when the directory is read.
 *
 * So a power cut at any point leaves the object as before or as after. Anything else that is found
 * is damage: it is reported on the console once, and every call is -EIO from then on.
 *
 * Frames are contiguous; objects are placed first fit from the bottom. The file cache takes frames
 * from the top and is not recorded: its frames are free again at the next power-on.
 */
struct nvdir_extent {
    uint32_t first, frames;
    uint64_t bytes;
};

/*
 * Find, create or grow: as object_open. The name has been checked (1 to 96 bytes). The directory is
 * read, or the module formatted, when this or nvdir_cache_alloc is first called.
 */
int nvdir_open(const char *name, uint32_t len, uint64_t bytes, struct nvdir_extent *out);

/* n frames for volatile use until power-off, contents undefined: the first, -ENOSPC or -EIO. */
int32_t nvdir_cache_alloc(uint32_t n);

#endif
