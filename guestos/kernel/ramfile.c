/* ramfile.c - contents of ramfs's files. */
#include "ramfs.h"
#include "heap.h"
#include "kstring.h"
#include "store.h"
#include "uaccess.h"

/*
 * Invariant: bytes behind the end of a file, in a block or page that it has, are undefined; they
 * become zero, or are written, before they are in it, and before a program can see them by a
 * mapping. A file whose bytes are still in the boot image (section >= 0) has no memory at all.
 */
#define SMALL_MAX  32768u
#define READ_BYTES (1u << 20) /* asked of the device at a time */

static uint64_t room(const struct ram_node *f)
{
    if (f->file.small)
        return 1u << f->file.small_order;
    return (uint64_t)f->file.npages << PAGE_SHIFT;
}

/* Where byte `at` is, and how many lie behind it in one piece; at < room. */
static uint8_t *piece(const struct ram_node *f, uint64_t at, uint64_t *n)
{
    uint32_t within = (uint32_t)at & (PAGE_BYTES - 1);
    if (f->file.small) {
        *n = (1u << f->file.small_order) - at;
        return f->file.small + at;
    }
    *n = PAGE_BYTES - within;
    return f->file.pages[at >> PAGE_SHIFT] + within;
}

/* ---- memory ---- */

static int pages_reserve(struct ram_node *f, uint32_t n)
{
    uint32_t cap = f->file.pages_cap ? f->file.pages_cap : 4;
    uint8_t **pages;
    if (n <= f->file.pages_cap)
        return 0;
    while (cap < n)
        cap *= 2;
    pages = kalloc(cap * sizeof *pages);
    if (!pages)
        return -ENOSPC;
    if (f->file.npages)
        memcpy(pages, f->file.pages, f->file.npages * sizeof *pages);
    kfree(f->file.pages);
    f->file.pages = pages;
    f->file.pages_cap = cap;
    return 0;
}

static void pages_cut(struct ram_node *f, uint32_t n)
{
    while (f->file.npages > n)
        store_free(f->file.pages[--f->file.npages], STORE_ORDER_PAGE);
}

/* Have n pages; all new ones, or none. */
static int pages_grow(struct ram_node *f, uint32_t n)
{
    uint32_t had = f->file.npages;
    int err = pages_reserve(f, n);
    if (err < 0)
        return err;
    if (n > had + 1)
        store_prepare(n - had);
    while (f->file.npages < n) {
        uint8_t *page = store_alloc(STORE_ORDER_PAGE);
        if (!page) {
            pages_cut(f, had);
            return -ENOSPC;
        }
        f->file.pages[f->file.npages++] = page;
    }
    return 0;
}

static void small_free(struct ram_node *f)
{
    if (f->file.small)
        store_free(f->file.small, f->file.small_order);
    f->file.small = NULL;
}

/* From one block to a page. */
static int small_promote(struct ram_node *f)
{
    int err;
    if (!f->file.small)
        return 0;
    err = pages_grow(f, 1);
    if (err < 0)
        return err;
    memcpy(f->file.pages[0], f->file.small, (uint32_t)f->base.size);
    small_free(f);
    return 0;
}

static int small_grow(struct ram_node *f, uint32_t bytes)
{
    uint32_t order = store_order(bytes);
    uint8_t *block = store_alloc(order);
    if (!block)
        return -ENOSPC;
    if (f->file.small)
        memcpy(block, f->file.small, (uint32_t)f->base.size);
    small_free(f);
    f->file.small = block;
    f->file.small_order = order;
    return 0;
}

/* Memory for so many bytes. */
static int reserve(struct ram_node *f, uint64_t bytes)
{
    int err;
    if (bytes <= room(f))
        return 0;
    if (bytes > FILE_BYTES_MAX)
        return -EFBIG;
    if (bytes <= SMALL_MAX && f->file.npages == 0)
        return small_grow(f, (uint32_t)bytes);
    err = small_promote(f);
    return err < 0 ? err : pages_grow(f, (uint32_t)pages_for(bytes));
}

static void zero(struct ram_node *f, uint64_t from, uint64_t to)
{
    while (from < to) {
        uint64_t n;
        uint8_t *p = piece(f, from, &n);
        if (n > to - from)
            n = to - from;
        memset(p, 0, (size_t)n);
        from += n;
    }
}

void ramfile_release(struct ram_node *f)
{
    small_free(f);
    pages_cut(f, 0);
    kfree(f->file.pages);
    f->file.pages = NULL;
    f->file.pages_cap = 0;
}

/* ---- the boot image's bytes ---- */

