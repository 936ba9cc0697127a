/* hostmem.c - what happens when the host has no memory left to give. */
#include "memhier/hostmem.h"

#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Global, because a signal handler gets no argument of ours. */
static volatile sig_atomic_t exit_status = 1;
static void (*before_end)(void);

/* There is nobody else to tell when that fails. */
static void say(const char *text)
{
    const ssize_t written = write(STDERR_FILENO, text, strlen(text));
    (void)written;
}

void hostmem_stop(const char *text)
{
    say("pwsim: ");
    say(text);
    say("\n");
    if (before_end)
        before_end();
    _exit(exit_status);
}

static void on_bus_error(int sig)
{
    (void)sig;
    hostmem_stop("the host has no memory left to give, or a file in use was cut short");
}

void hostmem_watch(int status)
{
    struct sigaction sa = {.sa_handler = on_bus_error};
    exit_status = status;
    sigemptyset(&sa.sa_mask);
    sigaction(SIGBUS, &sa, NULL);
}

void hostmem_before_end(void (*clean)(void))
{
    before_end = clean;
}

void hostmem_end(const char *what, size_t bytes)
{
    char text[256];
    fflush(stdout);
    if (bytes)
        snprintf(text, sizeof text, "out of host memory: %.200s (%zu bytes)", what, bytes);
    else
        snprintf(text, sizeof text, "out of host memory: %.200s", what);
    hostmem_stop(text);
}

/* ---- allocation ---- */

/* The product, or SIZE_MAX, which no allocator has; at least 1. */
static size_t bytes_of(size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes))
        return SIZE_MAX;
    return bytes ? bytes : 1;
}

void *hostmem_new(size_t n, size_t size, const char *what)
{
    const size_t bytes = bytes_of(n, size);
    return hostmem_must(calloc(1, bytes), bytes, what);
}

void *hostmem_resize(void *p, size_t n, size_t size, const char *what)
{
    const size_t bytes = bytes_of(n, size);
    return hostmem_must(realloc(p, bytes), bytes, what);
}

char *hostmem_text(const char *text, const char *what)
{
    return hostmem_text_part(text, strlen(text), what);
}

char *hostmem_text_part(const char *text, size_t n, const char *what)
{
    return hostmem_must(strndup(text, n), n + 1, what);
}

char *hostmem_format(const char *what, const char *fmt, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, fmt);
    if (vasprintf(&text, fmt, args) < 0)
        text = NULL;
    va_end(args);
    return hostmem_must(text, 0, what);
}
