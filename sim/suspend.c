/* suspend.c - a machine goes into its NVDIMM when the power fails, and goes on from there. */
#include "sim/suspend.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim/calibhart.h"
#include "sim/checkpoint.h"
#include "sim/digest.h"
#include "sim/error.h"
#include "sim/holdup.h"
#include "sim/machine_state.h"
#include "sim/quantity.h"

#define MARK           UINT64_C(0x5355536d69737770) /* "pwsimSUS" */
#define VERSION        1u
#define HEAD           64u
#define STATE          128u
#define CHUNK          8u /* lines that are loaded before they are stored */
#define FRAME_LINES    (FRAME_BYTES / LINE_BYTES)

#define COUNTER(field) offsetof(struct suspend_counters, field)
const struct counter suspend_counter_table[] = {
    {"bytes", "bytes", "stored to the NVDIMM to suspend the machine", COUNTER(bytes)},
    {"time", "ps", "to suspend it, until all is durable", COUNTER(ps)},
    {"read_energy", "pJ", "of the media's reads meanwhile", COUNTER(read_pj)},
    {"write_energy", "pJ", "of the media's writes meanwhile", COUNTER(write_pj)},
    {"restored_bytes", "bytes", "loaded from the NVDIMM to restore the machine",
     COUNTER(restored_bytes)},
    {"restored_time", "ps", "to restore it", COUNTER(restored_ps)},
    {"restored_energy", "pJ", "of the media meanwhile", COUNTER(restored_pj)},
    {0}};
#undef COUNTER

/* ---- the area ---- */

uint64_t suspend_area(const struct config *cfg)
{
    const uint64_t end = NVDIMM_BASE + cfg->nvdimm_bytes;
    const uint64_t bytes = cfg->power_area ? cfg->power_area : cfg->nvdimm_bytes / 2;
    if (!cfg->power_restore || bytes > cfg->nvdimm_bytes)
        return end;
    return (end - bytes) & ~(uint64_t)(FRAME_BYTES - 1);
}

static uint64_t area_bytes(const struct config *cfg)
{
    return NVDIMM_BASE + cfg->nvdimm_bytes - suspend_area(cfg);
}

int suspend_check(const struct config *cfg, char *err, size_t errlen)
{
    char area[QUANTITY_TEXT], size[QUANTITY_TEXT];
    if (!cfg->power_restore)
        return 0;
    if (cfg->nvdimm_commit)
        return fail(err, errlen,
                    "power.restore: not with nvdimm.commit; the image of the run is in "
                    "its run directory");
    if (cfg->power_area < cfg->nvdimm_bytes && area_bytes(cfg) >= FRAME_BYTES &&
        suspend_area(cfg) > NVDIMM_BASE)
        return 0;
    return fail(err, errlen,
                "power.area is %s, expected at least 64 KiB and less than nvdimm.size, which is %s",
                quantity_format(QUANTITY_BYTES, cfg->power_area, area),
                quantity_format(QUANTITY_BYTES, cfg->nvdimm_bytes, size));
}

static uint64_t up(uint64_t n)
{
    return (n + LINE_BYTES - 1) & ~(uint64_t)(LINE_BYTES - 1);
}

/* Where things are in the area. */
struct layout {
    uint64_t state_bytes, frames;
    uint64_t list, contents, end;
};

static struct layout layout_of(uint64_t state_bytes, uint64_t frames)
{
    struct layout l = {.state_bytes = state_bytes, .frames = frames};
    l.list = STATE + up(state_bytes);
    l.contents = (l.list + 4 * frames + FRAME_BYTES - 1) & ~(uint64_t)(FRAME_BYTES - 1);
    l.end = l.contents + frames * FRAME_BYTES;
    return l;
}

/* ---- a hart that copies ---- */

struct copier {
    struct machine *m;
    struct calib_core core;
    struct calib_hart hart;
    uint64_t base;           /* of the area */
    int flushes;             /* the domain asks for them */
    int failed;              /* memory that cannot be read */
    uint64_t stored, loaded; /* bytes of the area */
    ps_t settled_until;
};

