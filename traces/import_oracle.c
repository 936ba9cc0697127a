/* import_oracle.c - libCacheSim's oracleGeneral: requests for objects; see import.h. */
#include "traces/import.h"

#include "memhier/port.h"

#define RECORD 24u

enum { TIME = 0, OBJECT = 4, SIZE = 12, NEXT = 16 };

static uint64_t get(const uint8_t *p, unsigned bytes)
{
    uint64_t x = 0;
    while (bytes-- > 0)
        x = x << 8 | p[bytes];
    return x;
}

/* The number of the next request must lie ahead; it is the file's own, and says how well the file
 * holds together. */
static int plausible(uint64_t next, uint64_t index)
{
    return next > INT64_MAX || next == INT64_MAX || next > index;
}

enum import_state import_oracle(struct import *im, uint64_t base, uint64_t page)
{
    enum import_state s = IMPORT_GOES_ON;
    uint8_t record[RECORD];
    uint64_t number;
    size_t n;
    for (uint64_t i = 0; s == IMPORT_GOES_ON && (n = import_bytes(im, record, RECORD)); i++) {
        if (n < RECORD)
            return import_wrong(im, "truncated: %zu of %u bytes", n, RECORD);
        const uint64_t next = get(record + NEXT, 8);
        if (!plausible(next, i))
            return import_wrong(im, "its object's next request is %llu, and this is %llu",
                                (unsigned long long)next, (unsigned long long)i);
        if (import_ordinal(im, get(record + OBJECT, 8), &number))
            return import_wrong(im, "out of memory for the objects before");
        const struct trace_record r = {.addr = base + number * page, .kind = MEM_LOAD};
        s = import_access(im, &r, 8);
    }
    return s;
}
