/* crash.c - what the NVDIMM may hold after a power cut: all images that the semantics allow. */
/*
 * Every line that was ever stored to has a record: what it held before, what is guaranteed, and the
 * stores that are not, ordinary and non-temporal ones in one list each. Which byte a store gives
 * its value is decided by the order of events: `stamp` is the number of the event that a guaranteed
 * byte comes from, plus one.
 */
#include "nvdimm/crash.h"

#include <stdlib.h>
#include <string.h>

#include "memhier/hostmem.h"

struct pending {
    uint64_t new_bytes;
    uint32_t number;
    uint16_t thread;
    uint8_t at, bytes; /* in the line */
};

struct pendings {
    struct pending *v;
    uint32_t n, cap;
};

struct held {
    uint64_t addr;
    uint8_t base[64], now[64];
    uint64_t mask;
    uint32_t stamp[64];
    struct pendings ordinary, nt;
    uint32_t done; /* ordinary stores that were guaranteed: they are no longer listed */
    uint64_t hash; /* of what `now` differs from `base` */
    uint8_t open;  /* in the list of open lines */
};

/* A flush that no fence has followed yet: ordinary stores up to the upto-th will be guaranteed. */
struct carried {
    uint32_t line, upto;
};

struct hart_flushes {
    struct carried *v;
    uint32_t n, cap;
    uint8_t nt; /* it has stored non-temporally since its last fence */
};

/* Of a line: its ordinary stores, or the non-temporal ones to the same bytes. */
struct unit {
    uint32_t line;
    uint8_t at, bytes; /* bytes 0: the ordinary ones */
};

struct crash_state {
    enum domain_point point;
    struct held *lines;
    uint32_t nlines, lines_cap;
    uint32_t *index; /* open addressing: number of line + 1 */
    uint32_t index_size;
    struct hart_flushes *threads;
    uint32_t nthreads;
    uint32_t *open;
    uint32_t nopen, open_cap;
    uint64_t hash; /* of all lines, guaranteed */
    struct crash_unit *units;
    struct unit *unit_of;
    uint32_t nunits, units_cap;
    uint32_t *order; /* lines by address */
    uint32_t norder;
    uint8_t fresh; /* units are up to date */
};

static const char wanted[] = "crash images";

static void *room(void *p, uint32_t n, uint32_t *cap, size_t size)
{
    if (n < *cap)
        return p;
    *cap = *cap ? 2 * *cap : 8;
    return hostmem_resize(p, *cap, size, wanted);
}

/* ---- lines ---- */

static uint64_t line_of(uint64_t addr)
{
    return addr & ~(uint64_t)(LINE_BYTES - 1);
}

static uint32_t home(const struct crash_state *s, uint64_t addr)
{
    return (uint32_t)((addr >> LINE_SHIFT) * UINT64_C(0x9e3779b97f4a7c15) >> 32) &
           (s->index_size - 1);
}

static void index_add(struct crash_state *s, uint32_t line)
{
    uint32_t i = home(s, s->lines[line].addr);
    while (s->index[i])
        i = (i + 1) & (s->index_size - 1);
    s->index[i] = line + 1;
}

static void index_grow(struct crash_state *s)
{
    free(s->index);
    s->index_size = s->index_size ? 2 * s->index_size : 256;
    s->index = hostmem_new(s->index_size, sizeof *s->index, wanted);
    for (uint32_t i = 0; i < s->nlines; i++)
        index_add(s, i);
}

static uint32_t line_at(struct crash_state *s, uint64_t addr)
{
    addr = line_of(addr);
    for (uint32_t i = home(s, addr); s->index[i]; i = (i + 1) & (s->index_size - 1))
        if (s->lines[s->index[i] - 1].addr == addr)
            return s->index[i] - 1;
    s->lines = room(s->lines, s->nlines, &s->lines_cap, sizeof *s->lines);
    memset(&s->lines[s->nlines], 0, sizeof *s->lines);
    s->lines[s->nlines].addr = addr;
    if (2 * (s->nlines + 1) > s->index_size) {
        s->nlines++;
        index_grow(s);
    } else {
        index_add(s, s->nlines++);
    }
    return s->nlines - 1;
}

