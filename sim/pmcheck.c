/* pmcheck.c - a machine's persistency checking: feeds the checker, reports what it found. */
#include "sim/pmcheck.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "memhier/hostmem.h"
#include "sim/machine_state.h"
#include "sim/pmobjects.h"

#define MOST_FRAMES 12u

/* ---- following ---- */

struct pmfollow *pmfollow_new(const struct machine *m)
{
    const int waits = m->cut.kind == CUT_FENCE ||
                      (m->cut.kind == CUT_MARK && !m->cfg->power_restore);
    if (!m->cfg->pmem_check && !m->ports.record && !waits)
        return NULL;
    struct pmfollow *f = hostmem_new(1, sizeof *f, "following persistent memory");
    f->watch = watch_new(m->store, instance_id(m->kernel), m->nharts, m->ports.record_loads);
    f->checker = m->cfg->pmem_check ? checker_new((enum domain_point)m->cfg->domain) : NULL;
    f->record = m->ports.record;
    if (m->mem.spy)
        m->mem.spy->checker = f->checker;
    return f;
}

void pmfollow_free(struct pmfollow *f)
{
    if (!f)
        return;
    watch_free(f->watch);
    checker_free(f->checker);
    free(f);
}

static void keep(struct pm_record *r, const struct pm_event *e, size_t n)
{
    if (r->n + n > r->cap) {
        const size_t cap = 2 * (r->n + n);
        r->v = hostmem_resize(r->v, cap, sizeof *r->v, "the history of persistent memory");
        r->cap = cap;
    }
    memcpy(r->v + r->n, e, n * sizeof *e);
    r->n += n;
}

static void deliver(const struct pmfollow *f)
{
    size_t n;
    const struct pm_event *e = watch_events(f->watch, &n);
    if (f->checker && n)
        checker_consume(f->checker, e, n);
    if (f->record && n)
        keep(f->record, e, n);
    watch_clear(f->watch);
}

/* Does the power fail right behind this event? */
static void look_for_cut(struct machine *m, const struct hart *h, const struct pm_event *e)
{
    m->fences += e->kind == PM_FENCE;
    if (m->cut_ps != HART_FOR_EVER || (m->cfg->power_restore && m->cut.kind != CUT_FENCE))
        return;
    if ((m->cut.kind == CUT_FENCE && e->kind == PM_FENCE && m->fences == m->cut.n) ||
        (m->cut.kind == CUT_MARK && e->kind == PM_MARK && e->addr == m->cut.n))
        m->cut_ps = m->ops->now(h->core);
}

/* Block by block where one flushes or fences, so that it is known what that took. */
static void time_cuts(struct machine *m, struct hart *h, const uint64_t *words, uint32_t n)
{
    uint32_t ncuts, from = 0;
    size_t nevents;
    const struct watch_cut *cut = watch_cuts(m->follow->watch, &ncuts);
    struct pm_event *e = watch_events(m->follow->watch, &nevents);
    const uint64_t *waited = &m->ops->counters(h->core)->persist_cycles;
    for (uint32_t i = 0; i < ncuts; i++) {
        const uint64_t before = *waited;
        m->ops->consume(h->core, words + from, cut[i].words - from);
        e[cut[i].event].cycles = (uint32_t)(*waited - before);
        look_for_cut(m, h, &e[cut[i].event]);
        from = cut[i].words;
    }
    m->ops->consume(h->core, words + from, n - from);
}

void pmfollow_words(struct machine *m, struct hart *h, const uint64_t *words, uint32_t n)
{
    struct pmfollow *f = m->follow;
    watch_scan(f->watch, (uint32_t)(h - m->harts), words, n);
    if (h->core)
        time_cuts(m, h, words, n);
    deliver(f);
}

void pmfollow_device(struct machine *m, uint64_t addr, uint64_t old_bytes, uint64_t new_bytes)
{
    watch_device(m->follow->watch, addr, old_bytes, new_bytes);
    deliver(m->follow);
}

void pmfollow_finish(struct machine *m)
{
    size_t n;
    if (!m->follow || !m->follow->checker || m->state == STATE_CUT)
        return; /* what is not durable after a power cut is no bug by itself */
    struct pmobject *o = pmobjects_read(m->pm, &n);
    struct checker_range *ranges = calloc(n + 1, sizeof *ranges);
    for (size_t i = 0; ranges && i < n; i++)
        ranges[i] = (struct checker_range){o[i].addr, o[i].bytes};
    if (ranges)
        ranges[n] = (struct checker_range){frame_addr(TIER_NVDIMM, 0), FRAME_BYTES};
    checker_finish(m->follow->checker, o ? ranges : NULL, n + 1);
    free(ranges);
    free(o);
}

/* ---- reporting ---- */

const char *pmcheck_object(const struct machine *m, uint64_t addr, char *buf, size_t n)
{
    size_t count;
    struct pmobject *o = pmobjects_read(m->pm, &count);
    snprintf(buf, n, "NVDIMM + 0x%" PRIx64, addr - NVDIMM_BASE);
    for (size_t i = 0; i < count; i++)
        if (addr - o[i].addr < o[i].bytes)
            snprintf(buf, n, "\"%s\" + 0x%" PRIx64, o[i].name, addr - o[i].addr);
    free(o);
    return buf;
}

