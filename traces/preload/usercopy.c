/* usercopy.c - to be preloaded: read() and write() of standard input and output copy in memory. */
/*
 * valgrind's lackey does not see the kernel, so what a program reads appears in its buffer, and
 * what it writes is gone, without a line of memory being touched. Here both are copied by the
 * program itself, as a kernel in the same address space does: from the input, which is mapped, and
 * to pages that are new to it, as those of a file that grows. Nothing is written in the end.
 *
 * For programs that are given a regular file as standard input, and use read() and write() on it
 * and on standard output alone. The loop of words is what a kernel's copy comes down to, and the
 * same on every host; do not let the compiler make a call of memcpy of it.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define OUTPUT_LIMIT ((size_t)4 << 30) /* bytes; pages that are not touched cost nothing */

struct end {
    uint8_t *bytes; /* NULL: not used yet */
    size_t at, size;
};

static struct end input, output;

static void copy(uint8_t *to, const uint8_t *from, size_t n)
{
    size_t i = 0;
    for (; i + sizeof(uint64_t) <= n; i += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, from + i, sizeof word);
        memcpy(to + i, &word, sizeof word);
    }
    for (; i < n; i++)
        to[i] = from[i];
}

static int map(struct end *e, size_t size, int protection, int flags, int fd)
{
    void *p = mmap(NULL, size, protection, flags, fd, 0);
    if (p == MAP_FAILED)
        return -1;
    *e = (struct end){.bytes = p, .size = size};
    return 0;
}

static int map_input(void)
{
    struct stat st;
    if (fstat(STDIN_FILENO, &st))
        return -1;
    return map(&input, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, STDIN_FILENO);
}

ssize_t read(int fd, void *to, size_t n)
{
    if (fd != STDIN_FILENO)
        return syscall(SYS_read, fd, to, n);
    if (!input.bytes && map_input())
        return -1;
    if (n > input.size - input.at)
        n = input.size - input.at;
    copy(to, input.bytes + input.at, n);
    input.at += n;
    return (ssize_t)n;
}

ssize_t write(int fd, const void *from, size_t n)
{
    if (fd != STDOUT_FILENO)
        return syscall(SYS_write, fd, from, n);
    if (!output.bytes && map(&output, OUTPUT_LIMIT, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1))
        return -1;
    if (n > output.size - output.at) {
        errno = ENOSPC;
        return -1;
    }
    copy(output.bytes + output.at, from, n);
    output.at += n;
    return (ssize_t)n;
}