static void copier_init(struct copier *k, struct machine *m, ps_t now)
{
    const struct config *c = m->cfg;
    memset(k, 0, sizeof *k);
    k->m = m;
    k->base = suspend_area(c);
    k->flushes = domain_point(m->mem.domain) != DOMAIN_EADR;
    const uint64_t fills = c->load_misses ? c->load_misses : c->l1d_mshrs;
    k->core = (struct calib_core){.fills = fills ? (uint32_t)fills : CALIB_MOST,
                                  .stores = (uint32_t)c->store_buffer,
                                  .flushes = (uint32_t)c->flushes,
                                  .issue = m->period,
                                  .sfence = c->calib_sfence,
                                  .restart = c->calib_restart};
    k->core.fills = k->core.fills < CALIB_MOST ? k->core.fills : CALIB_MOST;
    k->core.stores = k->core.stores < CALIB_MOST ? k->core.stores : CALIB_MOST;
    k->core.flushes = k->core.flushes < CALIB_MOST ? k->core.flushes : CALIB_MOST;
    calib_hart_init(&k->hart, &k->core, m->mem.hierarchy, 0, 0);
    k->hart.now = now;
    k->settled_until = HART_FOR_EVER;
}

static void store_word(struct copier *k, uint64_t addr, uint64_t value)
{
    uint64_t old;
    uint8_t *p = physmem_at(k->m->pm, addr, sizeof value);
    if (!p) {
        k->failed = 1;
        return;
    }
    memcpy(&old, p, sizeof old);
    memcpy(p, &value, sizeof value);
    k->stored += addr_is_nvdimm(addr) ? sizeof value : 0;
    if (addr_is_nvdimm(addr) && k->m->ops)
        domain_store(k->m->mem.domain, &(struct domain_store){.addr = addr,
                                                              .old_bytes = old,
                                                              .new_bytes = value,
                                                              .at = k->hart.now,
                                                              .bytes = sizeof value});
    calib_store(&k->hart, addr, sizeof value);
}

static void store_line(struct copier *k, uint64_t addr, const uint8_t line[LINE_BYTES])
{
    uint64_t word;
    for (uint32_t i = 0; i < LINE_BYTES; i += sizeof word) {
        memcpy(&word, line + i, sizeof word);
        store_word(k, addr + i, word);
    }
    if (addr_is_nvdimm(addr) && k->flushes)
        calib_clwb(&k->hart, addr);
}

static void load_line(struct copier *k, uint64_t addr)
{
    k->loaded += addr_is_nvdimm(addr) ? LINE_BYTES : 0;
    calib_load(&k->hart, addr, LINE_BYTES);
}

/* What lies further back than this will never be asked for. */
static void settle(const struct copier *k)
{
    const ps_t now = k->hart.now;
    domain_settle(k->m->mem.domain, now < k->settled_until ? now : k->settled_until);
}

/* Bytes that are in no memory (registers, the machine's own tables), padded with zeros. */
static void store_bytes(struct copier *k, uint64_t at, const void *bytes, uint64_t n)
{
    for (uint64_t i = 0; i < n; i += LINE_BYTES) {
        uint8_t line[LINE_BYTES] = {0};
        memcpy(line, (const uint8_t *)bytes + i, n - i < LINE_BYTES ? n - i : LINE_BYTES);
        store_line(k, k->base + at + i, line);
    }
    settle(k);
}

/* A frame from one place to another. The hart cannot store what it has not loaded yet. */
static void copy_frame(struct copier *k, uint64_t from, uint64_t to)
{
    uint8_t line[LINE_BYTES];
    for (uint32_t i = 0; i < FRAME_LINES; i += CHUNK) {
        for (uint32_t j = i; j < i + CHUNK; j++)
            load_line(k, from + j * LINE_BYTES);
        calib_depend(&k->hart);
        for (uint32_t j = i; j < i + CHUNK; j++) {
            const uint8_t *p = physmem_at(k->m->pm, from + j * LINE_BYTES, LINE_BYTES);
            k->failed |= p == NULL;
            memcpy(line, p ? p : (const uint8_t[LINE_BYTES]){0}, sizeof line);
            store_line(k, to + j * LINE_BYTES, line);
        }
    }
    settle(k);
}

/* The frame is looked at, and holds zeros. */
static void load_frame(struct copier *k, uint64_t from)
{
    for (uint32_t i = 0; i < FRAME_LINES; i++)
        load_line(k, from + i * LINE_BYTES);
}

/* ---- suspending ---- */

static int is_zero(const uint8_t *p)
{
    return p[0] == 0 && memcmp(p, p + 1, FRAME_BYTES - 1) == 0;
}

