/* validate_probe.h - what `make validate-host` measures of the host itself, with none of its
 * kernels.
 */
#ifndef TESTS_VALIDATE_PROBE_H
#define TESTS_VALIDATE_PROBE_H

#include <stddef.h>
#include <stdint.h>

/*
 * A virtual machine differs from the processor's data sheet in what it shares with others: the
 * clock, the parts of the caches that it may fill (hypervisors hand out ways, neighbours take them,
 * and pages of 4 KiB that lie anywhere do not fill all sets alike), the way to memory, and the size
 * of the pages that its own pages are made of. All are measured by chains of dependent additions or
 * loads.
 */
struct host_probe {
    double ghz;       /* of the clock */
    int huge_pages;   /* memory that is asked for in 2 MiB pages has them for the processor, too */
    uint64_t l2, llc; /* bytes of the cache that one chain can fill; 0: all that was tried, which is
                         PROBE_MOST at most */
    double memory_ns; /* of a load that no cache has; 0: none was reached */
};
#define PROBE_MOST ((size_t)128 << 20)

/* Measured in turns between which kernels run, so that both meet the same neighbours. */
#define PROBE_TURNS 7u

/* Sizes of caches are those that the processor tells (sysconf); without them, their shares and the
 * way to memory are not measured. NULL: no memory. */
struct host_prober *host_prober_new(void);
void host_prober_free(struct host_prober *p);
/* One turn, half a second or so; at most PROBE_TURNS. */
void host_prober_turn(struct host_prober *p);
/* After all turns. */
void host_prober_result(const struct host_prober *p, struct host_probe *result);

/* The first value of a field of /proc/cpuinfo; "" when there is none. */
void host_cpu_field(const char *field, char *to, size_t n);
/* Name of the bundled machine (sim/configs) that is next to the host's processor. */
const char *host_machine(void);

#endif
