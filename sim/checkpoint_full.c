/* checkpoint_full.c - what a full checkpoint has besides the guest: time, and all that it depends
 * on.
 */
/*
 * Behind what an architectural checkpoint has:
 *
 *   "CODE" u32 version, u64 digest of the lowered code, which numbers of blocks refer to
 *   "TIME" u32 version, u64 operators executed, time before this process; for each hart u64
 *       operators, time that it waited (functional), u32 words of the log so far; u64 cycle of the
 *       next epoch, end of the lap
 *   "OUTP" u32 version, u64 bytes, console output; u8 1: a series, then u32 columns, counters at
 *       the last sample, the last row; u64 bytes, its text (gzip)
 *   the parts of the memory side, the core: each says what it is
 *
 * Each of these is as long as its numbers say, so nothing is allocated that is not there to read.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "sim/checkpoint.h"
#include "sim/machine_state.h"

/* Of all that a core looks up by number. */
static uint64_t code_digest(const struct store *st)
{
    const struct code_view v = store_code(st);
    XXH64_hash_t h = XXH3_64bits(v.uops, v.nuops * sizeof *v.uops);
    for (uint32_t i = 1; i < v.nblocks; i++) {
        const struct block *b = &v.blocks[i];
        const uint64_t words[] = {h,
                                  (uint64_t)b->uops << 32 | (uint32_t)b->nuops << 16 | b->nops,
                                  b->code_addr,
                                  (uint64_t)b->code_bytes << 32 | b->func,
                                  (uint64_t)b->taken << 32 | b->next,
                                  (uint64_t)b->end << 32 | b->loop_head};
        h = XXH3_64bits(words, sizeof words);
    }
    return h;
}
_Static_assert(sizeof(struct uop) == 12, "a micro-op has no padding, so its bytes can be digested");

static void code_archive(struct machine *m, struct archive *a)
{
    const uint64_t digest = code_digest(m->store);
    archive_section(a, "CODE", 1);
    if (archive_put64(a, digest) != digest)
        archive_fail(a, "made by another version of pwsim: it lowers code in another way");
}

static void time_archive(struct machine *m, struct archive *a)
{
    archive_section(a, "TIME", 2);
    machine_time_log(m);
    archive_u64_below(a, &m->executed, ARCHIVE_TIME_LIMIT);
    archive_time(a, &m->origin_ps);
    for (struct hart *h = m->harts; h < m->harts + m->nharts; h++) {
        archive_u64_below(a, &h->executed, ARCHIVE_TIME_LIMIT);
        archive_time(a, &h->stall_ps);
        archive_u32_below(a, &h->log.n, h->log.cap); /* machine_event appends, then looks */
        h->eaten = h->log.n;
        if (m->nharts > 1 && h->log.n) /* of several, none may have anything to be timed */
            archive_fail(a, "damaged: its log");
    }
    archive_time(a, &m->next_epoch);
    archive_time(a, &m->lap_end);
}

/* ---- what the run has put out ---- */

/* n bytes, to be freed; NULL with the archive failed. */
static uint8_t *read_bytes(struct archive *a, uint64_t n)
{
    if (n > archive_left(a))
        archive_fail(a, "damaged: it ends too early");
    uint8_t *p = a->failed ? NULL : malloc(n + 1);
    if (!p)
        archive_fail(a, "out of memory");
    else
        archive_raw(a, p, n);
    return p;
}

static void write_transcript(FILE *f, struct archive *a)
{
    uint8_t part[4096];
    const off_t n = f && fflush(f) == 0 ? ftello(f) : 0;
    archive_put64(a, n > 0 ? (uint64_t)n : 0);
    for (off_t at = 0; at < n && !a->failed;) {
        const size_t want = n - at < (off_t)sizeof part ? (size_t)(n - at) : sizeof part;
        const ssize_t got = pread(fileno(f), part, want, at);
        if (got <= 0) {
            archive_fail(a, "console.txt cannot be read back");
            return;
        }
        archive_raw(a, part, (size_t)got);
        at += got;
    }
}

static void transcript_archive(struct machine *m, struct archive *a)
{
    FILE *const f = m->ports.transcript;
    if (a->writing) {
        write_transcript(f, a);
        return;
    }
    const uint64_t n = archive_put64(a, 0);
    uint8_t *text = read_bytes(a, n);
    if (text && f)
        fwrite(text, 1, n, f); /* an error is remembered by f */
    free(text);
}

static void write_past(const struct series_past *p, struct archive *a)
{
    archive_put32(a, (uint32_t)p->columns);
    archive_u64s(a, p->before, p->columns);
    archive_u64s(a, p->row, p->columns);
    archive_put64(a, p->n);
    archive_raw(a, p->gz, p->n);
}

static void read_past(struct series_past *p, struct archive *a)
{
    uint32_t columns = 0;
    archive_count(a, &columns, SERIES_MAX_COLUMNS, 16);
    p->columns = columns;
    p->before = calloc(columns + 1u, sizeof *p->before);
    p->row = calloc(columns + 1u, sizeof *p->row);
    if (!p->before || !p->row) {
        archive_fail(a, "out of memory");
        return;
    }
    archive_u64s(a, p->before, columns);
    archive_u64s(a, p->row, columns);
    p->n = archive_put64(a, 0);
    p->gz = read_bytes(a, p->n);
}

static void series_archive(struct machine *m, struct archive *a)
{
    if (archive_put8(a, m->series != NULL) == 0 || a->failed)
        return;
    if (!a->writing) {
        m->past = calloc(1, sizeof *m->past);
        if (m->past)
            read_past(m->past, a);
        else
            archive_fail(a, "out of memory");
        return;
    }
    struct series_past *p = series_past(m->series);
    if (p)
        write_past(p, a);
    else
        archive_fail(a, "series.csv.gz cannot be read back");
    series_past_free(p);
}

void checkpoint_full(struct machine *m, struct archive *a)
{
    code_archive(m, a);
    time_archive(m, a);
    if (!a->failed)
        archive_section(a, "OUTP", 1);
    if (!a->failed)
        transcript_archive(m, a);
    if (!a->failed)
        series_archive(m, a);
    if (!a->failed)
        memside_archive(&m->mem, a);
    if (!a->failed && m->ops && !m->ops->archive)
        archive_fail(a, "the core model of this config cannot be put into a full one");
    for (uint32_t i = 0; !a->failed && m->ops && m->ops->archive && i < m->nharts; i++)
        m->ops->archive(m->harts[i].core, a);
}
