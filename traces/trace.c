/* trace.c - memory traces: reading. The format is written down byte by byte in format.h. */
/*
 * A reader keeps the index and one block in memory; what it allocates is bounded by the size of the
 * file and by what a block can be. Nothing in a file is believed before its checksum was right, and
 * even then only as far as it fits the rest, so that a file made with malice is refused too.
 */
#include "traces/trace.h"

#include <errno.h>
#include <libdeflate.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "traces/ahead.h"
#include "traces/format.h"

#define RUN              512u
#define COMPRESSED_LIMIT (BLOCK_LIMIT + BLOCK_LIMIT / 1000 + 4096) /* above deflateBound */

struct trace_reader {
    FILE *file;
    char *path;
    struct trace_header header;
    struct trace_entry *index;
    uint64_t entries;
    uint64_t next; /* number of the record that trace_read gives next */
    int failed;    /* an error was reported; nothing more can be read */

    /* The block that was loaded last: records [first, first + count), decoded up to `at`. */
    uint64_t first, at;
    uint32_t count;                 /* 0: none */
    const uint8_t *data, *data_end; /* not yet decoded */
    uint8_t *packed, *block;        /* COMPRESSED_LIMIT, BLOCK_LIMIT + CODEC_SLACK */
    struct codec codec;
    struct libdeflate_decompressor *unpacker;
    struct trace_ahead *ahead; /* NULL: this thread decodes */
    struct trace_record *run;  /* RUN, for trace_next; NULL: not used yet */
};

/* ---- opening ---- */

static int complain(const char *path, const char *what, char *err, size_t errlen)
{
    snprintf(err, errlen, "%s: %s", path, what);
    return -1;
}

static int read_at(FILE *f, uint64_t offset, void *to, size_t n)
{
    return fseeko(f, (off_t)offset, SEEK_SET) || fread(to, 1, n, f) != n ? -1 : 0;
}

static int open_file(struct trace_reader *r, uint64_t *size, char *err, size_t errlen)
{
    struct stat st;
    r->file = fopen(r->path, "rbe");
    if (!r->file || fstat(fileno(r->file), &st))
        return complain(r->path, strerror(errno), err, errlen);
    if (!S_ISREG(st.st_mode))
        return complain(r->path, "not a regular file", err, errlen);
    *size = (uint64_t)st.st_size;
    return 0;
}

static int read_header(struct trace_reader *r, char *err, size_t errlen)
{
    uint8_t member[EMPTY_MEMBER_BYTES + HEADER_BYTES];
    if (read_at(r->file, 0, member, sizeof member) ||
        !format_is_empty_member(member, 'H', HEADER_BYTES))
        return complain(r->path, "not a memory trace", err, errlen);
    const char *wrong = format_get_header(member + FIELD_AT, &r->header);
    return wrong ? complain(r->path, wrong, err, errlen) : 0;
}

static int read_trailer(struct trace_reader *r, uint64_t size, struct trace_trailer *t, char *err,
                        size_t errlen)
{
    uint8_t member[EMPTY_MEMBER_BYTES + TRAILER_BYTES];
    uint64_t head = EMPTY_MEMBER_BYTES + HEADER_BYTES;
    if (size < head + sizeof member ||
        read_at(r->file, size - sizeof member, member, sizeof member))
        return complain(r->path, "truncated", err, errlen);
    const char *wrong = format_get_trailer(member + FIELD_AT, t);
    if (!wrong && !format_is_empty_member(member, 'E', TRAILER_BYTES))
        wrong = "the trailer is damaged";
    /* No count is believed beyond what the file has room for. */
    uint64_t room = size - head - sizeof member;
    if (!wrong && (t->entries > room / ENTRY_BYTES || t->index < head || t->index > size ||
                   t->index + format_index_bytes(t->entries) + sizeof member != size))
        wrong = "the trailer does not fit the file";
    if (wrong)
        return complain(r->path, wrong, err, errlen);
    r->header.records = t->records;
    r->header.instructions = t->instructions;
    return 0;
}

/* Read and check the index members; their fields' entries go to r->index. */
static int read_index(struct trace_reader *r, const struct trace_trailer *t, char *err,
                      size_t errlen)
{
    uint8_t *member = malloc(MEMBER_LIMIT);
    uint64_t offset = t->index;
    uint32_t crc = 0;
    const char *wrong = NULL;
    r->entries = t->entries;
    r->index = malloc((t->entries + 1) * sizeof *r->index);
    if (!member || !r->index)
        wrong = "out of memory for the index";
    for (uint64_t i = 0; !wrong && i < t->entries;) {
        uint64_t left = t->entries - i;
        uint32_t n = left < TRACE_INDEX_ENTRIES ? (uint32_t)left : TRACE_INDEX_ENTRIES;
        size_t bytes = EMPTY_MEMBER_BYTES + n * ENTRY_BYTES;
        if (read_at(r->file, offset, member, bytes) ||
            !format_is_empty_member(member, 'I', n * ENTRY_BYTES)) {
            wrong = "the index is damaged";
            break;
        }
        crc = format_crc(crc, member, bytes);
        for (uint32_t k = 0; k < n; k++)
            format_get_entry(member + FIELD_AT + k * ENTRY_BYTES, &r->index[i + k]);
        i += n;
        offset += bytes;
    }
    if (!wrong && crc != t->index_crc)
        wrong = "the checksum of the index is wrong";
    free(member);
    return wrong ? complain(r->path, wrong, err, errlen) : 0;
}

