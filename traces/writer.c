/* writer.c - memory traces: writing. The format is written down byte by byte in format.h. */
/*
 * Records are coded as they come; a full block is compressed and written as one gzip member. All
 * goes to FILE.part, which becomes FILE when everything is on the disk. The first error is kept,
 * and told by trace_close.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "memhier/hierarchy.h"
#include "traces/format.h"
#include "traces/trace.h"

/* As fast as level 1 within a few percent, and clearly smaller. */
#define ZLIB_LEVEL 2

struct trace_writer {
    FILE *file;
    char *path, *part;
    char error[200]; /* "" while all is well */
    uint64_t offset; /* bytes written */
    uint64_t records;
    uint64_t last_count[256]; /* a hart's instruction count at its last record (taps) */

    uint32_t in_block;
    uint8_t *control; /* BLOCK_HEAD, then up to TRACE_BLOCK bytes */
    uint8_t *data, *data_end;
    uint8_t *packed;
    size_t packed_bytes;
    struct codec codec;
    z_stream z;
    int z_open;

    struct trace_entry *index;
    size_t entries, capacity;
};

/* ---- plumbing ---- */

static int __attribute__((format(printf, 2, 3))) fail(struct trace_writer *w, const char *fmt, ...)
{
    if (!w->error[0]) {
        va_list args;
        va_start(args, fmt);
        vsnprintf(w->error, sizeof w->error, fmt, args);
        va_end(args);
    }
    return -1;
}

static int emit(struct trace_writer *w, const void *bytes, size_t n)
{
    if (fwrite(bytes, 1, n, w->file) != n)
        return fail(w, "cannot be written: %s", strerror(errno));
    w->offset += n;
    return 0;
}

static void free_writer(struct trace_writer *w)
{
    if (w->file)
        fclose(w->file);
    if (w->z_open)
        deflateEnd(&w->z);
    free(w->path);
    free(w->part);
    free(w->control);
    free(w->data);
    free(w->packed);
    free(w->index);
    free(w);
}

static void start_block(struct trace_writer *w)
{
    codec_start(&w->codec);
    w->in_block = 0;
    w->data_end = w->data;
}