/* Frames of DRAM with contents, ascending; NULL: no memory. */
static uint32_t *find_frames(struct machine *m, uint64_t *n)
{
    const uint32_t end = (uint32_t)(physmem_bytes(m->pm, TIER_DRAM) / FRAME_BYTES);
    uint32_t *v = calloc(end + 1u, sizeof *v);
    *n = 0;
    for (uint32_t i = 0; v && (i = physmem_next_content(m->pm, TIER_DRAM, i)) < end; i++)
        if (!is_zero(physmem_at(m->pm, frame_addr(TIER_DRAM, i), FRAME_BYTES)))
            v[(*n)++] = i;
    return v;
}

/* contents(arg, i): the i-th frame, or NULL. 0, or -1: no memory, or a frame is not there. */
static int digest_of(const void *state, const struct layout *l, const uint32_t *list,
                     const uint8_t *(*contents)(void *arg, uint64_t i), void *arg,
                     struct digest *out)
{
    struct digest *parts = calloc(l->frames + 2, sizeof *parts);
    int bad = parts ? 0 : -1;
    for (uint64_t i = 0; !bad && i < l->frames; i++) {
        const uint8_t *p = contents(arg, i);
        if (p)
            parts[i + 2] = digest_bytes(p, FRAME_BYTES);
        else
            bad = -1;
    }
    if (!bad) {
        parts[0] = digest_bytes(state, l->state_bytes);
        parts[1] = digest_bytes(list, 4 * l->frames);
        *out = digest_bytes(parts, (l->frames + 2) * sizeof *parts);
    }
    free(parts);
    return bad;
}

struct in_dram {
    struct machine *m;
    const uint32_t *list;
};

static const uint8_t *frame_in_dram(void *arg, uint64_t i)
{
    const struct in_dram *d = arg;
    return physmem_at(d->m->pm, frame_addr(TIER_DRAM, d->list[i]), FRAME_BYTES);
}

static int store_head(struct copier *k, const struct layout *l, const void *state,
                      const uint32_t *list)
{
    uint8_t line[LINE_BYTES] = {0};
    struct in_dram d = {k->m, list};
    struct digest all;
    const uint64_t words[] = {VERSION, l->state_bytes, l->frames};
    if (digest_of(state, l, list, frame_in_dram, &d, &all))
        return -1;
    memcpy(line, words, sizeof words);
    memcpy(line + sizeof words, all.b, sizeof all.b);
    store_line(k, k->base + HEAD, line);
    return 0;
}

static void store_all(struct copier *k, const struct layout *l, const void *state,
                      const uint32_t *list)
{
    const uint32_t end = (uint32_t)(physmem_bytes(k->m->pm, TIER_DRAM) / FRAME_BYTES);
    uint64_t n = 0;
    store_bytes(k, STATE, state, l->state_bytes);
    store_bytes(k, l->list, list, 4 * l->frames);
    for (uint32_t i = 0; (i = physmem_next_content(k->m->pm, TIER_DRAM, i)) < end; i++) {
        const uint64_t from = frame_addr(TIER_DRAM, i);
        if (n < l->frames && list[n] == i)
            copy_frame(k, from, k->base + l->contents + n++ * FRAME_BYTES);
        else
            load_frame(k, from);
    }
}

static void store_mark(struct copier *k, uint64_t mark)
{
    store_word(k, k->base, mark);
    if (k->flushes)
        calib_clwb(&k->hart, k->base);
    k->hart.now = calib_sfence(&k->hart);
}

/* From the first store to when the mark, too, is durable. */
static ps_t store_machine(struct copier *k, const struct layout *l, const void *state,
                          const uint32_t *list)
{
    struct machine *m = k->m;
    uint64_t mark = 0;
    const uint8_t *p = physmem_at(m->pm, k->base, sizeof mark);
    if (p)
        memcpy(&mark, p, sizeof mark);
    if (mark)
        store_mark(k, 0);
    if (store_head(k, l, state, list))
        k->failed = 1;
    store_all(k, l, state, list);
    k->hart.now = calib_sfence(&k->hart);
    if (k->flushes) /* the guest's own stores, which nobody has flushed */
        k->hart.now = holdup_flush(m, k->hart.now);
    store_mark(k, MARK);
    const ps_t marked = k->hart.now;
    if (!k->flushes)
        holdup_flush(m, marked);
    return domain_point(m->mem.domain) == DOMAIN_NONE ? nvdimm_drain(m->mem.nvdimm, marked)
                                                      : marked;
}

static int refuse_size(const struct machine *m, const struct layout *l, char *err, size_t errlen)
{
    char need[QUANTITY_TEXT], area[QUANTITY_TEXT];
    return fail(err, errlen,
                "power.area: the suspended machine takes %s bytes (%" PRIu64
                " frames of DRAM and %" PRIu64 " bytes of state), the area has %s",
                quantity_group(l->end, need), l->frames, l->state_bytes,
                quantity_group(area_bytes(m->cfg), area));
}