/* Do blocks and records follow one another without gaps, up to the index? */
static int check_index(struct trace_reader *r, const struct trace_trailer *t, char *err,
                       size_t errlen)
{
    uint64_t offset = EMPTY_MEMBER_BYTES + HEADER_BYTES;
    int good = 1;
    for (uint64_t i = 0; i < t->entries && good; i++) {
        const struct trace_entry *e = &r->index[i];
        good = e->offset == offset && e->first == i * TRACE_BLOCK && e->bytes <= COMPRESSED_LIMIT;
        offset += e->bytes;
    }
    uint64_t full = t->entries * TRACE_BLOCK;
    good = good && offset == t->index && t->records <= full &&
           (t->entries ? t->records > full - TRACE_BLOCK : t->records == 0);
    r->index[t->entries] = (struct trace_entry){.offset = offset, .first = t->records};
    return good ? 0 : complain(r->path, "the index contradicts itself", err, errlen);
}

static int make_buffers(struct trace_reader *r, char *err, size_t errlen)
{
    r->packed = malloc(COMPRESSED_LIMIT);
    r->block = calloc(1, BLOCK_LIMIT + CODEC_SLACK);
    r->unpacker = libdeflate_alloc_decompressor();
    if (r->packed && r->block && r->unpacker)
        return 0;
    return complain(r->path, "out of memory", err, errlen);
}

struct trace_reader *trace_open(const char *path, char *err, size_t errlen)
{
    struct trace_reader *r = calloc(1, sizeof *r);
    struct trace_trailer t;
    uint64_t size;
    if (!r || !(r->path = strdup(path))) {
        complain(path, "out of memory", err, errlen);
        free(r);
        return NULL;
    }
    if (open_file(r, &size, err, errlen) || read_header(r, err, errlen) ||
        read_trailer(r, size, &t, err, errlen) || read_index(r, &t, err, errlen) ||
        check_index(r, &t, err, errlen) || make_buffers(r, err, errlen)) {
        trace_reader_free(r);
        return NULL;
    }
    return r;
}

const struct trace_header *trace_reader_header(const struct trace_reader *r)
{
    return &r->header;
}

const char *trace_reader_path(const struct trace_reader *r)
{
    return r->path;
}

uint64_t trace_tell(const struct trace_reader *r)
{
    return r->next;
}

void trace_reader_free(struct trace_reader *r)
{
    if (!r)
        return;
    trace_ahead_stop(r->ahead);
    if (r->file)
        fclose(r->file);
    libdeflate_free_decompressor(r->unpacker);
    free(r->path);
    free(r->index);
    free(r->packed);
    free(r->block);
    free(r->run);
    free(r);
}

/* ---- reading ---- */

static int64_t fail_at(struct trace_reader *r, uint64_t record, const char *what, char *err,
                       size_t errlen)
{
    r->failed = 1;
    snprintf(err, errlen, "%s: record %llu: %s", r->path, (unsigned long long)record, what);
    return -1;
}

/* Unpack member r->packed into r->block. NULL, or what is wrong. */
static const char *unpack(struct trace_reader *r, uint32_t bytes, uint32_t count)
{
    size_t used, got;
    if (libdeflate_gzip_decompress_ex(r->unpacker, r->packed, bytes, r->block, BLOCK_LIMIT, &used,
                                      &got) != LIBDEFLATE_SUCCESS ||
        used != bytes)
        return "the compressed data is damaged";
    if (got < BLOCK_HEAD || format_get32(r->block) != count ||
        (uint64_t)BLOCK_HEAD + count + format_get32(r->block + 4) != got)
        return "the block is not as long as it says";
    r->data = r->block + BLOCK_HEAD + count;
    r->data_end = r->block + got;
    return NULL;
}

