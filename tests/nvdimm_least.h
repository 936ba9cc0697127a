/* nvdimm_least.h - for tests of NVDIMMs: a module with one of everything, in no time. */
#ifndef TESTS_NVDIMM_LEAST_H
#define TESTS_NVDIMM_LEAST_H

#include "nvdimm/nvdimm.h"

static inline struct nvdimm_config nvdimm_least(void)
{
    return (struct nvdimm_config){.modules = 1,
                                  .interleave = 4096,
                                  .wpq_lines = 1,
                                  .rpq_lines = 1,
                                  .store_queue = 1,
                                  .buffer_lines = 1,
                                  .buffer_leaving = 1,
                                  .buffer_ahead = 1,
                                  .ait_entries = 1,
                                  .partitions = 1,
                                  .wear_cooling = 1,
                                  .wear_delay = 1};
}

#endif
