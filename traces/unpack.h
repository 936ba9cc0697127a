/* unpack.h - the bytes of a file or pipe: as they are, or what gzip or xz made of them. */
#ifndef TRACES_UNPACK_H
#define TRACES_UNPACK_H

#include <stddef.h>
#include <stdint.h>

/* The first bytes tell what it is, and several gzip or xz streams may follow one another. */
struct unpack;

/* path: a file, or "-" for the standard input. NULL and a message that names it. */
struct unpack *unpack_open(const char *path, char *err, size_t errlen);
void unpack_close(struct unpack *u); /* NULL is fine */

/* Up to n bytes, at least one. 0: the end; -1: they cannot be read, or are damaged or cut off. */
int64_t unpack_read(struct unpack *u, void *to, size_t n);
/* After -1: why. */
const char *unpack_error(const struct unpack *u);

#endif
