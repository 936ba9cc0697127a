/* port.h - time, memory requests and the memory port: the one seam between cores, caches and
 * memories. */
#ifndef MEMHIER_PORT_H
#define MEMHIER_PORT_H

#include <stdint.h>

/* Picoseconds since power-on. All simulated time is an integer of these. */
typedef uint64_t ps_t;

#define LINE_BYTES 64u
#define LINE_SHIFT 6u

/*
 * The physical address map. DRAM frames start at 0, the NVDIMM at NVDIMM_BASE. Page tables live in
 * a part of DRAM that guests have no frames in; they have timing, but no contents on the host.
 */
#define NVDIMM_BASE     (UINT64_C(1) << 40)
#define PAGE_TABLE_BASE (UINT64_C(1) << 39)

static inline int addr_is_nvdimm(uint64_t addr)
{
    return addr >= NVDIMM_BASE;
}

/* What a request asks for. The order is part of the trace format. */
enum mem_kind {
    MEM_FETCH,      /* instruction fetch */
    MEM_LOAD,       /* demand load */
    MEM_STORE,      /* demand store: read for ownership below the L1 */
    MEM_NTSTORE,    /* non-temporal store: evicts the line, goes to memory */
    MEM_CLWB,       /* write the line back, keep it clean */
    MEM_CLFLUSHOPT, /* write the line back, drop it */
    MEM_CLFLUSH,    /* as clflushopt, ordered by itself */
    MEM_FENCE,      /* sfence: no address; only the core and traces see it */
    MEM_WALK,       /* page-table read by the walker */
    MEM_WRITEBACK,  /* dirty victim from the level above */
    MEM_PREFETCH,   /* speculative read */
    MEM_VISIBLE,    /* a store to this NVDIMM line is now in the cache above: no data, no time;
                       the persistence domain follows program order by it */
    MEM_KINDS
};

/* Where a request was served, nearest first. SRC_COHERENCE: it waited for another hart's caches,
 * which gave up their copy or handed their data over; else it would have been served by the LLC, or
 * (an upgrade) by this hart's own caches. */
enum mem_source {
    SRC_L1,
    SRC_L2,
    SRC_LLC,
    SRC_COHERENCE,
    SRC_DRAM,
    SRC_NVDIMM,
    SRC_WPQ_FULL,
    MEM_SOURCES
};

struct mem_req {
    uint64_t addr;  /* physical byte address */
    ps_t at;        /* when the request starts */
    uint64_t pc;    /* physical code address of the requester, 0: none */
    uint16_t bytes; /* touched from addr on; never crosses a line */
    uint8_t kind;   /* enum mem_kind */
    uint8_t hart;
    uint8_t side;     /* 0 user, 1 kernel */
    uint32_t depends; /* for recording: how many requests of this hart ago the load was made whose
                         result this one needs, 0: none or not known */
};

/* For reads `done` is when the data is back; for writes, when the receiver has accepted the line
 * (NVDIMM: it is in the write pending queue). */
struct mem_reply {
    ps_t done;
    uint32_t source; /* enum mem_source */
};

/* One request, one answer; `at` may lie before that of an earlier request. */
struct mem_port {
    struct mem_reply (*access)(void *self, const struct mem_req *req);
    void *self;
};

static inline struct mem_reply port_access(const struct mem_port *port, const struct mem_req *req)
{
    return port->access(port->self, req);
}

#endif
