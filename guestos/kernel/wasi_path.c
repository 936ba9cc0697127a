/* wasi_path.c - calls that name a file by a path. */
#include "kstring.h"
#include "hart.h"
#include "stat.h"
#include "times.h"
#include "uaccess.h"
#include "vfs.h"
#include "wasi.h"

/* A path argument: where a program's path leads from a directory that it holds. n: which of the
 * thread's scratch buffers it is read into. */
static int path_find(uint32_t fd, uint32_t path, uint32_t len, uint64_t rights, int follow, int n,
                     struct place *out)
{
    struct thread *t = thread_self();
    const struct slot *s = handle_slot(&t->process->handles, fd);
    int err;
    if (!s)
        return -EBADF;
    if (s->file->kind != HANDLE_DIRECTORY)
        return -ENOTDIR;
    if ((s->rights & rights) != rights)
        return -ENOTCAPABLE;
    if (len > PATH_BYTES)
        return -ENAMETOOLONG;
    err = user_read(t->process, t->path[n], path, len);
    return err < 0 ? err : vfs_walk(s->file->node, t->path[n], len, follow, t->links, out);
}

/* ---- open ---- */

#define RIGHTS_TO_WRITE (RIGHT_FD_WRITE | RIGHT_FD_ALLOCATE | RIGHT_FD_FILESTAT_SET_SIZE)

/* What path_open was asked for. */
struct open {
    uint32_t oflags, fdflags;
    uint64_t rights, inheriting;
};

static uint64_t open_rights_needed(uint32_t oflags)
{
    return RIGHT_PATH_OPEN | (oflags & OFLAG_CREAT ? RIGHT_PATH_CREATE_FILE : 0) |
           (oflags & OFLAG_TRUNC ? RIGHT_PATH_FILESTAT_SET_SIZE : 0);
}

/* May what is there be opened so? */
static int open_check(const struct inode *node, const struct open *o)
{
    if ((o->oflags & OFLAG_CREAT) && (o->oflags & OFLAG_EXCL))
        return -EEXIST;
    if (node->type == FILETYPE_SYMBOLIC_LINK)
        return -ELOOP;
    if (inode_is_directory(node)) {
        int writes = (o->oflags & (OFLAG_TRUNC | OFLAG_CREAT)) || (o->rights & RIGHTS_TO_WRITE);
        return writes && !(o->oflags & OFLAG_DIRECTORY) ? -EISDIR : 0;
    }
    return o->oflags & OFLAG_DIRECTORY ? -ENOTDIR : 0;
}

/* The file, made or cut if so asked. */
static int open_find(const struct place *at, const struct open *o, struct inode **out)
{
    int err;
    *out = at->node;
    if (!at->node)
        return o->oflags & OFLAG_CREAT ? vfs_create(at, FILETYPE_REGULAR_FILE, out) : -ENOENT;
    err = open_check(at->node, o);
    if (err < 0 || inode_is_directory(at->node))
        return err;
    err = at->node->fs->open(at->node);
    return err == 0 && (o->oflags & OFLAG_TRUNC) ? at->node->fs->resize(at->node, 0) : err;
}

static int32_t open_install(struct process *p, struct inode *node, const struct open *o)
{
    struct handle *h = handle_new(inode_is_directory(node) ? HANDLE_DIRECTORY : HANDLE_FILE);
    if (!h)
        return -ENOMEM;
    h->node = inode_hold(node);
    h->flags = (uint16_t)o->fdflags;
    return handle_install(&p->handles, h, o->rights, o->inheriting);
}

/* A directory hands on what it may; rights that do not exist are not asked for. */
static int open_allowed(const struct process *p, uint32_t dir, struct open *o)
{
    const struct slot *s = handle_slot(&p->handles, dir);
    o->rights &= RIGHTS_ALL;
    o->inheriting &= RIGHTS_ALL;
    return ((o->rights | o->inheriting) & ~s->inheriting) ? -ENOTCAPABLE : 0;
}

