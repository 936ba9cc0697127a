/* import_lackey.c - what valgrind's lackey prints; the lines are described in import.h. */
#include "traces/import.h"

#include "memhier/port.h"

/* Valgrind's stack and registers of tools never show; sizes beyond this are no access of a program.
 */
#define LARGEST 1024u

/* "ADDR,SIZE" to the end of the line. */
static int operands(const char *p, uint64_t *addr, uint64_t *bytes)
{
    p = import_hex(p, addr);
    if (!p || *p != ',')
        return -1;
    p = import_number(p + 1, bytes);
    return p && !*p && *bytes && *bytes <= LARGEST ? 0 : -1;
}

static enum import_state fetch(struct import *im, uint64_t pc, uint64_t bytes, uint64_t *line)
{
    const struct trace_record r = {.addr = pc, .pc = pc, .kind = MEM_FETCH};
    const uint64_t last = (pc + bytes - 1) >> LINE_SHIFT;
    import_instructions(im, 1);
    if (pc >> LINE_SHIFT == *line && last == *line)
        return IMPORT_GOES_ON;
    *line = last;
    return import_access(im, &r, (uint32_t)bytes);
}

static enum import_state data(struct import *im, char what, uint64_t addr, uint64_t bytes,
                              uint64_t pc)
{
    struct trace_record r = {.addr = addr, .pc = pc, .kind = what == 'S' ? MEM_STORE : MEM_LOAD};
    enum import_state s = import_access(im, &r, (uint32_t)bytes);
    if (what == 'M' && s == IMPORT_GOES_ON) {
        r.kind = MEM_STORE;
        s = import_access(im, &r, (uint32_t)bytes);
    }
    return s;
}

enum import_state import_lackey(struct import *im)
{
    enum import_state s = IMPORT_GOES_ON;
    uint64_t pc = 0, line = UINT64_MAX, addr, bytes;
    const char *p;
    size_t n;
    while (s == IMPORT_GOES_ON && (p = import_line(im, &n))) {
        if ((p[0] == '=' && p[1] == '=') || (p[0] == '-' && p[1] == '-') || !p[0])
            continue;
        const int fetches = p[0] == 'I' && p[1] == ' ' && p[2] == ' ';
        const int accesses = p[0] == ' ' && (p[1] == 'L' || p[1] == 'S' || p[1] == 'M') &&
                             p[2] == ' ';
        if ((!fetches && !accesses) || operands(p + 3, &addr, &bytes))
            return import_wrong(im,
                                "expected \"I  ADDR,SIZE\" or \" L|S|M ADDR,SIZE\", got "
                                "\"%.60s\"",
                                p);
        if (fetches)
            s = fetch(im, pc = addr, bytes, &line);
        else
            s = data(im, p[1], addr, bytes, pc);
    }
    return s;
}
