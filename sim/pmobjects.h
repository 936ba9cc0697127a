/* pmobjects.h - which parts of the NVDIMM are named objects, as the guest's directory has them. */
#ifndef SIM_PMOBJECTS_H
#define SIM_PMOBJECTS_H

#include <stddef.h>
#include <stdint.h>

#include "wasmcore/physmem.h"

#define PMOBJECT_NAME 96u

struct pmobject {
    char name[PMOBJECT_NAME + 1];
    uint64_t addr, bytes; /* physical; whole frames */
};

/* Live entries of the directory in frame 0 (guestos/kernel/nvdir.h): an array of *n to free, NULL
 * when there is no directory. Frames that were never touched are looked at, too. */
struct pmobject *pmobjects_read(struct physmem *pm, size_t *n);

/* May these be the first 8 bytes of an NVDIMM? Zeros, or the mark that the kernel stores there, all
 * at once, when it has made its directory. */
int pmobjects_may_begin(const uint8_t first[8]);

#endif
