/* greptree.c - looks for a word in many small files, as grep -r does; the files are made first. */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guestos/lib/number.h"
#include "op.h"

#define FILES_A_DIRECTORY 32u
#define FILE_BYTES        2000u
#define NEEDLE            "persistent"

static char buffer[32768];

/* ---- making ---- */

static uint32_t seed = 1;

static uint32_t draw(uint32_t n)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % n;
}

/* Lines of words; one word of some 500 is the one that is looked for. */
static size_t make_text(char *to)
{
    size_t n = 0;
    while (n < FILE_BYTES) {
        if (draw(500) == 0) {
            memcpy(to + n, NEEDLE, sizeof NEEDLE - 1);
            n += sizeof NEEDLE - 1;
        } else {
            for (uint32_t k = 2 + draw(8); k; k--)
                to[n++] = (char)('a' + draw(26));
        }
        to[n++] = draw(8) ? ' ' : '\n';
    }
    return n;
}

static void make_tree(uint32_t files)
{
    char path[64];
    op_check(mkdir("/tree", 0700) == 0, "mkdir");
    for (uint32_t i = 0; i < files; i++) {
        snprintf(path, sizeof path, "/tree/%u", (unsigned)(i / FILES_A_DIRECTORY));
        op_check(i % FILES_A_DIRECTORY || mkdir(path, 0700) == 0, "mkdir");
        snprintf(path, sizeof path, "/tree/%u/%u.txt", (unsigned)(i / FILES_A_DIRECTORY),
                 (unsigned)i);
        const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
        const size_t n = make_text(buffer);
        op_check(fd >= 0 && write(fd, buffer, n) == (ssize_t)n && close(fd) == 0, "a file");
    }
}

/* ---- looking ---- */

/* Lines that hold the word. */
static uint32_t matches(const char *text, size_t n)
{
    uint32_t lines = 0;
    const char *end = text + n;
    while (text + sizeof NEEDLE - 1 <= end &&
           (text = memchr(text, NEEDLE[0], (size_t)(end - text) - (sizeof NEEDLE - 2)))) {
        if (memcmp(text, NEEDLE, sizeof NEEDLE - 1)) {
            text++;
            continue;
        }
        lines++;
        text = memchr(text, '\n', (size_t)(end - text));
        if (!text)
            break;
    }
    return lines;
}

static uint32_t look(const char *path)
{
    uint32_t lines = 0;
    ssize_t n;
    const int fd = open(path, O_RDONLY);
    op_check(fd >= 0, "open");
    while ((n = read(fd, buffer, sizeof buffer)) > 0)
        lines += matches(buffer, (size_t)n);
    op_check(n == 0 && close(fd) == 0, "read");
    pwk_mark(0);
    return lines;
}

static uint32_t walk(const char *path)
{
    char below[256];
    uint32_t lines = 0;
    DIR *d = opendir(path);
    op_check(d != NULL, "opendir");
    for (struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(below, sizeof below, "%s/%s", path, e->d_name);
        lines += e->d_type == DT_DIR ? walk(below) : look(below);
    }
    closedir(d);
    return lines;
}

int main(int argc, char **argv)
{
    const uint32_t files = number_argument_or(argc, argv, 1, "FILES", 256, 1, 100000);
    make_tree(files);
    const uint32_t first = walk("/tree");
    pwk_roi(1);
    const uint32_t lines = walk("/tree");
    pwk_roi(0);
    printf("%u lines\n", (unsigned)lines);
    return lines != first;
}
