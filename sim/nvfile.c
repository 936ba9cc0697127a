/* nvfile.c - NVDIMM image files: checked and locked when opened, written aside and renamed. */
#include "sim/nvfile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/error.h"
#include "sim/unfinished.h"

#define BLOCK      4096u /* zeros of this size, aligned, become holes */
#define OPEN_TRIES 8

struct nvfile {
    char *path; /* without symbolic links */
    int fd;
    int commit;
    uint64_t bytes;
    mode_t mode;
};

/* ---- opening ---- */

static int check_kind(const char *path, const struct stat *st, uint64_t bytes, char *err,
                      size_t errlen)
{
    if (!S_ISREG(st->st_mode))
        return fail(err, errlen, "nvdimm.image: %s is not a regular file", path);
    if ((uint64_t)st->st_size != bytes)
        return fail(err, errlen,
                    "nvdimm.image: %s has %" PRIu64 " bytes, but nvdimm.size is %" PRIu64 " bytes",
                    path, (uint64_t)st->st_size, bytes);
    return 0;
}

static int lock_file(const struct nvfile *f, char *err, size_t errlen)
{
    if (flock(f->fd, (f->commit ? LOCK_EX : LOCK_SH) | LOCK_NB) == 0)
        return 0;
    if (errno != EWOULDBLOCK)
        return fail(err, errlen, "nvdimm.image: cannot lock %s: %s", f->path, strerror(errno));
    if (f->commit)
        return fail(err, errlen,
                    "nvdimm.image: %s is in use by another run; nvdimm.commit needs it alone",
                    f->path);
    return fail(err, errlen, "nvdimm.image: %s is in use by another run that will replace it",
                f->path);
}

