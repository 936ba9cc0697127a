/* dump.h - crash dumps: an ELF core of the machine at a power cut. */
#ifndef SIM_DUMP_H
#define SIM_DUMP_H

#include "nvdimm/crash.h"
#include "sim/machine.h"

/*
 * An ET_CORE file of 64 bits, little endian, with EM_NONE (no number is assigned to this machine),
 * made by libelf:
 *
 *   PT_NOTE   name "pwsim": type 0x70770001, the resolved configuration as text; type 0x102, of
 * each hart what it has done and the call stack of its thread, as text PT_LOAD   from physical
 * address 0: DRAM, as it was in the last moment PT_LOAD   from NVDIMM_BASE: what the NVDIMM held
 * then (not there when it has none)
 *
 * The notes are a section, too (.note.pwsim). Contents of memory begin at multiples of 4096 behind
 * everything that libelf writes; zeros are holes of the file.
 */

/* What the NVDIMM held: the bytes of a file (NULL: zeros), with these lines over it. */
struct dump_nvdimm {
    const char *path;
    const struct crash_line *lines;
    size_t n;
};

/* what: the option or key that asked for it, for the message. 0, or -1 with a message and no file.
 */
int dump_write(struct machine *m, const struct dump_nvdimm *nv, const char *what, const char *path,
               char *err, size_t errlen);

#endif
