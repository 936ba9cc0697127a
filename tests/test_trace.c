/* test_trace.c - trace files: what is written comes back, and nothing that was damaged does. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "traces/format.h"
#include "traces/trace.h"

static uint64_t draw(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

/* ---- files in a directory of their own ---- */

static char dir[] = "/tmp/test_trace_XXXXXX";
static char path[64], part[80];

static void make_dir(void)
{
    cr_assert_not_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/t.trace", dir);
    snprintf(part, sizeof part, "%s.part", path);
}

static void drop_dir(void)
{
    unlink(path);
    unlink(part);
    rmdir(dir);
}

TestSuite(trace, .init = make_dir, .fini = drop_dir);

static uint8_t *slurp(size_t *n)
{
    FILE *f = fopen(path, "rb");
    cr_assert_not_null(f);
    fseek(f, 0, SEEK_END);
    *n = (size_t)ftell(f);
    rewind(f);
    uint8_t *bytes = malloc(*n + 1);
    cr_assert_eq(fread(bytes, 1, *n, f), *n);
    fclose(f);
    return bytes;
}

static void spill(const uint8_t *bytes, size_t n)
{
    unlink(path); /* some file systems wait for the disk when a file is truncated and rewritten */
    FILE *f = fopen(path, "wb");
    cr_assert_not_null(f);
    cr_assert_eq(fwrite(bytes, 1, n, f), n);
    cr_assert_eq(fclose(f), 0);
}

static int exists(const char *name)
{
    return access(name, F_OK) == 0;
}

/* ---- records ---- */

static const struct trace_header head = {.machine = "test machine", .period_ps = 455};

/* Streams, jumps, extremes: every field takes all its kinds of values. */
static struct trace_record make_record(uint64_t i, uint64_t *rng)
{
    uint64_t pick = draw(rng);
    struct trace_record r = {.kind = MEM_LOAD, .bytes = 8, .gap = 2, .pc = 0x4000 + i % 5 * 4};
    r.addr = 0x100000 + i / 5 * 8;
    if (pick % 7 == 0) {
        r.kind = (uint8_t)(draw(rng) % MEM_VISIBLE);
        r.bytes = (uint16_t)(draw(rng) % 65);
        r.addr = (draw(rng) << 40 ^ draw(rng) << 20) & ~UINT64_C(63);
        r.addr += r.bytes < 64 ? draw(rng) % (64u - r.bytes) : 0;
        r.hart = (uint8_t)draw(rng);
        r.tier = draw(rng) & 1;
        r.side = draw(rng) & 1;
    }
    if (pick % 11 == 0)
        r.pc = pick % 2 ? UINT64_MAX - draw(rng) : 0;
    if (pick % 13 == 0)
        r.gap = pick % 3 ? UINT32_MAX : (uint32_t)draw(rng) % 1000;
    if (pick % 17 == 0)
        r.depends = pick % 2 ? (uint32_t)(i < UINT32_MAX ? i : UINT32_MAX) : (uint32_t)(i > 3) * 3;
    return r;
}

static struct trace_record *write_trace(size_t n, uint64_t seed)
{
    struct trace_record *records = calloc(n + 1, sizeof *records);
    char err[200] = "";
    struct trace_writer *w = trace_create(path, &head, err, sizeof err);
    cr_assert_not_null(w, "%s", err);
    for (size_t i = 0; i < n; i++) {
        records[i] = make_record(i, &seed);
        cr_assert_eq(trace_put(w, &records[i]), 0);
    }
    cr_assert_eq(trace_close(w, 3 * n, err, sizeof err), 0, "%s", err);
    return records;
}

static void same_record(const struct trace_record *a, const struct trace_record *b, uint64_t i)
{
    cr_assert(a->addr == b->addr && a->pc == b->pc && a->gap == b->gap &&
                  a->depends == b->depends && a->bytes == b->bytes && a->kind == b->kind &&
                  a->hart == b->hart && a->tier == b->tier && a->side == b->side,
              "record %lu differs", (unsigned long)i);
}

static struct trace_reader *must_open(void)
{
    char err[200] = "";
    struct trace_reader *r = trace_open(path, err, sizeof err);
    cr_assert_not_null(r, "%s", err);
    return r;
}

