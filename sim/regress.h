/* regress.h - goldens: what replays of the corpus count, kept in a file and compared. */
#ifndef SIM_REGRESS_H
#define SIM_REGRESS_H

#include <stddef.h>
#include <stdint.h>

/*
 * A golden file is text. Lines that begin with # and empty ones are passed over. A point is
 *
 *     point <tab> KIND <tab> TRACE <tab> MACHINE <tab> POLICY
 *
 * and the lines after it, up to the next point, are what it gave: <tab> NAME <tab> VALUE. TRACE is
 * a path from the folder of the file. KIND is one of
 *
 *   alone   the policy on what an LLC is asked (traces/llc_stream.h, an L2 of 512 KiB and 8 ways
 *           above); MACHINE is its size and ways, "2 MiB/16". Reads, hits, misses, write-backs,
 *           bypasses
 *   timed   the first 300,000 records drive the LLC and the memories of a machine; MACHINE is "-"
 *           or assignments of configuration keys with semicolons between them, before them perhaps
 *           a config file, a path from the folder of the golden file. Counts of the LLC, the
 *           simulated time, and the counters of the memories, the first 20 figures at most
 *   ooo     the whole trace on the out-of-order window and the memories of such a machine
 *           (sim/ooo_timing.h), with its LLC and the L2 of `alone`. Hits, misses, write-backs;
 *           cycles and headline counters with all memory in DRAM and, unless nvdimm.size is 0, all
 *           in the NVDIMM
 *
 * A point without values is new. Counts are exact: a value that differs at all has moved.
 */
#define REGRESS_RECORDS 300000u
#define REGRESS_FIGURES 20u

struct regress_value {
    char name[48];
    uint64_t value;
};

struct regress_point {
    char *kind, *trace, *machine, *policy; /* of the file's text */
    struct regress_value golden[REGRESS_FIGURES], now[REGRESS_FIGURES];
    size_t n_golden, n_now;
};

struct regress {
    char *text, *folder;
    struct regress_point *points;
    size_t n;
};

/* Read a golden file. 0, or -1 and "FILE:LINE: what is wrong" with nothing to free. */
int regress_read(struct regress *r, const char *path, char *err, size_t errlen);
void regress_free(struct regress *r);

/* Work out all points, in `workers` threads (the results do not depend on how many). 0, or -1 and a
 * message. */
int regress_run(struct regress *r, unsigned workers, char *err, size_t errlen);

/* Points and values that moved, as a table on standard output; how many values. */
size_t regress_moved(const struct regress *r);

/* Write the file anew with what there is now; comments and order are kept. 0, or -1 and a message.
 */
int regress_write(const struct regress *r, const char *path, char *err, size_t errlen);

#endif
