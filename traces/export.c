/* export.c - traces written in the formats of other tools: ChampSim, Dinero. */
#include "traces/export.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memhier/port.h"

#define BATCH        1024u
#define INSTRUCTION  64u
#define STORES       2u
#define LOADS        4u
#define REGISTERS    200u
#define REGISTER_ONE 50u

/* Offsets in ChampSim's record. */
enum { IP = 0, TO = 10, FROM = 12, STORE_AT = 16, LOAD_AT = 32 };

struct export
{
    FILE *file;
    enum export_format format;
    struct export_result *result;
    uint64_t record; /* number of the present one */
    /* ChampSim: the instruction that may still get accesses, and what came before it. */
    uint8_t pending[INSTRUCTION];
    int has_pending;
    unsigned loads, stores, sources;
    uint64_t ip;
    uint64_t debt; /* instructions written that the gaps to come already count */
    /* The load that each register holds: 1 + its record. */
    uint64_t holds[REGISTERS];
    unsigned next_register;
};

enum export_format export_format_find(const char *name)
{
    return strcmp(name, "champsim") == 0 ? EXPORT_CHAMPSIM
           : strcmp(name, "dinero") == 0 ? EXPORT_DINERO
                                         : EXPORT_FORMATS;
}

static void put64(uint8_t *p, uint64_t x)
{
    for (unsigned i = 0; i < 8; i++)
        p[i] = (uint8_t)(x >> 8 * i);
}

/* ---- ChampSim ---- */

static void finish(struct export *x)
{
    if (!x->has_pending)
        return;
    (void)fwrite(x->pending, INSTRUCTION, 1, x->file);
    x->result->written++;
    x->has_pending = 0;
}

static void begin(struct export *x, uint64_t ip)
{
    finish(x);
    memset(x->pending, 0, sizeof x->pending);
    x->ip = ip ? ip : x->ip;
    put64(x->pending + IP, x->ip);
    x->has_pending = 1;
    x->loads = x->stores = x->sources = 0;
}

/* A load that the present record depends on is read from its register. */
static void read_register(struct export *x, uint32_t depends)
{
    if (!depends)
        return;
    for (unsigned i = 0; i < REGISTERS; i++)
        if (x->holds[i] == x->record + 1 - depends && x->sources < 4)
            x->pending[FROM + x->sources++] = (uint8_t)(REGISTER_ONE + i);
}

static void write_register(struct export *x)
{
    const unsigned r = x->next_register;
    x->next_register = (r + 1) % REGISTERS;
    x->holds[r] = x->record + 1;
    x->pending[TO] = (uint8_t)(REGISTER_ONE + r);
}

static int joins(const struct export *x, const struct trace_record *r)
{
    if (!x->has_pending || r->kind == MEM_FETCH || (r->pc && r->pc != x->ip))
        return 0;
    return r->kind == MEM_LOAD ? x->loads < LOADS : x->stores < STORES;
}

static int champsim(struct export *x, const struct trace_record *r)
{
    uint64_t gap = r->gap;
    if (r->kind != MEM_FETCH && !r->addr)
        return 0;
    if (gap || !joins(x, r)) {
        x->debt += gap == 0;
        if (gap > 1) {
            const uint64_t pay = x->debt < gap - 1 ? x->debt : gap - 1;
            x->debt -= pay;
            gap -= pay;
        }
        for (uint64_t i = 1; i < gap; i++)
            begin(x, 0);
        begin(x, r->kind == MEM_FETCH ? r->addr : r->pc);
    }
    read_register(x, r->depends);
    if (r->kind == MEM_LOAD) {
        put64(x->pending + LOAD_AT + 8 * x->loads++, r->addr);
        write_register(x);
    } else if (r->kind != MEM_FETCH) {
        put64(x->pending + STORE_AT + 8 * x->stores++, r->addr);
    }
    return 1;
}

/* ---- Dinero ---- */

static int dinero(struct export *x, const struct trace_record *r)
{
    const int label = r->kind == MEM_FETCH ? 2 : r->kind == MEM_LOAD ? 0 : 1;
    fprintf(x->file, "%d %" PRIx64 "\n", label, r->addr);
    x->result->written++;
    return 1;
}

/* ---- all of it ---- */

static int is_written(const struct trace_record *r)
{
    return r->hart == 0 && (r->kind == MEM_FETCH || r->kind == MEM_LOAD || r->kind == MEM_STORE ||
                            r->kind == MEM_NTSTORE);
}

static int export_all(struct export *x, struct trace_reader *r, char *err, size_t errlen)
{
    struct trace_record batch[BATCH];
    int64_t n;
    while ((n = trace_read(r, batch, BATCH, err, errlen)) > 0)
        for (int64_t i = 0; i < n; i++, x->record++) {
            const int put = is_written(&batch[i]) &&
                            (x->format == EXPORT_CHAMPSIM ? champsim(x, &batch[i])
                                                          : dinero(x, &batch[i]));
            *(put ? &x->result->accesses : &x->result->left_out) += 1;
        }
    finish(x);
    return n < 0 ? -1 : 0;
}

static int complain(const char *out, char *err, size_t errlen)
{
    snprintf(err, errlen, "%s: %s", out, strerror(errno));
    return -1;
}

int export_run(struct trace_reader *r, const char *out, enum export_format format,
               struct export_result *result, char *err, size_t errlen)
{
    const int to_stdout = strcmp(out, "-") == 0;
    const size_t room = strlen(out) + sizeof ".part";
    char *part = malloc(room);
    struct export *x = calloc(1, sizeof *x);
    int bad = -1;
    *result = (struct export_result){0};
    if (!part || !x) {
        snprintf(err, errlen, "out of memory");
        goto out;
    }
    snprintf(part, room, "%s.part", out);
    x->format = format;
    x->result = result;
    x->ip = INSTRUCTION;
    x->file = to_stdout ? stdout : fopen(part, "wbe");
    if (!x->file) {
        complain(out, err, errlen);
        goto out;
    }
    bad = export_all(x, r, err, errlen);
    if (!bad && (fflush(x->file) || ferror(x->file)))
        bad = complain(out, err, errlen);
    if (!to_stdout) {
        if (fclose(x->file) && !bad)
            bad = complain(out, err, errlen);
        if (!bad && rename(part, out))
            bad = complain(out, err, errlen);
        if (bad)
            unlink(part);
    }
out:
    free(part);
    free(x);
    return bad;
}
