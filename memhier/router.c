/* router.c - sends each request below the caches to the memory that its physical address names. */
#include "memhier/router.h"

#define LINE_OF(addr) ((addr) & ~(uint64_t)(LINE_BYTES - 1))

struct mem_reply router_read(const struct router *r, uint64_t addr, ps_t at,
                             const struct mem_req *from)
{
    struct mem_req req = *from;
    req.addr = LINE_OF(addr);
    req.bytes = LINE_BYTES;
    req.at = at;
    return port_access(router_port(r, addr), &req);
}

struct mem_reply router_write(const struct router *r, uint64_t addr, ps_t at, unsigned kind,
                              const struct mem_req *from)
{
    struct mem_req req = *from;
    req.addr = LINE_OF(addr);
    req.bytes = LINE_BYTES;
    req.at = at;
    req.kind = (uint8_t)kind;
    if (kind == MEM_WRITEBACK)
        req.pc = 0;
    return port_access(router_port(r, addr), &req);
}

struct mem_reply router_pass(const struct router *r, const struct mem_req *req, ps_t at,
                             unsigned kind)
{
    struct mem_req copy = *req;
    copy.at = at;
    copy.kind = (uint8_t)kind;
    return port_access(router_port(r, req->addr), &copy);
}
