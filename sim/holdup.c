/* holdup.c - hold-up energy: the caches are flushed when the power fails, and what that costs. */
#include "sim/holdup.h"

#include <stdlib.h>

#include "sim/machine_state.h"
#include "sim/quantity.h"

#define COUNTER(field) offsetof(struct holdup_counters, field)
const struct counter holdup_counter_table[] = {
    {"lines", "lines", "dirty lines of the NVDIMM that hold-up energy flushed from the caches",
     COUNTER(lines)},
    {"time", "ps", "of that, until the write pending queue had the last", COUNTER(ps)},
    {"media_time", "ps", "of that, until the media had the last", COUNTER(media_ps)},
    {"move_energy", "pJ", "out of the caches and to the module", COUNTER(move_pj)},
    {"media_energy", "pJ", "of the media, to take them", COUNTER(media_pj)},
    {0}};
#undef COUNTER

static uint64_t media_energy(const struct machine *m)
{
    const struct media_counters *c = &nvdimm_counters(m->mem.nvdimm)->media;
    return c->read_pj + c->write_pj;
}

ps_t holdup_flush(struct machine *m, ps_t at)
{
    ps_t busy[HOLDUP_LINES] = {0}, done = at;
    size_t n, lines = 0;
    if (!m->mem.nvdimm)
        return at;
    const uint64_t energy = media_energy(m);
    uint64_t *line = hierarchy_dirty(m->mem.hierarchy, &n);
    for (size_t i = 0; line && i < n; i++) {
        ps_t *slot = &busy[lines % HOLDUP_LINES];
        if (!addr_is_nvdimm(line[i]))
            continue;
        const struct mem_req req = {
            .addr = line[i], .at = *slot > at ? *slot : at, .bytes = LINE_BYTES, .kind = MEM_CLWB};
        *slot = hierarchy_access(m->mem.hierarchy, &req).done;
        done = *slot > done ? *slot : done;
        lines++;
    }
    free(line);
    const ps_t media = nvdimm_drain(m->mem.nvdimm, done);
    struct holdup_counters *c = &m->holdup;
    c->lines += lines;
    c->ps += done - at;
    c->media_ps += media - at;
    c->move_pj += lines * LINE_BYTES * (m->cfg->flush_cache + m->cfg->flush_move);
    c->media_pj += media_energy(m) - energy;
    return done;
}

void holdup_print(const struct machine *m, FILE *to)
{
    const struct holdup_counters *c = &m->holdup;
    char lines[QUANTITY_TEXT], t[2][POWER_TEXT], e[3][POWER_TEXT];
    fprintf(to,
            "pwsim: hold-up energy flushed %s dirty lines from the caches in %s us (on the media "
            "after %s us) with %s uJ: %s to move them, %s of the media\n",
            quantity_group(c->lines, lines), power_micro(c->ps, t[0]),
            power_micro(c->media_ps, t[1]), power_micro(c->move_pj + c->media_pj, e[0]),
            power_micro(c->move_pj, e[1]), power_micro(c->media_pj, e[2]));
}