/* Bytes in one piece from `at` on, over pages that lie one behind the other. */
static uint32_t run_length(const struct ram_node *f, uint64_t at, uint64_t left)
{
    uint64_t n, more;
    const uint8_t *p = piece(f, at, &n);
    while (n < left && n < READ_BYTES && piece(f, at + n, &more) == p + n)
        n += more;
    n = n < left ? n : left;
    return (uint32_t)(n < READ_BYTES ? n : READ_BYTES);
}

static int load(struct ram_node *f)
{
    uint64_t size = f->base.size;
    int err = reserve(f, size);
    for (uint64_t at = 0; err == 0 && at < size;) {
        uint64_t whole;
        uint32_t n = run_length(f, at, size - at);
        int32_t got = machine_section_read(f->file.section, (int64_t)at, piece(f, at, &whole), n);
        if (got != (int32_t)n)
            err = got < 0 ? got : -EIO;
        at += n;
    }
    if (err < 0)
        ramfile_release(f);
    return err;
}

int ramfile_open(struct inode *file)
{
    struct ram_node *f = ram_node(file);
    if (f->file.section < 0)
        return f->file.load_error;
    f->file.load_error = load(f);
    f->file.section = -1;
    return f->file.load_error;
}

/* ---- reading and writing ---- */

int32_t ramfile_read(struct inode *file, const struct process *p, uint64_t at, uint32_t buf,
                     uint32_t len)
{
    const struct ram_node *f = ram_node(file);
    uint64_t left = at < file->size ? file->size - at : 0;
    uint32_t done = 0;
    if (len > left)
        len = (uint32_t)left;
    while (done < len) {
        uint64_t n;
        const uint8_t *from = piece(f, at + done, &n);
        int err;
        if (n > len - done)
            n = len - done;
        err = user_write(p, buf + done, from, (uint32_t)n);
        if (err < 0)
            return done ? (int32_t)done : err;
        done += (uint32_t)n;
    }
    return (int32_t)done;
}

int32_t ramfile_write(struct inode *file, const struct process *p, uint64_t at, uint32_t buf,
                      uint32_t len)
{
    struct ram_node *f = ram_node(file);
    uint32_t done = 0;
    int err;
    if (len == 0)
        return 0;
    if (at >= FILE_BYTES_MAX)
        return -EFBIG;
    if (len > FILE_BYTES_MAX - at)
        len = (uint32_t)(FILE_BYTES_MAX - at);
    err = reserve(f, at + len);
    if (err < 0)
        return err;
    while (done < len) {
        uint64_t n;
        uint8_t *to = piece(f, at + done, &n);
        if (n > len - done)
            n = len - done;
        err = user_read(p, to, buf + done, (uint32_t)n);
        if (err < 0)
            break;
        if (file->size < at)
            zero(f, file->size, at);
        done += (uint32_t)n;
        if (file->size < at + done)
            file->size = at + done;
    }
    if (done == 0)
        return err;
    inode_touch(file, 1);
    return (int32_t)done;
}

int ramfile_resize(struct inode *file, uint64_t size)
{
    struct ram_node *f = ram_node(file);
    int err = reserve(f, size);
    if (err < 0)
        return err;
    if (size > file->size)
        zero(f, file->size, size);
    file->size = size;
    if (size == 0 && !file->mapped)
        ramfile_release(f);
    else if (!f->file.small && !file->mapped)
        pages_cut(f, (uint32_t)pages_for(size));
    inode_touch(file, 1);
    return 0;
}

int32_t ramfile_peek(struct inode *file, uint64_t at, const uint8_t **bytes)
{
    uint64_t n;
    int err = ramfile_open(file);
    if (err < 0)
        return err;
    if (at >= file->size)
        return 0;
    *bytes = piece(ram_node(file), at, &n);
    return (int32_t)(n < file->size - at ? n : file->size - at);
}

int ramfile_put(struct inode *file, const void *bytes, uint32_t len)
{
    struct ram_node *f = ram_node(file);
    int err = reserve(f, len);
    if (err < 0)
        return err;
    if (len > SMALL_MAX)
        return -EFBIG;
    memcpy(f->file.small, bytes, len);
    file->size = len;
    return 0;
}

int ramfile_extent(struct inode *file, uint32_t page, uint32_t pages, struct file_extent *out)
{
    struct ram_node *f = ram_node(file);
    uint32_t n = 1;
    int err = small_promote(f);
    if (err < 0)
        return err;
    if (page >= f->file.npages)
        return -EINVAL;
    if (!file->mapped)
        zero(f, file->size, room(f)); /* what a program could see behind the end */
    out->tier = (int32_t)data_tier();
    out->first = store_frame(f->file.pages[page]);
    while (n < pages && page + n < f->file.npages &&
           store_frame(f->file.pages[page + n]) == out->first + n)
        n++;
    out->frames = n;
    return 0;
}
