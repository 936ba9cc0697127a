/* nvfile.h - NVDIMM image files: where the contents come from at power-on and go to at power-off.
 */
#ifndef SIM_NVFILE_H
#define SIM_NVFILE_H

#include <stddef.h>
#include <stdint.h>

#include "nvdimm/domain.h"
#include "wasmcore/physmem.h"

/*
 * An image is the NVDIMM's bytes and nothing else: byte i of the file is byte i of the module. A
 * run only reads the file that it was given (physmem_back). What the module durably holds in the
 * end becomes a file of its own, and a commit replaces the given file by a copy of that. Every file
 * appears by rename, complete and synced: whatever happens before, the old one is there as it was.
 *
 * All functions that can fail return NULL or -1 with one line in err (errlen bytes).
 */
struct nvfile;

/*
 * Open the image at path, which must be a regular file of exactly `bytes` bytes. It is locked
 * (advisory) while open: shared, or alone when commit is set, so that a run which will replace the
 * file and any other run of the same image refuse each other.
 */
struct nvfile *nvfile_open(const char *path, uint64_t bytes, int commit, char *err, size_t errlen);
void nvfile_close(struct nvfile *f);
/* For physmem_back; open until nvfile_close. */
int nvfile_fd(const struct nvfile *f);

/*
 * Write what is durable at time t to the file at path, by way of PATH.part: touched frames as
 * memory has them with the domain's stores that are not durable undone (domain NULL: all is
 * durable), the rest from base_fd (-1: zeros). Blocks of zeros become holes.
 */
int nvfile_write(struct physmem *pm, const struct domain *domain, ps_t t, int base_fd,
                 const char *path, char *err, size_t errlen);

/* Replace the image that f was opened from (with commit) by a copy of the file `written`, with the
 * permissions of the old one. A symbolic link stays, the file that it names is replaced. */
int nvfile_commit(struct nvfile *f, const char *written, char *err, size_t errlen);

#endif
