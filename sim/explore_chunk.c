/* explore_chunk.c - tries the crash images of some consecutive moments of a run. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memhier/hostmem.h"
#include "sim/explore_parts.h"

#define READ_SETS   24u  /* of recent tries, against which an image is compared */
#define MOST_SPARED 300u /* tries to let more survive */
#define NESTED_MOST 64u  /* images tried of a crash in recovery, at each of its moments */

/* Digests, open addressing; 0 is none. */
struct digests {
    uint64_t *v;
    uint32_t size, n;
};

/* What a recovery read, and the digests of the images, over what it read, that ended as they did.
 */
struct read_set {
    struct recover_read *v; /* ascending by line */
    size_t n;
    struct digests passed;
};

/* An image: all lines that were ever stored to. */
struct lines {
    struct crash_line *v;
    size_t n, cap;
};

struct chunk_worker {
    const struct exploration *x;
    struct recover *recover;
    struct crash_state *state;
    uint32_t at; /* events that the state has seen */
    struct lines lines, nested_lines;
    uint32_t *choice, *other;
    size_t choices_cap;
    struct digests tried, ways; /* ways: how recovery went, where it was tried to crash */
    struct read_set sets[READ_SETS];
    uint32_t nsets, next_set;
    struct chunk_result *out;
};

static const char wanted[] = "crash images";

static void make_image(struct lines *to, struct crash_state *s, const uint32_t *choice)
{
    to->n = crash_image(s, choice, NULL, 0);
    if (to->n > to->cap) {
        to->cap = 2 * to->n;
        to->v = hostmem_resize(to->v, to->cap, sizeof *to->v, wanted);
    }
    crash_image(s, choice, to->v, to->n);
}

/* ---- digests ---- */

static int digests_has(const struct digests *d, uint64_t v)
{
    v |= !v;
    for (uint32_t i = d->size ? (uint32_t)(v >> 32) & (d->size - 1) : 0; d->size && d->v[i];
         i = (i + 1) & (d->size - 1))
        if (d->v[i] == v)
            return 1;
    return 0;
}

static void digests_add(struct digests *d, uint64_t v)
{
    v |= !v;
    if (2 * (d->n + 1) > d->size) {
        const struct digests old = *d;
        d->size = old.size ? 2 * old.size : 64;
        d->v = hostmem_new(d->size, sizeof *d->v, wanted);
        d->n = 0;
        for (uint32_t i = 0; i < old.size; i++)
            if (old.v[i])
                digests_add(d, old.v[i]);
        free(old.v);
    }
    uint32_t i = (uint32_t)(v >> 32) & (d->size - 1);
    while (d->v[i] && d->v[i] != v)
        i = (i + 1) & (d->size - 1);
    d->n += d->v[i] == 0;
    d->v[i] = v;
}

static void digests_clear(struct digests *d)
{
    free(d->v);
    *d = (struct digests){0};
}

/* ---- what recovery read ---- */

static int by_read_line(const void *a, const void *b)
{
    const struct recover_read *x = a, *y = b;
    return x->line < y->line ? -1 : x->line > y->line;
}

static int in_set(const void *arg, uint64_t word)
{
    const struct read_set *s = arg;
    const struct recover_read key = {.line = word & ~UINT64_C(63)};
    const struct recover_read *r = bsearch(&key, s->v, s->n, sizeof key, by_read_line);
    return r && (r->words >> (word >> 3 & 7) & 1);
}

/* Has an image been tried that is equal to this one in all that its recovery read? Then this one
 * ends the same way. */
static int reads_alike(struct chunk_worker *w, const struct lines *l)
{
    for (uint32_t i = 0; i < w->nsets; i++)
        if (digests_has(&w->sets[i].passed, crash_digest_read(l->v, l->n, in_set, &w->sets[i])))
            return 1;
    return 0;
}

static int same_set(const struct read_set *s, const struct recover_read *v, size_t n)
{
    return s->n == n && memcmp(s->v, v, n * sizeof *v) == 0;
}

static void clear_set(struct read_set *s)
{
    free(s->v);
    digests_clear(&s->passed);
    *s = (struct read_set){0};
}