WASI_EXPORT(path_open)
uint32_t wasi_path_open(uint32_t dir, uint32_t lookup, uint32_t path, uint32_t len, uint32_t oflags,
                        uint64_t rights, uint64_t inheriting, uint32_t fdflags, uint32_t fd)
{
    KERNEL_CALL();
    struct process *p = process_self();
    struct open o = {oflags, fdflags, rights, inheriting};
    int exclusive = (oflags & OFLAG_CREAT) && (oflags & OFLAG_EXCL);
    struct place place;
    struct inode *node;
    int err, opened;
    if ((lookup & ~LOOKUP_FLAGS_ALL) || (oflags & ~OFLAGS_ALL) || (fdflags & ~FDFLAGS_ALL) ||
        ((oflags & OFLAG_DIRECTORY) && (oflags & OFLAG_CREAT)))
        return EINVAL;
    err = path_find(dir, path, len, open_rights_needed(oflags),
                    (lookup & LOOKUP_FOLLOW) && !exclusive, 0, &place);
    if (err == 0)
        err = open_allowed(p, dir, &o);
    if (err == 0)
        err = open_find(&place, &o, &node);
    if (err < 0)
        return wasi_result(err);
    opened = open_install(p, node, &o);
    if (opened < 0)
        return wasi_result(opened);
    err = user_put32(p, fd, (uint32_t)opened);
    if (err < 0)
        handle_close(&p->handles, (uint32_t)opened);
    return wasi_result(err);
}

/* ---- looking ---- */

static int path_stat(uint32_t dir, uint32_t lookup, uint32_t path, uint32_t len,
                     struct wasi_filestat *stat)
{
    struct place place;
    int err;
    if (lookup & ~LOOKUP_FLAGS_ALL)
        return -EINVAL;
    err = path_find(dir, path, len, RIGHT_PATH_FILESTAT_GET, lookup & LOOKUP_FOLLOW, 0, &place);
    if (err == 0 && !place.node)
        err = -ENOENT;
    if (err == 0)
        filestat_of_node(place.node, stat);
    return err;
}

WASI_EXPORT(path_filestat_get)
uint32_t wasi_path_filestat_get(uint32_t dir, uint32_t lookup, uint32_t path, uint32_t len,
                                uint32_t buf)
{
    KERNEL_CALL();
    struct wasi_filestat stat;
    int err = path_stat(dir, lookup, path, len, &stat);
    return wasi_result(err < 0 ? err : user_write(process_self(), buf, &stat, sizeof stat));
}

UNSTABLE_EXPORT(path_filestat_get)
uint32_t unstable_path_filestat_get(uint32_t dir, uint32_t lookup, uint32_t path, uint32_t len,
                                    uint32_t buf)
{
    KERNEL_CALL();
    struct wasi_filestat stat;
    int err = path_stat(dir, lookup, path, len, &stat);
    return wasi_result(err < 0 ? err : filestat_put_unstable(&stat, buf));
}

WASI_EXPORT(path_readlink)
uint32_t wasi_path_readlink(uint32_t dir, uint32_t path, uint32_t len, uint32_t buf,
                            uint32_t buf_len, uint32_t used)
{
    KERNEL_CALL();
    const struct process *p = process_self();
    const uint8_t *target;
    struct place place;
    int32_t n;
    int err = path_find(dir, path, len, RIGHT_PATH_READLINK, 0, 0, &place);
    if (err == 0 && !place.node)
        err = -ENOENT;
    if (err < 0)
        return wasi_result(err);
    if (place.node->type != FILETYPE_SYMBOLIC_LINK)
        return EINVAL;
    n = place.node->fs->peek(place.node, 0, &target);
    if (n < 0)
        return wasi_result(n);
    if ((uint32_t)n > buf_len)
        n = (int32_t)buf_len;
    err = user_write(p, buf, target, (uint32_t)n);
    return wasi_result(err < 0 ? err : user_put32(p, used, (uint32_t)n));
}

/* ---- changing ---- */

WASI_EXPORT(path_create_directory)
uint32_t wasi_path_create_directory(uint32_t dir, uint32_t path, uint32_t len)
{
    KERNEL_CALL();
    struct place place;
    struct inode *made;
    int err = path_find(dir, path, len, RIGHT_PATH_CREATE_DIRECTORY, 0, 0, &place);
    return wasi_result(err < 0 ? err : vfs_create(&place, FILETYPE_DIRECTORY, &made));
}

