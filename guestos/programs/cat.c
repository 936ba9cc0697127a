/* cat.c - copies files, or its input, to its output. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int write_all(const char *bytes, size_t n)
{
    while (n) {
        ssize_t wrote = write(STDOUT_FILENO, bytes, n);
        if (wrote <= 0)
            return -1;
        bytes += wrote;
        n -= (size_t)wrote;
    }
    return 0;
}

static int copy(int fd, const char *name)
{
    char buf[4096];
    ssize_t n;
    while ((n = read(fd, buf, sizeof buf)) > 0) {
        if (write_all(buf, (size_t)n) < 0)
            return -1;
    }
    if (n < 0)
        fprintf(stderr, "cat: %s: %s\n", name, strerror(errno));
    return n < 0 ? -1 : 0;
}

int main(int argc, char **argv)
{
    int failed = 0;
    if (argc < 2)
        return copy(STDIN_FILENO, "standard input") < 0;
    for (int i = 1; i < argc; i++) {
        int fd = open(argv[i], O_RDONLY);
        if (fd < 0) {
            fprintf(stderr, "cat: %s: %s\n", argv[i], strerror(errno));
            failed = 1;
            continue;
        }
        failed |= copy(fd, argv[i]) < 0;
        close(fd);
    }
    return failed;
}
