/* policy_replay.h - `pwsim replay --llc`: replacement policies alone, on what an LLC is asked. */
#ifndef SIM_POLICY_REPLAY_H
#define SIM_POLICY_REPLAY_H

#include <stddef.h>

/* As given on the command line; NULL: not given. Without policies all are taken. */
struct policy_replay_options {
    const char *llc, *ways, *l2, *l2_ways, *policies, *seed;
    int json;
};

/*
 * For each trace and each policy what the LLC counted: reads, hits, misses (fetches), their ratio
 * and MPKI, write-backs to memory, bypasses, and accesses per second of host CPU time. The trace is
 * read once, and the accesses to the LLC are held in memory, 24 bytes each. 0, or -1 and a message.
 */
int policy_replay(const struct policy_replay_options *opt, char **paths, int n, char *err,
                  size_t errlen);

#endif
