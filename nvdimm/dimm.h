/* dimm.h - one persistent-memory module with its queues: the stages, put together. */
#ifndef NVDIMM_DIMM_H
#define NVDIMM_DIMM_H

#include "nvdimm/dramdimm.h"
#include "nvdimm/imc.h"
#include "nvdimm/nvdimm.h"

/* Lines are numbered within the module; the owner translates. A module of DRAM has only that. */
struct dimm {
    struct nvdimm *owner;
    uint32_t id;
    struct dramdimm *dram; /* NULL: it has the stages below */
    struct imc imc;
    struct ddrt ddrt;
    struct xpbuffer *buffer;
    struct media *media;
};

/* watch: told of each line on the media. 0, or -1 with a message; dimm_free in both cases. */
int dimm_init(struct dimm *m, const struct nvdimm_config *cfg, struct xpbuffer_watch watch,
              struct nvdimm_counters *counters, char *err, size_t errlen);
void dimm_free(struct dimm *m);

/* A 64-byte line is asked for at `at`: when it is there. *forwarded: the WPQ had it. */
ps_t dimm_read(struct dimm *m, const struct nvdimm_config *cfg, uint64_t line, ps_t at,
               int *forwarded);
ps_t dimm_drain(struct dimm *m, ps_t at);

struct archive;
void dimm_archive(struct dimm *m, struct archive *a);

#endif
