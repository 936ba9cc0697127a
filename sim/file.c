/* file.c - a whole file into memory; could one be written? */
#include "sim/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memhier/hostmem.h"
#include "sim/error.h"

int file_get(int fd, void *to, size_t n)
{
    for (size_t have = 0; have < n;) {
        ssize_t got = read(fd, (uint8_t *)to + have, n - have);
        if (got == 0) {
            errno = EIO; /* it became shorter meanwhile */
            return -1;
        }
        if (got < 0 && errno != EINTR) {
            return -1;
        }
        have += got > 0 ? (size_t)got : 0;
    }
    return 0;
}

int file_put(int fd, const void *from, size_t n)
{
    for (size_t done = 0; done < n;) {
        ssize_t put = write(fd, (const uint8_t *)from + done, n - done);
        if (put < 0 && errno != EINTR) {
            return -1;
        }
        done += put > 0 ? (size_t)put : 0;
    }
    return 0;
}

int file_line(FILE *f, char *line, size_t n)
{
    size_t at = 0;
    int c;
    while ((c = getc(f)) != EOF && c != '\n') {
        if (c == '\0' || at + 1 == n) {
            return -1;
        }
        line[at++] = (char)c;
    }
    at -= at > 0 && line[at - 1] == '\r';
    line[at] = '\0';
    return at > 0 || c != EOF;
}

int file_open(const char *path, uint64_t *n, char *err, size_t errlen)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return fail(err, errlen, "%s: %s", path, strerror(errno));
    }
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return fail(err, errlen, "%s: not a regular file", path);
    }
    *n = (uint64_t)st.st_size;
    return fd;
}

/* The same of at most `most` bytes. */
static int open_regular(const char *path, uint64_t most, size_t *n, char *err, size_t errlen)
{
    uint64_t bytes;
    const int fd = file_open(path, &bytes, err, errlen);
    if (fd >= 0 && bytes > most) {
        close(fd);
        return fail(err, errlen, "%s: larger than %" PRIu64 " bytes", path, most);
    }
    *n = fd < 0 ? 0 : (size_t)bytes;
    return fd;
}

uint8_t *file_read(const char *path, uint64_t most, size_t *n, char *err, size_t errlen)
{
    const int fd = open_regular(path, most, n, err, errlen);
    if (fd < 0) {
        return NULL;
    }
    uint8_t *bytes = malloc(*n + 1);
    if (bytes == NULL || file_get(fd, bytes, *n) != 0) {
        fail(err, errlen, "%s: cannot read: %s", path, strerror(errno));
        free(bytes);
        bytes = NULL;
    } else {
        bytes[*n] = '\0';
    }
    close(fd);
    return bytes;
}

const uint8_t *file_map(const char *path, uint64_t most, size_t *n, char *err, size_t errlen)
{
    static const uint8_t nothing[1];
    const int fd = open_regular(path, most, n, err, errlen);
    if (fd < 0) {
        return NULL;
    }
    const void *bytes = *n == 0 ? nothing : mmap(NULL, *n, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED) {
        fail(err, errlen, "%s: cannot map: %s", path, strerror(errno));
        bytes = NULL;
    }
    close(fd);
    return bytes;
}

void file_unmap(const uint8_t *bytes, size_t n)
{
    if (bytes != NULL && n != 0) {
        munmap((void *)(uintptr_t)bytes, n);
    }
}

/* May entries be made in the folder that the path is in? 0, or -1 with errno. */
static int look_at_folder(const char *path)
{
    struct stat st;
    const char *slash = strrchr(path, '/');
    const size_t n = slash == NULL ? 1 : slash == path ? 1 : (size_t)(slash - path);
    char *folder = hostmem_text_part(slash == NULL ? "." : path, n, "a path");
    int bad = stat(folder, &st) != 0;
    if (!bad && !S_ISDIR(st.st_mode)) {
        errno = ENOTDIR;
        bad = 1;
    }
    bad = bad || faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) != 0;
    const int why = errno;
    free(folder);
    errno = why;
    return bad ? -1 : 0;
}

static int look(const char *path, enum file_way way)
{
    struct stat st;
    const int there = stat(path, &st) == 0;
    if (!there && errno != ENOENT) {
        return -1;
    }
    if ((there && S_ISDIR(st.st_mode)) || *path == '\0' || path[strlen(path) - 1] == '/') {
        errno = *path == '\0' ? ENOENT : EISDIR;
        return -1;
    }
    if (there && way == FILE_BY_RENAME && !S_ISREG(st.st_mode)) {
        errno = EINVAL;
        return -1;
    }
    if (there && way == FILE_IN_PLACE) {
        return faccessat(AT_FDCWD, path, W_OK, AT_EACCESS);
    }
    return look_at_folder(path);
}

int file_may_write(const char *path, enum file_way way, char *err, size_t errlen)
{
    if (look(path, way) == 0) {
        return 0;
    }
    return fail(err, errlen, "%s: %s", path,
                errno == EINVAL ? "not a regular file" : strerror(errno));
}
