/* explore_parts.h - what the files of the exploration share. */
#ifndef SIM_EXPLORE_PARTS_H
#define SIM_EXPLORE_PARTS_H

#include "nvdimm/crash.h"
#include "sim/explore.h"
#include "sim/machine_state.h"
#include "sim/recover.h"

/* A moment at which images are tried: before event number `event` (or at the end). */
struct moment {
    uint32_t event;
    uint32_t fence; /* how many fences there were before */
};

/* What all processes change. */
struct shared {
    uint32_t chunk; /* the next to be taken */
    uint64_t disk;  /* bytes of images that are kept for cores */
};

/* What is the same for all processes. */
struct exploration {
    const struct config *cfg;
    const struct image *image;
    const char *cores;       /* folder for ELF cores of failures; NULL: none are wanted */
    struct machine *machine; /* of the workload, halted: it names places */
    struct pm_record record;
    struct moment *moments;
    uint32_t nmoments, symmetric; /* symmetric: left out */
    uint32_t per_chunk, nchunks;
    struct shared *shared;
};

#define FAILURE_DETAIL 3000u
#define MOST_FAILURES  64u

/* One way to fail, as it is kept in the state file. */
struct failure {
    uint64_t key;    /* equal for what looks the same */
    uint64_t images; /* that fail so */
    uint32_t event, nlost;
    uint32_t nested; /* the power failed again, in recovery */
    uint32_t has_core;
    char title[256], detail[FAILURE_DETAIL];
};

struct chunk_result {
    uint32_t magic, chunk;
    uint64_t tried, equal,
        unread;        /* images: run; not run because equal to, or read like, another */
    uint64_t possible; /* all that the semantics allow; UINT64_MAX: too many to count */
    uint32_t sampled;  /* moments at which not all images were tried */
    uint32_t nfailures;
    struct failure failures[MOST_FAILURES];
};
#define CHUNK_MAGIC 0x6b6e6863u

/* What has been done. */
struct progress_of {
    uint8_t *done; /* by chunk */
    uint32_t ndone, loaded;
    int state;                 /* the state file; -1: none */
    uint64_t disk;             /* bytes of it */
    struct chunk_result total; /* failures merged */
    double began;
};

/* explore_state.c */
void progress_merge(struct progress_of *p, const struct chunk_result *r);
/* As it is written and sent: without the failures that it has not. */
size_t result_bytes(const struct chunk_result *r);
int result_write(int fd, const struct chunk_result *r); /* 0, or -1 with errno */
/* 1, or 0: there is no whole one. */
int result_read(int fd, const struct exploration *x, struct chunk_result *r);
/* Take what the state file has, and leave it open for more. 0, also when path is NULL; -1 with a
 * message. */
int state_open(const struct exploration *x, const char *path, struct progress_of *p, char *err,
               size_t errlen);
int state_add(struct progress_of *p, const char *path, const struct chunk_result *r, char *err,
              size_t errlen);

/* Find the moments. */
void moments_find(struct exploration *x);
/* Try one chunk. state: has been advanced to where the chunk begins, or less far. */
struct chunk_worker;
struct chunk_worker *chunk_worker_new(const struct exploration *x, char *err, size_t errlen);
void chunk_worker_free(struct chunk_worker *w);
void chunk_run(struct chunk_worker *w, uint32_t chunk, struct chunk_result *out);

/* explore_core.c. The folder for cores: 0, or -1 with a message. */
int cores_begin(const struct exploration *x, char *err, size_t errlen);
/* Keep the image of a failure that has just been found, if cores are wanted. */
void cores_keep(const struct exploration *x, const struct failure *f,
                const struct crash_line *lines, size_t n);
/* A core of each of the n failures that are reported, whose image was kept. whole: the exploration
 * is complete. 0, or -1 with a message. */
int cores_write(const struct exploration *x, struct failure *f, uint32_t n, int whole, char *err,
                size_t errlen);
/* Failures are numbered from 1, as they are reported. Returns buf. */
const char *cores_path(const struct exploration *x, uint32_t number, char *buf, size_t n);

#endif
