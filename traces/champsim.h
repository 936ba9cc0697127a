/* champsim.h - reads instruction traces in ChampSim's format. */
#ifndef TRACES_CHAMPSIM_H
#define TRACES_CHAMPSIM_H

#include <stddef.h>
#include <stdint.h>

#include "cpu/stream.h"

/*
 * A file is a list of records of 64 bytes, numbers little endian (ChampSim,
 * inc/trace_instruction.h, input_instr), as it is, or compressed by gzip or xz (unpack.h):
 *
 *   0   u64      instruction pointer
 *   8   u8       is it a branch: 0 or 1
 *   9   u8       was it taken: 0 or 1
 *   10  u8[2]    registers written, 0: none
 *   12  u8[4]    registers read, 0: none
 *   16  u64[2]   addresses written, 0: none
 *   32  u64[4]   addresses read, 0: none
 *
 * Register 6 is the stack pointer, 25 the flags, 26 the instruction pointer; what kind of branch it
 * is follows from which of them are read and written, as in ChampSim:
 *
 *                  writes ip, and   reads sp   reads flags   reads ip   reads others   writes sp
 *   jump                            no         no            -          no             -
 *   indirect jump                   no         no            no         yes            -
 *   conditional                     no         one of these  yes        two            no
 *   call                            yes        no            yes        no             yes
 *   indirect call                   yes        no            yes        yes            yes
 *   return                          yes        -             no         -              yes
 *   (any other is taken for an indirect jump)
 *
 * Addresses are virtual: each region of 64 KiB gets the next free physical one when it is first
 * touched, by code or data.
 */
#define CHAMPSIM_BYTES 64u

struct champsim;

/* NULL and a message when the file cannot be read. */
struct champsim *champsim_open(const char *path, char *err, size_t errlen);
void champsim_close(struct champsim *t);
/* Up to n instructions, n at least 1: how many, 0 at the end, -1 with a message that names the
 * record: cut off, not a record, damaged compression, or more memory than a machine can have. */
int64_t champsim_read(struct champsim *t, struct stream_op *out, size_t n, char *err,
                      size_t errlen);

#endif
