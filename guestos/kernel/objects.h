/* objects.h - named objects: memory with a name, in NVDIMM or, if so configured, in DRAM. */
#ifndef KERNEL_OBJECTS_H
#define KERNEL_OBJECTS_H

#include <stdint.h>

#include "machine_import.h"

/*
 * With the boot parameter "data_tier" = "nvdimm" an object is an entry of the NVDIMM's directory
 * (nvdir.h) and survives power-off; with "dram" it is a run of DRAM frames and does not. Frames of
 * both are contiguous and zeroed when the object is made.
 */
#define OBJECT_NAME_MAX 96u

struct object {
    struct object *next;
    uint32_t name_len;
    char name[OBJECT_NAME_MAX];
    uint32_t first, frames;
    uint64_t bytes; /* as asked for by whoever made it largest */
    uint32_t ino;
    uint32_t refs;     /* of an object without a name: open files and mappings */
    uint8_t tier;      /* enum machine_tier */
    uint8_t anonymous; /* shared memory: in DRAM, gone when nobody holds it */
};

/*
 * Open the object of that name, making it, or making it larger, for at least `bytes`; 0 only opens.
 * 0 and *out, or -EINVAL, -EILSEQ or -ENAMETOOLONG (bad name or size), -ENOENT, -ENOSPC, -ENOMEM,
 * -EIO (the NVDIMM's directory is damaged). Objects stay known until power-off.
 */
int object_open(const char *name, uint32_t len, int64_t bytes, struct object **out);

/* Shared memory without a name, zeroed, held once: 0 or -EINVAL, -ENOMEM. */
int object_new_anonymous(int64_t bytes, struct object **out);
struct object *object_hold(struct object *o);
void object_drop(struct object *o);

#endif
