/* hosttree.h - files that the guest gives back to the host at its end. */
#ifndef SIM_HOSTTREE_H
#define SIM_HOSTTREE_H

#include <stddef.h>
#include <stdint.h>

#include "sim/image.h"

/*
 * The kernel names each entry of a tree, directories before what is in them, and then its bytes: of
 * a file its contents, of a symbolic link its target. Nothing touches the host before
 * hosttree_write.
 */
struct hosttree;

struct hosttree *hosttree_new(void);
void hosttree_free(struct hosttree *t); /* NULL is fine */

/* kind: WASI's file type. Paths are relative to the guest's root. 0, or -1: no memory, or more than
 * there may be. Half a tree would cut files short and remove others: it is not written. */
int hosttree_entry(struct hosttree *t, const char *path, size_t len, uint32_t kind);
/* Append to the entry begun last. */
int hosttree_bytes(struct hosttree *t, const void *bytes, size_t n);

/* A folder of the host and where the guest sees it ("" is the root). */
struct hosttree_place {
    const char *host, *guest;
};

/*
 * Make places[i].host what the guest has there: files that differ are replaced (by rename, whole),
 * new ones made, and those that came from the host, so that the image has them, and are gone in the
 * guest, removed. Symbolic links of the host are not followed, those of the guest that lead out of
 * the folder are left out. What lies in another place's folder is that place's. 0, or -1 with a
 * message.
 */
int hosttree_write(const struct hosttree *t, const struct image *image,
                   const struct hosttree_place *places, size_t n, size_t i, char *err,
                   size_t errlen);

#endif