/* Load the block that holds record i. */
static const char *load_block(struct trace_reader *r, uint64_t i)
{
    uint64_t b = i / TRACE_BLOCK;
    const struct trace_entry *e = &r->index[b];
    uint32_t count = (uint32_t)(r->index[b + 1].first - e->first);
    r->count = 0;
    if (read_at(r->file, e->offset, r->packed, e->bytes))
        return "cannot be read from the file";
    if (format_crc(0, r->packed, e->bytes) != e->crc)
        return "the checksum of its block is wrong";
    const char *wrong = unpack(r, e->bytes, count);
    if (wrong)
        return wrong;
    codec_start(&r->codec);
    r->first = r->at = e->first;
    r->count = count;
    return NULL;
}

/* Decode the next n records of the block into out. */
static const char *decode(struct trace_reader *r, struct trace_record *out, size_t n, size_t *bad)
{
    const uint8_t *control = r->block + BLOCK_HEAD + (r->at - r->first);
    const uint8_t *p = codec_decode(&r->codec, control, r->data, r->data_end, r->at, out, n, bad);
    if (!p)
        return "not a valid record";
    r->data = p;
    r->at += n;
    *bad = n;
    if (r->at == r->first + r->count && p != r->data_end)
        return "its block has data that belongs to no record";
    return NULL;
}

/* Decode and drop the records of the block before r->next. */
static const char *skip(struct trace_reader *r)
{
    struct trace_record dropped[256];
    while (r->at < r->next) {
        uint64_t left = r->next - r->at;
        size_t bad;
        const char *wrong = decode(r, dropped, left < 256 ? (size_t)left : 256, &bad);
        if (wrong)
            return wrong;
    }
    return NULL;
}

static int64_t next_from_ahead(struct trace_reader *r, const struct trace_record **v, size_t n,
                               char *err, size_t errlen)
{
    const int64_t got = trace_ahead_next(r->ahead, r->next, v, n, err, errlen);
    r->failed = got < 0;
    r->next += got > 0 ? (uint64_t)got : 0;
    return got;
}

static int64_t read_from_ahead(struct trace_reader *r, struct trace_record *out, size_t n,
                               char *err, size_t errlen)
{
    const struct trace_record *v;
    size_t done = 0;
    for (int64_t got = 1; done < n && got > 0; done += (size_t)got) {
        got = next_from_ahead(r, &v, n - done, err, errlen);
        if (got < 0)
            return -1;
        memcpy(out + done, v, (size_t)got * sizeof *out);
    }
    return (int64_t)done;
}

int trace_read_ahead(struct trace_reader *r, unsigned threads)
{
    const long processors = threads ? 0 : sysconf(_SC_NPROCESSORS_ONLN);
    trace_ahead_stop(r->ahead);
    r->ahead = trace_ahead_start(r->path, r->next, r->header.records,
                                 threads ? threads : (unsigned)processors);
    return r->ahead ? 0 : -1;
}

int64_t trace_read(struct trace_reader *r, struct trace_record *out, size_t n, char *err,
                   size_t errlen)
{
    size_t done = 0;
    if (r->failed)
        return fail_at(r, r->next, "not read after the error before", err, errlen);
    if (r->ahead)
        return read_from_ahead(r, out, n, err, errlen);
    while (done < n && r->next < r->header.records) {
        const char *wrong = NULL;
        if (!r->count || r->next < r->at || r->next >= r->first + r->count)
            wrong = load_block(r, r->next);
        if (!wrong && r->at < r->next)
            wrong = skip(r);
        if (wrong)
            return fail_at(r, r->next, wrong, err, errlen);
        uint64_t left = r->first + r->count - r->at;
        size_t take = n - done < left ? n - done : (size_t)left, bad;
        wrong = decode(r, out + done, take, &bad);
        if (wrong)
            return fail_at(r, r->next + bad, wrong, err, errlen);
        done += take;
        r->next += take;
    }
    return (int64_t)done;
}

int64_t trace_next(struct trace_reader *r, const struct trace_record **v, size_t n, char *err,
                   size_t errlen)
{
    if (r->ahead && !r->failed)
        return next_from_ahead(r, v, n, err, errlen);
    if (!r->run && !(r->run = malloc(RUN * sizeof *r->run)))
        return fail_at(r, r->next, "out of memory", err, errlen);
    *v = r->run;
    return trace_read(r, r->run, n < RUN ? n : RUN, err, errlen);
}

int trace_seek(struct trace_reader *r, uint64_t i)
{
    if (i > r->header.records)
        return -1;
    trace_ahead_stop(r->ahead);
    r->ahead = NULL;
    r->next = i;
    return 0;
}

int trace_verify(const char *path, struct trace_header *hdr, char *err, size_t errlen)
{
    struct trace_record buf[512];
    struct trace_reader *r = trace_open(path, err, errlen);
    int64_t n;
    if (!r)
        return -1;
    while ((n = trace_read(r, buf, 512, err, errlen)) > 0)
        ;
    *hdr = r->header;
    trace_reader_free(r);
    return n ? -1 : 0;
}
