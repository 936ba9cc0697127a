/* mapping.c - what is mapped into a process beyond its own memory. */
#include "mapping.h"
#include "heap.h"
#include "wasi.h"
#include "machine_import.h"

int32_t mapping_add(struct process *p, int32_t tier, uint32_t first, uint32_t pages, int owned)
{
    struct mapping *m = kalloc(sizeof *m);
    int32_t at = m ? machine_map(p->instance, tier, first, pages) : -ENOMEM;
    if (machine_map_failed(at)) {
        if (owned)
            machine_frames_free(first, pages);
        kfree(m);
        return at;
    }
    m->page = (uint32_t)at >> PAGE_SHIFT;
    m->pages = pages;
    m->first = first;
    m->owned = (uint8_t)owned;
    m->next = p->mappings;
    p->mappings = m;
    return at;
}

/* The link to the mapping that holds all of these pages, or NULL. */
static struct mapping **mapping_find(struct process *p, uint32_t page, uint32_t pages)
{
    for (struct mapping **link = &p->mappings; *link; link = &(*link)->next) {
        struct mapping *m = *link;
        if (page >= m->page && page - m->page < m->pages && pages <= m->pages - (page - m->page))
            return link;
    }
    return NULL;
}

/* Cut pages out of a mapping: it ends before them, and `tail`, when there is something left behind
 * them, becomes a mapping of its own. */
static void mapping_cut(struct mapping *m, uint32_t page, uint32_t pages, struct mapping *tail)
{
    uint32_t before = page - m->page, behind = m->pages - before - pages;
    if (behind) {
        *tail = *m;
        tail->page = page + pages;
        tail->pages = behind;
        tail->first = m->first + before + pages;
        m->next = tail;
    }
    m->pages = before;
}

int mapping_remove(struct process *p, uint32_t addr, uint32_t bytes)
{
    uint32_t page = addr >> PAGE_SHIFT, pages = (uint32_t)pages_for(bytes), first;
    struct mapping **link, *m, *tail;
    int err;
    if ((addr & (PAGE_BYTES - 1)) != 0 || pages == 0)
        return -EINVAL;
    link = mapping_find(p, page, pages);
    if (!link)
        return -EINVAL;
    tail = kalloc(sizeof *tail);
    if (!tail)
        return -ENOMEM;
    err = machine_unmap(p->instance, addr, pages << PAGE_SHIFT);
    if (err < 0) {
        kfree(tail);
        return err;
    }
    m = *link;
    first = m->first + (page - m->page);
    if (m->owned)
        machine_frames_free(first, pages);
    mapping_cut(m, page, pages, tail);
    if (m->next != tail)
        kfree(tail);
    if (m->pages == 0) {
        *link = m->next;
        kfree(m);
    }
    return 0;
}

void mappings_drop(struct process *p)
{
    while (p->mappings) {
        struct mapping *m = p->mappings;
        p->mappings = m->next;
        if (m->owned)
            machine_frames_free(m->first, m->pages);
        kfree(m);
    }
}
