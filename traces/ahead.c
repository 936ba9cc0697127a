/* ahead.c - several threads decode the blocks of a trace; one reader takes them in order. */
#include "traces/ahead.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memhier/hugepage.h"
#include "traces/format.h"

#define THREADS_MAX 8u
#define EACH        2u /* blocks that may wait for each thread */
#define MESSAGE     1024u

struct slot {
    struct trace_record *records;
    int64_t n; /* -1: damaged, see message */
    int ready;
    char message[MESSAGE];
};

struct trace_ahead {
    pthread_mutex_t lock;
    pthread_cond_t ready, space;
    pthread_t thread[THREADS_MAX];
    struct trace_reader *reader[THREADS_MAX];
    unsigned threads, slots;
    struct trace_record *records; /* of all slots, TRACE_BLOCK each */
    struct slot slot[THREADS_MAX * EACH];
    struct slot *finished;        /* its last records are with the reader; NULL: no slot's are */
    uint64_t next, taken, blocks; /* to be decoded next; given out whole; in all */
    int stop;
};

struct start {
    struct trace_ahead *a;
    struct trace_reader *reader;
};

static void decode(struct trace_reader *r, uint64_t block, struct slot *s)
{
    s->n = trace_seek(r, block * TRACE_BLOCK);
    if (s->n == 0)
        s->n = trace_read(r, s->records, TRACE_BLOCK, s->message, sizeof s->message);
    else
        snprintf(s->message, sizeof s->message, "%s: shorter than it was", trace_reader_path(r));
}

static void *work(void *arg)
{
    const struct start *start = arg;
    struct trace_ahead *a = start->a;
    struct trace_reader *reader = start->reader;
    free(arg);
    pthread_mutex_lock(&a->lock);
    for (;;) {
        while (!a->stop && a->next < a->blocks && a->next >= a->taken + a->slots)
            pthread_cond_wait(&a->space, &a->lock);
        if (a->stop || a->next >= a->blocks)
            break;
        const uint64_t block = a->next++;
        struct slot *s = &a->slot[block % a->slots];
        pthread_mutex_unlock(&a->lock);
        decode(reader, block, s);
        pthread_mutex_lock(&a->lock);
        s->ready = 1;
        pthread_cond_broadcast(&a->ready);
    }
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

static int add_thread(struct trace_ahead *a, const char *path)
{
    char err[MESSAGE];
    struct start *start = malloc(sizeof *start);
    struct trace_reader *reader = trace_open(path, err, sizeof err);
    a->reader[a->threads] = reader;
    if (start && reader) {
        *start = (struct start){a, reader};
        if (pthread_create(&a->thread[a->threads], NULL, work, start) == 0) {
            a->threads++;
            return 0;
        }
    }
    trace_reader_free(reader);
    free(start);
    return -1;
}

/* In one piece, for the host's large pages: each thread writes all of a slot. */
static int make_slots(struct trace_ahead *a, unsigned slots)
{
    const size_t bytes = slots * TRACE_BLOCK * sizeof *a->records;
    a->records = malloc(bytes);
    if (!a->records)
        return -1;
    hugepage_advise(a->records, bytes);
    for (unsigned i = 0; i < slots; i++)
        a->slot[i].records = a->records + (size_t)i * TRACE_BLOCK;
    a->slots = slots;
    return 0;
}

struct trace_ahead *trace_ahead_start(const char *path, uint64_t from, uint64_t records,
                                      unsigned threads)
{
    struct trace_ahead *a = calloc(1, sizeof *a);
    if (threads > THREADS_MAX)
        threads = THREADS_MAX;
    int bad = !a || !threads || make_slots(a, threads * EACH);
    if (!bad) {
        pthread_mutex_init(&a->lock, NULL);
        pthread_cond_init(&a->ready, NULL);
        pthread_cond_init(&a->space, NULL);
        a->next = a->taken = from / TRACE_BLOCK;
        a->blocks = (records + TRACE_BLOCK - 1) / TRACE_BLOCK;
        while (a->threads < threads && add_thread(a, path) == 0)
            ;
        bad = !a->threads;
    }
    if (!bad)
        return a;
    trace_ahead_stop(a);
    return NULL;
}

void trace_ahead_stop(struct trace_ahead *a)
{
    if (!a)
        return;
    if (a->threads) {
        pthread_mutex_lock(&a->lock);
        a->stop = 1;
        pthread_cond_broadcast(&a->space);
        pthread_mutex_unlock(&a->lock);
    }
    for (unsigned i = 0; i < a->threads; i++) {
        pthread_join(a->thread[i], NULL);
        trace_reader_free(a->reader[i]);
    }
    free(a->records);
    free(a);
}

/* Wait for the block; its slot. */
static struct slot *await(struct trace_ahead *a, uint64_t block)
{
    struct slot *s = &a->slot[block % a->slots];
    pthread_mutex_lock(&a->lock);
    while (!s->ready)
        pthread_cond_wait(&a->ready, &a->lock);
    pthread_mutex_unlock(&a->lock);
    return s;
}

static void release(struct trace_ahead *a, struct slot *s)
{
    pthread_mutex_lock(&a->lock);
    s->ready = 0;
    a->taken++;
    pthread_cond_broadcast(&a->space);
    pthread_mutex_unlock(&a->lock);
}

int64_t trace_ahead_next(struct trace_ahead *a, uint64_t at, const struct trace_record **v,
                         size_t n, char *err, size_t errlen)
{
    const uint64_t from = at % TRACE_BLOCK;
    if (a->finished)
        release(a, a->finished);
    a->finished = NULL;
    if (at / TRACE_BLOCK >= a->blocks)
        return 0;
    struct slot *s = await(a, at / TRACE_BLOCK);
    if (s->n < 0) {
        snprintf(err, errlen, "%s", s->message);
        return -1;
    }
    const uint64_t left = (uint64_t)s->n > from ? (uint64_t)s->n - from : 0;
    const uint64_t take = n < left ? n : left;
    *v = s->records + from;
    if (from + take == TRACE_BLOCK)
        a->finished = s;
    return (int64_t)take;
}
