/* shadow.c - caches, TLB and predictor as they were if user code ran alone. */
#include "cpu/shadow.h"

#include <stdlib.h>
#include <string.h>

#include "cpu/follow.h"

/* ---- making ---- */

static int cache_init(struct shadow_cache *c, const struct hierarchy *h, enum cache_level level)
{
    uint32_t sets, ways;
    hierarchy_geometry(h, level, &sets, &ways);
    const size_t bytes = (size_t)sets * ways * sizeof *c->lines;
    *c = (struct shadow_cache){malloc(bytes), ways, sets - 1};
    if (c->lines)
        memset(c->lines, 0xff, bytes);
    return c->lines ? 0 : -1;
}

struct shadow *shadow_new(const struct core_config *cfg, const struct hierarchy *h, uint32_t hart)
{
    const int trap = cfg->boundary.kind == BOUNDARY_TRAP;
    struct shadow *s = calloc(1, sizeof *s);
    if (s) {
        s->real_l1[0] = hierarchy_counters(h, CACHE_L1I, hart);
        s->real_l1[1] = hierarchy_counters(h, CACHE_L1D, hart);
        s->real_l2 = hierarchy_counters(h, CACHE_L2, hart);
    }
    if (s && !cache_init(&s->l1[0], h, CACHE_L1I) && !cache_init(&s->l1[1], h, CACHE_L1D) &&
        !cache_init(&s->l2, h, CACHE_L2) &&
        !tlb_init(&s->tlb, trap ? &cfg->tlb_trap : &cfg->tlb_call, cfg->boundary.kind) &&
        !branch_init(&s->branch, &cfg->branch))
        return s;
    shadow_free(s);
    return NULL;
}

void shadow_free(struct shadow *s)
{
    if (!s)
        return;
    free(s->l1[0].lines);
    free(s->l1[1].lines);
    free(s->l2.lines);
    tlb_free(&s->tlb);
    branch_free(&s->branch);
    free(s);
}

static void cache_to_archive(struct shadow_cache *c, struct archive *a)
{
    archive_u64s(a, c->lines, (size_t)(c->set_mask + 1) * c->ways);
}

void shadow_archive(struct shadow *s, struct archive *a)
{
    archive_section(a, "SHAD", 1);
    cache_to_archive(&s->l1[0], a);
    cache_to_archive(&s->l1[1], a);
    cache_to_archive(&s->l2, a);
    tlb_archive(&s->tlb, a);
    branch_archive(&s->branch, a);
    archive_u8(a, &s->page);
    archive_u8(a, &s->wrong);
}

/* ---- caches ---- */

static uint64_t *set_of(struct shadow_cache *c, uint64_t line)
{
    return c->lines + (size_t)((uint32_t)line & c->set_mask) * c->ways;
}

/* Make the line its set's most recent: 1 when it was there. */
static int touch(struct shadow_cache *c, uint64_t line)
{
    uint64_t *set = set_of(c, line);
    uint32_t i = 0;
    while (i < c->ways - 1 && set[i] != line)
        i++;
    const int found = set[i] == line;
    memmove(set + 1, set, i * sizeof *set);
    set[0] = line;
    return found;
}

static void drop(struct shadow_cache *c, uint64_t line)
{
    uint64_t *set = set_of(c, line);
    for (uint32_t i = 0; i < c->ways; i++)
        if (set[i] == line)
            set[i] = NO_LINE;
}

void shadow_access(struct core *c, enum mem_kind kind, uint64_t addr, unsigned missed)
{
    struct shadow *s = c->shadow;
    const uint64_t line = addr >> LINE_SHIFT;
    const int code = kind == MEM_FETCH, walk = kind == MEM_WALK;
    if (!code && !walk && kind != MEM_LOAD && kind != MEM_STORE) {
        if (kind != MEM_CLWB && kind != MEM_FENCE) { /* it has left the real ones, too */
            drop(&s->l1[1], line);
            drop(&s->l2, line);
        }
        return;
    }
    const int near = touch(&s->l1[!code], line), held = near || touch(&s->l2, line);
    if (walk || !c->roi)
        return;
    if (near && (missed & MISSED_L1))
        (*(code ? &c->n.polluted_l1i : &c->n.polluted_l1d))++;
    if (held && (missed & MISSED_L2))
        c->n.polluted_l2++;
}

/* Whether it missed is told by the real caches' counters: a hit on a line that is still on its way
 * is none, wherever that comes from. */
struct mem_reply shadow_request(struct core *c)
{
    const struct shadow *s = c->shadow;
    const unsigned kind = c->req.kind;
    const struct cache_counters *l1 = s->real_l1[kind != MEM_FETCH], *l2 = s->real_l2;
    const uint64_t before1 = l1->misses[kind], before2 = l2->misses[kind];
    const struct mem_reply reply = hierarchy_access(c->hierarchy, &c->req);
    shadow_access(c, (enum mem_kind)kind, c->req.addr,
                  (l1->misses[kind] != before1 ? MISSED_L1 : 0) |
                      (l2->misses[kind] != before2 ? MISSED_L2 : 0));
    return reply;
}

/* ---- pages and branches ---- */

void shadow_page(struct core *c, int code, uint64_t key)
{
    struct tlb *t = &c->shadow->tlb;
    c->shadow->page = (uint8_t)tlb_lookup(t, code ? &t->code : &t->data, key);
}

void shadow_page_found(struct core *c, enum tlb_found found)
{
    if (!c->roi)
        return;
    c->n.polluted_tlb += found != TLB_L1 && c->shadow->page == TLB_L1;
    c->n.polluted_walks += found == TLB_MISS && c->shadow->page != TLB_MISS;
}

void shadow_branch(struct core *c, uint32_t id)
{
    struct branch *b = &c->shadow->branch;
    const struct ending *e = &c->ending;
    int wrong = 0;
    switch (e->end) {
    case END_COND:
        wrong = branch_cond(b, e->pc, e->backward, id == e->taken);
        break;
    case END_TABLE:
    case END_TAIL_INDIRECT:
        wrong = branch_indirect(b, e->pc, id);
        break;
    case END_CALL_INDIRECT:
        wrong = branch_indirect(b, e->pc, id);
        branch_call(b, e->next);
        break;
    case END_CALL:
        branch_call(b, e->next);
        break;
    case END_RETURN:
        wrong = branch_return(b, id);
        break;
    default:
        break;
    }
    if (follow_taken(e, id))
        branch_passed(b, e->place);
    c->shadow->wrong = (uint8_t)wrong;
}