Test(trace, what_is_written_comes_back)
{
    static const size_t sizes[] = {0, 1, 2, 300, 65535, 65536, 65537, 150000};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        size_t n = sizes[s], done = 0;
        struct trace_record *want = write_trace(n, s + 1), got[777];
        struct trace_reader *r = must_open();
        const struct trace_header *h = trace_reader_header(r);
        char err[200];
        cr_assert_eq(h->records, n);
        cr_assert_eq(h->instructions, 3 * n);
        cr_assert_eq(h->period_ps, 455);
        cr_assert_str_eq(h->machine, "test machine");
        for (int64_t k; (k = trace_read(r, got, 777, err, sizeof err)) != 0;) {
            cr_assert_gt(k, 0, "%s", err);
            cr_assert_leq(done + (size_t)k, n);
            for (size_t i = 0; i < (size_t)k; i++)
                same_record(&got[i], &want[done + i], done + i);
            done += (size_t)k;
        }
        cr_assert_eq(done, n);
        cr_assert(!exists(part));
        trace_reader_free(r);
        free(want);
    }
}

Test(trace, seeking_finds_every_record)
{
    const size_t n = 200000;
    struct trace_record *want = write_trace(n, 9), got[100];
    struct trace_reader *r = must_open();
    uint64_t rng = 4;
    char err[200];
    cr_assert_eq(trace_seek(r, n + 1), -1);
    for (int i = 0; i < 60; i++) {
        uint64_t to = i == 0   ? n
                      : i == 1 ? n - 1
                      : i == 2 ? 65536
                      : i == 3 ? 65535
                               : draw(&rng) % n;
        cr_assert_eq(trace_seek(r, to), 0);
        int64_t k = trace_read(r, got, 100, err, sizeof err);
        cr_assert_eq((uint64_t)k, n - to < 100 ? n - to : 100);
        for (uint64_t j = 0; j < (uint64_t)k; j++)
            same_record(&got[j], &want[to + j], to + j);
    }
    trace_reader_free(r);
    free(want);
}

Test(trace, gzip_reads_the_blocks)
{
    struct trace_record *records = write_trace(70000, 3);
    gzFile f = gzopen(path, "rb");
    uint8_t block[BLOCK_HEAD];
    uint32_t total = 0;
    while (gzread(f, block, BLOCK_HEAD) == (int)BLOCK_HEAD) {
        uint32_t n = format_get32(block), m = format_get32(block + 4);
        total += n;
        for (uint32_t i = 0; i < n + m; i++)
            cr_assert_neq(gzgetc(f), -1);
    }
    int status;
    gzerror(f, &status);
    cr_assert(status == Z_OK || status == Z_STREAM_END);
    cr_assert_eq(total, 70000);
    gzclose(f);
    free(records);
}

Test(trace, a_loop_costs_next_to_nothing)
{
    char err[200];
    struct trace_writer *w = trace_create(path, &head, err, sizeof err);
    const uint64_t n = 200000;
    for (uint64_t i = 0; i < n; i++) {
        struct trace_record r = {.kind = i % 4 == 3 ? MEM_STORE : MEM_LOAD,
                                 .addr = 0x100000 * (i % 4) + i / 4 * 8,
                                 .pc = 0x1000 + i % 4 * 4,
                                 .bytes = 8,
                                 .gap = 1 + i % 4};
        cr_assert_eq(trace_put(w, &r), 0);
    }
    cr_assert_eq(trace_close(w, n, err, sizeof err), 0);
    struct stat st;
    cr_assert_eq(stat(path, &st), 0);
    cr_assert_lt(st.st_size, 4096);
}

/* ---- damage ---- */

static void must_be_refused(const char *what, size_t at)
{
    char err[200] = "";
    struct trace_header h;
    cr_assert_eq(trace_verify(path, &h, err, sizeof err), -1, "%s at %zu went unnoticed", what, at);
    cr_assert(!strncmp(err, path, strlen(path)) && strlen(err) > strlen(path) + 5, "%s", err);
}

Test(trace, every_changed_byte_is_noticed)
{
    /* Irregular records in one block; then regular ones in two, so that the index has two entries.
     */
    for (int form = 0; form < 2; form++) {
        char err[200];
        size_t n;
        if (form == 0) {
            free(write_trace(150, 5));
        } else {
            struct trace_writer *w = trace_create(path, &head, err, sizeof err);
            struct trace_record r = {.kind = MEM_LOAD, .bytes = 8};
            for (size_t i = 0; i < 65536 + 10; i++)
                trace_put(w, &r);
            cr_assert_eq(trace_close(w, 1, err, sizeof err), 0);
        }
        uint8_t *bytes = slurp(&n);
        for (size_t i = 0; i < n; i++)
            for (int bit = form ? i % 8 : 0; bit < 8; bit += form ? 8 : 1) {
                bytes[i] ^= (uint8_t)(1 << bit);
                spill(bytes, n);
                must_be_refused("a changed bit", i);
                bytes[i] ^= (uint8_t)(1 << bit);
            }
        spill(bytes, n);
        struct trace_header h;
        cr_assert_eq(trace_verify(path, &h, err, sizeof err), 0);
        free(bytes);
    }
}

