/* error.c - one way to hand a message for people back to the caller. */
#include "sim/error.h"

#include <stdarg.h>
#include <stdio.h>

void error_format(char *err, size_t errlen, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(err, errlen, fmt, args);
    va_end(args);
}
