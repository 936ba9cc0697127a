/* checkpoint.h - the whole machine in a file, to go on from there: what guests see, or all of it.
 */
#ifndef SIM_CHECKPOINT_H
#define SIM_CHECKPOINT_H

#include "memhier/archive.h"
#include "sim/machine.h"

/*
 * Files are of two kinds. An *architectural* one is what guests can see, and nothing of how long
 * anything takes. It goes on under any config that describes the same guest: the keys of
 * `architecture` in checkpoint.c, the same boot image, the same NVDIMM image. A machine that goes
 * on from one begins with empty caches, predictors and queues, and with counters at zero; its
 * clocks and the guest's cycle counter go on from where they were. NVDIMM stores that were not
 * durable are not durable still, but what was on its way to the media has arrived there; under the
 * functional model, where stores are durable at once, they are.
 *
 * A *full* one has all of the machine: caches, predictors, queues, the core, counters, series and
 * console output so far. It goes on only under the config that it was made with (name, paths of
 * inputs and nvdimm.commit apart), by a pwsim that lowers code as the one did that made it; and the
 * run that goes on is, to the byte of all that it leaves, the run that was never cut.
 *
 * Contents of the sealed archive (memhier/archive.h; text: u32 length, bytes):
 *
 *   "KIND" u32 enum checkpoint_kind
 *   "CONF", u32 n, n x (text key, text value); 16 bytes digest of the boot image, 16 of the NVDIMM
 *       image (zeros: none)
 *   the store (wasmcore/snapshot.h), physical memory (wasmcore/physmem.h)
 *   "MACH": u32 instance of the kernel, u32 its module; u64 operators executed, u64 picoseconds
 *       since power-on, u64 state of the entropy device, u64 bytes written to the console's output,
 *       u64 to its error stream, u64 bytes read from its input
 *     u32 n, n modules: u32 first frame of the code, u32 frames
 *     u32 n, n guest threads: u32 thread + 1 (0: a free place, nothing follows), u32 function that
 *       is called next + 1, u32 instance, u32 cookie, u32 kernel stack pointer, u32 first frame of
 *       its stack, u32 value, u8 over
 *     then harts, as checkpoint_harts.c says
 *   (a third kind is in an NVDIMM, see suspend.h: as an architectural one, but of physical memory
 *   only which frames are in use, and of the digests only that of the boot image)
 *   architectural: "DOMN": stores to the NVDIMM that are not durable (nvdimm/domain.h)
 *   full: sections of checkpoint_full.c
 */
enum checkpoint_kind {
    CHECKPOINT_ARCHITECTURAL,
    CHECKPOINT_FULL,
    CHECKPOINT_KINDS,                       /* that files are of */
    CHECKPOINT_SUSPENDED = CHECKPOINT_KINDS /* in the NVDIMM only: suspend.h */
};

/* "architectural" or "full": 0, or -1 with a message. */
int checkpoint_kind(const char *text, enum checkpoint_kind *out, char *err, size_t errlen);

/* "instructions=N", "cycles=N" or "mark=N": 0, or -1 with a message. */
int checkpoint_point(const char *text, struct machine_point *out, char *err, size_t errlen);

/* Append the machine, which must be at a point (machine_at_point), and seal. 0, or -1 with a
 * message. The caller frees the archive. */
int checkpoint_save(struct machine *m, enum checkpoint_kind kind, struct archive *a, char *err,
                    size_t errlen);
/* The same to a file, which appears whole or not at all. */
int checkpoint_write(struct machine *m, enum checkpoint_kind kind, const char *path, char *err,
                     size_t errlen);

/* As machine_new, but to go on from the n bytes of a checkpoint. They may be any bytes. NULL and a
 * message when they are none, or one of another guest. */
struct machine *checkpoint_load(const struct config *cfg, const struct machine_ports *ports,
                                const uint8_t *bytes, size_t n, char *err, size_t errlen);
/* The same into a machine that machine_frame has made, with this kind of checkpoint only. 0, or -1
 * with a message. */
int checkpoint_into(struct machine *m, enum checkpoint_kind kind, const uint8_t *bytes, size_t n,
                    char *err, size_t errlen);
/* The same with a file. */
struct machine *checkpoint_read(const struct config *cfg, const struct machine_ports *ports,
                                const char *path, char *err, size_t errlen);

#endif
