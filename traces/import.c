/* import.c - traces of other tools: input, page frames, lines, and the trace that comes out. */
#include "traces/import.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memhier/hierarchy.h"
#include "traces/unpack.h"

#define INPUT_BYTES (256u << 10)
#define LINE_LIMIT  4096u /* characters of a line of text */

/* Virtual page to frame, open addressing; a frame is stored plus 1. */
struct frames {
    uint64_t *page, *frame;
    size_t slots, used;
};

struct import {
    struct unpack *file;
    int failed; /* the input: unpack_error says why */
    const char *path;
    const struct import_options *opt;
    char *buffer; /* INPUT_BYTES and a NUL */
    size_t at, end;
    uint64_t input; /* number of the present line or record, from 1 on */

    struct trace_writer *writer;
    struct trace_filter *filter; /* NULL: none */
    struct frames frames;
    unsigned page_shift;
    uint64_t gap;    /* instructions not yet in a record */
    uint64_t passed; /* instructions so far, those passed over as well */
    uint64_t requests, instructions;
    char *err;
    size_t errlen;
};

static const char *const names[IMPORT_FORMATS] = {
    "lackey", "champsim", "dinero", "ramulator", "ramulator-dram", "oracle", "csv"};

enum import_format import_format_find(const char *name)
{
    unsigned f = 0;
    while (f < IMPORT_FORMATS && strcmp(names[f], name) != 0)
        f++;
    return (enum import_format)f;
}

const char *import_format_name(enum import_format f)
{
    return names[f];
}

enum import_state import_wrong(struct import *im, const char *fmt, ...)
{
    char what[300];
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    const int binary = im->opt->format == IMPORT_CHAMPSIM || im->opt->format == IMPORT_ORACLE;
    if (im->input)
        snprintf(im->err, im->errlen, binary ? "%s: record %llu: %s" : "%s:%llu: %s", im->path,
                 (unsigned long long)im->input, what);
    else /* nothing has been read */
        snprintf(im->err, im->errlen, "%s: %s", im->path, what);
    return IMPORT_WRONG;
}

/* ---- input ---- */

static int refill(struct import *im)
{
    memmove(im->buffer, im->buffer + im->at, im->end - im->at);
    im->end -= im->at;
    im->at = 0;
    const int64_t got = unpack_read(im->file, im->buffer + im->end, INPUT_BYTES - im->end);
    im->end += got > 0 ? (size_t)got : 0;
    im->failed |= got < 0;
    return got > 0;
}

char *import_line(struct import *im, size_t *n)
{
    char *nl;
    size_t from = im->at;
    while (!(nl = memchr(im->buffer + from, '\n', im->end - from))) {
        from = im->end - im->at; /* where refill moves the unsearched part */
        if (from > LINE_LIMIT || !refill(im))
            break;
    }
    if (!nl && im->at == im->end)
        return NULL;
    char *line = im->buffer + im->at;
    *n = (size_t)((nl ? nl : im->buffer + im->end) - line);
    im->at += *n + (nl != NULL);
    *n -= *n && line[*n - 1] == '\r';
    line[*n] = 0;
    for (char *nul = line; (nul = memchr(nul, 0, (size_t)(line + *n - nul)));)
        *nul = 1; /* no text: so that nothing takes it for the end */
    im->input++;
    return line;
}

size_t import_bytes(struct import *im, void *to, size_t n)
{
    while (im->end - im->at < n && refill(im))
        ;
    if (n > im->end - im->at)
        n = im->end - im->at;
    memcpy(to, im->buffer + im->at, n);
    im->at += n;
    im->input += n > 0;
    return n;
}

const char *import_hex(const char *p, uint64_t *x)
{
    uint64_t v = 0;
    const char *from = p;
    for (;; p++) {
        const unsigned c = (unsigned char)*p, digit = c - '0', letter = (c | 32) - 'a';
        if (digit > 9 && letter > 5)
            break;
        if (v >> 60)
            return NULL;
        v = v << 4 | (digit <= 9 ? digit : letter + 10);
    }
    *x = v;
    return p == from ? NULL : p;
}

