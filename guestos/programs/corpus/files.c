/* files.c - what a mail server asks of a file system: many small files, made, read, added to,
 * ended. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guestos/lib/hash.h"
#include "guestos/lib/number.h"

/*
 *   files STEPS
 *
 * 4,000 files of 300 bytes to 10 KB in 40 directories, a few of them asked for much more often than
 * the others. A step reads one, whole; or adds to its end; or writes it anew under another name,
 * and renames it; or removes it and makes another. Prints a checksum of what was read.
 */
#define FILES       4000u
#define DIRECTORIES 40u
#define MOST        10240u
#define PATH_BYTES  40

static uint8_t buf[MOST];

static void path_of(uint32_t file, char *path)
{
    snprintf(path, PATH_BYTES, "/mail/%02u/%06u", file % DIRECTORIES, file);
}

static int write_out(const char *path, int flags, uint32_t bytes)
{
    const int fd = open(path, O_WRONLY | O_CREAT | flags, 0600);
    if (fd < 0)
        return -1;
    const ssize_t n = write(fd, buf, bytes);
    return close(fd) || n != (ssize_t)bytes ? -1 : 0;
}

static uint32_t bytes_of(uint64_t random)
{
    return 300 + (uint32_t)(random >> 20) % (random & 3 ? 3000 : MOST - 300);
}

static int read_in(const char *path, uint64_t *sum)
{
    const int fd = open(path, O_RDONLY);
    ssize_t n;
    if (fd < 0)
        return -1;
    while ((n = read(fd, buf, sizeof buf)) > 0)
        for (ssize_t i = 0; i < n; i += 64)
            *sum = *sum * 31 + buf[i];
    return close(fd) || n < 0 ? -1 : 0;
}

static int renew(const char *path, uint64_t random)
{
    char other[PATH_BYTES + 4];
    snprintf(other, sizeof other, "%s.new", path);
    return write_out(other, O_TRUNC, bytes_of(random)) || rename(other, path) ? -1 : 0;
}

static int step(uint64_t random, uint64_t *sum)
{
    char path[PATH_BYTES];
    const uint32_t draw = (uint32_t)(random >> 33);
    struct stat st;
    path_of(random & 1 ? draw % FILES : draw % (FILES / 20), path);
    switch (random >> 1 & 7) {
    case 0:
    case 1:
        return stat(path, &st) || st.st_size > 60000 ? renew(path, random)
                                                     : write_out(path, O_APPEND, 100 + draw % 900);
    case 2:
        return renew(path, random);
    case 3:
        return unlink(path) || write_out(path, O_EXCL, bytes_of(random)) ? -1 : 0;
    default:
        return read_in(path, sum);
    }
}

int main(int argc, char **argv)
{
    const uint32_t steps = number_argument_or(argc, argv, 1, "files: STEPS", 5000, 1, 100000000);
    uint64_t random = 1, sum = 0;
    char path[PATH_BYTES];
    for (uint32_t i = 0; i < MOST; i++)
        buf[i] = (uint8_t)random_next(&random);
    int bad = mkdir("/mail", 0700);
    for (uint32_t d = 0; !bad && d < DIRECTORIES; d++) {
        snprintf(path, sizeof path, "/mail/%02u", d);
        bad = mkdir(path, 0700);
    }
    for (uint32_t f = 0; !bad && f < FILES; f++) {
        path_of(f, path);
        bad = write_out(path, O_EXCL, bytes_of(random_next(&random)));
    }
    for (uint32_t i = 0; !bad && i < steps; i++)
        bad = step(random_next(&random), &sum);
    if (bad)
        perror("files");
    else
        printf("files: %u steps, checksum %llu\n", steps, (unsigned long long)sum);
    return bad != 0;
}
