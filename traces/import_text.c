/* import_text.c - lines of Dinero, Ramulator and CSV; they are described in import.h. */
#include "traces/import.h"

#include <string.h>

#include "memhier/port.h"

static const char *skip_blanks(const char *p)
{
    return p + strspn(p, " \t\r");
}

/* ---- Dinero ---- */

enum import_state import_dinero(struct import *im)
{
    static const uint8_t kinds[] = {MEM_LOAD, MEM_STORE, MEM_FETCH};
    enum import_state s = IMPORT_GOES_ON;
    uint64_t addr;
    const char *line;
    size_t n;
    while (s == IMPORT_GOES_ON && (line = import_line(im, &n))) {
        const char *p = skip_blanks(line);
        if (!*p)
            continue;
        if (*p < '0' || *p > '2' || (p[1] != ' ' && p[1] != '\t'))
            return import_wrong(im, "expected label 0, 1 or 2 and an address, got \"%.60s\"", line);
        struct trace_record r = {.kind = kinds[*p - '0']};
        p = skip_blanks(p + 1);
        if (p[0] == '0' && (p[1] | 32) == 'x')
            p += 2;
        p = import_hex(p, &addr);
        if (!p || !strchr(" \t\r", *p))
            return import_wrong(im, "expected an address in hex, got \"%.60s\"", line);
        r.addr = addr;
        r.pc = r.kind == MEM_FETCH ? addr : 0;
        if (r.kind == MEM_FETCH)
            import_instructions(im, 1);
        s = import_access(im, &r, 4);
    }
    return s;
}

/* ---- Ramulator ---- */

static enum import_state ask_line(struct import *im, uint64_t addr, uint8_t kind)
{
    const struct trace_record r = {.addr = addr & ~(uint64_t)(LINE_BYTES - 1), .kind = kind};
    return import_access(im, &r, LINE_BYTES);
}

static enum import_state cpu_line(struct import *im, const char *line)
{
    uint64_t count, read, write;
    const char *p = import_number(skip_blanks(line), &count);
    p = p ? import_number(skip_blanks(p), &read) : NULL;
    if (!p || count > UINT32_MAX)
        return import_wrong(im, "expected \"COUNT READ [WRITE]\", got \"%.60s\"", line);
    import_instructions(im, count + 1);
    const enum import_state s = ask_line(im, read, MEM_LOAD);
    p = skip_blanks(p);
    if (s != IMPORT_GOES_ON || !*p)
        return s;
    p = import_number(p, &write);
    if (!p || *skip_blanks(p))
        return import_wrong(im, "expected the address of a write, got \"%.60s\"", line);
    return ask_line(im, write, MEM_WRITEBACK);
}

static enum import_state dram_line(struct import *im, const char *line)
{
    uint64_t addr;
    const char *end = import_number(skip_blanks(line), &addr);
    const char *p = end ? skip_blanks(end) : NULL;
    if (!p || p == end || (*p != 'R' && *p != 'W') || *skip_blanks(p + 1))
        return import_wrong(im, "expected \"ADDR R\" or \"ADDR W\", got \"%.60s\"", line);
    return ask_line(im, addr, *p == 'R' ? MEM_LOAD : MEM_WRITEBACK);
}

enum import_state import_ramulator(struct import *im, int dram)
{
    enum import_state s = IMPORT_GOES_ON;
    const char *line;
    size_t n;
    while (s == IMPORT_GOES_ON && (line = import_line(im, &n)))
        if (*skip_blanks(line))
            s = dram ? dram_line(im, line) : cpu_line(im, line);
    return s;
}

/* ---- CSV ---- */

enum column { ADDR, KIND, PC, BYTES, GAP, DEPENDS, HART, PASSED_OVER, COLUMN_KINDS };
#define COLUMNS 32u

struct columns {
    enum column v[COLUMNS];
    size_t n;
};