static int suspend_into(struct machine *m, const void *state, uint64_t n, const uint32_t *list,
                        uint64_t frames, char *err, size_t errlen)
{
    struct copier k;
    const struct layout l = layout_of(n, frames);
    const struct media_counters before = nvdimm_counters(m->mem.nvdimm)->media;
    const ps_t began = machine_now(m), lasts = m->cfg->power_holdup;
    if (l.end > area_bytes(m->cfg))
        return refuse_size(m, &l, err, errlen);
    copier_init(&k, m, began);
    if (lasts)
        k.settled_until = began + lasts;
    const ps_t end = store_machine(&k, &l, state, list);
    if (k.failed)
        return fail(err, errlen, "power.restore: out of memory, or nvdimm.image cannot be read");
    const struct media_counters *after = &nvdimm_counters(m->mem.nvdimm)->media;
    m->suspend.bytes = k.stored;
    m->suspend.ps = end - began;
    m->suspend.read_pj = after->read_pj - before.read_pj;
    m->suspend.write_pj = after->write_pj - before.write_pj;
    m->failed_ps = began;
    m->state = STATE_CUT;
    m->cut_ps = lasts && end - began > lasts ? began + lasts : end;
    return m->cut_ps < end;
}

int suspend_machine(struct machine *m, char *err, size_t errlen)
{
    struct archive a;
    uint64_t frames;
    harts_finish(m); /* all harts stop, and hart 0 is at work */
    hierarchy_tap(m->mem.hierarchy, NULL);
    if (checkpoint_save(m, CHECKPOINT_SUSPENDED, &a, err, errlen)) {
        archive_free(&a);
        return -1;
    }
    uint32_t *list = find_frames(m, &frames);
    const int bad = list ? suspend_into(m, a.bytes, a.n, list, frames, err, errlen)
                         : fail(err, errlen, "power.restore: out of memory");
    free(list);
    archive_free(&a);
    return bad;
}

/* ---- resuming ---- */

/* What was read of the area, not yet believed. */
struct found {
    struct layout l;
    struct digest digest;
    uint8_t *state;
    uint32_t *list;
};

/* Bytes of the area: timed, into `to`. */
static void load_bytes(struct copier *k, uint64_t at, void *to, uint64_t n)
{
    for (uint64_t i = 0; i < n; i += LINE_BYTES) {
        const uint64_t addr = k->base + at + i;
        const uint8_t *p = physmem_at(k->m->pm, addr, LINE_BYTES);
        load_line(k, addr);
        k->failed |= p == NULL;
        if (p)
            memcpy((uint8_t *)to + i, p, n - i < LINE_BYTES ? n - i : LINE_BYTES);
    }
    calib_depend(&k->hart);
}

static const uint8_t *frame_in_area(void *arg, uint64_t i)
{
    struct copier *const *k = arg;
    const struct found *f = (const struct found *)(const void *)k[1];
    return physmem_at(k[0]->m->pm, k[0]->base + f->l.contents + i * FRAME_BYTES, FRAME_BYTES);
}

static int is_ascending(const struct machine *m, const uint32_t *list, uint64_t n)
{
    const uint64_t frames = physmem_bytes(m->pm, TIER_DRAM) / FRAME_BYTES;
    for (uint64_t i = 0; i < n; i++)
        if (list[i] >= frames || (i && list[i] <= list[i - 1]))
            return 0;
    return 1;
}

/* Sizes: 0, or -1 with a message. */
static int find_head(struct copier *k, struct found *f, char *err, size_t errlen)
{
    uint64_t mark = 0, words[3];
    uint8_t line[LINE_BYTES] = {0};
    const uint64_t most = area_bytes(k->m->cfg);
    load_bytes(k, 0, &mark, sizeof mark);
    if (mark != MARK)
        return fail(err, errlen, "power.restore: nothing is suspended in the NVDIMM");
    load_bytes(k, HEAD, line, sizeof line);
    memcpy(words, line, sizeof words);
    memcpy(f->digest.b, line + sizeof words, sizeof f->digest.b);
    if (words[0] != VERSION || words[1] > most || words[2] > most / FRAME_BYTES)
        return fail(err, errlen,
                    "power.restore: what is suspended in the NVDIMM is damaged: its head");
    f->l = layout_of(words[1], words[2]);
    if (f->l.end > most)
        return fail(err, errlen,
                    "power.restore: what is suspended in the NVDIMM is damaged: its head");
    return 0;
}

