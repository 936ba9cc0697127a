/* large.c - memory for what a large module takes and becomes, in the host's large pages. */
#include "wasmcore/large.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#define LARGE_PAGE ((size_t)2 << 20)

/* What was given back, for whichever thread asks next. More than so much goes back to the host. */
#define MOST_PARTS 32u
#define MOST_BYTES ((size_t)64 << 20)

static struct {
    pthread_mutex_t lock;
    unsigned n;
    size_t bytes;
    struct part {
        void *at;
        size_t size;
    } parts[MOST_PARTS];
} kept = {.lock = PTHREAD_MUTEX_INITIALIZER};

static size_t in_pages(size_t n)
{
    return (n + LARGE_PAGE - 1) & ~(LARGE_PAGE - 1);
}

/* One of that size, or NULL. */
static void *take_kept(size_t size)
{
    void *p = NULL;
    pthread_mutex_lock(&kept.lock);
    for (unsigned i = kept.n; i-- > 0 && !p;) {
        if (kept.parts[i].size != size)
            continue;
        p = kept.parts[i].at;
        kept.parts[i] = kept.parts[--kept.n];
        kept.bytes -= size;
    }
    pthread_mutex_unlock(&kept.lock);
    return p;
}

static int keep(void *p, size_t size)
{
    pthread_mutex_lock(&kept.lock);
    const int room = kept.n < MOST_PARTS && kept.bytes + size <= MOST_BYTES;
    if (room) {
        kept.parts[kept.n++] = (struct part){p, size};
        kept.bytes += size;
    }
    pthread_mutex_unlock(&kept.lock);
    return room;
}

void *large_new(size_t n)
{
    const size_t size = in_pages(n);
    if (n < LARGE_LEAST)
        return malloc(n);
    void *p = take_kept(size);
    if (!p && (p = aligned_alloc(LARGE_PAGE, size)))
        (void)madvise(p, size, MADV_HUGEPAGE);
    return p;
}

void large_free(void *p, size_t n)
{
    if (n < LARGE_LEAST || !p || !keep(p, in_pages(n)))
        free(p);
}
