/* hostmem.h - what happens when the host has no memory left to give. */
#ifndef MEMHIER_HOSTMEM_H
#define MEMHIER_HOSTMEM_H

#include <stddef.h>

/*
 * Who can hand an error back to his caller does that. These are for the rest: tables that grow in
 * the middle of an access, registries, texts of configs. They end the process: one line on stderr,
 *
 *   pwsim: out of host memory: crash images (4096 bytes)
 *
 * and an exit status, never a signal. Files that existed are as they were: results are written
 * beside them and renamed at the end.
 */

/*
 * The exit status of such an end; once more: with the new status. Until the first call it is 1.
 * From the first call on also for SIGBUS, which the host sends where memory that it has promised
 * cannot be had when it is first touched, and where another process has cut a mapped file short;
 * guests' faults are SIGSEGV and never this (wasmcore/trap.h).
 */
void hostmem_watch(int status);
/* What is called then, before the process ends; from wherever a signal handler may be. */
void hostmem_before_end(void (*clean)(void));

/* What is standard output's is written first. bytes: what was asked for; 0: not known. */
_Noreturn void hostmem_end(const char *what, size_t bytes);
/* "pwsim: TEXT" and the end, from wherever a signal handler may be. */
_Noreturn void hostmem_stop(const char *text);

/* p, if it is not NULL. */
static inline void *hostmem_must(void *p, size_t bytes, const char *what)
{
    if (!p)
        hostmem_end(what, bytes);
    return p;
}

/* n elements of size bytes each, zeros; and p, which may be NULL, grown or cut to so many. Both
 * free with free. Never NULL, for n 0 neither. */
void *hostmem_new(size_t n, size_t size, const char *what);
void *hostmem_resize(void *p, size_t n, size_t size, const char *what);
/* A copy of a text, or of its first n characters at most; free it. */
char *hostmem_text(const char *text, const char *what);
char *hostmem_text_part(const char *text, size_t n, const char *what);
/* asprintf; free it. */
char *hostmem_format(const char *what, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
