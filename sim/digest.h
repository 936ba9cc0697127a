/* digest.h - 128-bit content digests (XXH3): they name inputs and runs; they are no signature. */
#ifndef SIM_DIGEST_H
#define SIM_DIGEST_H

#include <stddef.h>
#include <stdint.h>

struct digest {
    uint8_t b[16]; /* canonical (big-endian) order */
};

#define DIGEST_TEXT 33 /* 32 hex digits and a NUL */

struct digest digest_bytes(const void *bytes, size_t n);
/* Of a regular file's contents. bytes (may be NULL) receives its size. */
int digest_file(const char *path, struct digest *out, uint64_t *bytes, char *err, size_t errlen);
const char *digest_hex(struct digest d, char buf[DIGEST_TEXT]);

#endif
