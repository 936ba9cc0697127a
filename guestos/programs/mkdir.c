/* mkdir.c - makes directories, and with -p those on the way. */
#include <sys/stat.h>

#include "guestos/lib/tool.h"

static int make_way(char *path)
{
    struct stat st;
    for (char *c = path + 1; *c; c++) {
        if (*c != '/')
            continue;
        *c = 0;
        if (mkdir(path, 0777) && errno != EEXIST)
            return tool_fail("mkdir", path);
        *c = '/';
    }
    if (mkdir(path, 0777) && (errno != EEXIST || stat(path, &st) || !S_ISDIR(st.st_mode)))
        return tool_fail("mkdir", path);
    return 0;
}

int main(int argc, char **argv)
{
    const int parents = argc > 1 && strcmp(argv[1], "-p") == 0;
    int failed = 0;
    if (argc < 2 + parents)
        return tool_usage("mkdir [-p] PATH...");
    for (int i = 1 + parents; i < argc; i++) {
        if (parents)
            failed |= make_way(argv[i]);
        else if (mkdir(argv[i], 0777))
            failed |= tool_fail("mkdir", argv[i]);
    }
    return failed;
}