/* Open, lock and check. 1: another run has replaced the file between the opening and the lock. */
static int try_open(struct nvfile *f, char *err, size_t errlen)
{
    struct stat st, named;
    f->fd = open(f->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (f->fd < 0 || fstat(f->fd, &st) < 0)
        return fail(err, errlen, "nvdimm.image: cannot open %s: %s", f->path, strerror(errno));
    if (check_kind(f->path, &st, f->bytes, err, errlen) < 0 || lock_file(f, err, errlen) < 0)
        return -1;
    f->mode = st.st_mode & 07777;
    return stat(f->path, &named) < 0 || named.st_dev != st.st_dev || named.st_ino != st.st_ino;
}

struct nvfile *nvfile_open(const char *path, uint64_t bytes, int commit, char *err, size_t errlen)
{
    struct nvfile *f = calloc(1, sizeof *f);
    if (!f) {
        fail(err, errlen, "out of memory");
        return NULL;
    }
    *f = (struct nvfile){.fd = -1, .commit = commit != 0, .bytes = bytes};
    f->path = realpath(path, NULL);
    if (!f->path) {
        fail(err, errlen, "nvdimm.image: cannot open %s: %s", path, strerror(errno));
        nvfile_close(f);
        return NULL;
    }
    int again = 1;
    for (int i = 0; i < OPEN_TRIES && again > 0; i++) {
        if (f->fd >= 0)
            close(f->fd);
        again = try_open(f, err, errlen);
    }
    if (again > 0)
        fail(err, errlen, "nvdimm.image: %s is replaced all the time", f->path);
    if (again) {
        nvfile_close(f);
        return NULL;
    }
    return f;
}

void nvfile_close(struct nvfile *f)
{
    if (!f)
        return;
    if (f->fd >= 0)
        close(f->fd);
    free(f->path);
    free(f);
}

int nvfile_fd(const struct nvfile *f)
{
    return f->fd;
}

/* ---- a file that appears by rename ---- */

struct draft {
    const char *path;
    char part[PATH_MAX];
    int fd, unfinished;
};

#define WRITE "write"
#define READ  "read what belongs into"

static int draft_fail(struct draft *d, const char *what, char *err, size_t errlen)
{
    int why = errno;
    if (d->fd >= 0)
        close(d->fd);
    unlink(d->part);
    unfinished_done(d->unfinished);
    return fail(err, errlen, "cannot %s %s: %s; %s is unchanged", what, d->part, strerror(why),
                d->path);
}

static int draft_open(struct draft *d, const char *path, mode_t mode, char *err, size_t errlen)
{
    d->path = path;
    d->fd = -1;
    if (snprintf(d->part, sizeof d->part, "%s.part", path) >= (int)sizeof d->part)
        return fail(err, errlen, "cannot write %s: the name is too long", path);
    unlink(d->part); /* left over from a run that was killed */
    d->fd = open(d->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (d->fd < 0)
        return fail(err, errlen, "cannot create %s: %s; %s is unchanged", d->part, strerror(errno),
                    path);
    d->unfinished = unfinished_add(d->part, "");
    return 0;
}

static int is_zero(const uint8_t *p, size_t n)
{
    return p[0] == 0 && memcmp(p, p + 1, n - 1) == 0;
}

static int write_all(int fd, const uint8_t *p, size_t n, off_t at)
{
    while (n) {
        ssize_t k = pwrite(fd, p, n, at);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return -1;
        p += k;
        at += k;
        n -= (size_t)k;
    }
    return 0;
}

/* n bytes, a multiple of BLOCK, at an offset of the new file that holds nothing yet. */
static int draft_write(struct draft *d, const uint8_t *p, size_t n, off_t at)
{
    for (size_t from = 0, to; from < n; from = to) {
        int zero = is_zero(p + from, BLOCK);
        for (to = from + BLOCK; to < n && is_zero(p + to, BLOCK) == zero; to += BLOCK)
            ;
        if (!zero && write_all(d->fd, p + from, to - from, at + (off_t)from) < 0)
            return -1;
    }
    return 0;
}

/* The directory's own entry; the rename is atomic with or without it, so errors are no failure. */
static void sync_directory(const char *path)
{
    char copy[PATH_MAX];
    snprintf(copy, sizeof copy, "%s", path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    fsync(fd);
    close(fd);
}

static int draft_finish(struct draft *d, uint64_t bytes, char *err, size_t errlen)
{
    if (ftruncate(d->fd, (off_t)bytes) < 0 || fsync(d->fd) < 0)
        return draft_fail(d, WRITE, err, errlen);
    int bad = close(d->fd);
    d->fd = -1;
    if (bad || rename(d->part, d->path) < 0)
        return draft_fail(d, WRITE, err, errlen);
    unfinished_done(d->unfinished);
    sync_directory(d->path);
    return 0;
}

/* ---- contents ---- */

/* What is durable of a touched frame. */
static void durable_frame(struct physmem *pm, const struct domain *domain, ps_t t, uint64_t addr,
                          uint8_t *to)
{
    memcpy(to, physmem_at(pm, addr, FRAME_BYTES), FRAME_BYTES);
    for (uint64_t i = 0; domain && i < FRAME_BYTES; i += LINE_BYTES)
        domain_durable_line(domain, addr + i, t, to + i);
}

/* Frame by frame from memory where pm says that it was touched (pm may be NULL), else from fd, and
 * finish. */
static int draft_fill(struct draft *d, struct physmem *pm, const struct domain *domain, ps_t t,
                      int fd, uint64_t bytes, char *err, size_t errlen)
{
    uint8_t *buf = malloc(FRAME_BYTES);
    if (!buf)
        return draft_fail(d, WRITE, err, errlen);
    const char *bad = NULL;
    for (uint64_t at = 0; !bad && at < bytes; at += FRAME_BYTES) {
        uint32_t frame = (uint32_t)(at >> FRAME_SHIFT);
        int some = 1;
        if (pm && physmem_touched(pm, frame))
            durable_frame(pm, domain, t, frame_addr(TIER_NVDIMM, frame), buf);
        else
            some = fd < 0 ? 0 : frame_read(fd, at, buf);
        if (some < 0)
            bad = READ;
        else if (some && draft_write(d, buf, FRAME_BYTES, (off_t)at) < 0)
            bad = WRITE;
    }
    free(buf);
    return bad ? draft_fail(d, bad, err, errlen) : draft_finish(d, bytes, err, errlen);
}

int nvfile_write(struct physmem *pm, const struct domain *domain, ps_t t, int base_fd,
                 const char *path, char *err, size_t errlen)
{
    struct draft d;
    if (draft_open(&d, path, 0666, err, errlen) < 0)
        return -1;
    return draft_fill(&d, pm, domain, t, base_fd, physmem_bytes(pm, TIER_NVDIMM), err, errlen);
}

/* ---- commit ---- */

/* The file whose copy the image is to become, or -1. */
static int open_written(const struct nvfile *f, const char *written, char *err, size_t errlen)
{
    struct stat st;
    int fd = open(written, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        fail(err, errlen, "nvdimm.commit: cannot read %s: %s; %s is unchanged", written,
             strerror(errno), f->path);
    else if ((uint64_t)st.st_size != f->bytes)
        fail(err, errlen, "nvdimm.commit: %s is not %" PRIu64 " bytes long; %s is unchanged",
             written, f->bytes, f->path);
    else
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

int nvfile_commit(struct nvfile *f, const char *written, char *err, size_t errlen)
{
    struct draft d;
    if (!f->commit)
        return fail(err, errlen, "nvdimm.commit: %s was not opened to be replaced", f->path);
    int fd = open_written(f, written, err, errlen);
    if (fd < 0)
        return -1;
    int bad = draft_open(&d, f->path, f->mode & 0777, err, errlen);
    if (!bad && fchmod(d.fd, f->mode) < 0)
        bad = draft_fail(&d, WRITE, err, errlen);
    if (!bad)
        bad = draft_fill(&d, NULL, NULL, 0, fd, f->bytes, err, errlen);
    close(fd);
    return bad;
}
