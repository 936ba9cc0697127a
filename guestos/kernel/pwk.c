/* pwk.c - kernel calls beyond WASI: named objects and mappings (see include/pwk.h). */
#include "heap.h"
#include "mapping.h"
#include "objects.h"
#include "pwk.h"
#include "tree.h"
#include "uaccess.h"
#include "wasi.h"

#define PWK_EXPORT(name) __attribute__((export_name("pwk." #name)))

/* What a descriptor offers for mapping: frames of one tier. */
struct extent {
    int32_t tier;
    uint32_t first, frames;
};

static int handle_extent(const struct process *p, uint32_t fd, struct extent *out)
{
    const struct handle *h = handle_get(&p->handles, fd);
    if (!h)
        return -EBADF;
    if (h->kind == HANDLE_OBJECT) {
        *out = (struct extent){(int32_t)data_tier(), h->object->first, h->object->frames};
        return 0;
    }
    if (h->kind != HANDLE_FILE)
        return -ENODEV;
    if (!(h->rights & RIGHT_FD_READ))
        return -ENOTCAPABLE;
    *out = (struct extent){h->node->tier, h->node->first, h->node->pages};
    return 0;
}

/* Cut an extent down to what was asked for: 0 or -EINVAL. */
static int extent_cut(struct extent *e, int64_t offset, uint32_t bytes)
{
    uint64_t page = (uint64_t)offset >> PAGE_SHIFT, pages = pages_for(bytes);
    if (offset < 0 || (offset & (PAGE_BYTES - 1)) != 0 || pages == 0)
        return -EINVAL;
    if (page > e->frames || pages > e->frames - page)
        return -EINVAL;
    e->first += (uint32_t)page;
    e->frames = (uint32_t)pages;
    return 0;
}

/* A copy of a file's pages, in frames of the mapping's own. */
static int32_t map_private(struct process *p, const struct node *file, uint64_t offset,
                           uint32_t pages)
{
    uint64_t left = file->size - offset, bytes = (uint64_t)pages << PAGE_SHIFT;
    int32_t first = machine_frames_alloc(pages), at;
    int err;
    if (first < 0)
        return first;
    at = mapping_add(p, MACHINE_DRAM, (uint32_t)first, pages, 1);
    if (machine_map_failed(at))
        return at;
    err = user_write(p, (uint32_t)at, file->bytes + offset,
                     (uint32_t)(left < bytes ? left : bytes));
    return err < 0 ? err : at;
}

PWK_EXPORT(map) int32_t kernel_map(uint32_t fd, int64_t offset, uint32_t bytes, uint32_t flags)
{
    struct process *p = process_self();
    struct extent e;
    int err = handle_extent(p, fd, &e);
    if (err == 0)
        err = extent_cut(&e, offset, bytes);
    if (err < 0)
        return err;
    if (flags == PWK_MAP_SHARED)
        return mapping_add(p, e.tier, e.first, e.frames, 0);
    if (flags != PWK_MAP_PRIVATE)
        return -EINVAL;
    if (handle_get(&p->handles, fd)->kind != HANDLE_FILE)
        return -ENOTSUP;
    return map_private(p, handle_get(&p->handles, fd)->node, (uint64_t)offset, e.frames);
}

PWK_EXPORT(unmap) int32_t kernel_unmap(uint32_t addr, uint32_t bytes)
{
    return mapping_remove(process_self(), addr, bytes);
}

PWK_EXPORT(pmem_open) int32_t kernel_pmem_open(uint32_t name, uint32_t len, int64_t bytes)
{
    struct process *p = process_self();
    char text[OBJECT_NAME_MAX];
    struct object *object;
    struct handle *h;
    int32_t fd;
    int err;
    if (len > OBJECT_NAME_MAX)
        return -ENAMETOOLONG;
    err = user_read(p, text, name, len);
    if (err == 0)
        err = object_open(text, len, bytes, &object);
    if (err < 0)
        return err;
    fd = handle_open(&p->handles, HANDLE_OBJECT, ~0ull, &h);
    if (fd >= 0)
        h->object = object;
    return fd;
}

/* One program runs at a time, so far. */
PWK_EXPORT(spawn) int32_t kernel_spawn(uint32_t path, uint32_t len, uint32_t argv, uint32_t fds)
{
    (void)path, (void)len, (void)argv, (void)fds;
    return -ENOSYS;
}