Test(trace, every_truncation_and_extension_is_noticed)
{
    size_t n;
    free(write_trace(300, 6));
    uint8_t *bytes = slurp(&n);
    for (size_t i = 0; i < n; i++) {
        spill(bytes, i);
        must_be_refused("truncation", i);
    }
    bytes[n] = 0;
    spill(bytes, n + 1);
    must_be_refused("one byte more", n);
    uint8_t *twice = malloc(2 * n);
    memcpy(twice, bytes, n);
    memcpy(twice + n, bytes, n);
    spill(twice, 2 * n);
    must_be_refused("the same again", n);
    free(twice);
    free(bytes);
}

/* ---- malice: files whose checksums are right ---- */

struct forged {
    uint8_t bytes[4000000];
    size_t n;
    struct trace_trailer trailer;
    struct trace_entry entry;
};

static void forge(struct forged *f, const uint8_t *payload, size_t payload_bytes, uint64_t records)
{
    z_stream z = {0};
    memset(f, 0, sizeof *f);
    format_put_header(f->bytes + FIELD_AT, &head);
    f->n = format_empty_member(f->bytes, 'H', HEADER_BYTES);
    f->entry.offset = f->n;
    cr_assert_eq(deflateInit2(&z, 1, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)(uintptr_t)payload;
    z.avail_in = (uInt)payload_bytes;
    z.next_out = f->bytes + f->n;
    z.avail_out = (uInt)(sizeof f->bytes - f->n - 200);
    cr_assert_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    f->entry.bytes = (uint32_t)z.total_out;
    f->entry.crc = format_crc(0, f->bytes + f->n, z.total_out);
    f->n += z.total_out;
    deflateEnd(&z);
    f->trailer.index = f->n;
    f->trailer.entries = 1;
    f->trailer.records = records;
}

/* Add index and trailer, with right checksums, and write the file. */
static void seal(struct forged *f)
{
    uint8_t *index = f->bytes + f->n;
    format_put_entry(index + FIELD_AT, &f->entry);
    f->n += format_empty_member(index, 'I', ENTRY_BYTES);
    f->trailer.index_crc = format_crc(0, index, (size_t)(f->bytes + f->n - index));
    format_put_trailer(f->bytes + f->n + FIELD_AT, &f->trailer);
    f->n += format_empty_member(f->bytes + f->n, 'E', TRAILER_BYTES);
    spill(f->bytes, f->n);
}

/* A block of n records and m data bytes, of which `size` bytes of what follows are there. */
static size_t block(uint8_t *to, uint32_t n, uint32_t m, const char *what, size_t size)
{
    format_put32(to, n);
    format_put32(to + 4, m);
    memcpy(to + BLOCK_HEAD, what, size);
    return BLOCK_HEAD + size;
}

Test(trace, forged_blocks_are_refused)
{
    static const struct {
        uint32_t n, m;
        const char *bytes;
        size_t size;
        uint64_t records;
        int good;
    } rows[] = {
        {1, 5, "\x12\1\10\0\0\0", 6, 1, 1},   /* a load of 8 bytes at 0: the pattern of the rest */
        {1, 5, "\x12\13\10\0\0\0", 6, 1, 0},  /* kind 11 */
        {1, 5, "\x12\1\101\0\0\0", 6, 1, 0},  /* 65 bytes */
        {1, 5, "\x12\1\10\0\0\162", 6, 1, 0}, /* at 57: crosses a line */
        {1, 5, "\x12\1\10\0\4\0", 6, 1, 0},   /* side 2 */
        {1, 5, "\x32\1\10\0\0\0", 6, 1, 0},   /* an unknown control bit */
        {1, 6, "\x1a\1\10\0\0\1\0", 7, 1, 0}, /* depends on a record before the first */
        {1, 4, "\x12\1\10\0\0", 5, 1, 0},     /* the address is missing */
        {1, 6, "\x12\1\10\0\0\0\0", 7, 1, 0}, /* a byte too many */
        {1, 5, "\x12\1\10\0\0\0", 6, 2, 0},   /* the trailer says two records */
        {2, 5, "\x12\1\10\0\0\0", 6, 1, 0},   /* the block says two */
        {1, 6, "\x12\1\10\0\0\0", 6, 1, 0},   /* data ends before it should */
        {1, 1, "\x01\xff", 2, 1, 0},          /* a number without end */
        {UINT32_MAX, UINT32_MAX, "", 0, 1, 0}, {0, 0, "", 0, 1, 0},
    };
    struct forged *f = malloc(sizeof *f);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t payload[64];
        size_t size = block(payload, rows[i].n, rows[i].m, rows[i].bytes, rows[i].size);
        struct trace_header h;
        char err[200];
        forge(f, payload, size, rows[i].records);
        seal(f);
        if (rows[i].good)
            cr_assert_eq(trace_verify(path, &h, err, sizeof err), 0, "%s", err);
        else
            must_be_refused("forged row", i);
    }
    forge(f, (const uint8_t *)"short", 5, 1);
    seal(f);
    must_be_refused("a short block", 0);
    free(f);
}