/* Sorted, one entry a line. */
static struct recover_read *normal_reads(const struct recover_result *r, size_t *n)
{
    struct recover_read *v = hostmem_new(r->nreads + 1, sizeof *v, wanted);
    *n = 0;
    for (size_t i = 0; i < r->nreads; i++) { /* field by field: padding stays zero */
        v[i].line = r->reads[i].line;
        v[i].words = r->reads[i].words;
    }
    qsort(v, r->nreads, sizeof *v, by_read_line);
    for (size_t i = 0; i < r->nreads; i++) {
        if (*n && v[*n - 1].line == v[i].line)
            v[*n - 1].words |= v[i].words;
        else
            v[(*n)++] = v[i];
    }
    return v;
}

static void remember_reads(struct chunk_worker *w, const struct recover_result *r,
                           const struct lines *l)
{
    size_t nreads;
    if (!r->complete)
        return;
    struct recover_read *v = normal_reads(r, &nreads);
    struct read_set *s = NULL;
    for (uint32_t i = 0; i < w->nsets && !s; i++)
        if (same_set(&w->sets[i], v, nreads))
            s = &w->sets[i];
    if (s) {
        free(v);
    } else {
        s = &w->sets[w->next_set];
        clear_set(s);
        *s = (struct read_set){.v = v, .n = nreads};
        w->nsets += w->nsets < READ_SETS;
        w->next_set = (w->next_set + 1) % READ_SETS;
    }
    digests_add(&s->passed, crash_digest_read(l->v, l->n, in_set, s));
}

/* ---- failures ---- */

static uint64_t hash_text(uint64_t h, const char *text)
{
    for (; *text; text++)
        if (*text < '0' || *text > '9')
            h = (h ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
    return h;
}

/* The last line that it printed, cut to n. */
static void last_line(const char *text, char *buf, size_t n)
{
    const char *end = text + strlen(text), *begin;
    while (end > text && (end[-1] == '\n' || end[-1] == ' '))
        end--;
    for (begin = end; begin > text && begin[-1] != '\n'; begin--)
        ;
    size_t len = (size_t)(end - begin);
    len = len < n - 1 ? len : n - 1;
    memcpy(buf, begin, len);
    buf[len] = 0;
}

static void title_of(const struct chunk_worker *w, const struct recover_result *r, char *buf,
                     size_t n)
{
    char line[120];
    const char *name = recover_name(w->recover, r->program);
    last_line(r->text, line, sizeof line);
    switch (r->end) {
    case RECOVER_EXIT:
        snprintf(buf, n, "\"%s\" ends with exit code %d%s%s", name, r->exit_code, *line ? ": " : "",
                 line);
        break;
    case RECOVER_TRAP:
        snprintf(buf, n, "\"%s\" traps%s%s", name, *line ? ": " : "", line);
        break;
    case RECOVER_HANG:
        snprintf(buf, n, "\"%s\" does not end", name);
        break;
    case RECOVER_LARGE:
        snprintf(buf, n, "\"%s\" stores to more of the NVDIMM than can be followed", name);
        break;
    default:
        snprintf(buf, n, "\"%s\": the simulator failed", name);
        break;
    }
}

static uint64_t key_of(const struct recover_result *r, const char *title, int nested)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325) ^ (uint64_t)r->end ^ (uint64_t)nested << 8;
    return hash_text(h * 31 + r->program, title);
}

static struct failure *known_failure(struct chunk_worker *w, uint64_t key)
{
    for (uint32_t i = 0; i < w->out->nfailures; i++)
        if (w->out->failures[i].key == key)
            return &w->out->failures[i];
    return NULL;
}

/* Does the image still fail the same way? */
static int still_fails(struct chunk_worker *w, struct crash_state *s, const uint32_t *choice,
                       struct lines *lines, uint64_t key, int nested)
{
    struct recover_result r;
    char title[256];
    make_image(lines, s, choice);
    w->out->tried++;
    recover_try(w->recover, lines->v, lines->n, &r);
    if (r.end == RECOVER_GOOD)
        return 0;
    title_of(w, &r, title, sizeof title);
    return key_of(&r, title, nested) == key;
}

