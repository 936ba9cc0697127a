/* hierarchy_check.c - the invariants of caches and directory, looked at one by one. For tests. */
/*
 *   1  a dirty private copy is owned; a write-through cache has no dirty line
 *   2  the copies of one hart are all owned or none is
 *   3  when one hart owns a line, no other has a copy
 *   4  the directory's sharers are exactly the harts with copies, its owner is the one that owns
 *   5  LLC inclusive: it has every private line; exclusive: it has none, and an L2 has every line
 *      of its L1s
 */
#include <stdarg.h>
#include <stdio.h>

#include "memhier/hierarchy_parts.h"

struct check {
    const struct hierarchy *h;
    char *err;
    size_t errlen;
};

static int __attribute__((format(printf, 3, 4)))
wrong(const struct check *k, uint64_t line, const char *format, ...)
{
    char what[160];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    snprintf(k->err, k->errlen, "line 0x%llx: %s", (unsigned long long)line, what);
    return -1;
}

/* Bits HELD_ of all copies of a hart; -1: they do not agree about who owns the line. */
static int held_by(const struct check *k, uint32_t hart, uint64_t line)
{
    const unsigned a = hierarchy_held(k->h, CACHE_L1I, hart, line << LINE_SHIFT);
    const unsigned b = hierarchy_held(k->h, CACHE_L1D, hart, line << LINE_SHIFT);
    const unsigned c = hierarchy_held(k->h, CACHE_L2, hart, line << LINE_SHIFT);
    const unsigned all = a | b | c;
    const unsigned odd = (a ? ~a : 0) | (b ? ~b : 0) | (c ? ~c : 0);
    return (all & HELD_OWNED) && (odd & HELD_OWNED) ? -1 : (int)all;
}

/* Rules 1, 2 and the LLC's, for one private copy. */
static int check_copy(const struct check *k, uint32_t hart, const struct cache *c, uint64_t line,
                      uint32_t way)
{
    const struct hierarchy *h = k->h;
    const int held = held_by(k, hart, line), owned = (held & (int)HELD_OWNED) != 0;
    if (held < 0)
        return wrong(k, line, "hart %u owns it by one copy and not by another", hart);
    if (cache_is(c, line, (int)way, CACHE_DIRTY) && (!owned || c->through))
        return wrong(k, line, "hart %u has it dirty, and may not", hart);
    if (h->inclusion == LLC_INCLUSIVE && cache_find(h->llc, line) < 0)
        return wrong(k, line, "hart %u has it, and the inclusive LLC has not", hart);
    if (h->inclusion == LLC_EXCLUSIVE && cache_find(h->llc, line) >= 0)
        return wrong(k, line, "hart %u has it, and the exclusive LLC has it too", hart);
    if (h->inclusion == LLC_EXCLUSIVE && cache_find(h->hart[hart].l2, line) < 0)
        return wrong(k, line, "an L1 of hart %u has it, and the L2 has not", hart);
    if (h->dir) {
        const struct dir_entry *e = directory_find(h->dir, line);
        if (!e || !(e->sharers >> hart & 1))
            return wrong(k, line, "hart %u has it, and the directory does not know", hart);
        if ((e->owner == hart) != owned)
            return wrong(k, line, "the directory does not know whether hart %u owns it", hart);
    }
    return 0;
}

static int check_cache(const struct check *k, uint32_t hart, const struct cache *c)
{
    for (uint32_t set = 0; set < c->sets_in_all; set++)
        for (uint32_t way = 0; way < c->ways; way++) {
            const uint64_t tag = c->tags[((size_t)set << c->stride_shift) + way];
            if (set_get(&c->sets[set], CACHE_VALID, way) &&
                check_copy(k, hart, c, tag << c->set_bits | (set & c->set_mask), way))
                return -1;
        }
    return 0;
}

static int check_entry(const struct check *k, const struct dir_entry *e)
{
    if (e->owner != NO_OWNER && e->sharers != UINT64_C(1) << e->owner)
        return wrong(k, e->line, "hart %u owns it, and others have it", e->owner);
    for (uint32_t i = 0; i < DIRECTORY_HARTS; i++)
        if ((e->sharers >> i & 1) && (i >= k->h->harts || !held_by(k, i, e->line)))
            return wrong(k, e->line, "the directory says that hart %u has it", i);
    return 0;
}

int hierarchy_check(const struct hierarchy *h, char *err, size_t errlen)
{
    const struct check k = {.h = h, .err = err, .errlen = errlen};
    for (uint32_t i = 0; i < h->harts; i++)
        if (check_cache(&k, i, h->hart[i].l1[0]) || check_cache(&k, i, h->hart[i].l1[1]) ||
            check_cache(&k, i, h->hart[i].l2))
            return -1;
    for (uint64_t i = 0; h->dir && i < directory_capacity(h->dir); i++) {
        const struct dir_entry *e = directory_entry(h->dir, i);
        if (e && check_entry(&k, e))
            return -1;
    }
    return 0;
}
