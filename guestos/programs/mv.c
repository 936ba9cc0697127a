/* mv.c - renames files and directories. */
#include <sys/stat.h>

#include "guestos/lib/tool.h"

int main(int argc, char **argv)
{
    const char *to = argv[argc - 1];
    struct stat st;
    int failed = 0;
    if (argc < 3)
        return tool_usage("mv FROM... TO");
    const int into = stat(to, &st) == 0 && S_ISDIR(st.st_mode);
    if (argc > 3 && !into) {
        fprintf(stderr, "mv: %s: not a directory\n", to);
        return 1;
    }
    for (int i = 1; i < argc - 1; i++) {
        char path[4096];
        snprintf(path, sizeof path, into ? "%s/%s" : "%s", to, tool_base(argv[i]));
        if (rename(argv[i], path))
            failed = tool_fail("mv", argv[i]);
    }
    return failed;
}
