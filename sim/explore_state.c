/* explore_state.c - what an exploration has done: results put together, and the state file. */
/*
 * A state file, from which an exploration that was stopped goes on: a line of STATE_HEAD bytes that
 * names format, config, images and events, then records. A record is a struct chunk_result up to
 * its failures, then as many of those as it has. What is torn at the end is cut off. The file is
 * the host's own: another host order or compiler gives another line.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/digest.h"
#include "sim/error.h"
#include "sim/explore_parts.h"
#include "sim/file.h"

#define STATE_HEAD 64u

/* ---- results ---- */

static void merge_failure(struct chunk_result *to, const struct failure *f)
{
    for (uint32_t i = 0; i < to->nfailures; i++) {
        struct failure *old = &to->failures[i];
        if (old->key != f->key)
            continue;
        const uint64_t images = old->images + f->images;
        if (f->event < old->event)
            *old = *f;
        old->images = images;
        return;
    }
    if (to->nfailures < MOST_FAILURES)
        to->failures[to->nfailures++] = *f;
}

void progress_merge(struct progress_of *p, const struct chunk_result *r)
{
    struct chunk_result *t = &p->total;
    if (p->done[r->chunk])
        return;
    p->done[r->chunk] = 1;
    p->ndone++;
    t->tried += r->tried;
    t->equal += r->equal;
    t->unread += r->unread;
    t->sampled += r->sampled;
    t->possible = r->possible > UINT64_MAX - t->possible ? UINT64_MAX : t->possible + r->possible;
    for (uint32_t i = 0; i < r->nfailures; i++)
        merge_failure(t, &r->failures[i]);
}

size_t result_bytes(const struct chunk_result *r)
{
    return offsetof(struct chunk_result, failures) + r->nfailures * sizeof r->failures[0];
}

int result_write(int fd, const struct chunk_result *r)
{
    return file_put(fd, r, result_bytes(r));
}

int result_read(int fd, const struct exploration *x, struct chunk_result *r)
{
    memset(r, 0, sizeof *r);
    if (file_get(fd, r, offsetof(struct chunk_result, failures)) || r->magic != CHUNK_MAGIC ||
        r->chunk >= x->nchunks || r->nfailures > MOST_FAILURES ||
        file_get(fd, r->failures, r->nfailures * sizeof r->failures[0]))
        return 0;
    for (uint32_t i = 0; i < r->nfailures; i++) {
        r->failures[i].title[sizeof r->failures[i].title - 1] = 0;
        r->failures[i].detail[sizeof r->failures[i].detail - 1] = 0;
    }
    return 1;
}

/* ---- the file ---- */

/* What a state file belongs to: the resolved config but for the bounds of one go, the images, the
 * events. 0, or -1: no memory. */
static int state_head(const struct exploration *x, char head[STATE_HEAD])
{
    char *text = NULL, a[DIGEST_TEXT], b[DIGEST_TEXT];
    size_t n = 0;
    struct config *c = config_copy(x->cfg);
    FILE *f = c ? open_memstream(&text, &n) : NULL;
    if (f) {
        c->crash_time = c->crash_total = c->crash_disk = 0;
        config_write_hashed(c, f);
        fprintf(f, "%s %s", digest_hex(image_digest(x->image, NULL), a),
                digest_hex(digest_bytes(x->record.v, x->record.n * sizeof *x->record.v), b));
        fclose(f);
    }
    config_free(c);
    memset(head, 0, STATE_HEAD);
    if (text)
        snprintf(head, STATE_HEAD, "pwsim crash 2 %s\n", digest_hex(digest_bytes(text, n), a));
    free(text);
    return *head ? 0 : -1;
}

/* Records that are whole are merged; where they end. */
static off_t load(const struct exploration *x, struct progress_of *p, int fd)
{
    off_t good = STATE_HEAD;
    struct chunk_result *r = malloc(sizeof *r);
    while (r && result_read(fd, x, r)) {
        progress_merge(p, r);
        good += (off_t)result_bytes(r);
    }
    free(r);
    p->loaded = p->ndone;
    return good;
}

int state_open(const struct exploration *x, const char *path, struct progress_of *p, char *err,
               size_t errlen)
{
    char head[STATE_HEAD], was[STATE_HEAD];
    off_t good = STATE_HEAD;
    p->state = -1;
    if (!path)
        return 0;
    if (state_head(x, head))
        return fail(err, errlen, "out of memory");
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0)
        return fail(err, errlen, "%s: %s", path, strerror(errno));
    const int ours = read(fd, was, sizeof was) == (ssize_t)sizeof was &&
                     memcmp(head, was, sizeof was) == 0;
    if (ours)
        good = load(x, p, fd);
    if ((!ours && pwrite(fd, head, sizeof head, 0) != (ssize_t)sizeof head) ||
        ftruncate(fd, good) || lseek(fd, good, SEEK_SET) < 0) {
        const int why = errno;
        close(fd);
        return fail(err, errlen, "%s: cannot be written: %s", path, strerror(why));
    }
    p->state = fd;
    p->disk = (uint64_t)good;
    return 0;
}

int state_add(struct progress_of *p, const char *path, const struct chunk_result *r, char *err,
              size_t errlen)
{
    if (p->state < 0)
        return 0;
    p->disk += result_bytes(r);
    if (result_write(p->state, r) == 0)
        return 0;
    return fail(err, errlen, "%s: cannot be written: %s", path, strerror(errno));
}