/* Let units [from, to) survive, if it still fails then. 1: that had to be tried. */
static int spare(struct chunk_worker *w, struct crash_state *s, uint32_t *choice, size_t from,
                 size_t to, struct lines *lines, uint64_t key, int nested)
{
    size_t n, lost = 0;
    const struct crash_unit *u = crash_units(s, &n);
    uint32_t *had = hostmem_resize(NULL, to - from, sizeof *had, wanted);
    memcpy(had, choice + from, (to - from) * sizeof *had);
    for (size_t i = from; i < to; i++) {
        lost += choice[i] != u[i].stores;
        choice[i] = u[i].stores;
    }
    if (lost && !still_fails(w, s, choice, lines, key, nested))
        memcpy(choice + from, had, (to - from) * sizeof *had);
    free(had);
    return lost != 0;
}

/* Let survive what may, as long as it still fails: what is lost then is what matters. In blocks
 * first, so that few tries are needed where there are many units. */
static void minimise(struct chunk_worker *w, struct crash_state *s, uint32_t *choice,
                     struct lines *lines, uint64_t key, int nested)
{
    size_t n, block = 1, left = MOST_SPARED;
    crash_units(s, &n);
    while (block * 8 < n)
        block *= 8;
    for (; block; block /= 8)
        for (size_t from = 0; from < n && left; from += block)
            left -= (size_t)spare(w, s, choice, from, from + block < n ? from + block : n, lines,
                                  key, nested);
}

struct text {
    char *buf;
    size_t n, cap;
};

