/* file.h - a whole file into memory; all of a buffer from or to a descriptor; could one be written?
 */
#ifndef SIM_FILE_H
#define SIM_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* A regular file to read from, its size in *n. -1 and "FILE: what is wrong". */
int file_open(const char *path, uint64_t *n, char *err, size_t errlen);

/* The bytes of a regular file of at most `most` bytes, with a NUL behind them; the caller frees.
 * NULL and "FILE: what is wrong". */
uint8_t *file_read(const char *path, uint64_t most, size_t *n, char *err, size_t errlen);

/* The same without reading it: pages come as they are touched. Unmap it with its size; until then
 * nobody may shorten the file, but may put another in its place (rename). */
const uint8_t *file_map(const char *path, uint64_t most, size_t *n, char *err, size_t errlen);
void file_unmap(const uint8_t *bytes, size_t n);

/* The next line, its end left out, into a buffer of n bytes: 1; 0 at the end of the file, or when
 * it cannot be read (ferror); -1: longer, or with a zero byte. */
int file_line(FILE *f, char *line, size_t n);

/* n bytes, however many calls that takes and whatever signals come between. 0, or -1 with errno
 * (EIO where there is less). */
int file_get(int fd, void *to, size_t n);
int file_put(int fd, const void *from, size_t n);

/* Could a file be written there later: in place, or by a rename of one beside it? Only a look:
 * nothing is made, opened or changed. 0, or -1 and "PATH: what is wrong". */
enum file_way { FILE_IN_PLACE, FILE_BY_RENAME };
int file_may_write(const char *path, enum file_way way, char *err, size_t errlen);

#endif
