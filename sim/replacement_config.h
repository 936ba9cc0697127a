/* replacement_config.h - what `pwsim replacement` is asked: the config file and the corpus list. */
#ifndef SIM_REPLACEMENT_CONFIG_H
#define SIM_REPLACEMENT_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include "memhier/policy.h"
#include "sim/config.h"
#include "traces/llc_stream.h"

#define REPLACEMENT_TRACES    256u
#define REPLACEMENT_POLICIES  64u
#define REPLACEMENT_SIZES     32u
#define REPLACEMENT_PASSES    8u
#define REPLACEMENT_QUESTIONS 32u

struct replacement_config {
    char *name[REPLACEMENT_TRACES], *path[REPLACEMENT_TRACES];
    const struct policy *policy[REPLACEMENT_POLICIES];
    uint64_t llc[REPLACEMENT_SIZES];
    uint32_t warm[REPLACEMENT_SIZES]; /* passes of the trace before what is counted */
    struct {
        size_t a, b; /* numbers of policies */
    } question[REPLACEMENT_QUESTIONS];
    size_t traces, policies, sizes, questions, lru, opt;
    uint32_t ways, resamples;
    uint64_t seed;
    struct llc_stream_options above;
    char split[32];
    struct config *machine; /* whose core and memories time the points; NULL: nothing is timed */
};

/* Files that the config names are found from its own folder. 0, or -1 and "FILE: …" or
 * "FILE:LINE: what is wrong" with nothing to free. */
int replacement_config_read(struct replacement_config *c, const char *path, char *err,
                            size_t errlen);
void replacement_config_free(struct replacement_config *c);

#endif