size_t pmcheck_bugs(const struct machine *m, size_t *all)
{
    size_t bugs = 0;
    *all = 0;
    if (!m->follow || !m->follow->checker)
        return 0;
    const struct finding *f = checker_findings(m->follow->checker, all);
    for (size_t i = 0; i < *all; i++)
        bugs += (size_t)checker_row_is_bug(f[i].row);
    return bugs;
}

/* What the second site of a finding is. */
static const char *second_name(enum checker_row row)
{
    return row == ROW_C9 ? "before" : row == ROW_C20 ? "load" : "flush";
}

static void print_site(const struct machine *m, const char *what, uint32_t site, FILE *to)
{
    struct watch_frame f[MOST_FRAMES];
    const uint32_t n = watch_backtrace(m->follow->watch, site, f, MOST_FRAMES);
    for (uint32_t i = 0; i < n && i < MOST_FRAMES; i++)
        fprintf(to, "    %-7s %s (%s+0x%x)\n", i ? "" : what, f[i].func, f[i].module, f[i].offset);
    if (n > MOST_FRAMES)
        fprintf(to, "            ... %u more frames\n", n - MOST_FRAMES);
}

static void print_finding(const struct machine *m, const struct finding *f, FILE *to)
{
    char where[160];
    fprintf(to, "  %s: %s, %" PRIu64 " time%s", checker_row_name(f->row), checker_row_text(f->row),
            f->count, f->count == 1 ? "" : "s");
    if (f->addr && f->addr >= NVDIMM_BASE)
        fprintf(to, ", %u bytes at %s", f->bytes, pmcheck_object(m, f->addr, where, sizeof where));
    if (f->row == ROW_P6 && m->ops)
        fprintf(to, ", %" PRIu64 " evictions", f->evictions);
    if (!checker_row_is_bug(f->row) && m->ops)
        fprintf(to, ", %" PRIu64 " cycles", f->cycles);
    fputc('\n', to);
    print_site(m, "store", f->store_site, to);
    print_site(m, second_name(f->row), f->flush_site, to);
    print_site(m, "fence", f->fence_site, to);
}

static const char *domain_name(const struct machine *m, char *buf, size_t n)
{
    return config_choice("nvdimm.domain", m->cfg->domain, buf, n);
}

void pmcheck_print(const struct machine *m, FILE *to)
{
    char domain[32];
    size_t n;
    if (!m->follow || !m->follow->checker)
        return;
    const struct finding *f = checker_findings(m->follow->checker, &n);
    fprintf(to, "pwsim: persistency check (%s): %zu finding%s\n",
            domain_name(m, domain, sizeof domain), n, n == 1 ? "" : "s");
    if (m->cfg->domain == DOMAIN_NONE)
        fputs("  (without ADR no instruction makes a store durable: judged as with it)\n", to);
    for (size_t i = 0; i < n; i++)
        print_finding(m, &f[i], to);
}

static json_t *json_site(const struct machine *m, uint32_t site)
{
    struct watch_frame f[MOST_FRAMES];
    json_t *list = json_array();
    const uint32_t n = watch_backtrace(m->follow->watch, site, f, MOST_FRAMES);
    for (uint32_t i = 0; i < n && i < MOST_FRAMES; i++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:i}", "function", f[i].func, "module",
                                              f[i].module, "offset", (int)f[i].offset));
    return list;
}

static json_t *json_finding(const struct machine *m, const struct finding *f)
{
    char where[160];
    json_t *o = json_pack("{s:s, s:s, s:b, s:I}", "id", checker_row_name(f->row), "text",
                          checker_row_text(f->row), "bug", checker_row_is_bug(f->row), "count",
                          (json_int_t)f->count);
    if (f->addr >= NVDIMM_BASE) {
        json_object_set_new(o, "where",
                            json_string(pmcheck_object(m, f->addr, where, sizeof where)));
        json_object_set_new(o, "addr", json_integer((json_int_t)f->addr));
        json_object_set_new(o, "bytes", json_integer(f->bytes));
    }
    if (!checker_row_is_bug(f->row) && m->ops)
        json_object_set_new(o, "cycles", json_integer((json_int_t)f->cycles));
    if (f->row == ROW_P6 && m->ops)
        json_object_set_new(o, "evictions", json_integer((json_int_t)f->evictions));
    if (f->store_site)
        json_object_set_new(o, "store", json_site(m, f->store_site));
    if (f->flush_site)
        json_object_set_new(o, second_name(f->row), json_site(m, f->flush_site));
    if (f->fence_site)
        json_object_set_new(o, "fence", json_site(m, f->fence_site));
    return o;
}

void pmcheck_print_json(const struct machine *m, FILE *to)
{
    char domain[32];
    size_t n, all;
    if (!m->follow || !m->follow->checker)
        return;
    const struct finding *f = checker_findings(m->follow->checker, &n);
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_finding(m, &f[i]));
    json_t *o = json_pack("{s:s, s:I, s:o}", "domain", domain_name(m, domain, sizeof domain),
                          "bugs", (json_int_t)pmcheck_bugs(m, &all), "findings", list);
    json_dumpf(o, to, JSON_INDENT(1));
    fputc('\n', to);
    json_decref(o);
}
