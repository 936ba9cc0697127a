/* mapping.c - what is mapped into a process beyond its own memory. */
#include "mapping.h"
#include "heap.h"
#include "objects.h"
#include "wasi.h"
#include "machine_import.h"

static void owner_hold(struct mapping *m)
{
    if (m->node) {
        inode_hold(m->node);
        m->node->mapped++;
    }
    if (m->object)
        object_hold(m->object);
}

static void owner_drop(struct mapping *m)
{
    if (m->node) {
        m->node->mapped--;
        inode_drop(m->node);
    }
    if (m->object)
        object_drop(m->object);
}

/* wasi-libc's malloc takes all memory that there is at its first call for its own: it writes at the
 * end, and hands out what is mapped between. pwk_map of pwk.h sees to it that it has been called
 * before, but imports can be declared otherwise. So there is a heap's worth of DRAM in front of the
 * first object, and a page of it behind each. It lives as long as the process; where there is no
 * room for it, the program has to do without. */
#define SPARE_FRONT  16u
#define SPARE_BEHIND 1u

static void spare_add(struct process *p, uint32_t pages)
{
    struct mapping *m = kalloc(sizeof *m);
    int32_t frame = m ? machine_frames_alloc(pages) : -ENOMEM;
    int32_t at = frame < 0 ? frame : machine_map(p->instance, MACHINE_DRAM, (uint32_t)frame, pages);
    if (machine_map_failed(at)) {
        if (frame >= 0)
            machine_frames_free((uint32_t)frame, pages);
        kfree(m);
        return;
    }
    *m = (struct mapping){.page = (uint32_t)at >> PAGE_SHIFT,
                          .pages = pages,
                          .first = (uint32_t)frame,
                          .owned = 1,
                          .spare = 1,
                          .next = p->mappings};
    p->mappings = m;
}

static int has_object(const struct process *p)
{
    for (const struct mapping *m = p->mappings; m; m = m->next)
        if (m->object)
            return 1;
    return 0;
}

int32_t mapping_add(struct process *p, const struct file_extent *e, struct inode *node,
                    struct object *object)
{
    struct mapping *m = kalloc(sizeof *m);
    int owned = !node && !object, keeps = object && e->tier == MACHINE_NVDIMM;
    if (keeps && !has_object(p))
        spare_add(p, SPARE_FRONT);
    int32_t at = m ? machine_map(p->instance, e->tier, e->first, e->frames) : -ENOMEM;
    if (machine_map_failed(at)) {
        if (owned)
            machine_frames_free(e->first, e->frames);
        kfree(m);
        return at;
    }
    *m = (struct mapping){.page = (uint32_t)at >> PAGE_SHIFT,
                          .pages = e->frames,
                          .first = e->first,
                          .owned = (uint8_t)owned,
                          .node = node,
                          .object = object,
                          .next = p->mappings};
    owner_hold(m);
    p->mappings = m;
    if (keeps)
        spare_add(p, SPARE_BEHIND);
    return at;
}

/* The link to the mapping that holds a page, or NULL. */
static struct mapping **mapping_find(struct process *p, uint32_t page)
{
    for (struct mapping **link = &p->mappings; *link; link = &(*link)->next) {
        struct mapping *m = *link;
        if (page >= m->page && page - m->page < m->pages)
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
        owner_hold(tail);
        m->next = tail;
    }
    m->pages = before;
}

/* Undo pages that lie inside the mapping at *link. */
static int mapping_remove_part(struct process *p, struct mapping **link, uint32_t page,
                               uint32_t pages)
{
    struct mapping *m = *link, *tail = kalloc(sizeof *tail);
    uint32_t first = m->first + (page - m->page);
    int err = tail ? machine_unmap(p->instance, page << PAGE_SHIFT, pages << PAGE_SHIFT) : -ENOMEM;
    if (err < 0) {
        kfree(tail);
        return err;
    }
    if (m->owned)
        machine_frames_free(first, pages);
    mapping_cut(m, page, pages, tail);
    if (m->next != tail)
        kfree(tail);
    if (m->pages == 0) {
        *link = m->next;
        owner_drop(m);
        kfree(m);
    }
    return 0;
}

/* A file that lies in several runs of frames is mapped by one mapping for each. */
int mapping_remove(struct process *p, uint32_t addr, uint32_t bytes)
{
    uint32_t page = addr >> PAGE_SHIFT, pages = (uint32_t)pages_for(bytes), end = page + pages;
    if ((addr & (PAGE_BYTES - 1)) != 0 || pages == 0 || end > UINT32_MAX >> PAGE_SHIFT)
        return -EINVAL;
    for (uint32_t at = page; at < end;) {
        struct mapping **link = mapping_find(p, at);
        if (!link || (*link)->spare)
            return -EINVAL;
        at = (*link)->page + (*link)->pages;
    }
    while (page < end) {
        struct mapping **link = mapping_find(p, page);
        uint32_t n = (*link)->page + (*link)->pages - page;
        int err = mapping_remove_part(p, link, page, n < end - page ? n : end - page);
        if (err < 0)
            return err;
        page += n;
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
        owner_drop(m);
        kfree(m);
    }
}
