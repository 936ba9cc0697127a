/* mapping.h - what is mapped into a process beyond its own memory. */
#ifndef KERNEL_MAPPING_H
#define KERNEL_MAPPING_H

#include <stdint.h>

#include "proc.h"

/*
 * A process's memory only grows: a new mapping lies behind everything, and where one was undone
 * there is ordinary zeroed memory. Mappings are kept by page in a list, newest first; no two
 * overlap.
 */

/* Map frames: the address, or -errno (machine_map_failed tells). What they belong to, a file or an
 * object, is held as long as they are mapped; with neither, they are DRAM frames of this mapping
 * alone, freed with it, or at once on failure. */
int32_t mapping_add(struct process *p, const struct file_extent *e, struct inode *node,
                    struct object *object);

/* Undo [addr, addr + bytes), whole pages inside one mapping: 0, -EINVAL or -ENOMEM. */
int mapping_remove(struct process *p, uint32_t addr, uint32_t bytes);

/* At the end of a process: forget all, free what is owned. */
void mappings_drop(struct process *p);

#endif