WASI_EXPORT(path_filestat_set_times)
uint32_t wasi_path_filestat_set_times(uint32_t dir, uint32_t lookup, uint32_t path, uint32_t len,
                                      uint64_t atim, uint64_t mtim, uint32_t flags)
{
    KERNEL_CALL();
    struct place place;
    int err;
    if ((lookup & ~LOOKUP_FLAGS_ALL) || times_check(flags) < 0)
        return EINVAL;
    err = path_find(dir, path, len, RIGHT_PATH_FILESTAT_SET_TIMES, lookup & LOOKUP_FOLLOW, 0,
                    &place);
    if (err == 0 && !place.node)
        err = -ENOENT;
    if (err == 0)
        times_set(place.node, atim, mtim, flags);
    return wasi_result(err);
}

WASI_EXPORT(path_link)
uint32_t wasi_path_link(uint32_t old_dir, uint32_t lookup, uint32_t old_path, uint32_t old_len,
                        uint32_t new_dir, uint32_t new_path, uint32_t new_len)
{
    KERNEL_CALL();
    struct place from, to;
    int err;
    if (lookup & ~LOOKUP_FLAGS_ALL)
        return EINVAL;
    err = path_find(old_dir, old_path, old_len, RIGHT_PATH_LINK_SOURCE, lookup & LOOKUP_FOLLOW, 0,
                    &from);
    if (err == 0)
        err = path_find(new_dir, new_path, new_len, RIGHT_PATH_LINK_TARGET, 0, 1, &to);
    return wasi_result(err < 0 ? err : vfs_link(&from, &to));
}

WASI_EXPORT(path_rename)
uint32_t wasi_path_rename(uint32_t old_dir, uint32_t old_path, uint32_t old_len, uint32_t new_dir,
                          uint32_t new_path, uint32_t new_len)
{
    KERNEL_CALL();
    struct place from, to;
    int err = path_find(old_dir, old_path, old_len, RIGHT_PATH_RENAME_SOURCE, 0, 0, &from);
    if (err == 0)
        err = path_find(new_dir, new_path, new_len, RIGHT_PATH_RENAME_TARGET, 0, 1, &to);
    return wasi_result(err < 0 ? err : vfs_rename(&from, &to));
}

/* A target is bytes until somebody follows it, but no NUL and no more than a path's. */
static int target_read(struct thread *t, uint32_t target, uint32_t len)
{
    int err = len > PATH_BYTES ? -ENAMETOOLONG : user_read(t->process, t->path[0], target, len);
    for (uint32_t i = 0; err == 0 && i < len; i++) {
        if (t->path[0][i] == 0)
            err = -EILSEQ;
    }
    return err == 0 && !utf8_valid(t->path[0], len) ? -EILSEQ : err;
}

WASI_EXPORT(path_symlink)
uint32_t wasi_path_symlink(uint32_t target, uint32_t target_len, uint32_t dir, uint32_t path,
                           uint32_t len)
{
    KERNEL_CALL();
    struct thread *t = thread_self();
    struct place place;
    int err = target_read(t, target, target_len);
    if (err == 0)
        err = path_find(dir, path, len, RIGHT_PATH_SYMLINK, 0, 1, &place);
    return wasi_result(err < 0 ? err : vfs_symlink(&place, t->path[0], target_len));
}

WASI_EXPORT(path_unlink_file)
uint32_t wasi_path_unlink_file(uint32_t dir, uint32_t path, uint32_t len)
{
    KERNEL_CALL();
    struct place place;
    int err = path_find(dir, path, len, RIGHT_PATH_UNLINK_FILE, 0, 0, &place);
    return wasi_result(err < 0 ? err : vfs_unlink(&place));
}

WASI_EXPORT(path_remove_directory)
uint32_t wasi_path_remove_directory(uint32_t dir, uint32_t path, uint32_t len)
{
    KERNEL_CALL();
    struct place place;
    int err = path_find(dir, path, len, RIGHT_PATH_REMOVE_DIRECTORY, 0, 0, &place);
    return wasi_result(err < 0 ? err : vfs_rmdir(&place));
}