const char *import_number(const char *p, uint64_t *x)
{
    if (p[0] == '0' && (p[1] | 32) == 'x')
        return import_hex(p + 2, x);
    uint64_t v = 0;
    const char *from = p;
    for (; *p >= '0' && *p <= '9'; p++)
        if (__builtin_mul_overflow(v, UINT64_C(10), &v) ||
            __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v))
            return NULL;
    *x = v;
    return p == from ? NULL : p;
}

/* ---- page frames ---- */

static size_t slot_of(const struct frames *f, uint64_t page)
{
    size_t at = (size_t)(page * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (f->slots - 1);
    while (f->frame[at] && f->page[at] != page)
        at = (at + 1) & (f->slots - 1);
    return at;
}

static int grow(struct frames *f)
{
    struct frames more = {.slots = f->slots ? 2 * f->slots : 4096, .used = f->used};
    more.page = calloc(more.slots, sizeof *more.page);
    more.frame = calloc(more.slots, sizeof *more.frame);
    if (!more.page || !more.frame) {
        free(more.page);
        free(more.frame);
        return -1;
    }
    for (size_t i = 0; i < f->slots; i++)
        if (f->frame[i]) {
            const size_t at = slot_of(&more, f->page[i]);
            more.page[at] = f->page[i];
            more.frame[at] = f->frame[i];
        }
    free(f->page);
    free(f->frame);
    *f = more;
    return 0;
}

int import_ordinal(struct import *im, uint64_t key, uint64_t *n)
{
    struct frames *f = &im->frames;
    if (2 * (f->used + 1) > f->slots && grow(f))
        return -1;
    const size_t at = slot_of(f, key);
    if (!f->frame[at]) {
        f->page[at] = key;
        f->frame[at] = ++f->used;
    }
    *n = f->frame[at] - 1;
    return 0;
}

static uint64_t base_of(const struct import *im)
{
    return im->opt->nvdimm ? NVDIMM_BASE : 0;
}

static int frame_of(struct import *im, uint64_t addr, uint64_t *to)
{
    uint64_t n;
    if (import_ordinal(im, addr >> im->page_shift, &n))
        return -1;
    *to = base_of(im) + (n << im->page_shift) + (addr & (((uint64_t)1 << im->page_shift) - 1));
    return 0;
}

/* ---- output ---- */

void import_instructions(struct import *im, uint64_t n)
{
    const uint64_t skip = im->opt->skip;
    const uint64_t before = im->passed;
    im->passed += n;
    if (im->passed > skip) {
        const uint64_t counted = before >= skip ? n : im->passed - skip;
        im->gap += counted;
        im->instructions += counted;
    }
}

uint64_t import_requests(const struct import *im)
{
    return im->requests;
}

static uint64_t records_of(const struct import *im)
{
    return im->filter ? trace_filter_records(im->filter) : im->requests;
}

/* A request within one line. */
static enum import_state put(struct import *im, struct trace_record *r)
{
    const uint64_t asked = r->addr;
    uint64_t code = r->pc;
    if (im->page_shift && r->kind != MEM_FENCE &&
        (frame_of(im, asked, &r->addr) || (code && frame_of(im, code, &code))))
        return import_wrong(im, "out of memory for the pages before");
    if (r->addr >= HIERARCHY_ADDR_LIMIT ||
        (im->page_shift && !im->opt->nvdimm && r->addr >= PAGE_TABLE_BASE))
        return import_wrong(im, "address 0x%llx is beyond the physical memory%s",
                            (unsigned long long)asked,
                            im->page_shift ? "" : "; --map gives pages frames from 0 on");
    r->pc = code;
    r->tier = r->kind != MEM_FENCE && addr_is_nvdimm(r->addr);
    r->gap = im->gap > UINT32_MAX ? UINT32_MAX : (uint32_t)im->gap;
    im->gap -= r->gap;
    if (r->depends > im->requests)
        r->depends = 0;
    if (im->filter ? trace_filter_put(im->filter, r) : trace_put(im->writer, r))
        return import_wrong(im, "not a request that a trace can hold");
    im->requests++;
    if ((im->opt->records && records_of(im) >= im->opt->records) ||
        (im->opt->misses && im->filter && trace_filter_l2_misses(im->filter) >= im->opt->misses))
        return IMPORT_ENOUGH;
    return IMPORT_GOES_ON;
}

enum import_state import_access(struct import *im, const struct trace_record *r, uint32_t bytes)
{
    if (im->opt->skip && im->passed <= im->opt->skip)
        return IMPORT_GOES_ON;
    if (bytes > 4096 || r->addr + bytes < r->addr)
        return import_wrong(im, "%u bytes at 0x%llx are no access", bytes,
                            (unsigned long long)r->addr);
    struct trace_record part = *r;
    enum import_state s = IMPORT_GOES_ON;
    for (uint64_t a = r->addr, left = bytes; s == IMPORT_GOES_ON;) {
        const uint64_t room = LINE_BYTES - (a & (LINE_BYTES - 1));
        const uint64_t n = left < room ? left : room;
        part.addr = a;
        part.pc = r->pc;
        part.bytes = (uint16_t)n;
        s = put(im, &part);
        a += n;
        left -= n;
        if (!left)
            break;
        part.depends = part.depends ? part.depends + 1 : 0;
    }
    return s;
}

/* ---- all of it ---- */

static enum import_state read_all(struct import *im)
{
    switch (im->opt->format) {
    case IMPORT_LACKEY:
        return import_lackey(im);
    case IMPORT_CHAMPSIM:
        return import_champsim(im);
    case IMPORT_DINERO:
        return import_dinero(im);
    case IMPORT_RAMULATOR:
        return import_ramulator(im, 0);
    case IMPORT_RAMULATOR_DRAM:
        return import_ramulator(im, 1);
    case IMPORT_ORACLE:
        return import_oracle(im, base_of(im), im->opt->page ? im->opt->page : 4096);
    case IMPORT_CSV:
        return import_csv(im, im->opt->columns);
    default:
        return IMPORT_WRONG;
    }
}

static int begin(struct import *im, const char *out, char *err, size_t errlen)
{
    const struct import_options *opt = im->opt;
    struct trace_header hdr = {.period_ps = opt->period};
    im->buffer = malloc(INPUT_BYTES + 1);
    if (!im->buffer) {
        snprintf(err, errlen, "out of memory");
        return -1;
    }
    im->file = unpack_open(im->path, err, errlen);
    if (!im->file)
        return -1;
    if (opt->page && opt->format != IMPORT_ORACLE)
        im->page_shift = (unsigned)__builtin_ctzll(opt->page);
    snprintf(hdr.machine, sizeof hdr.machine, "%s%s", opt->filter ? FILTER_MACHINE : "",
             opt->name ? opt->name : names[opt->format]);
    im->writer = trace_create(out, &hdr, err, errlen);
    if (!im->writer)
        return -1;
    if (opt->filter && !(im->filter = trace_filter_new(im->writer, err, errlen)))
        return -1;
    return 0;
}

static void end(struct import *im)
{
    unpack_close(im->file);
    trace_filter_free(im->filter);
    free(im->frames.page);
    free(im->frames.frame);
    free(im->buffer);
}

int import_run(const char *in, const char *out, const struct import_options *opt,
               struct import_result *result, char *err, size_t errlen)
{
    struct import im = {.path = in, .opt = opt, .err = err, .errlen = errlen};
    int bad = begin(&im, out, err, errlen);
    if (!bad)
        bad = read_all(&im) == IMPORT_WRONG;
    if (im.failed) /* whatever was made of the bytes before */
        bad = import_wrong(&im, "%s", unpack_error(im.file)) == IMPORT_WRONG;
    if (!bad && !im.requests) {
        snprintf(err, errlen, "%s: no access in it that a trace could hold", in);
        bad = -1;
    }
    if (!bad)
        *result = (struct import_result){.input = im.input,
                                         .instructions = im.instructions,
                                         .records = records_of(&im),
                                         .misses = im.filter ? trace_filter_l2_misses(im.filter)
                                                             : 0};
    if (im.writer && bad)
        trace_abandon(im.writer);
    else if (im.writer)
        bad = trace_close(im.writer, im.instructions, err, errlen);
    end(&im);
    return bad ? -1 : 0;
}
