/* dump.h - crash dumps: an ELF core of the machine at a power cut. */
#ifndef SIM_DUMP_H
#define SIM_DUMP_H

#include "sim/machine.h"

/*
 * An ET_CORE file of 64 bits, little endian, with EM_NONE (no number is assigned to this machine):
 *
 *   PT_NOTE, name "pwsim": type 0x101, the resolved configuration as text; type 0x102, one line for
 * each hart PT_LOAD from physical address 0: DRAM, as it was in the last moment PT_LOAD from
 * NVDIMM_BASE: the NVDIMM, what was durable (from the file nvdimm; NULL: no such part)
 *
 * Zeros are holes of the file. 0, or -1 with a message and no file.
 */
int dump_write(struct machine *m, const char *nvdimm, const char *path, char *err, size_t errlen);

#endif
