/* tree.h - the boot image as a read-only tree of files, and its programs. */
#ifndef KERNEL_TREE_H
#define KERNEL_TREE_H

#include <stdint.h>

#include "machine_import.h"

/*
 * Built once, at boot, from the names of the image's sections: ".file/a/b" is file b in directory
 * a. A section whose name is no proper path, or which is there twice, is reported and left out.
 * There are no symbolic links.
 *
 * A file's bytes are read from the image when it is first opened, into frames of the tier that the
 * boot parameter "data_tier" names, and stay there until power-off. NVDIMM frames for this come
 * from nvdir_cache_alloc: they are used as volatile memory.
 */
struct node {
    struct node *parent; /* of the root: itself */
    struct node *chain;  /* next node with the same hash */
    const char *name;
    uint32_t name_len;
    uint32_t ino;    /* 1 is the root; in order of appearance */
    int32_t section; /* of a file; -1: a directory */

    /* A directory's entries, in order of appearance. */
    struct node **entries;
    uint32_t count, capacity;

    /* A file. Without pages until it is loaded; an empty one never has any. */
    uint64_t size;
    const uint8_t *bytes; /* in the kernel's memory */
    uint32_t first, pages;
    uint8_t tier, loaded;
    int load_error; /* kept: a file that could not be loaded is not tried again */
};

#define NAME_BYTES_MAX 255u

void tree_init(void);
struct node *tree_root(void);

static inline int node_is_directory(const struct node *n)
{
    return n->section < 0;
}

/* The entry with that name, or NULL. */
struct node *tree_entry(const struct node *directory, const char *name, uint32_t len);

/*
 * Follow a path of a program from a directory that it holds: 0 and *out, or -ENOENT, -ENOTDIR,
 * -EILSEQ (no UTF-8, or a NUL), -ENAMETOOLONG, and -ENOTCAPABLE for a path that leaves the
 * directory: absolute, or by "..".
 */
int tree_walk(struct node *from, const char *path, uint32_t len, struct node **out);

/* Make sure that a file's bytes are in memory: 0 or -errno, the same one each time. */
int node_load(struct node *file);

/* Section of the program with that name, or -ENOENT. */
int32_t program_section(const char *name, uint32_t len);

#endif
