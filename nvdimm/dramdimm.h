/* dramdimm.h - a module whose media is DRAM: flash or a battery keeps it, perhaps behind a link. */
#ifndef NVDIMM_DRAMDIMM_H
#define NVDIMM_DRAMDIMM_H

#include "memhier/dram.h"
#include "memhier/port.h"

/*
 * One channel of DRAM (memhier/dram.h) that is saved when the power goes: an NVDIMM-N (flash on the
 * module), or a CXL device with a battery or flash. It does not wear, and what its controller has
 * accepted counts as on the media. Times of an idle module, with those of an idle DRAM:
 *
 *   read     path + DRAM read + link_read
 *   write    accept + link_write + DRAM's acceptance; the answer's way is part of `accept`
 *
 * A line takes the link for link_read or link_write; both directions at once. For a module on the
 * memory bus all but `accept` are 0: the bus is DRAM's own.
 */
struct dramdimm_config {
    ps_t accept, path;          /* both ways together */
    ps_t link_read, link_write; /* one 64-byte line */
    struct dram_config dram;
};

struct dramdimm;

/* NULL and a message when a value is out of range. */
struct dramdimm *dramdimm_new(const struct dramdimm_config *cfg, char *err, size_t errlen);
void dramdimm_free(struct dramdimm *m); /* NULL is fine */

/* A 64-byte line of the module is asked for at `at`: when it is there. */
ps_t dramdimm_read(struct dramdimm *m, uint64_t line, ps_t at);
/* A line, or some bytes of it, is sent at `at`: when it is known to be durable. */
ps_t dramdimm_write(struct dramdimm *m, uint64_t line, ps_t at);

const struct dram *dramdimm_dram(const struct dramdimm *m);

struct archive;
void dramdimm_archive(struct dramdimm *m, struct archive *a);

#endif
