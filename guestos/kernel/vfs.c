/* vfs.c - the seam to file systems: inodes and what is the same for all; paths are in walk.c. */
#include "vfs.h"
#include "kstring.h"
#include "machine_import.h"

/* Static: a machine has one tree of files. */
static struct {
    struct inode *root;
} vfs;

void vfs_set_root(struct inode *root)
{
    vfs.root = inode_hold(root);
}

struct inode *vfs_root(void)
{
    return vfs.root;
}

struct inode *inode_hold(struct inode *n)
{
    n->refs++;
    return n;
}

static void inode_settle(struct inode *n)
{
    if (n->refs == 0 && n->links == 0)
        n->fs->release(n);
}

void inode_drop(struct inode *n)
{
    n->refs--;
    inode_settle(n);
}

void inode_touch(struct inode *n, int contents)
{
    n->ctim = (uint64_t)machine_clock(1);
    if (contents)
        n->mtim = n->ctim;
}

/* ---- changing names ---- */

/* May a name be put there? */
static int place_free(const struct place *at, int directory)
{
    if (at->node)
        return -EEXIST;
    if (at->slash && !directory)
        return -ENOENT;
    return at->dir->links == 0 ? -ENOENT : 0; /* a directory that was removed gets no entries */
}

int vfs_create(const struct place *at, enum wasi_filetype type, struct inode **out)
{
    int err = place_free(at, type == FILETYPE_DIRECTORY);
    if (err == 0)
        err = at->dir->fs->create(at->dir, at->name, at->len, type, out);
    if (err == 0)
        inode_touch(at->dir, 1);
    return err;
}

int vfs_symlink(const struct place *at, const char *target, uint32_t len)
{
    struct inode *link;
    int err;
    if (len == 0)
        return -ENOENT;
    if (target[0] == '/')
        return -ENOTCAPABLE;
    err = vfs_create(at, FILETYPE_SYMBOLIC_LINK, &link);
    if (err < 0)
        return err;
    err = link->fs->put(link, target, len);
    if (err < 0) {
        at->dir->fs->unlink(at->dir, at->name, at->len);
        inode_settle(link);
    }
    return err;
}

int vfs_link(const struct place *from, const struct place *to)
{
    int err;
    if (!from->node)
        return -ENOENT;
    if (inode_is_directory(from->node))
        return -EPERM;
    if (from->slash)
        return -ENOTDIR;
    err = place_free(to, 0);
    if (err < 0)
        return err;
    if (from->node->fs != to->dir->fs)
        return -EXDEV;
    if (from->node->links == UINT32_MAX)
        return -EMLINK;
    err = to->dir->fs->link(to->dir, to->name, to->len, from->node);
    if (err < 0)
        return err;
    inode_touch(from->node, 0);
    inode_touch(to->dir, 1);
    return 0;
}

static void remove(const struct place *at)
{
    struct inode *node = inode_hold(at->node);
    at->dir->fs->unlink(at->dir, at->name, at->len);
    inode_touch(at->dir, 1);
    inode_touch(node, 0);
    if (inode_is_directory(node))
        node->parent = node;
    inode_drop(node);
}

int vfs_unlink(const struct place *at)
{
    if (!at->node)
        return -ENOENT;
    if (inode_is_directory(at->node))
        return -EISDIR;
    if (at->slash)
        return -ENOTDIR;
    remove(at);
    return 0;
}

int vfs_rmdir(const struct place *at)
{
    if (!at->node)
        return -ENOENT;
    if (!inode_is_directory(at->node))
        return -ENOTDIR;
    if (!at->dir)
        return -EINVAL;
    if (!at->node->fs->is_empty(at->node))
        return -ENOTEMPTY;
    remove(at);
    return 0;
}

/* May `from` take the place of what is at `to`? */
static int rename_check(const struct place *from, const struct place *to)
{
    int directory;
    if (!from->node)
        return -ENOENT;
    if (!from->dir || !to->dir)
        return -EBUSY;
    directory = inode_is_directory(from->node);
    if (from->slash && !directory)
        return -ENOTDIR;
    for (struct inode *up = to->dir; directory; up = up->parent) {
        if (up == from->node)
            return -EINVAL;
        if (up == up->parent)
            break;
    }
    if (!to->node)
        return to->slash && !directory ? -ENOTDIR : to->dir->links == 0 ? -ENOENT : 0;
    if (directory && !inode_is_directory(to->node))
        return -ENOTDIR;
    if (!directory && inode_is_directory(to->node))
        return -EISDIR;
    if (directory && !to->node->fs->is_empty(to->node))
        return -ENOTEMPTY;
    return 0;
}

/* The new name comes before the old one goes, so that a failure leaves both as they were: the old
 * target is put aside by its inode and comes back if need be. */
int vfs_rename(const struct place *from, const struct place *to)
{
    struct inode *node, *old = to->node;
    int err;
    if (from->node && from->node == old)
        return 0;
    err = rename_check(from, to);
    if (err < 0)
        return err;
    if (from->node->fs != to->dir->fs)
        return -EXDEV;
    node = inode_hold(from->node);
    if (old) {
        inode_hold(old);
        to->dir->fs->unlink(to->dir, to->name, to->len);
    }
    err = to->dir->fs->link(to->dir, to->name, to->len, node);
    if (err == 0) {
        from->dir->fs->unlink(from->dir, from->name, from->len);
        if (inode_is_directory(node))
            node->parent = to->dir;
        if (old && inode_is_directory(old))
            old->parent = old;
        inode_touch(from->dir, 1);
        inode_touch(to->dir, 1);
        inode_touch(node, 0);
    } else if (old) {
        to->dir->fs->link(to->dir, to->name, to->len, old); /* memory that was just given back */
    }
    if (old)
        inode_drop(old);
    inode_drop(node);
    return err;
}
