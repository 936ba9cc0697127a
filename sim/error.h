/* error.h - one way to hand a message for people back to the caller. */
#ifndef SIM_ERROR_H
#define SIM_ERROR_H

#include <stddef.h>

/* Format into err (errlen bytes, always terminated; may be NULL with 0). */
void error_format(char *err, size_t errlen, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static inline int error_result(void)
{
    return -1;
}

/* The same with the value -1: `return fail(err, errlen, "%s: …", path);`. A macro, so that every
 * analyser sees the value. */
#define fail(err, errlen, ...) (error_format(err, errlen, __VA_ARGS__), error_result())

#endif
