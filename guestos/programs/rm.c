/* rm.c - removes files, and with -r directories and what is in them. */
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guestos/lib/tool.h"

struct options {
    int recursive, force;
};

static int remove_path(const char *path, const struct options *o)
{
    struct stat st;
    struct dirent *e;
    int failed = 0;
    DIR *d;
    if (lstat(path, &st))
        return o->force && errno == ENOENT ? 0 : tool_fail("rm", path);
    if (!S_ISDIR(st.st_mode))
        return unlink(path) ? tool_fail("rm", path) : 0;
    if (!o->recursive) {
        fprintf(stderr, "rm: %s: is a directory (-r)\n", path);
        return 1;
    }
    d = opendir(path);
    if (!d)
        return tool_fail("rm", path);
    while ((e = readdir(d))) {
        char below[4096];
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        snprintf(below, sizeof below, "%s/%s", path, e->d_name);
        failed |= remove_path(below, o);
    }
    closedir(d);
    return rmdir(path) ? tool_fail("rm", path) : failed;
}

int main(int argc, char **argv)
{
    struct options o = {0};
    int failed = 0, i = 1;
    for (; i < argc && argv[i][0] == '-' && argv[i][1]; i++)
        for (const char *c = argv[i] + 1; *c; c++) {
            if (*c != 'r' && *c != 'f')
                return tool_usage("rm [-rf] PATH...");
            *(*c == 'r' ? &o.recursive : &o.force) = 1;
        }
    if (i == argc && !o.force)
        return tool_usage("rm [-rf] PATH...");
    for (; i < argc; i++)
        failed |= remove_path(argv[i], &o);
    return failed;
}