static uint64_t word_at(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static uint64_t mix(uint64_t z)
{
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static uint64_t word_hash(uint64_t addr, uint64_t was, uint64_t is)
{
    return was == is ? 0 : mix(addr * UINT64_C(0x9e3779b97f4a7c15) + mix(is - was));
}

static uint64_t line_hash(const struct held *l, const uint8_t *bytes)
{
    uint64_t h = 0;
    for (uint32_t i = 0; i < 64; i += 8)
        h += word_hash(l->addr + i, word_at(l->base + i), word_at(bytes + i));
    return h;
}

static void put(uint8_t *bytes, uint32_t *stamp, const struct pending *p)
{
    for (uint32_t i = 0; i < p->bytes; i++) {
        if (stamp[p->at + i] > p->number)
            continue;
        bytes[p->at + i] = (uint8_t)(p->new_bytes >> 8 * i);
        stamp[p->at + i] = p->number + 1;
    }
}

static void rehash(struct crash_state *s, struct held *l)
{
    const uint64_t h = line_hash(l, l->now);
    s->hash += h - l->hash;
    l->hash = h;
}

/* The n oldest ordinary stores are guaranteed. */
static void settle_ordinary(struct held *l, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        put(l->now, l->stamp, &l->ordinary.v[i]);
    memmove(l->ordinary.v, l->ordinary.v + n, (l->ordinary.n - n) * sizeof *l->ordinary.v);
    l->ordinary.n -= n;
    l->done += n;
}

static void settle_nt(struct held *l, uint16_t thread)
{
    uint32_t left = 0;
    for (uint32_t i = 0; i < l->nt.n; i++) {
        if (l->nt.v[i].thread == thread)
            put(l->now, l->stamp, &l->nt.v[i]);
        else
            l->nt.v[left++] = l->nt.v[i];
    }
    l->nt.n = left;
}

void crash_preset(struct crash_state *s, const struct crash_line *line)
{
    const uint32_t at = line_at(s, line->addr); /* which may move the lines */
    struct held *l = &s->lines[at];
    l->mask |= line->mask;
    for (uint32_t i = 0; i < 64; i++)
        if (line->mask >> i & 1)
            l->base[i] = l->now[i] = line->bytes[i];
}

/* ---- events ---- */

static struct hart_flushes *thread_of(struct crash_state *s, uint32_t id)
{
    if (id >= s->nthreads) {
        s->threads = hostmem_resize(s->threads, id + 1, sizeof *s->threads, wanted);
        memset(s->threads + s->nthreads, 0, (id + 1 - s->nthreads) * sizeof *s->threads);
        s->nthreads = id + 1;
    }
    return &s->threads[id];
}

/* Bytes that are stored to for the first time held `old_bytes` before. */
static void note_base(struct held *l, const struct pm_event *e)
{
    const uint32_t at = (uint32_t)(e->addr & 63);
    for (uint32_t i = 0; i < e->bytes; i++) {
        if (l->mask >> (at + i) & 1)
            continue;
        l->mask |= UINT64_C(1) << (at + i);
        l->base[at + i] = l->now[at + i] = (uint8_t)(e->old_bytes >> 8 * i);
    }
}

static void store(struct crash_state *s, const struct pm_event *e, uint32_t number)
{
    const uint32_t i = line_at(s, e->addr);
    struct held *l = &s->lines[i];
    const struct pending p = {.new_bytes = e->new_bytes,
                              .number = number,
                              .thread = e->thread,
                              .at = (uint8_t)(e->addr & 63),
                              .bytes = e->bytes};
    note_base(l, e);
    const int safe = e->kind == PM_DEVICE || (e->kind == PM_STORE && s->point == DOMAIN_EADR);
    if (safe) {
        put(l->now, l->stamp, &p);
        rehash(s, l);
        return;
    }
    struct pendings *to = e->kind == PM_NTSTORE ? &l->nt : &l->ordinary;
    to->v = room(to->v, to->n, &to->cap, sizeof *to->v);
    to->v[to->n++] = p;
    if (e->kind == PM_NTSTORE)
        thread_of(s, e->thread)->nt = 1;
    if (l->open)
        return;
    l->open = 1;
    s->open = room(s->open, s->nopen, &s->open_cap, sizeof *s->open);
    s->open[s->nopen++] = i;
}

static void settle_line(struct crash_state *s, uint32_t line, uint32_t upto)
{
    struct held *l = &s->lines[line];
    if (upto > l->done)
        settle_ordinary(l, upto - l->done);
    rehash(s, l);
}

static void flush(struct crash_state *s, const struct pm_event *e)
{
    if (!addr_is_nvdimm(e->addr) || s->point == DOMAIN_NONE)
        return;
    const uint32_t i = line_at(s, e->addr);
    const uint32_t upto = s->lines[i].done + s->lines[i].ordinary.n;
    if (e->what == MEM_CLFLUSH) {
        settle_line(s, i, upto);
        return;
    }
    struct hart_flushes *t = thread_of(s, e->thread);
    t->v = room(t->v, t->n, &t->cap, sizeof *t->v);
    t->v[t->n++] = (struct carried){i, upto};
}

static void fence(struct crash_state *s, const struct pm_event *e)
{
    struct hart_flushes *t = thread_of(s, e->thread);
    if (s->point == DOMAIN_NONE)
        return;
    for (uint32_t i = 0; i < t->n; i++)
        settle_line(s, t->v[i].line, t->v[i].upto);
    t->n = 0;
    for (uint32_t i = 0; t->nt && i < s->nopen; i++) {
        struct held *l = &s->lines[s->open[i]];
        if (!l->nt.n)
            continue;
        settle_nt(l, e->thread);
        rehash(s, l);
    }
    t->nt = 0;
}

static void close_lines(struct crash_state *s)
{
    uint32_t left = 0;
    for (uint32_t i = 0; i < s->nopen; i++) {
        struct held *l = &s->lines[s->open[i]];
        if (l->ordinary.n || l->nt.n)
            s->open[left++] = s->open[i];
        else
            l->open = 0;
    }
    s->nopen = left;
}

int crash_is_point(const struct crash_state *s, const struct pm_event *e)
{
    if (s->point == DOMAIN_EADR)
        return e->kind == PM_STORE || e->kind == PM_NTSTORE || (e->kind == PM_FENCE && s->nopen);
    if (!s->nopen)
        return 0;
    return e->kind == PM_FENCE || (e->kind == PM_FLUSH && e->what == MEM_CLFLUSH);
}

void crash_advance(struct crash_state *s, const struct pm_event *e, uint32_t number)
{
    switch (e->kind) {
    case PM_STORE:
    case PM_NTSTORE:
    case PM_DEVICE:
        store(s, e, number);
        break;
    case PM_FLUSH:
        flush(s, e);
        break;
    case PM_FENCE:
        fence(s, e);
        break;
    default:
        return;
    }
    if (e->kind != PM_STORE && e->kind != PM_NTSTORE)
        close_lines(s);
    s->fresh = 0;
}

/* ---- units ---- */

static int is_of(const struct unit *u, const struct pending *p)
{
    return u->at == p->at && u->bytes == p->bytes;
}

static void add_unit(struct crash_state *s, const struct unit *u, uint32_t stores)
{
    if (!stores)
        return;
    if (s->nunits == s->units_cap) {
        s->units_cap = s->units_cap ? 2 * s->units_cap : 64;
        s->units = hostmem_resize(s->units, s->units_cap, sizeof *s->units, wanted);
        s->unit_of = hostmem_resize(s->unit_of, s->units_cap, sizeof *s->unit_of, wanted);
    }
    s->units[s->nunits] = (struct crash_unit){.addr = s->lines[u->line].addr + u->at,
                                              .stores = stores};
    s->unit_of[s->nunits++] = *u;
}

/* The non-temporal stores, by the bytes that they go to, ascending. */
static void add_nt_units(struct crash_state *s, uint32_t line)
{
    const struct held *l = &s->lines[line];
    uint32_t last = 0, next = 1;
    for (; next; last = next) {
        struct unit u = {.line = line};
        uint32_t stores = 0;
        next = 0;
        for (uint32_t i = 0; i < l->nt.n; i++) {
            const uint32_t key = l->nt.v[i].at * 16u + l->nt.v[i].bytes;
            if (key > last && (!next || key < next))
                next = key;
        }
        u.at = (uint8_t)(next / 16);
        u.bytes = (uint8_t)(next % 16);
        for (uint32_t i = 0; next && i < l->nt.n; i++)
            stores += (uint32_t)is_of(&u, &l->nt.v[i]);
        add_unit(s, &u, stores);
    }
}

static int by_line(const void *a, const void *b, void *arg)
{
    const struct held *lines = arg;
    const uint64_t x = lines[*(const uint32_t *)a].addr, y = lines[*(const uint32_t *)b].addr;
    return x < y ? -1 : x > y;
}

const struct crash_unit *crash_units(struct crash_state *s, size_t *n)
{
    if (!s->fresh) {
        s->nunits = 0;
        if (s->nopen > 1)
            qsort_r(s->open, s->nopen, sizeof *s->open, by_line, s->lines);
        for (uint32_t i = 0; i < s->nopen; i++) {
            const struct held *l = &s->lines[s->open[i]];
            add_unit(s, &(struct unit){.line = s->open[i]}, l->ordinary.n);
            add_nt_units(s, s->open[i]);
        }
        s->fresh = 1;
    }
    *n = s->nunits;
    return s->units;
}

uint64_t crash_images(struct crash_state *s)
{
    size_t n;
    uint64_t all = 1;
    const struct crash_unit *u = crash_units(s, &n);
    for (size_t i = 0; i < n; i++)
        if (__builtin_mul_overflow(all, (uint64_t)u[i].stores + 1, &all))
            return UINT64_MAX;
    return all;
}

uint32_t crash_store(const struct crash_state *s, size_t unit, uint32_t i)
{
    const struct unit u = s->unit_of[unit];
    const struct held *l = &s->lines[u.line];
    if (!u.bytes)
        return l->ordinary.v[i].number;
    for (uint32_t k = 0; k < l->nt.n; k++)
        if (is_of(&u, &l->nt.v[k]) && i-- == 0)
            return l->nt.v[k].number;
    return 0;
}

/* ---- choices ---- */

void crash_walk_begin(struct crash_state *s, struct crash_walk *w, uint64_t most, uint64_t seed)
{
    *w = (struct crash_walk){.most = most, .seed = seed, .total = crash_images(s)};
}

static void all_same(const struct crash_state *s, uint32_t *choice, int kept)
{
    for (uint32_t i = 0; i < s->nunits; i++)
        choice[i] = kept ? s->units[i].stores : 0;
}

static void by_number(const struct crash_state *s, uint64_t k, uint32_t *choice)
{
    for (uint32_t i = 0; i < s->nunits; i++) {
        const uint64_t base = (uint64_t)s->units[i].stores + 1;
        choice[i] = s->units[i].stores - (uint32_t)(k % base);
        k /= base;
    }
}

/* The k-th image in which one unit goes against the rest; 0 when there are no more. */
static int one_against(const struct crash_state *s, uint64_t k, uint32_t *choice)
{
    for (uint32_t i = 0; i < s->nunits; i++) {
        const uint32_t n = s->units[i].stores;
        if (k >= 2 * (uint64_t)n) {
            k -= 2 * (uint64_t)n;
            continue;
        }
        all_same(s, choice, k < n);
        choice[i] = k < n ? (uint32_t)k : (uint32_t)(k - n + 1);
        return 1;
    }
    return 0;
}

static void drawn(const struct crash_state *s, uint64_t seed, uint32_t *choice)
{
    for (uint32_t i = 0; i < s->nunits; i++) {
        const uint64_t r = mix(seed += UINT64_C(0x9e3779b97f4a7c15));
        choice[i] = r & 1 ? (uint32_t)((r >> 1) % ((uint64_t)s->units[i].stores + 1))
                          : (r & 2 ? s->units[i].stores : 0);
    }
}

int crash_walk_next(struct crash_state *s, struct crash_walk *w, uint32_t *choice)
{
    if (w->next >= w->most || w->next >= w->total)
        return 0;
    const uint64_t k = w->next++;
    if (w->total <= w->most)
        by_number(s, k, choice);
    else if (k < 2)
        all_same(s, choice, k == 0);
    else if (!one_against(s, k - 2, choice))
        drawn(s, mix(w->seed ^ mix(k)), choice);
    return 1;
}

/* ---- images ---- */

/* What the line holds when of its units, which begin with the first-th, so many stores survive. */
static void fill(const struct crash_state *s, uint32_t line, const uint32_t *choice, uint32_t first,
                 uint8_t *bytes)
{
    uint32_t stamp[64];
    const struct held *l = &s->lines[line];
    memcpy(bytes, l->now, 64);
    if (!l->open)
        return;
    memcpy(stamp, l->stamp, sizeof stamp);
    for (uint32_t u = first; u < s->nunits && s->unit_of[u].line == line; u++) {
        const struct unit *of = &s->unit_of[u];
        uint32_t left = choice[u];
        for (uint32_t i = 0; !of->bytes && i < left; i++)
            put(bytes, stamp, &l->ordinary.v[i]);
        for (uint32_t i = 0; of->bytes && left; i++) {
            if (!is_of(of, &l->nt.v[i]))
                continue;
            left--;
            put(bytes, stamp, &l->nt.v[i]);
        }
    }
}

uint64_t crash_digest(struct crash_state *s, const uint32_t *choice)
{
    uint64_t h = s->hash;
    uint8_t bytes[64];
    size_t n;
    crash_units(s, &n);
    for (uint32_t i = 0; i < s->nunits; i++) {
        const uint32_t line = s->unit_of[i].line;
        if (i && s->unit_of[i - 1].line == line)
            continue;
        fill(s, line, choice, i, bytes);
        h += line_hash(&s->lines[line], bytes) - s->lines[line].hash;
    }
    return h;
}

static uint32_t first_unit(const struct crash_state *s, uint32_t line)
{
    uint32_t low = 0, high = s->nunits;
    const uint64_t addr = s->lines[line].addr;
    while (low < high) {
        const uint32_t at = (low + high) / 2;
        if (s->lines[s->unit_of[at].line].addr < addr)
            low = at + 1;
        else
            high = at;
    }
    return low;
}

size_t crash_image(struct crash_state *s, const uint32_t *choice, struct crash_line *out, size_t n)
{
    size_t units;
    crash_units(s, &units);
    if (s->norder != s->nlines) {
        s->order = hostmem_resize(s->order, s->nlines, sizeof *s->order, wanted);
        for (uint32_t i = 0; i < s->nlines; i++)
            s->order[i] = i;
        qsort_r(s->order, s->nlines, sizeof *s->order, by_line, s->lines);
        s->norder = s->nlines;
    }
    for (uint32_t i = 0; i < s->nlines && i < n; i++) {
        const uint32_t line = s->order[i];
        out[i].addr = s->lines[line].addr;
        out[i].mask = s->lines[line].mask;
        fill(s, line, choice, s->lines[line].open ? first_unit(s, line) : 0, out[i].bytes);
    }
    return s->nlines;
}

uint64_t crash_digest_read(const struct crash_line *lines, size_t n,
                           int (*reads)(const void *arg, uint64_t word), const void *arg)
{
    uint64_t h = 0;
    for (size_t i = 0; i < n; i++)
        for (uint32_t w = 0; w < 64; w += 8)
            if ((lines[i].mask >> w & 255) && reads(arg, lines[i].addr + w))
                h += word_hash(lines[i].addr + w, 0, word_at(lines[i].bytes + w));
    return h;
}

/* ---- the whole ---- */

struct crash_state *crash_new(enum domain_point point)
{
    struct crash_state *s = hostmem_new(1, sizeof *s, wanted);
    s->point = point;
    index_grow(s);
    return s;
}

void crash_free(struct crash_state *s)
{
    if (!s)
        return;
    for (uint32_t i = 0; i < s->nlines; i++) {
        free(s->lines[i].ordinary.v);
        free(s->lines[i].nt.v);
    }
    for (uint32_t i = 0; i < s->nthreads; i++)
        free(s->threads[i].v);
    free(s->threads);
    free(s->lines);
    free(s->index);
    free(s->open);
    free(s->units);
    free(s->unit_of);
    free(s->order);
    free(s);
}
