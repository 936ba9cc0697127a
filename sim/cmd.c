/* cmd.c - how commands speak and end. */
#include <stdarg.h>
#include <stdio.h>

#include "sim/cmd.h"

int cmd_complain(const char *fmt, ...)
{
    va_list ap;
    fflush(stdout);
    fputs("pwsim: ", stderr);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    return EXIT_BAD_INPUT;
}

int cmd_end(int status, int unwritten)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    cmd_complain("standard output: cannot be written");
    return unwritten;
}
