/* pwk.c - kernel calls beyond WASI: named objects, shared memory, mappings (include/pwk.h). */
#include "heap.h"
#include "hart.h"
#include "mapping.h"
#include "objects.h"
#include "pwk.h"
#include "uaccess.h"
#include "wasi.h"

#include "pwk_export.h"

/* What a descriptor offers for mapping: a file or an object, and what part of it. */
struct region {
    struct inode *node;
    struct object *object;
    uint32_t page, pages;
};

static int region_of(const struct process *p, uint32_t fd, struct region *r)
{
    struct slot *s;
    int err = handle_use(&p->handles, fd, 0, &s);
    if (err < 0)
        return err;
    if (s->file->kind == HANDLE_OBJECT) {
        r->object = s->file->object;
        r->pages = r->object->frames;
        return 0;
    }
    if (s->file->kind != HANDLE_FILE)
        return -ENODEV;
    if (!(s->rights & RIGHT_FD_READ))
        return -ENOTCAPABLE;
    r->node = s->file->node;
    r->pages = (uint32_t)pages_for(r->node->size);
    return 0;
}

/* Cut a region down to what was asked for: 0 or -EINVAL. */
static int region_cut(struct region *r, int64_t offset, uint32_t bytes)
{
    uint64_t page = (uint64_t)offset >> PAGE_SHIFT, pages = pages_for(bytes);
    if (offset < 0 || (offset & (PAGE_BYTES - 1)) != 0 || pages == 0)
        return -EINVAL;
    if (page > r->pages || pages > r->pages - page)
        return -EINVAL;
    r->page = (uint32_t)page;
    r->pages = (uint32_t)pages;
    return 0;
}

/* A copy of a file's pages, in frames of the mapping's own. */
static int32_t map_private(struct process *p, const struct region *r)
{
    uint64_t offset = (uint64_t)r->page << PAGE_SHIFT;
    int32_t first = machine_frames_alloc(r->pages), at, n;
    struct file_extent e = {MACHINE_DRAM, (uint32_t)first, r->pages};
    if (first < 0)
        return first;
    at = mapping_add(p, &e, NULL, NULL);
    if (machine_map_failed(at))
        return at;
    n = r->node->fs->read(r->node, p, offset, (uint32_t)at, r->pages << PAGE_SHIFT);
    return n < 0 ? n : at;
}

/* The file's own frames. They lie in one piece or in several, which come one behind the other in
 * the program's memory, since that only grows. */
static int32_t map_file(struct process *p, const struct region *r)
{
    uint32_t done = 0;
    int32_t start = 0;
    while (done < r->pages) {
        struct file_extent e;
        int32_t at = r->node->fs->extent(r->node, r->page + done, r->pages - done, &e);
        if (at == 0)
            at = mapping_add(p, &e, r->node, NULL);
        if (machine_map_failed(at)) {
            if (done)
                mapping_remove(p, (uint32_t)start, done << PAGE_SHIFT);
            return at;
        }
        if (done == 0)
            start = at;
        done += e.frames;
    }
    return start;
}

PWK_EXPORT(map) int32_t kernel_map(uint32_t fd, int64_t offset, uint32_t bytes, uint32_t flags)
{
    KERNEL_CALL();
    struct process *p = process_self();
    struct region r = {0};
    int err = region_of(p, fd, &r);
    if (err == 0)
        err = region_cut(&r, offset, bytes);
    if (err < 0)
        return err;
    if (flags > PWK_MAP_PRIVATE)
        return -EINVAL;
    if (flags == PWK_MAP_PRIVATE)
        return r.node ? map_private(p, &r) : -ENOTSUP;
    if (r.object) {
        struct file_extent e = {r.object->tier, r.object->first + r.page, r.pages};
        return mapping_add(p, &e, NULL, r.object);
    }
    return map_file(p, &r);
}

PWK_EXPORT(unmap) int32_t kernel_unmap(uint32_t addr, uint32_t bytes)
{
    KERNEL_CALL();
    return mapping_remove(process_self(), addr, bytes);
}

static int32_t object_install(struct process *p, struct object *object)
{
    struct handle *h = handle_new(HANDLE_OBJECT);
    if (!h) {
        object_drop(object);
        return -ENOMEM;
    }
    h->object = object;
    return handle_install(&p->handles, h, RIGHTS_ALL, 0);
}

PWK_EXPORT(pmem_open) int32_t kernel_pmem_open(uint32_t name, uint32_t len, int64_t bytes)
{
    KERNEL_CALL();
    struct process *p = process_self();
    char text[OBJECT_NAME_MAX];
    struct object *object;
    int err;
    if (len > OBJECT_NAME_MAX)
        return -ENAMETOOLONG;
    err = user_read(p, text, name, len);
    if (err == 0)
        err = object_open(text, len, bytes, &object);
    return err < 0 ? err : object_install(p, object);
}

PWK_EXPORT(memory) int32_t kernel_memory(int64_t bytes)
{
    KERNEL_CALL();
    struct object *object;
    int err = object_new_anonymous(bytes, &object);
    return err < 0 ? err : object_install(process_self(), object);
}
