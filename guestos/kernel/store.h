/* store.h - memory for the contents of files, in the tier that the machine keeps them in. */
#ifndef KERNEL_STORE_H
#define KERNEL_STORE_H

#include <stdint.h>

#include "machine_import.h"

/*
 * Blocks of powers of two from 256 bytes to a page of 64 KiB, mapped into the kernel; a page is a
 * frame of its own that can be mapped into programs. What is given back is given out again, to the
 * same size; contents are undefined. In NVDIMM the frames are the file cache's (nvdir_cache_alloc):
 * volatile in meaning.
 */
#define STORE_ORDER_MIN  8u
#define STORE_ORDER_PAGE 16u

/* The tier of files and named objects: boot parameter "data_tier". Refuses the boot when files
 * shall be in an NVDIMM that is not there. */
void store_init(void);
enum machine_tier data_tier(void);

/* A block of 1 << order bytes, or NULL. */
uint8_t *store_alloc(uint32_t order);
void store_free(uint8_t *block, uint32_t order);
/* Order of the smallest block for so many bytes; at most a page. */
uint32_t store_order(uint32_t bytes);

/* Make sure that the next n pages come one behind the other, if there is such a run. */
void store_prepare(uint32_t n);

/* The frame of a page. */
uint32_t store_frame(const uint8_t *page);

/* Pages taken from the machine so far, and pages of them that are free. */
void store_usage(uint32_t *pages, uint32_t *free_pages);

#endif
