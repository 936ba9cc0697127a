/* import_champsim.c - instruction records of 64 bytes as memory accesses; see import.h. */
#include "traces/import.h"

#include <string.h>

#include "memhier/port.h"

#define RECORD       64u
#define DESTINATIONS 2u
#define SOURCES      4u
#define REGISTERS    256u
#define ACCESS_BYTES 8u

/* Offsets in a record. */
enum { IP = 0, BRANCH = 8, TAKEN = 9, TO = 10, FROM = 12, STORES = 16, LOADS = 32 };

struct champsim {
    uint64_t line;              /* of the last fetch */
    uint64_t origin[REGISTERS]; /* 1 + the request of the load that the value needs; 0: none */
};

static uint64_t get64(const uint8_t *p)
{
    uint64_t x = 0;
    for (unsigned i = 8; i-- > 0;)
        x = x << 8 | p[i];
    return x;
}

static enum import_state access_one(struct import *im, uint64_t addr, uint64_t pc, uint8_t kind,
                                    uint64_t origin)
{
    const uint64_t room = LINE_BYTES - (addr & (LINE_BYTES - 1));
    const uint64_t distance = origin ? import_requests(im) + 1 - origin : 0;
    const struct trace_record r = {.addr = addr,
                                   .pc = pc,
                                   .kind = kind,
                                   .depends = distance > UINT32_MAX ? 0 : (uint32_t)distance};
    return import_access(im, &r, room < ACCESS_BYTES ? (uint32_t)room : ACCESS_BYTES);
}

static enum import_state fetch(struct import *im, struct champsim *c, uint64_t ip)
{
    const struct trace_record r = {.addr = ip, .pc = ip, .kind = MEM_FETCH};
    import_instructions(im, 1);
    if (ip >> LINE_SHIFT == c->line)
        return IMPORT_GOES_ON;
    c->line = ip >> LINE_SHIFT;
    return import_access(im, &r, 1);
}

static enum import_state instruction(struct import *im, struct champsim *c, const uint8_t *p)
{
    const uint64_t ip = get64(p + IP);
    uint64_t origin = 0;
    if (p[BRANCH] > 1 || p[TAKEN] > 1)
        return import_wrong(im, "branch %u, taken %u; both are 0 or 1", p[BRANCH], p[TAKEN]);
    for (unsigned i = 0; i < SOURCES; i++)
        if (p[FROM + i] && c->origin[p[FROM + i]] > origin)
            origin = c->origin[p[FROM + i]];
    enum import_state s = fetch(im, c, ip);
    uint64_t result = origin;
    for (unsigned i = 0; i < SOURCES && s == IMPORT_GOES_ON; i++) {
        const uint64_t addr = get64(p + LOADS + 8 * i), before = import_requests(im);
        if (addr)
            s = access_one(im, addr, ip, MEM_LOAD, origin);
        if (addr && import_requests(im) > before)
            result = before + 1;
    }
    for (unsigned i = 0; i < DESTINATIONS && s == IMPORT_GOES_ON; i++) {
        const uint64_t addr = get64(p + STORES + 8 * i);
        if (addr)
            s = access_one(im, addr, ip, MEM_STORE, origin);
    }
    for (unsigned i = 0; i < DESTINATIONS; i++)
        c->origin[p[TO + i]] = result;
    c->origin[0] = 0; /* no register */
    return s;
}

enum import_state import_champsim(struct import *im)
{
    struct champsim c = {.line = UINT64_MAX};
    enum import_state s = IMPORT_GOES_ON;
    uint8_t record[RECORD];
    size_t n;
    while (s == IMPORT_GOES_ON && (n = import_bytes(im, record, RECORD))) {
        if (n < RECORD)
            return import_wrong(im, "truncated: %zu of %u bytes", n, RECORD);
        s = instruction(im, &c, record);
    }
    return s;
}