static void say(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(struct text *t, const char *fmt, ...)
{
    va_list ap;
    if (t->n >= t->cap)
        return;
    va_start(ap, fmt);
    const int k = vsnprintf(t->buf + t->n, t->cap - t->n, fmt, ap);
    va_end(ap);
    t->n += k > 0 ? (size_t)k : 0;
}

static void say_trace(const struct chunk_worker *w, struct text *t, const struct pm_event *e)
{
    struct watch_frame f[8];
    const uint32_t n = watch_backtrace(w->x->machine->follow->watch, e->site, f, 8);
    for (uint32_t i = 0; i < n && i < 8; i++)
        say(t, "            %s (%s+0x%x)\n", f[i].func, f[i].module, f[i].offset);
}

static void say_lost(const struct chunk_worker *w, struct text *t, struct crash_state *s,
                     const uint32_t *choice, uint32_t *lost)
{
    size_t n;
    char where[160];
    const struct crash_unit *u = crash_units(s, &n);
    for (size_t i = 0; i < n; i++) {
        if (choice[i] == u[i].stores)
            continue;
        if ((*lost)++ > 3)
            continue;
        const struct pm_event *e = &w->x->record.v[crash_store(s, i, choice[i])];
        say(t, "    lost    %u store%s to %s, the first at\n", u[i].stores - choice[i],
            u[i].stores - choice[i] == 1 ? "" : "s",
            pmcheck_object(w->x->machine, e->addr, where, sizeof where));
        say_trace(w, t, e);
    }
    if (*lost > 4)
        say(t, "    lost    and stores to %u more places\n", *lost - 4);
    if (*lost == 0)
        say(t, "    lost    nothing: it fails with all stores so far\n");
}

/* Stores that survived although nothing guaranteed it, of other lines: what the lost ones should
 * have come before. */
static void say_kept(const struct chunk_worker *w, struct text *t, struct crash_state *s,
                     const uint32_t *choice)
{
    size_t n;
    char where[160];
    uint32_t kept = 0;
    crash_units(s, &n);
    for (size_t i = 0; i < n && kept < 2; i++) {
        if (choice[i] == 0)
            continue;
        const struct pm_event *e = &w->x->record.v[crash_store(s, i, choice[i] - 1)];
        say(t, "    kept    %u store%s to %s, the last at\n", choice[i], choice[i] == 1 ? "" : "s",
            pmcheck_object(w->x->machine, e->addr, where, sizeof where));
        say_trace(w, t, e);
        kept++;
    }
}

static void say_moment(const struct chunk_worker *w, struct text *t, const struct moment *m)
{
    if (m->event < w->x->record.n) {
        const struct pm_event *e = &w->x->record.v[m->event];
        say(t, "    power fails after %u events and %u fences, before\n", m->event, m->fence);
        say_trace(w, t, e);
    } else {
        say(t, "    power fails at the end, after %u fences\n", m->fence);
    }
}

static struct failure *new_failure(struct chunk_worker *w, uint64_t key, const char *title,
                                   uint32_t event, int nested)
{
    if (w->out->nfailures == MOST_FAILURES)
        return NULL;
    struct failure *f = &w->out->failures[w->out->nfailures++];
    *f = (struct failure){.key = key, .images = 1, .event = event, .nested = nested != 0};
    snprintf(f->title, sizeof f->title, "%s", title);
    return f;
}

static void note_failure(struct chunk_worker *w, const struct recover_result *r,
                         const struct moment *m, const uint32_t *choice)
{
    char title[256];
    size_t n;
    title_of(w, r, title, sizeof title);
    const uint64_t key = key_of(r, title, 0);
    struct failure *f = known_failure(w, key);
    if (f) {
        f->images++;
        return;
    }
    f = new_failure(w, key, title, m->event, 0);
    if (!f)
        return;
    crash_units(w->state, &n);
    memcpy(w->other, choice, n * sizeof *choice);
    minimise(w, w->state, w->other, &w->nested_lines, key, 0);
    make_image(&w->nested_lines, w->state, w->other);
    cores_keep(w->x, f, w->nested_lines.v, w->nested_lines.n);
    struct text t = {.buf = f->detail, .cap = sizeof f->detail};
    say_moment(w, &t, m);
    say_lost(w, &t, w->state, w->other, &f->nlost);
    if (f->nlost)
        say_kept(w, &t, w->state, w->other);
}

/* ---- a crash in recovery ---- */

static uint64_t way_of(const struct recover_result *r)
{
    uint64_t h = 1;
    for (size_t i = 0; i < r->nevents; i++)
        if (r->events[i].kind != PM_MARK)
            h = (h ^ r->events[i].code) * UINT64_C(0x9e3779b97f4a7c15) + (h >> 29);
    return h;
}

/* lines: the image that fails. */
static void note_nested(struct chunk_worker *w, const struct recover_result *r,
                        const struct moment *m, const struct pm_event *last,
                        const struct lines *lines)
{
    char title[256], place[160], first[256];
    title_of(w, r, first, sizeof first);
    snprintf(title, sizeof title, "%.200s, after a crash in recovery", first);
    const uint64_t key = key_of(r, first, 1);
    struct failure *f = known_failure(w, key);
    if (f) {
        f->images++;
        return;
    }
    f = new_failure(w, key, title, m->event, 1);
    if (!f)
        return;
    cores_keep(w->x, f, lines->v, lines->n);
    struct text t = {.buf = f->detail, .cap = sizeof f->detail};
    say_moment(w, &t, m);
    say(&t, "    and again in \"%s\", behind the store at\n            %s\n",
        recover_name(w->recover, 0), recover_place(w->recover, last, place, sizeof place));
}

static void try_nested_moment(struct chunk_worker *w, struct crash_state *s, const struct moment *m,
                              const struct pm_event *last)
{
    struct crash_walk walk;
    size_t units;
    crash_units(s, &units);
    uint32_t *choice = hostmem_new(units + 1, sizeof *choice, wanted);
    crash_walk_begin(s, &walk, NESTED_MOST, w->x->cfg->seed ^ m->event);
    while (crash_walk_next(s, &walk, choice)) {
        struct recover_result r;
        make_image(&w->nested_lines, s, choice);
        if (reads_alike(w, &w->nested_lines)) {
            w->out->unread++;
            continue;
        }
        w->out->tried++;
        recover_try(w->recover, w->nested_lines.v, w->nested_lines.n, &r);
        remember_reads(w, &r, &w->nested_lines);
        if (r.end != RECOVER_GOOD)
            note_nested(w, &r, m, last, &w->nested_lines);
    }
    free(choice);
}

static int has_user_stores(const struct recover_result *r)
{
    for (size_t i = 0; i < r->nevents; i++)
        if ((r->events[i].kind == PM_STORE || r->events[i].kind == PM_NTSTORE) &&
            !(r->events[i].flags & PM_KERNEL))
            return 1;
    return 0;
}

/* Recovery has gone well, and has written: how if the power had failed meanwhile? lines: what it
 * began with. */
static void try_nested(struct chunk_worker *w, const struct recover_result *r,
                       const struct moment *m, const struct crash_line *lines, size_t n)
{
    const uint64_t way = way_of(r);
    if (!w->x->cfg->crash_nested || !r->complete || !has_user_stores(r) ||
        digests_has(&w->ways, way))
        return;
    digests_add(&w->ways, way);
    const size_t nevents = r->nevents;
    struct pm_event *events = hostmem_resize(NULL, nevents + 1, sizeof *events, wanted);
    memcpy(events, r->events, nevents * sizeof *events);
    struct crash_state *s = crash_new((enum domain_point)w->x->cfg->domain);
    const struct pm_event *last = NULL;
    for (size_t i = 0; i < n; i++)
        crash_preset(s, &lines[i]);
    for (size_t i = 0; i <= nevents; i++) {
        const int point = i < nevents ? crash_is_point(s, &events[i]) : crash_images(s) > 1;
        if (point && last)
            try_nested_moment(w, s, m, last);
        if (i == nevents)
            break;
        if (events[i].kind == PM_STORE || events[i].kind == PM_NTSTORE)
            last = &events[i];
        crash_advance(s, &events[i], (uint32_t)i);
    }
    crash_free(s);
    free(events);
}

/* ---- moments ---- */

static void room_for_choices(struct chunk_worker *w, size_t n)
{
    if (n < w->choices_cap)
        return;
    w->choices_cap = 2 * n + 64;
    w->choice = hostmem_resize(w->choice, w->choices_cap, sizeof *w->choice, wanted);
    w->other = hostmem_resize(w->other, w->choices_cap, sizeof *w->other, wanted);
}

static void try_image(struct chunk_worker *w, const struct moment *m)
{
    struct recover_result r;
    const uint64_t digest = crash_digest(w->state, w->choice);
    if (digests_has(&w->tried, digest)) {
        w->out->equal++;
        return;
    }
    digests_add(&w->tried, digest);
    make_image(&w->lines, w->state, w->choice);
    if (reads_alike(w, &w->lines)) {
        w->out->unread++;
        return;
    }
    w->out->tried++;
    recover_try(w->recover, w->lines.v, w->lines.n, &r);
    remember_reads(w, &r, &w->lines);
    if (r.end != RECOVER_GOOD) {
        note_failure(w, &r, m, w->choice);
        return;
    }
    try_nested(w, &r, m, w->lines.v, w->lines.n);
}

static void try_moment(struct chunk_worker *w, const struct moment *m)
{
    struct crash_walk walk;
    size_t n;
    crash_units(w->state, &n);
    room_for_choices(w, n);
    const uint64_t seed = w->x->cfg->seed * UINT64_C(0x9e3779b97f4a7c15) ^ m->event;
    crash_walk_begin(w->state, &walk, w->x->cfg->crash_images, seed);
    w->out->sampled += walk.total > walk.most;
    w->out->possible = walk.total > UINT64_MAX - w->out->possible ? UINT64_MAX
                                                                  : w->out->possible + walk.total;
    while (crash_walk_next(w->state, &walk, w->choice))
        try_image(w, m);
}

void chunk_run(struct chunk_worker *w, uint32_t chunk, struct chunk_result *out)
{
    const struct exploration *x = w->x;
    const uint32_t first = chunk * x->per_chunk;
    memset(out, 0, sizeof *out);
    out->magic = CHUNK_MAGIC;
    out->chunk = chunk;
    w->out = out;
    digests_clear(&w->tried);
    digests_clear(&w->ways);
    for (uint32_t i = 0; i < READ_SETS; i++)
        clear_set(&w->sets[i]);
    w->nsets = w->next_set = 0;
    for (uint32_t i = first; i < first + x->per_chunk && i < x->nmoments; i++) {
        for (; w->at < x->moments[i].event; w->at++)
            crash_advance(w->state, &x->record.v[w->at], w->at);
        try_moment(w, &x->moments[i]);
    }
}

struct chunk_worker *chunk_worker_new(const struct exploration *x, char *err, size_t errlen)
{
    struct chunk_worker *w = hostmem_new(1, sizeof *w, wanted);
    w->x = x;
    w->recover = recover_new(x->cfg, x->image, err, errlen);
    w->state = crash_new((enum domain_point)x->cfg->domain);
    if (w->recover)
        return w;
    chunk_worker_free(w);
    return NULL;
}

void chunk_worker_free(struct chunk_worker *w)
{
    if (!w)
        return;
    for (uint32_t i = 0; i < READ_SETS; i++)
        clear_set(&w->sets[i]);
    digests_clear(&w->tried);
    digests_clear(&w->ways);
    recover_free(w->recover);
    crash_free(w->state);
    free(w->lines.v);
    free(w->nested_lines.v);
    free(w->choice);
    free(w->other);
    free(w);
}
