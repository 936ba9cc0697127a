/* tier.h - programs' memories in DRAM and NVDIMM: the kernel moves pages by sampled hotness. */
#ifndef KERNEL_TIER_H
#define KERNEL_TIER_H

#include <stdint.h>

#include "proc.h"

/*
 * With the boot parameter "tier_period" programs' own pages of 64 KiB (not what is mapped into
 * them) may lie in at most "tier_dram" frames of DRAM; the others lie in frames of the NVDIMM that
 * are volatile in meaning. Memory grows in DRAM, as the machine gives it; once in a period the
 * kernel looks at each page of each program:
 *
 *   a page that is new is told to the page policy of the machine; what has to leave for it goes to
 *   the NVDIMM
 *   a page in DRAM that was sampled "tier_threshold" times is told to the policy as used
 *   of the pages in the NVDIMM that were sampled as often, the "tier_limit" hottest are told as
 *   used, and go to DRAM once what has to leave has left
 *
 * The policy decides who leaves and knows nothing of time or tiers. Pages of a process that has
 * ended stay known to it until it lets go of them, so DRAM may be used less than fully for a while.
 * Without the parameter nothing here does anything.
 */
void tier_init(void);

/* The boot thread, before it resumes a thread: migrate if it is time. The time afterwards. */
uint64_t tier_tick(uint64_t now_ns);
/* How long a thread may run that could run for `slice` nanoseconds (0: for ever). */
uint64_t tier_slice(uint64_t slice, uint64_t now_ns);

/* The process's memory is about to go. */
void tier_forget(const struct process *p);

#endif
