/* beside.c - files that are installed in the folder of the binary. */
#include <libgen.h>
#include <stdio.h>
#include <unistd.h>

#include "sim/beside.h"

int beside_binary(const char *name, char path[static PATH_MAX])
{
    char exe[PATH_MAX];
    const ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    if (n < 0)
        return -1;
    exe[n] = 0;
    return snprintf(path, PATH_MAX, "%s/%s", dirname(exe), name) < PATH_MAX ? 0 : -1;
}
