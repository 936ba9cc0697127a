/* file.c - a whole file into memory. */
#include "sim/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/error.h"

static int read_all(int fd, uint8_t *to, size_t n)
{
    for (size_t have = 0; have < n;) {
        ssize_t got = read(fd, to + have, n - have);
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

uint8_t *file_read(const char *path, uint64_t most, size_t *n, char *err, size_t errlen)
{
    struct stat st;
    uint8_t *bytes = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        fail(err, errlen, "%s: %s", path, strerror(errno));
        return NULL;
    }
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        fail(err, errlen, "%s: not a regular file", path);
        goto out;
    }
    if ((uint64_t)st.st_size > most) {
        fail(err, errlen, "%s: larger than %" PRIu64 " bytes", path, most);
        goto out;
    }
    *n = (size_t)st.st_size;
    bytes = malloc(*n + 1);
    if (bytes == NULL || read_all(fd, bytes, *n) != 0) {
        fail(err, errlen, "%s: cannot read: %s", path, strerror(errno));
        free(bytes);
        bytes = NULL;
        goto out;
    }
    bytes[*n] = '\0';
out:
    close(fd);
    return bytes;
}
