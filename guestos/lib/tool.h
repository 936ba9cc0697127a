/* tool.h - what the small programs of the shell have in common: their messages. */
#ifndef GUEST_TOOL_H
#define GUEST_TOOL_H

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* "NAME: PATH: what errno says" on standard error; returns 1, for an exit code. */
static inline int tool_fail(const char *name, const char *path)
{
    fprintf(stderr, "%s: %s: %s\n", name, path, strerror(errno));
    return 1;
}

static inline int tool_usage(const char *usage)
{
    fprintf(stderr, "usage: %s\n", usage);
    return 2;
}

/* The last component of a path. */
static inline const char *tool_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

#endif