static int find_all(struct copier *k, struct found *f, char *err, size_t errlen)
{
    struct digest is;
    void *both[2] = {k, f};
    if (find_head(k, f, err, errlen))
        return -1;
    f->state = malloc(f->l.state_bytes + 1);
    f->list = calloc(f->l.frames + 1, sizeof *f->list);
    if (!f->state || !f->list)
        return fail(err, errlen, "power.restore: out of memory");
    load_bytes(k, STATE, f->state, f->l.state_bytes);
    load_bytes(k, f->l.list, f->list, 4 * f->l.frames);
    if (k->failed || digest_of(f->state, &f->l, f->list, frame_in_area, both, &is) ||
        memcmp(is.b, f->digest.b, sizeof is.b) != 0 || !is_ascending(k->m, f->list, f->l.frames))
        return fail(err, errlen, "power.restore: what is suspended in the NVDIMM is damaged");
    return 0;
}

/* All harts wait for the one that restores. */
static void wait_until(struct machine *m, ps_t then)
{
    struct hart *const at_work = m->hart;
    for (uint32_t i = 0; i < m->nharts; i++) {
        m->hart = &m->harts[i];
        machine_event(m, EV_STALL, (then + 999) / 1000);
    }
    m->hart = at_work;
}

static int resume(struct machine *m, char *err, size_t errlen)
{
    struct copier k;
    struct found f = {0};
    char why[800];
    copier_init(&k, m, 0);
    int bad = find_all(&k, &f, err, errlen);
    if (!bad && checkpoint_into(m, CHECKPOINT_SUSPENDED, f.state, f.l.state_bytes, why, sizeof why))
        bad = fail(err, errlen, "power.restore: %s", why);
    for (uint64_t i = 0; !bad && i < f.l.frames; i++)
        copy_frame(&k, k.base + f.l.contents + i * FRAME_BYTES, frame_addr(TIER_DRAM, f.list[i]));
    if (!bad) {
        store_mark(&k, 0);
        const struct media_counters *c = &nvdimm_counters(m->mem.nvdimm)->media;
        m->suspend.restored_bytes = k.loaded;
        m->suspend.restored_ps = k.hart.now;
        m->suspend.restored_pj = c->read_pj + c->write_pj;
        wait_until(m, k.hart.now);
    }
    free(f.state);
    free(f.list);
    return bad;
}

struct machine *suspend_resume(const struct config *cfg, const struct machine_ports *ports,
                               char *err, size_t errlen)
{
    if (!*cfg->nvdimm_image) {
        error_format(err, errlen,
                     "power.restore: expected power.fail_at, or an nvdimm.image in "
                     "which a machine is suspended");
        return NULL;
    }
    struct machine *m = machine_frame(cfg, ports, err, errlen);
    if (m && resume(m, err, errlen)) {
        machine_free(m);
        return NULL;
    }
    return m;
}

/* ---- what people read ---- */

static void print_cost(const struct machine *m, const char *what, uint64_t bytes, ps_t ps,
                       uint64_t pj, FILE *to)
{
    char b[QUANTITY_TEXT], c[QUANTITY_TEXT], t[POWER_TEXT], e[POWER_TEXT];
    fprintf(to, "pwsim: %s %s bytes in %s cycles, %s us, with %s uJ of the media\n", what,
            quantity_group(bytes, b), quantity_group(ps / m->period, c), power_micro(ps, t),
            power_micro(pj, e));
}

int suspend_is_whole(const struct machine *m)
{
    return m->suspend.bytes && m->cut_ps - m->failed_ps >= m->suspend.ps;
}

void suspend_print(const struct machine *m, FILE *to)
{
    const struct suspend_counters *s = &m->suspend;
    char lasts[QUANTITY_TEXT];
    if (m->state == STATE_CUT && (m->holdup.lines || m->cfg->domain == DOMAIN_EADR))
        holdup_print(m, to);
    if (s->bytes)
        print_cost(m, "suspended:", s->bytes, s->ps, s->read_pj + s->write_pj, to);
    if (s->bytes && !suspend_is_whole(m))
        fprintf(to, "pwsim: the hold-up energy lasts for %s only: what ran is lost\n",
                quantity_format(QUANTITY_TIME, m->cfg->power_holdup, lasts));
    if (s->restored_bytes)
        print_cost(m, "restored:", s->restored_bytes, s->restored_ps, s->restored_pj, to);
}
