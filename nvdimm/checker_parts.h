/* checker_parts.h - the insides of the checker, shared by its files only. */
#ifndef NVDIMM_CHECKER_PARTS_H
#define NVDIMM_CHECKER_PARTS_H

#include "nvdimm/checker.h"

/* A line that was stored to or flushed. Masks: bit i is byte i of the line. */
struct cline {
    union {
        uint64_t addr;
        struct cline *next; /* of records that are not in use */
    };
    uint64_t fresh; /* stored since the last flush */
    uint64_t dirty, pending, nt;
    uint64_t late;        /* dirty, stored after a flush of this epoch: C4 if nobody mends it */
    uint64_t c4, c6, c10; /* of what is not durable: the suspicion */
    uint64_t said;        /* reported already */
    uint64_t wrote;       /* stored in the epoch wrote_epoch */
    uint32_t wrote_epoch, flush_epoch;
    uint32_t site[8], code[8]; /* last store to each word */
    uint32_t flush_site, c4_fence, c6_flush;
    uint32_t flushes;
    uint64_t stored;  /* bytes, all stores together */
    uint64_t touched; /* bytes ever stored */
    uint64_t evictions, eviction_cycles;
    uint16_t thread;    /* that stored last */
    uint8_t by_clflush; /* the last flush was one */
};

struct cpage;

struct checker_lines {
    struct cpage **pages; /* open addressing; size is a power of two */
    struct cpage *last;   /* the page used last; never NULL */
    uint32_t size, npages;
    unsigned shift;
    struct cline *free, *slabs;
};

/* A flush that had nothing to do. */
struct idle_flush {
    uint64_t line;
    uint32_t site;
};

/* A list of 64-bit numbers. */
struct u64s {
    uint64_t *v;
    size_t n, cap;
};

/* A store to a range that was not logged by then, in a transaction or near one. */
struct tx_store {
    uint64_t addr, new_bytes, source, linear;
    uint64_t seq, durable; /* numbers of events; durable: DOMAIN_NEVER until it is */
    uint32_t site;
    uint8_t bytes;
    uint8_t inside; /* a transaction was under way */
    uint8_t log;    /* known to belong to the log */
    uint8_t ahead;  /* data of the transaction was not durable then, ahead_site stored it */
    uint32_t ahead_site;
};

struct tx_range {
    uint64_t addr, bytes;
};

/* The first store to a word of a logged range. */
struct tx_data {
    uint64_t addr, old_bytes, new_bytes;
    uint32_t site;
    uint8_t bytes, matched; /* matched: its log entry has been seen */
};

/* A group of adjacent words that one piece of code stored at once: C15 unless it is published. */
struct torn {
    uint64_t addr, bytes;
    uint32_t site, epoch, fence_site;
    uint8_t ended; /* its epoch is over */
};

/* What a thread has under way. */
struct cthread {
    uint32_t epoch;
    struct u64s pending;  /* lines flushed or stored non-temporally in this epoch */
    struct u64s wrote;    /* lines stored to in this epoch */
    struct u64s suspects; /* lines with c4 set at the last fence */
    struct u64s useless;  /* findings whose flushes were for nothing in this epoch */
    uint32_t flushes;     /* in this epoch, all */
    uint32_t clflushes;
    uint64_t epoch_cycles;
    struct idle_flush idle[8]; /* of this epoch, the first ones */
    uint32_t nidle;
    /* C20: bytes of another thread's that were read when they were not durable, and what followed
     */
    uint64_t foreign; /* 0: none */
    uint32_t foreign_bytes, foreign_load, nderived;
    uint64_t derived[8]; /* lines stored to since, the first ones */
    /* P7: the media line that the last epochs flushed a quarter each of, and which quarters */
    uint64_t media_line, media_cycles;
    uint64_t media_wrote;    /* bytes of its line that each of them has stored */
    uint32_t media_sites[3]; /* of the last flushes, the latest first */
    uint8_t media_mask;
    /* transactions */
    int in_tx, aborting, gave_up; /* gave_up: the last transaction was aborted */
    struct tx_range *ranges;
    size_t nranges, ranges_cap;
    struct tx_store *stores;
    size_t nstores, stores_cap;
    struct tx_data *data;
    size_t ndata, data_cap;
    struct u64s tx_lines;          /* stored to in the transaction */
    struct u64s aborted;           /* lines of aborted ones, until they are judged */
    uint64_t data_seq, logged_seq; /* last store to a logged range, last PM_TX_LOGGED */
    uint64_t tx_cycles;
    /* C15: stores of the block execution under way, then candidates */
    struct pm_event unit[16];
    uint32_t nunit, unit_block;
    struct torn torn[64];
    uint32_t ntorn;
};

struct checker {
    enum domain_point point;
    struct checker_lines lines;
    struct cthread *threads;
    uint32_t nthreads, epochs;
    uint32_t writers; /* threads that have stored to the NVDIMM */
    uint64_t seq;
    uint64_t cycles;       /* spent in flushes and fences so far */
    struct u64s log_lines; /* that transactions keep their log in */
    struct finding *findings;
    size_t nfindings, findings_cap, recent;
    int finished, tx_used;
};

/* checker_lines.c. Records stay where they are until they are retired. */
void checker_lines_new(struct checker *c);
void checker_lines_free(struct checker *c);
struct cline *checker_line(struct checker *c, uint64_t addr); /* made when it is not there */
struct cline *checker_known(const struct checker *c, uint64_t addr);
void checker_retire(struct checker *c, uint64_t addr); /* it is known, and wholly durable */
int checker_was_flushed(const struct checker *c, uint64_t addr); /* ever, also if it is retired */
void checker_all_lines(const struct checker *c, struct u64s *to);
uint64_t checker_line_of(uint64_t addr);
extern const char checker_memory[]; /* for hostmem */
struct finding *checker_report(struct checker *c, enum checker_row row, uint32_t store_site,
                               uint32_t flush_site, uint32_t fence_site, uint64_t addr,
                               uint32_t bytes);
/* The finding was a mistake. Its place stays, so that numbers of findings do. */
void checker_take_back(struct checker *c, enum checker_row row, uint32_t store_site);
void u64s_add(struct u64s *l, uint64_t v);
/* Room for one more of `size` bytes behind the n that there are. */
void *checker_room(void *p, size_t n, size_t *cap, size_t size);
/* Bytes [addr, addr + n) of its line. */
uint64_t checker_mask(uint64_t addr, uint32_t n);
/* Are these bytes, which lie in one word, not durable? */
int checker_open(const struct checker *c, uint64_t addr, uint32_t n);

/* checker_tx.c */
void checker_tx(struct checker *c, struct cthread *t, const struct pm_event *e);
void checker_tx_store(struct checker *c, struct cthread *t, const struct pm_event *e);
void checker_tx_fence(struct checker *c, struct cthread *t, uint32_t site);
void checker_tx_end(struct checker *c, struct cthread *t);
int checker_tx_logged(const struct cthread *t, uint64_t addr, uint32_t n);

/* checker_torn.c */
void checker_torn_store(struct checker *c, struct cthread *t, const struct pm_event *e);
void checker_torn_flush(struct checker *c, struct cthread *t); /* the block execution is over */
void checker_torn_apart(struct cthread *t, uint64_t addr); /* the word there is flushed by itself */
void checker_torn_fence(struct cthread *t, uint32_t site);
void checker_torn_end(struct checker *c, struct cthread *t);

#endif
