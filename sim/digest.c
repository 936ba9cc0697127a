/* digest.c - 128-bit content digests (XXH3): they name inputs and runs; they are no signature. */
#include "sim/digest.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "sim/error.h"
#include "sim/file.h"

static struct digest canonical(XXH128_hash_t hash)
{
    XXH128_canonical_t c;
    struct digest d;
    XXH128_canonicalFromHash(&c, hash);
    memcpy(d.b, c.digest, sizeof d.b);
    return d;
}

struct digest digest_bytes(const void *bytes, size_t n)
{
    return canonical(XXH3_128bits(bytes, n));
}

static int digest_fd(int fd, XXH3_state_t *state, uint64_t *total)
{
    uint8_t buf[1 << 16];
    ssize_t n;
    *total = 0;
    while ((n = read(fd, buf, sizeof buf)) != 0) {
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -1;
        }
        XXH3_128bits_update(state, buf, (size_t)n);
        *total += (uint64_t)n;
    }
    return 0;
}

int digest_file(const char *path, struct digest *out, uint64_t *bytes, char *err, size_t errlen)
{
    uint64_t size;
    const int fd = file_open(path, &size, err, errlen);
    if (fd < 0) {
        return -1;
    }
    XXH3_state_t *state = XXH3_createState();
    uint64_t total = 0;
    int bad = state == NULL;
    if (!bad) {
        XXH3_128bits_reset(state);
        bad = digest_fd(fd, state, &total) != 0;
    }
    if (bad) {
        fail(err, errlen, "%s: cannot read: %s", path, strerror(errno));
    } else {
        *out = canonical(XXH3_128bits_digest(state));
        if (bytes != NULL) {
            *bytes = total;
        }
    }
    XXH3_freeState(state);
    close(fd);
    return bad ? -1 : 0;
}

const char *digest_hex(struct digest d, char buf[DIGEST_TEXT])
{
    for (size_t i = 0; i < sizeof d.b; i++) {
        snprintf(buf + 2 * i, 3, "%02x", d.b[i]);
    }
    return buf;
}
