/* ramfs.c - the file system of this kernel: its inodes. */
#include "ramfs.h"
#include "heap.h"
#include "machine_import.h"

/* Static: inode numbers are the machine's. */
static struct {
    uint64_t last_ino;
} ramfs;

static struct ram_node *node_new(enum wasi_filetype type)
{
    struct ram_node *n = kalloc(sizeof *n);
    if (!n)
        return NULL;
    n->base.fs = &ramfs_ops;
    n->base.ino = ++ramfs.last_ino;
    n->base.type = (uint8_t)type;
    n->base.atim = n->base.mtim = n->base.ctim = (uint64_t)machine_clock(1);
    if (type == FILETYPE_DIRECTORY) {
        n->base.parent = &n->base;
        n->dir.next_cookie = 2;
    } else {
        n->file.section = -1;
    }
    return n;
}

static void ramfs_release(struct inode *node)
{
    struct ram_node *n = ram_node(node);
    if (inode_is_directory(node))
        kfree(n->dir.entries);
    else
        ramfile_release(n);
    kfree(n);
}

static int ramfs_create(struct inode *dir, const char *name, uint32_t len, enum wasi_filetype type,
                        struct inode **out)
{
    struct ram_node *n = node_new(type);
    int err;
    if (!n)
        return -ENOSPC;
    err = ramdir_link(dir, name, len, &n->base);
    if (err < 0) {
        kfree(n);
        return err;
    }
    if (type == FILETYPE_DIRECTORY)
        n->base.parent = dir;
    *out = &n->base;
    return 0;
}

const struct fs_ops ramfs_ops = {.lookup = ramdir_lookup,
                                 .create = ramfs_create,
                                 .link = ramdir_link,
                                 .unlink = ramdir_unlink,
                                 .is_empty = ramdir_is_empty,
                                 .readdir = ramdir_readdir,
                                 .open = ramfile_open,
                                 .read = ramfile_read,
                                 .write = ramfile_write,
                                 .resize = ramfile_resize,
                                 .peek = ramfile_peek,
                                 .put = ramfile_put,
                                 .extent = ramfile_extent,
                                 .release = ramfs_release};

struct inode *ramfs_new(void)
{
    struct ram_node *n = node_new(FILETYPE_DIRECTORY);
    if (!n)
        return NULL;
    n->base.links = 1;
    return &n->base;
}

int ramfs_add_section(struct inode *dir, const char *name, uint32_t len, int32_t section,
                      enum wasi_filetype type)
{
    struct inode *node;
    int err = ramfs_create(dir, name, len, type, &node);
    if (err < 0)
        return err;
    if (inode_is_directory(node))
        return 0;
    node->size = (uint64_t)machine_section_size(section);
    if (node->size)
        ram_node(node)->file.section = section;
    return 0;
}

int32_t ramfs_section(const struct inode *file)
{
    return file->fs == &ramfs_ops && !inode_is_directory(file) ? ram_node(file)->file.section : -1;
}