static int parse_columns(const char *text, struct columns *c)
{
    static const char *const names[COLUMN_KINDS] = {"addr", "kind",    "pc",   "bytes",
                                                    "gap",  "depends", "hart", "-"};
    int addresses = 0;
    for (c->n = 0; c->n < COLUMNS; text++) {
        const size_t n = strcspn(text, ",");
        unsigned k = 0;
        while (k < COLUMN_KINDS && (strlen(names[k]) != n || strncmp(names[k], text, n) != 0))
            k++;
        if (k == COLUMN_KINDS)
            return -1;
        addresses += k == ADDR;
        c->v[c->n++] = (enum column)k;
        text += n;
        if (!*text)
            return addresses == 1 ? 0 : -1;
    }
    return -1;
}

static int parse_kind(const char *p, size_t n, uint8_t *kind)
{
    static const char *const names[] = {"fetch", "load",       "store",   "ntstore",
                                        "clwb",  "clflushopt", "clflush", "fence",
                                        "walk",  "writeback",  "prefetch"};
    if (n == 1 && (*p == 'R' || *p == 'r' || *p == 'W' || *p == 'w')) {
        *kind = (*p | 32) == 'r' ? MEM_LOAD : MEM_STORE;
        return 0;
    }
    for (size_t k = 0; k < sizeof names / sizeof names[0]; k++)
        if (strlen(names[k]) == n && strncmp(names[k], p, n) == 0) {
            *kind = (uint8_t)k;
            return 0;
        }
    return -1;
}

/* One field of n characters, without blanks around it. */
static int field(enum column c, const char *p, size_t n, struct trace_record *r, uint64_t *bytes,
                 uint64_t *gap)
{
    uint64_t x;
    if (c == PASSED_OVER)
        return 0;
    if (c == KIND)
        return parse_kind(p, n, &r->kind);
    if (import_number(p, &x) != p + n)
        return -1;
    switch (c) {
    case ADDR:
        r->addr = x;
        return 0;
    case PC:
        r->pc = x;
        return 0;
    case BYTES:
        *bytes = x;
        return x <= 4096 ? 0 : -1;
    case GAP:
        *gap = x;
        return x <= UINT32_MAX ? 0 : -1;
    case DEPENDS:
        r->depends = (uint32_t)x;
        return x <= UINT32_MAX ? 0 : -1;
    default:
        r->hart = (uint8_t)x;
        return x <= UINT8_MAX ? 0 : -1;
    }
}

static enum import_state csv_line(struct import *im, const struct columns *c, const char *line)
{
    struct trace_record r = {.kind = MEM_LOAD};
    uint64_t bytes = 8, gap = 0;
    const char *p = line;
    for (size_t i = 0; i < c->n; i++) {
        const size_t n = strcspn(p, ",");
        const char *from = skip_blanks(p);
        size_t width = from < p + n ? (size_t)(p + n - from) : 0;
        while (width && strchr(" \t\r", from[width - 1]))
            width--;
        if (field(c->v[i], from, width, &r, &bytes, &gap))
            return import_wrong(im, "column %zu is \"%.*s\"", i + 1, width < 40 ? (int)width : 40,
                                from);
        p += n;
        if (*p != (i + 1 < c->n ? ',' : 0))
            return import_wrong(im, "%s than %zu columns", *p ? "more" : "fewer", c->n);
        p += *p != 0;
    }
    if (!bytes && r.kind != MEM_FENCE)
        return import_wrong(im, "an access of no bytes");
    import_instructions(im, gap);
    if (r.kind == MEM_FENCE) {
        r.addr = 0;
        bytes = 0;
    }
    return import_access(im, &r, (uint32_t)bytes);
}

enum import_state import_csv(struct import *im, const char *text)
{
    enum import_state s = IMPORT_GOES_ON;
    struct columns c;
    const char *line;
    size_t n, seen = 0;
    if (!text || parse_columns(text, &c))
        return import_wrong(im,
                            "--columns \"%s\": expected names from addr (once), kind, pc, "
                            "bytes, gap, depends, hart, -",
                            text ? text : "");
    while (s == IMPORT_GOES_ON && (line = import_line(im, &n))) {
        const int title = !seen && !strpbrk(line, "0123456789");
        if (!*skip_blanks(line) || *line == '#')
            continue;
        seen++;
        if (!title)
            s = csv_line(im, &c, line);
    }
    return s;
}
