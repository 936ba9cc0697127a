/* hexdump.c - bytes of files, or of its input, in hexadecimal and as text. */
#include <fcntl.h>
#include <unistd.h>

#include "guestos/lib/tool.h"

#define WIDTH 16

static size_t fill(int fd, unsigned char *row)
{
    size_t n = 0;
    ssize_t got;
    while (n < WIDTH && (got = read(fd, row + n, WIDTH - n)) > 0)
        n += (size_t)got;
    return n;
}

static void dump(int fd)
{
    unsigned char row[WIDTH];
    unsigned long long at = 0;
    size_t n;
    while ((n = fill(fd, row)) > 0) {
        printf("%08llx ", at);
        for (size_t i = 0; i < WIDTH; i++)
            i < n ? printf("%s%02x", i == WIDTH / 2 ? "  " : " ", row[i])
                  : printf("%s  ", i == WIDTH / 2 ? "  " : " ");
        printf("  |");
        for (size_t i = 0; i < n; i++)
            putchar(row[i] >= 32 && row[i] < 127 ? row[i] : '.');
        puts("|");
        at += n;
    }
    printf("%08llx\n", at);
}

int main(int argc, char **argv)
{
    int failed = 0;
    if (argc < 2)
        dump(0);
    for (int i = 1; i < argc; i++) {
        int fd = open(argv[i], O_RDONLY);
        if (fd < 0) {
            failed = tool_fail("hexdump", argv[i]);
            continue;
        }
        dump(fd);
        close(fd);
    }
    return failed;
}
