/* cp.c - copies files, and with -r directories. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guestos/lib/tool.h"

#define DEPTH_MOST 32

static int copy_file(const char *from, const char *to)
{
    static char buf[65536];
    int in = open(from, O_RDONLY), out, bad = 0;
    ssize_t n;
    if (in < 0)
        return tool_fail("cp", from);
    out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (out < 0) {
        close(in);
        return tool_fail("cp", to);
    }
    while (!bad && (n = read(in, buf, sizeof buf)) != 0) {
        if (n < 0)
            bad = tool_fail("cp", from);
        else if (write(out, buf, (size_t)n) != n)
            bad = tool_fail("cp", to);
    }
    close(in);
    close(out);
    return bad;
}

static int copy(const char *from, const char *to, int recursive, int depth);

static int copy_directory(const char *from, const char *to, int depth)
{
    struct dirent *e;
    struct stat st;
    int bad = 0;
    DIR *d = opendir(from);
    if (!d)
        return tool_fail("cp", from);
    if (mkdir(to, 0777) && (stat(to, &st) || !S_ISDIR(st.st_mode)))
        bad = tool_fail("cp", to);
    while (!bad && (e = readdir(d))) {
        char a[4096], b[4096];
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        snprintf(a, sizeof a, "%s/%s", from, e->d_name);
        snprintf(b, sizeof b, "%s/%s", to, e->d_name);
        bad = copy(a, b, 1, depth + 1);
    }
    closedir(d);
    return bad;
}

static int copy(const char *from, const char *to, int recursive, int depth)
{
    struct stat a, b;
    if (stat(from, &a))
        return tool_fail("cp", from);
    if (stat(to, &b) == 0 && a.st_ino == b.st_ino && a.st_dev == b.st_dev) {
        fprintf(stderr, "cp: %s and %s are the same file\n", from, to);
        return 1;
    }
    if (!S_ISDIR(a.st_mode))
        return copy_file(from, to);
    if (recursive && depth < DEPTH_MOST)
        return copy_directory(from, to, depth);
    fprintf(stderr, "cp: %s: %s\n", from, recursive ? "nested too deep" : "is a directory (-r)");
    return 1;
}

int main(int argc, char **argv)
{
    int recursive = argc > 1 && strcmp(argv[1], "-r") == 0, failed = 0;
    const char *to = argv[argc - 1];
    struct stat st;
    argv += recursive;
    argc -= recursive;
    if (argc < 3)
        return tool_usage("cp [-r] FROM... TO");
    const int into = stat(to, &st) == 0 && S_ISDIR(st.st_mode);
    if (argc > 3 && !into) {
        fprintf(stderr, "cp: %s: not a directory\n", to);
        return 1;
    }
    for (int i = 1; i < argc - 1; i++) {
        char path[4096];
        snprintf(path, sizeof path, into ? "%s/%s" : "%s", to, tool_base(argv[i]));
        failed |= copy(argv[i], path, recursive, 0);
    }
    return failed;
}
