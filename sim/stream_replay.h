/* stream_replay.h - times instruction traces on a core and its memory side. */
#ifndef SIM_STREAM_REPLAY_H
#define SIM_STREAM_REPLAY_H

#include <stddef.h>
#include <stdint.h>

#include "sim/config.h"

struct stream_replay_options {
    uint64_t warmup; /* instructions before counting begins */
    uint64_t length; /* instructions that are counted, 0: all that follow */
    int json;
};

/*
 * Time one trace (traces/champsim.h) on the machine of the config, empty at the start, and print
 * what was counted after the warm-up: IPC, misses of every level and of branches per 1,000
 * instructions, the CPI stack. 0, or -1 and a message: a trace that is refused, a core model that
 * times no instruction traces, or a trace that ends before the warm-up does.
 */
int stream_replay(const struct config *cfg, const char *path,
                  const struct stream_replay_options *opt, char *err, size_t errlen);

#endif
