/* outputs.c - files that a run writes in the end or on its way: could they be written? */
#include "sim/outputs.h"

#include <stdio.h>

#include "sim/error.h"
#include "sim/file.h"

int outputs_check(const struct config *cfg, char *err, size_t errlen)
{
    const struct {
        const char *key, *path;
        enum file_way way;
        int wanted;
    } files[] = {
        {"pmem.report", cfg->pmem_report, FILE_IN_PLACE, (int)cfg->pmem_check},
        {"nvdimm.wear_counts", cfg->wear_counts, FILE_IN_PLACE, 1},
        {"power.core", cfg->power_core, FILE_IN_PLACE, *cfg->power_fail_at != '\0'},
        {"nvdimm.image", cfg->nvdimm_image, FILE_BY_RENAME, (int)cfg->nvdimm_commit},
    };
    char why[512];
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        if (!files[i].wanted || !*files[i].path ||
            file_may_write(files[i].path, files[i].way, why, sizeof why) == 0)
            continue;
        error_format(err, errlen, "%s: cannot be written: %s", files[i].key, why);
        return config_blame(cfg, err, errlen);
    }
    return 0;
}
