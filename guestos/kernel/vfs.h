/* vfs.h - the seam to file systems: inodes, what a file system does for them, and paths. */
#ifndef KERNEL_VFS_H
#define KERNEL_VFS_H

#include <stdint.h>

#include "wasi.h"

struct process;
struct inode;

#define NAME_BYTES_MAX 255u
#define PATH_BYTES     4096u
#define LINKS_MAX      32u /* symbolic links followed by one path */
#define FILE_BYTES_MAX (2ull << 30)

/* One entry of a directory, as fd_readdir tells it. The name is valid until the directory changes.
 */
struct dir_entry {
    const char *name;
    uint32_t len;
    uint64_t next; /* cookie of the entry behind it */
    const struct inode *node;
};

/* A run of frames that holds a part of a file. */
struct file_extent {
    int32_t tier;
    uint32_t first, frames;
};

/*
 * What a file system does. Directories passed in are directories of it, names are proper (1 to 255
 * bytes, no slash, not "." or ".."), and whoever calls has checked what POSIX wants of the types.
 * Results are 0 (or what is said) or -errno.
 */
struct fs_ops {
    int (*lookup)(struct inode *dir, const char *name, uint32_t len, struct inode **out);
    /* A new file, directory or symbolic link (its target is written as its contents). */
    int (*create)(struct inode *dir, const char *name, uint32_t len, enum wasi_filetype type,
                  struct inode **out);
    int (*link)(struct inode *dir, const char *name, uint32_t len, struct inode *node);
    /* Takes the name away; a directory is empty. */
    void (*unlink)(struct inode *dir, const char *name, uint32_t len);
    int (*is_empty)(const struct inode *dir);
    /* The first entry at or behind a cookie (2: the first of all): 1, or 0 at the end. */
    int (*readdir)(const struct inode *dir, uint64_t cookie, struct dir_entry *out);
    /* Before the contents are used: 0, or why they cannot be. */
    int (*open)(struct inode *file);
    /* Move bytes between a file and the memory of a process: how many, 0 at the end. */
    int32_t (*read)(struct inode *file, const struct process *p, uint64_t at, uint32_t buf,
                    uint32_t len);
    int32_t (*write)(struct inode *file, const struct process *p, uint64_t at, uint32_t buf,
                     uint32_t len);
    int (*resize)(struct inode *file, uint64_t size);
    /* Bytes of the kernel's own, for symbolic links and the loader: as read and write. */
    int32_t (*peek)(struct inode *file, uint64_t at, const uint8_t **bytes);
    int (*put)(struct inode *file, const void *bytes, uint32_t len);
    /* The frames from page `page` on, at most `pages`, for a mapping; they stay where they are
     * while inode.mapped is not 0. */
    int (*extent)(struct inode *file, uint32_t page, uint32_t pages, struct file_extent *out);
    void (*release)(struct inode *node); /* nobody holds or names it any more */
};

/* refs counts open files, mappings and whoever else holds it; links counts names. */
struct inode {
    const struct fs_ops *fs;
    struct inode *parent; /* of a directory; itself at the root and when removed */
    uint64_t ino, size, atim, mtim, ctim;
    uint32_t refs, links, mapped;
    uint8_t type; /* enum wasi_filetype */
};

static inline int inode_is_directory(const struct inode *n)
{
    return n->type == FILETYPE_DIRECTORY;
}

struct inode *inode_hold(struct inode *n);
void inode_drop(struct inode *n);
/* It was changed now: contents (and thus the inode), or the inode alone. */
void inode_touch(struct inode *n, int contents);

/*
 * Where a path leads. node NULL: there is nothing of that name in dir. dir NULL: the path ends in
 * "." or ".." or is "/": node is a directory without a name that could be changed.
 */
struct place {
    struct inode *dir, *node;
    uint32_t len;
    uint8_t slash; /* the path ends with a slash: only a directory will do */
    char name[NAME_BYTES_MAX];
};

/*
 * Follow a path of a program from a directory that it holds; the last component's link is followed
 * if `follow` or a slash comes behind it. Nothing is held: use the place before the thread may
 * block. Never leaves `top`: an absolute path, a "..", or a link that would lead out is
 * -ENOTCAPABLE. Also -ENOENT (on the way), -ENOTDIR, -ELOOP, -EILSEQ, -ENAMETOOLONG.
 * scratch: PATH_BYTES of the caller's, not the path itself.
 */
int vfs_walk(struct inode *top, const char *path, uint32_t len, int follow, char *scratch,
             struct place *out);

/* What the path calls of WASI do, once their paths have been walked. */
int vfs_create(const struct place *at, enum wasi_filetype type, struct inode **out);
int vfs_link(const struct place *from, const struct place *to);
int vfs_unlink(const struct place *at);
int vfs_rmdir(const struct place *at);
int vfs_rename(const struct place *from, const struct place *to);
int vfs_symlink(const struct place *at, const char *target, uint32_t len);

/* The root of all files; boot.c makes it. */
void vfs_set_root(struct inode *root);
struct inode *vfs_root(void);

#endif
