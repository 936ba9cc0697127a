/* large.h - memory for what a large module takes and becomes, in the host's large pages. */
#ifndef WASMCORE_LARGE_H
#define WASMCORE_LARGE_H

#include <stddef.h>

/*
 * A large module is lowered to many times its size. The host's faults on the first touch of small
 * pages would take a quarter of the time of loading it; and where the host is itself a guest,
 * memory that was given back has to be provided again, which can take as long as all the rest. So
 * large pages are asked for (which is only advice), and what is given back is kept for the next
 * store.
 */
#define LARGE_LEAST ((size_t)1 << 20) /* smaller parts are malloc's */

/* At least n bytes, aligned for anything, a large part to a large page; not set to anything. NULL:
 * no memory. */
void *large_new(size_t n);
/* Give it back, said to be of as many bytes. Of fewer than LARGE_LEAST it may be malloc's or
 * realloc's; free() will do for all where nobody will ask for as many again. */
void large_free(void *p, size_t n);

#endif