Test(trace, forged_indexes_are_refused)
{
    struct forged *f = malloc(sizeof *f);
    uint8_t payload[64];
    size_t size = block(payload, 1, 5, "\x12\1\10\0\0\0", 6);
    for (int i = 0; i < 11; i++) {
        forge(f, payload, size, 1);
        switch (i) {
        case 0:
            f->trailer.entries = UINT64_MAX / 24;
            break;
        case 1:
            f->trailer.entries = 0;
            break;
        case 2:
            f->trailer.entries = 2;
            break;
        case 3:
            f->trailer.index = UINT64_MAX - 100;
            break;
        case 4:
            f->trailer.index -= 24;
            break;
        case 5:
            f->trailer.records = UINT64_MAX;
            break;
        case 6:
            f->trailer.records = 0;
            break;
        case 7:
            f->entry.bytes = UINT32_MAX;
            break;
        case 8:
            f->entry.offset = UINT64_MAX;
            break;
        case 9:
            f->entry.first = 65536;
            break;
        case 10:
            f->entry.bytes--;
            break;
        }
        seal(f);
        must_be_refused("forged index", (size_t)i);
    }
    /* A decompression bomb: 40 MB of zeros in a member of about 40 kB. */
    size_t bomb_bytes = 40000000;
    uint8_t *bomb = calloc(1, bomb_bytes);
    forge(f, bomb, bomb_bytes, 65536);
    seal(f);
    must_be_refused("a bomb", 0);
    /* And a member that is longer than any block can be. */
    uint64_t rng = 5;
    for (size_t i = 0; i < 3500000; i++)
        bomb[i] = (uint8_t)draw(&rng);
    forge(f, bomb, 3500000, 65536);
    seal(f);
    must_be_refused("a long member", 0);
    free(bomb);
    free(f);
}

Test(trace, random_blocks_do_no_harm)
{
    struct forged *f = malloc(sizeof *f);
    uint8_t payload[400];
    uint64_t rng = 99;
    int refused = 0;
    for (int i = 0; i < 1500; i++) {
        uint32_t n = 1 + (uint32_t)(draw(&rng) % 30), m = (uint32_t)(draw(&rng) % 300);
        block(payload, n, m, "", 0);
        for (uint32_t k = 0; k < n + m; k++)
            payload[BLOCK_HEAD + k] = (uint8_t)(draw(&rng) & (k < n ? 31 : i & 1 ? 255 : 7));
        forge(f, payload, BLOCK_HEAD + n + m, n);
        seal(f);
        struct trace_header h;
        char err[200];
        refused += trace_verify(path, &h, err, sizeof err) != 0;
    }
    cr_assert_gt(refused, 1000);
    free(f);
}

/* ---- writing that fails ---- */

Test(trace, nothing_is_left_of_what_was_not_closed)
{
    char err[300] = "";
    struct trace_record bad = {.kind = MEM_VISIBLE, .bytes = 8}, good = {.kind = MEM_LOAD};
    struct trace_writer *w = trace_create(path, &head, err, sizeof err);
    cr_assert(exists(part) && !exists(path));
    trace_abandon(w);
    cr_assert(!exists(part) && !exists(path));

    w = trace_create(path, &head, err, sizeof err);
    cr_assert_eq(trace_put(w, &good), 0);
    cr_assert_eq(trace_put(w, &bad), -1);
    cr_assert_eq(trace_put(w, &good), -1);
    cr_assert_eq(trace_close(w, 0, err, sizeof err), -1);
    cr_assert(strstr(err, "record 1 is not valid"), "%s", err);
    cr_assert(!exists(part) && !exists(path));

    cr_assert_null(trace_create("/dev/null/x.trace", &head, err, sizeof err));
    cr_assert(strstr(err, "/dev/null/x.trace"), "%s", err);
    cr_assert_null(trace_open("/dev/null/x.trace", err, sizeof err));
    cr_assert_null(trace_open(dir, err, sizeof err));
}

