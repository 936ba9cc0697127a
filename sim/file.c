/* file.c - a whole file into memory. */
#include "sim/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* An open regular file of at most `most` bytes, its size in *n; -1 with a message otherwise. */
static int open_regular(const char *path, uint64_t most, size_t *n, char *err, size_t errlen)
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
    if ((uint64_t)st.st_size > most) {
        close(fd);
        return fail(err, errlen, "%s: larger than %" PRIu64 " bytes", path, most);
    }
    *n = (size_t)st.st_size;
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
