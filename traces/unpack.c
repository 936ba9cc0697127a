/* unpack.c - the bytes of a file or pipe: as they are, or what gzip or xz made of them. */
#include "traces/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <lzma.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#define CHUNK       (256u << 10)
#define PIPE_BYTES  (1 << 20)
#define XZ_MEMORY   (UINT64_C(1) << 30) /* more than any preset of xz needs */
#define GZIP_WINDOW (15 + 16)           /* zlib: the largest window, with gzip's header */

enum packing { PLAIN, GZIP, XZ };

struct unpack {
    int file, is_pipe;
    enum packing packing;
    z_stream gzip;
    lzma_stream xz;
    uint8_t packed[CHUNK];
    size_t at, n;      /* of the packed bytes: used, and read */
    int ended;         /* a gzip member, or all of xz */
    const char *wrong; /* once it has failed */
};

/* ---- the file ---- */

/* At least one byte, or 0 at the end. A pipe is let fill up a little: a reader that waits for each
 * line would have the writer wake it for each. */
static ssize_t read_some(struct unpack *u, void *to, size_t n)
{
    const struct timespec a_little = {.tv_nsec = 2000000};
    const size_t enough = u->is_pipe && n > CHUNK / 4 ? CHUNK / 4 : 1;
    size_t got = 0;
    while (got < n && got < enough) {
        const ssize_t more = read(u->file, (char *)to + got, n - got);
        if (more < 0 && errno == EINTR)
            continue;
        if (more < 0)
            u->wrong = strerror(errno);
        if (more <= 0)
            return more < 0 ? -1 : (ssize_t)got;
        got += (size_t)more;
        if (got < enough)
            (void)nanosleep(&a_little, NULL);
    }
    return (ssize_t)got;
}

static int refill(struct unpack *u)
{
    const ssize_t got = read_some(u, u->packed, CHUNK);
    u->at = 0;
    u->n = got > 0 ? (size_t)got : 0;
    return got < 0 ? -1 : 0;
}

/* ---- unpacking: how many bytes, maybe none; -1 ---- */

static int64_t damaged(struct unpack *u, const char *why)
{
    u->wrong = why;
    return -1;
}

static int64_t inflate_some(struct unpack *u, void *to, size_t n)
{
    u->gzip.next_in = u->packed + u->at;
    u->gzip.avail_in = (uInt)(u->n - u->at);
    u->gzip.next_out = to;
    u->gzip.avail_out = (uInt)(n < CHUNK ? n : CHUNK);
    const uInt room = u->gzip.avail_out;
    if (u->ended && inflateReset(&u->gzip) != Z_OK)
        return damaged(u, "out of memory");
    const int r = inflate(&u->gzip, Z_NO_FLUSH);
    u->ended = r == Z_STREAM_END;
    u->at = u->n - u->gzip.avail_in;
    if (r != Z_OK && r != Z_STREAM_END && r != Z_BUF_ERROR)
        return damaged(u, "the gzip file is damaged");
    return room - u->gzip.avail_out;
}

static int64_t unxz_some(struct unpack *u, void *to, size_t n)
{
    u->xz.next_in = u->packed + u->at;
    u->xz.avail_in = u->n - u->at;
    u->xz.next_out = to;
    u->xz.avail_out = n;
    const lzma_ret r = lzma_code(&u->xz, u->at == u->n ? LZMA_FINISH : LZMA_RUN);
    u->ended = r == LZMA_STREAM_END;
    u->at = u->n - u->xz.avail_in;
    if (r != LZMA_OK && r != LZMA_STREAM_END && r != LZMA_BUF_ERROR)
        return damaged(u, "the xz file is damaged");
    return (int64_t)(n - u->xz.avail_out);
}

/* What has been read already first, then straight from the file. */
static int64_t copy_some(struct unpack *u, void *to, size_t n)
{
    const size_t left = u->n - u->at, some = left < n ? left : n;
    if (!left)
        return read_some(u, to, n);
    memcpy(to, u->packed + u->at, some);
    u->at += some;
    return (int64_t)some;
}

int64_t unpack_read(struct unpack *u, void *to, size_t n)
{
    if (u->wrong)
        return -1;
    if (u->packing == PLAIN)
        return copy_some(u, to, n);
    for (;;) {
        if (u->at == u->n && refill(u))
            return -1;
        const int over = u->at == u->n;
        if (over && u->ended)
            return 0;
        const int64_t got = u->packing == GZIP ? inflate_some(u, to, n) : unxz_some(u, to, n);
        if (got)
            return got;
        if (over && !u->ended)
            return damaged(u, "the compressed file is cut off");
    }
}

const char *unpack_error(const struct unpack *u)
{
    return u->wrong;
}

/* ---- opening ---- */

static enum packing packing_of(const uint8_t *bytes, size_t n)
{
    static const uint8_t gzip[] = {0x1f, 0x8b, 8}, xz[] = {0xfd, '7', 'z', 'X', 'Z', 0};
    if (n >= sizeof gzip && memcmp(bytes, gzip, sizeof gzip) == 0)
        return GZIP;
    return n >= sizeof xz && memcmp(bytes, xz, sizeof xz) == 0 ? XZ : PLAIN;
}

static int begin(struct unpack *u)
{
    struct stat st;
    u->is_pipe = fstat(u->file, &st) == 0 && S_ISFIFO(st.st_mode);
    if (u->is_pipe) /* as large as it may be; smaller only costs time */
        (void)fcntl(u->file, F_SETPIPE_SZ, PIPE_BYTES);
    u->xz = (lzma_stream)LZMA_STREAM_INIT;
    if (refill(u))
        return -1;
    u->packing = packing_of(u->packed, u->n);
    if ((u->packing == GZIP && inflateInit2(&u->gzip, GZIP_WINDOW) != Z_OK) ||
        (u->packing == XZ &&
         lzma_stream_decoder(&u->xz, XZ_MEMORY, LZMA_CONCATENATED) != LZMA_OK)) {
        u->packing = PLAIN; /* nothing to take back */
        return (int)damaged(u, "out of memory");
    }
    return 0;
}

struct unpack *unpack_open(const char *path, char *err, size_t errlen)
{
    const int is_input = strcmp(path, "-") == 0;
    struct unpack *u = calloc(1, sizeof *u);
    if (!u) {
        snprintf(err, errlen, "%s: out of memory", path);
        return NULL;
    }
    u->file = is_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (u->file >= 0 && !begin(u))
        return u;
    snprintf(err, errlen, "%s: %s", path, u->wrong ? u->wrong : strerror(errno));
    unpack_close(u);
    return NULL;
}

void unpack_close(struct unpack *u)
{
    if (!u)
        return;
    if (u->packing == GZIP)
        inflateEnd(&u->gzip);
    if (u->packing == XZ)
        lzma_end(&u->xz);
    if (u->file > STDIN_FILENO)
        (void)close(u->file);
    free(u);
}
