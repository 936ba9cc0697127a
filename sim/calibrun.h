/* calibrun.h - run one row of a calibration file on the memory side of a machine. */
#ifndef SIM_CALIBRUN_H
#define SIM_CALIBRUN_H

#include <stddef.h>

#include "sim/calibfile.h"
#include "sim/calibhart.h"
#include "sim/config.h"
#include "sim/progress.h"

/* What a row's experiment yields; rows that differ only in `stat` share one. Figures that the group
 * does not have are 0. */
struct calib_result {
    double per_line, mean; /* ns */
    double throughput;     /* GB/s */
    double media_per_issued;
    double stall, writes_between; /* medians: ns, writes */
    uint64_t samples;
    uint32_t *latency; /* histogram of single accesses, calib_percentile reads it; or NULL */
};

/* 0 and a result to drop, or -1 and a message. The progress is updated as work is done. */
int calib_run(const struct calib_row *row, const struct config *cfg, struct progress *progress,
              struct calib_result *out, char *err, size_t errlen);
void calib_result_drop(struct calib_result *r);

/* The figure that the row asks for. */
double calib_figure(const struct calib_result *r, const struct calib_row *row);
/* Whether two rows are the same experiment. */
int calib_same(const struct calib_row *a, const struct calib_row *b);

#endif