Test(trace, a_full_disk_is_an_error_and_keeps_the_old_file)
{
    struct rlimit limit;
    char err[300] = "";
    size_t n, after;
    free(write_trace(100, 8));
    uint8_t *old = slurp(&n);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = 5000;
    setrlimit(RLIMIT_FSIZE, &limit);
    struct trace_writer *w = trace_create(path, &head, err, sizeof err);
    uint64_t rng = 3;
    for (uint64_t i = 0; i < 70000; i++) {
        struct trace_record r = make_record(i, &rng);
        trace_put(w, &r);
    }
    cr_assert_eq(trace_close(w, 0, err, sizeof err), -1);
    cr_assert(strstr(err, "cannot be written"), "%s", err);
    cr_assert(!exists(part));
    uint8_t *now = slurp(&after);
    cr_assert(after == n && !memcmp(now, old, n));
    free(now);
    free(old);
}

/* Records in place: the same ones, with and without threads, a seek and a read in between. */
Test(trace, next_is_read_without_a_copy, .timeout = 60)
{
    const size_t n = 3 * 65536 + 99;
    struct trace_record *want = write_trace(n, 22);
    char err[300] = "";
    for (unsigned threads = 0; threads <= 3; threads++) {
        struct trace_reader *r = must_open();
        const struct trace_record *v;
        struct trace_record one;
        size_t at = 0;
        int64_t k = 1;
        cr_assert_eq(trace_seek(r, 65536 + 5), 0);
        if (threads)
            cr_assert_eq(trace_read_ahead(r, threads), 0);
        at = 65536 + 5;
        for (uint64_t ask = 1; k > 0; ask = ask * 3 % 100003) {
            k = trace_next(r, &v, ask, err, sizeof err);
            cr_assert(k >= 0 && (uint64_t)k <= ask, "%s", err);
            cr_assert(k > 0 || at == n);
            for (int64_t i = 0; i < k; i++)
                same_record(&want[at + (size_t)i], &v[i], at + (size_t)i);
            at += (size_t)k;
            cr_assert_eq(trace_tell(r), at);
            if (at < n && ask % 2) {
                cr_assert_eq(trace_read(r, &one, 1, err, sizeof err), 1, "%s", err);
                same_record(&want[at], &one, at);
                at++;
            }
        }
        trace_reader_free(r);
    }
    free(want);
}

/* Threads ahead of the reader: the same records, wherever it starts and however it asks; a damaged
 * block is told by the same words. */
Test(trace, threads_ahead_change_nothing, .timeout = 60)
{
    const size_t n = 5 * 65536 + 777;
    static const uint64_t starts[] = {0, 65536, 100000, 5 * 65536 + 700};
    struct trace_record *want = write_trace(n, 21), *got = calloc(n, sizeof *got);
    char err[300] = "", other[300] = "";
    for (size_t s = 0; s < sizeof starts / sizeof starts[0]; s++)
        for (unsigned threads = 1; threads <= 9; threads += 4) {
            struct trace_reader *r = must_open();
            size_t at = starts[s];
            int64_t k = 1;
            cr_assert_eq(trace_seek(r, at), 0);
            cr_assert_eq(trace_read_ahead(r, threads), 0);
            for (uint64_t ask = 1; k > 0; ask = ask * 3 % 100003, at += (size_t)k) {
                k = trace_read(r, got + at, ask, err, sizeof err);
                cr_assert_geq(k, 0, "%s", err);
                cr_assert(k > 0 || at == n);
            }
            cr_assert_eq(trace_tell(r), n);
            for (size_t i = starts[s]; i < n; i++)
                same_record(&want[i], &got[i], i);
            trace_reader_free(r);
        }
    struct trace_reader *unread = must_open(); /* stopped while its threads wait for room */
    cr_assert_eq(trace_read_ahead(unread, 2), 0);
    trace_reader_free(unread);

    size_t bytes;
    uint8_t *file = slurp(&bytes);
    file[bytes / 2] ^= 1;
    spill(file, bytes);
    struct trace_reader *a = must_open(), *b = must_open();
    cr_assert_eq(trace_read_ahead(b, 3), 0);
    int64_t k;
    while ((k = trace_read(a, got, 65536, err, sizeof err)) > 0)
        ;
    cr_assert_eq(k, -1);
    while ((k = trace_read(b, got, 1000, other, sizeof other)) > 0)
        ;
    cr_assert_eq(k, -1);
    cr_assert_str_eq(err, other);
    trace_reader_free(a);
    trace_reader_free(b);
    free(file);
    free(want);
    free(got);
}
