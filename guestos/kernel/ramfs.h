/* ramfs.h - the file system of this kernel: names in the heap, contents in the store. */
#ifndef KERNEL_RAMFS_H
#define KERNEL_RAMFS_H

#include "vfs.h"

/*
 * Files of the boot image keep the number of their section until they are first opened; then their
 * bytes come from the device. A file of up to 32 KiB is one block of the store, a larger one, or
 * one that was mapped, is pages of 64 KiB.
 */
struct ram_node {
    struct inode base;
    union {
        struct { /* directory: entries by cookie, ascending */
            struct ram_entry **entries;
            uint32_t count, capacity;
            uint64_t next_cookie;
        } dir;
        struct { /* file or link */
            uint8_t *small;
            uint32_t small_order;
            uint8_t **pages;
            uint32_t npages, pages_cap;
            int32_t section; /* of the boot image, or -1 */
            int load_error;  /* kept: what could not be loaded is not tried again */
        } file;
    };
};

/* A name in a directory. */
struct ram_entry {
    struct ram_entry *chain; /* next with the same hash */
    struct inode *dir, *node;
    uint64_t cookie;
    uint32_t len;
    char name[];
};

extern const struct fs_ops ramfs_ops;

/* An empty tree. */
struct inode *ramfs_new(void);
/* A file whose bytes are those of a section of the boot image: 0 or -errno. */
int ramfs_add_section(struct inode *dir, const char *name, uint32_t len, int32_t section,
                      enum wasi_filetype type);
/* The section whose bytes a file still has, or -1. */
int32_t ramfs_section(const struct inode *file);

/* ramdir.c */
int ramdir_lookup(struct inode *dir, const char *name, uint32_t len, struct inode **out);
int ramdir_link(struct inode *dir, const char *name, uint32_t len, struct inode *node);
void ramdir_unlink(struct inode *dir, const char *name, uint32_t len);
int ramdir_is_empty(const struct inode *dir);
int ramdir_readdir(const struct inode *dir, uint64_t cookie, struct dir_entry *out);

/* ramfile.c */
int ramfile_open(struct inode *file);
int32_t ramfile_read(struct inode *file, const struct process *p, uint64_t at, uint32_t buf,
                     uint32_t len);
int32_t ramfile_write(struct inode *file, const struct process *p, uint64_t at, uint32_t buf,
                      uint32_t len);
int ramfile_resize(struct inode *file, uint64_t size);
int32_t ramfile_peek(struct inode *file, uint64_t at, const uint8_t **bytes);
int ramfile_put(struct inode *file, const void *bytes, uint32_t len);
int ramfile_extent(struct inode *file, uint32_t page, uint32_t pages, struct file_extent *out);
void ramfile_release(struct ram_node *n);

static inline struct ram_node *ram_node(const struct inode *n)
{
    return (struct ram_node *)(uintptr_t)n;
}

#endif
