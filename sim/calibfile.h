/* calibfile.h - calibration files: measurements of real machines, one in a row. */
#ifndef SIM_CALIBFILE_H
#define SIM_CALIBFILE_H

#include <stddef.h>
#include <stdint.h>

/*
 * Comma-separated text with the header line
 *
 *   group,tier,dimms,threads,op,pattern,access_bytes,region_bytes,fence_bytes,stat,value,unit,source
 *
 * A field may be quoted ("a, b"). region_bytes may be empty: far larger than any buffer; so may
 * fence_bytes: no fence in the loop. Empty lines are skipped.
 */
enum calib_op { CALIB_READ, CALIB_NTSTORE, CALIB_STORE_CLWB, CALIB_STORE_CLWB_LATE, CALIB_STORE };
enum calib_pattern { CALIB_SEQUENTIAL, CALIB_RANDOM, CALIB_CHASE, CALIB_HALF_LINES };
enum calib_group {
    CALIB_CHASE_GROUP,
    CALIB_IDLE,
    CALIB_BANDWIDTH,
    CALIB_AMPLIFICATION,
    CALIB_PERSIST,
    CALIB_FENCE_INTERVAL,
    CALIB_TAIL,
    CALIB_WRITE_RATIO,
    CALIB_OVERWRITE,
    CALIB_GROUPS
};
enum calib_stat {
    CALIB_PER_LINE,   /* ns for each 64-byte line */
    CALIB_MEAN,       /* ns for each access with its fence */
    CALIB_THROUGHPUT, /* GB/s */
    CALIB_MEDIA_PER_ISSUED,
    CALIB_ISSUED_PER_MEDIA,
    CALIB_PERCENTILE, /* ns, `percentile` in 1/1000 % */
    CALIB_STALL,      /* ns, median */
    CALIB_WRITES_BETWEEN
};

struct calib_row {
    enum calib_group group;
    enum calib_op op;
    enum calib_pattern pattern;
    enum calib_stat stat;
    uint32_t dimms, threads, percentile;
    uint64_t access, region, fence; /* bytes; region 0: large; fence 0: none */
    double value;
    uint8_t dram;
    unsigned line;  /* of the file */
    char *text[13]; /* the fields as they stand there */
};

struct calib_file {
    struct calib_row *rows;
    size_t n;
};

/* 0, or -1 with a message "FILE:LINE: …". */
int calib_read(const char *path, struct calib_file *out, char *err, size_t errlen);
void calib_free(struct calib_file *f);

extern const char *const calib_columns[13];
extern const char *const calib_group_names[CALIB_GROUPS];

#endif
