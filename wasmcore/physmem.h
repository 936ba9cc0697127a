/* physmem.h - the machine's physical memory: DRAM and NVDIMM frames of 64 KiB, on host memory
 * files. */
#ifndef WASMCORE_PHYSMEM_H
#define WASMCORE_PHYSMEM_H

#include <stddef.h>
#include <stdint.h>

#define FRAME_SHIFT 16u
#define FRAME_BYTES (1u << FRAME_SHIFT)
#define FRAME_NONE  UINT32_MAX

enum tier { TIER_DRAM, TIER_NVDIMM, TIERS };

struct physmem;

/*
 * Sizes are multiples of FRAME_BYTES, DRAM at most 512 GiB, NVDIMM at most 16 TiB; nvdimm_bytes may
 * be 0. Host memory is taken only for frames that are touched. NULL when a size is impossible
 * (errno EINVAL) or the host refuses (errno tells why).
 */
struct physmem *physmem_new(uint64_t dram_bytes, uint64_t nvdimm_bytes);
void physmem_free(struct physmem *pm);

/*
 * A run of n contiguous DRAM frames, zeroed: its first frame number or FRAME_NONE. First fit, so
 * that the same calls give the same frames. NVDIMM frames are not allocated here: the guest kernel
 * keeps its own directory of them and names them by number.
 */
uint32_t physmem_alloc(struct physmem *pm, uint32_t n);
/*
 * As physmem_alloc, but takes fewer rather than none: the run that starts at frame `near` if that
 * is free (as much of it as is free, up to n), else the first run of n, else the longest there is.
 * *got is its length. FRAME_NONE when nothing is free. near may be FRAME_NONE.
 */
uint32_t physmem_alloc_some(struct physmem *pm, uint32_t near, uint32_t n, uint32_t *got);
/* 0, or -1 (nothing released) when one of the frames was not allocated. */
int physmem_release(struct physmem *pm, uint32_t first, uint32_t n);

uint64_t physmem_bytes(const struct physmem *pm, enum tier tier);
uint32_t physmem_frames_free(const struct physmem *pm);

/* NVDIMM contents start as those of the file `fd`, read frame by frame when first touched; the file
 * is never written and must stay open. -1: zeros. Call before any NVDIMM frame is touched. */
void physmem_back(struct physmem *pm, int fd);
/* One frame's worth of a file from byte `at` on; past its end there are zeros. 1, or 0 when there
 * is nothing but a hole (`to` is not written), or -1 with errno. */
int frame_read(int fd, uint64_t at, uint8_t *to);
/* Has this NVDIMM frame been touched in this run (so that its content may differ from the file's)?
 */
int physmem_touched(const struct physmem *pm, uint32_t nvdimm_frame);

/* The physical address of a frame, and the host's view of physical bytes [addr, addr + n), which
 * must not cross a frame; NULL when there is no such memory or its contents cannot be read from the
 * backing file. Touches NVDIMM frames. */
uint64_t frame_addr(enum tier tier, uint32_t frame);
uint8_t *physmem_at(struct physmem *pm, uint64_t addr, size_t n);

/* For spaces: map n frames of a tier at a host address (fixed, replacing what is there). 0 or -1.
 */
int physmem_map(struct physmem *pm, enum tier tier, uint32_t first, uint32_t n, void *at);
/*
 * For spaces: account for host mappings. The host allows a process about 65,530 of them; all spaces
 * of one memory share a number below that, PHYSMEM_MAPPINGS unless it is set. 0, or -1 when there
 * would be too many (nothing counted then).
 */
#define PHYSMEM_MAPPINGS 60000
int physmem_count_mappings(struct physmem *pm, int64_t delta);
/* For tests: how many there may be. */
void physmem_limit_mappings(struct physmem *pm, int64_t most);

/*
 * Write or read which frames are in use and what they hold (archive.h). The sizes must be the same.
 * When read, everything that was there before is forgotten, but for what spaces have mapped: they
 * show the new contents. Frames of the NVDIMM that were not touched are left to the backing file.
 *
 *   u64 bytes of DRAM, u64 bytes of NVDIMM
 *   u32 n, then n runs of DRAM frames in use: u32 first, u32 frames; ascending
 *   u32 n, then n frames that hold something: u32 tier << 31 | frame, u32 z, z bytes of zlib stream
 *       (z 0: all zero); ascending
 */
struct archive;
void physmem_archive(struct physmem *pm, struct archive *a);
/* Only which frames are in use: when read, DRAM holds zeros, and the NVDIMM is as it is. */
void physmem_archive_use(struct physmem *pm, struct archive *a);

/* The first frame at or after `frame` that the host has contents for, or the number of frames. */
uint32_t physmem_next_content(const struct physmem *pm, enum tier tier, uint32_t frame);

/*
 * Keep a copy of what memory holds, and put it back: for a process that forks others, which run on
 * the same memory files and have copies of everything else. Which frames are in use, touched or
 * mapped is not kept: after a fork, those are each process's own. NULL: no memory.
 */
struct physmem_kept;
struct physmem_kept *physmem_keep(struct physmem *pm);
void physmem_revert(struct physmem *pm, const struct physmem_kept *k);
void physmem_forget(struct physmem_kept *k);

#endif
