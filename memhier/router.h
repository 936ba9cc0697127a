/* router.h - sends each request below the caches to the memory that its physical address names. */
#ifndef MEMHIER_ROUTER_H
#define MEMHIER_ROUTER_H

#include <assert.h>

#include "memhier/port.h"

struct router {
    struct mem_port dram;
    struct mem_port nvdimm; /* access NULL: the machine has none */
};

/* Which port serves the address. A port that is not there is the caller's error. */
static inline const struct mem_port *router_port(const struct router *r, uint64_t addr)
{
    const struct mem_port *port = addr_is_nvdimm(addr) ? &r->nvdimm : &r->dram;
    assert(port->access);
    return port;
}

/* Read the line that holds addr; kind, pc, hart and side are the requester's. */
struct mem_reply router_read(const struct router *r, uint64_t addr, ps_t at,
                             const struct mem_req *from);

/* Write a whole line, as MEM_WRITEBACK (nobody's: pc 0) or as a flush (the requester's pc). */
struct mem_reply router_write(const struct router *r, uint64_t addr, ps_t at, unsigned kind,
                              const struct mem_req *from);

/* Hand a request on as it is, but at another time and as another kind. */
struct mem_reply router_pass(const struct router *r, const struct mem_req *req, ps_t at,
                             unsigned kind);

#endif