static int make_buffers(struct trace_writer *w)
{
    w->z_open = deflateInit2(&w->z, ZLIB_LEVEL, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK;
    if (!w->z_open)
        return fail(w, "out of memory");
    w->packed_bytes = deflateBound(&w->z, BLOCK_LIMIT);
    w->packed = malloc(w->packed_bytes);
    w->control = malloc(BLOCK_HEAD + TRACE_BLOCK);
    w->data = malloc(TRACE_BLOCK * CODEC_MAX_BYTES);
    if (!w->packed || !w->control || !w->data)
        return fail(w, "out of memory");
    start_block(w);
    return 0;
}

static int write_header(struct trace_writer *w, const struct trace_header *hdr)
{
    uint8_t member[EMPTY_MEMBER_BYTES + HEADER_BYTES];
    format_put_header(member + FIELD_AT, hdr);
    return emit(w, member, format_empty_member(member, 'H', HEADER_BYTES));
}

struct trace_writer *trace_create(const char *path, const struct trace_header *hdr, char *err,
                                  size_t errlen)
{
    struct trace_writer *w = calloc(1, sizeof *w);
    if (!w || !(w->path = strdup(path)) || asprintf(&w->part, "%s.part", path) < 0) {
        snprintf(err, errlen, "%s: out of memory", path);
        if (w) {
            w->part = NULL;
            free_writer(w);
        }
        return NULL;
    }
    w->file = fopen(w->part, "wbe");
    if (!w->file) {
        snprintf(err, errlen, "%s: %s", w->part, strerror(errno));
        free_writer(w);
        return NULL;
    }
    if (make_buffers(w) || write_header(w, hdr)) {
        snprintf(err, errlen, "%s: %s", w->part, w->error);
        trace_abandon(w);
        return NULL;
    }
    return w;
}

void trace_pack_tightly(struct trace_writer *w)
{
    if (deflateParams(&w->z, Z_BEST_COMPRESSION, Z_DEFAULT_STRATEGY) != Z_OK)
        (void)fail(w, "the compressor failed");
}

void trace_abandon(struct trace_writer *w)
{
    if (!w)
        return;
    unlink(w->part);
    free_writer(w);
}

/* ---- blocks ---- */

static int compress_block(struct trace_writer *w, size_t *packed)
{
    uint32_t data = (uint32_t)(w->data_end - w->data);
    format_put32(w->control, w->in_block);
    format_put32(w->control + 4, data);
    if (deflateReset(&w->z) != Z_OK)
        return fail(w, "the compressor failed");
    w->z.next_out = w->packed;
    w->z.avail_out = (uInt)w->packed_bytes;
    w->z.next_in = w->control;
    w->z.avail_in = BLOCK_HEAD + w->in_block;
    if (deflate(&w->z, Z_NO_FLUSH) != Z_OK || w->z.avail_in)
        return fail(w, "the compressor failed");
    w->z.next_in = w->data;
    w->z.avail_in = data;
    if (deflate(&w->z, Z_FINISH) != Z_STREAM_END)
        return fail(w, "the compressor failed");
    *packed = w->packed_bytes - w->z.avail_out;
    return 0;
}

static int add_entry(struct trace_writer *w, size_t bytes)
{
    if (w->entries == w->capacity) {
        size_t capacity = w->capacity ? 2 * w->capacity : 64;
        struct trace_entry *index = realloc(w->index, capacity * sizeof *index);
        if (!index)
            return fail(w, "out of memory for the index");
        w->index = index;
        w->capacity = capacity;
    }
    w->index[w->entries++] = (struct trace_entry){.offset = w->offset,
                                                  .first = w->records - w->in_block,
                                                  .bytes = (uint32_t)bytes,
                                                  .crc = format_crc(0, w->packed, bytes)};
    return 0;
}

static int write_block(struct trace_writer *w)
{
    size_t packed = 0;
    if (compress_block(w, &packed) || add_entry(w, packed) || emit(w, w->packed, packed))
        return -1;
    start_block(w);
    return 0;
}

int trace_put(struct trace_writer *w, const struct trace_record *r)
{
    if (w->error[0])
        return -1;
    if (!codec_valid(r, w->records))
        return fail(w, "record %llu is not valid: kind %u, address 0x%llx, %u bytes, depends %u",
                    (unsigned long long)w->records, r->kind, (unsigned long long)r->addr, r->bytes,
                    r->depends);
    uint8_t *control = w->control + BLOCK_HEAD + w->in_block;
    w->data_end = codec_encode(&w->codec, r, control, w->data_end);
    w->records++;
    return ++w->in_block == TRACE_BLOCK ? write_block(w) : 0;
}

static struct trace_record record_of(struct trace_writer *w, const struct mem_req *req,
                                     uint64_t count)
{
    uint64_t *last = &w->last_count[req->hart];
    uint64_t gap = count > *last ? count - *last : 0;
    int fence = req->kind == MEM_FENCE;
    if (gap > UINT32_MAX)
        gap = UINT32_MAX; /* the rest goes to the hart's next record */
    *last = count > *last ? *last + gap : count;
    return (struct trace_record){.addr = fence ? 0 : req->addr,
                                 .pc = req->pc,
                                 .gap = (uint32_t)gap,
                                 .depends = req->depends <= w->records ? req->depends : 0,
                                 .bytes = fence ? 0 : req->bytes,
                                 .kind = req->kind,
                                 .hart = req->hart,
                                 .tier = !fence && addr_is_nvdimm(req->addr),
                                 .side = req->side};
}

int trace_put_tap(struct trace_writer *w, struct mem_tap *tap)
{
    for (size_t i = 0; i < tap->n && !w->error[0]; i++) {
        struct trace_record r = record_of(w, &tap->reqs[i], tap->counts[i]);
        (void)trace_put(w, &r);
    }
    tap->n = 0;
    if (tap->lost)
        return fail(w, "memory ran out: a request was not recorded");
    return w->error[0] ? -1 : 0;
}

/* ---- the end ---- */

static int write_index(struct trace_writer *w, uint32_t *crc)
{
    uint8_t *member = malloc(MEMBER_LIMIT);
    int failed = member ? 0 : fail(w, "out of memory for the index");
    *crc = 0;
    for (size_t i = 0; i < w->entries && !failed;) {
        size_t left = w->entries - i;
        uint32_t n = left < TRACE_INDEX_ENTRIES ? (uint32_t)left : TRACE_INDEX_ENTRIES;
        for (uint32_t k = 0; k < n; k++)
            format_put_entry(member + FIELD_AT + k * ENTRY_BYTES, &w->index[i + k]);
        size_t bytes = format_empty_member(member, 'I', n * ENTRY_BYTES);
        *crc = format_crc(*crc, member, bytes);
        failed = emit(w, member, bytes);
        i += n;
    }
    free(member);
    return failed;
}

static int write_tail(struct trace_writer *w, uint64_t instructions)
{
    uint8_t member[EMPTY_MEMBER_BYTES + TRAILER_BYTES];
    struct trace_trailer t = {.records = w->records, .instructions = instructions};
    if (w->in_block && write_block(w))
        return -1;
    t.index = w->offset;
    t.entries = w->entries;
    if (write_index(w, &t.index_crc))
        return -1;
    format_put_trailer(member + FIELD_AT, &t);
    return emit(w, member, format_empty_member(member, 'E', TRAILER_BYTES));
}

static int finish_file(struct trace_writer *w)
{
    if (fflush(w->file) || fsync(fileno(w->file)))
        return fail(w, "cannot be written: %s", strerror(errno));
    int failed = fclose(w->file);
    w->file = NULL;
    if (failed)
        return fail(w, "cannot be written: %s", strerror(errno));
    if (rename(w->part, w->path))
        return fail(w, "cannot be renamed to %s: %s", w->path, strerror(errno));
    return 0;
}

int trace_close(struct trace_writer *w, uint64_t instructions, char *err, size_t errlen)
{
    if (w->error[0] || write_tail(w, instructions) || finish_file(w)) {
        snprintf(err, errlen, "%s: %s", w->part, w->error);
        trace_abandon(w);
        return -1;
    }
    free_writer(w);
    return 0;
}
