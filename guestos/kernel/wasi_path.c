/* wasi_path.c - calls that name a file by a path: opening, and what a read-only tree refuses. */
#include "stat.h"
#include "tree.h"
#include "uaccess.h"
#include "wasi.h"

#define RIGHTS_TO_WRITE (RIGHT_FD_WRITE | RIGHT_FD_ALLOCATE | RIGHT_FD_FILESTAT_SET_SIZE)

/* A path argument: the directory it starts from, and its bytes in the thread's scratch buffer. */
struct path {
    struct node *from;
    const char *text;
    uint32_t len;
};

static int path_read(struct thread *t, uint32_t fd, uint32_t path, uint32_t len, uint64_t right,
                     struct path *out)
{
    const struct handle *h = handle_get(&t->process->handles, fd);
    int err;
    if (!h)
        return -EBADF;
    if (h->kind != HANDLE_DIRECTORY)
        return -ENOTDIR;
    if ((h->rights & right) != right)
        return -ENOTCAPABLE;
    if (len > PATH_BYTES)
        return -ENAMETOOLONG;
    err = user_read(t->process, t->path, path, len);
    *out = (struct path){h->node, t->path, len};
    return err;
}

static int path_find(struct thread *t, uint32_t fd, uint32_t path, uint32_t len, uint64_t right,
                     struct node **out)
{
    struct path p;
    int err = path_read(t, fd, path, len, right, &p);
    return err < 0 ? err : tree_walk(p.from, p.text, p.len, out);
}

/* For calls that would change the tree: everything about the path is checked but whether it is
 * there, then it is a read-only file system. */
static int path_refuse(struct thread *t, uint32_t fd, uint32_t path, uint32_t len)
{
    struct node *node;
    int err = path_find(t, fd, path, len, 0, &node);
    return err < 0 && err != -ENOENT ? err : -EROFS;
}

/* ---- open ---- */

/* May `node` be opened so? oflags and rights are what the program asked for. */
static int open_check(const struct node *node, uint32_t oflags, uint64_t rights)
{
    int writes = (oflags & OFLAG_TRUNC) || (rights & RIGHTS_TO_WRITE);
    if ((oflags & OFLAG_CREAT) && (oflags & OFLAG_EXCL))
        return -EEXIST;
    if (node_is_directory(node))
        return writes ? -EISDIR : 0;
    if (oflags & OFLAG_DIRECTORY)
        return -ENOTDIR;
    return writes ? -EROFS : 0;
}

static int open_node(struct process *p, struct node *node, uint64_t rights, uint64_t inheriting,
                     uint32_t flags)
{
    enum handle_kind kind = node_is_directory(node) ? HANDLE_DIRECTORY : HANDLE_FILE;
    struct handle *h;
    int32_t fd;
    int err = kind == HANDLE_FILE ? node_load(node) : 0;
    if (err < 0)
        return err;
    fd = handle_open(&p->handles, kind, rights, &h);
    if (fd < 0)
        return fd;
    h->node = node;
    h->inheriting &= inheriting;
    h->flags = (uint16_t)flags;
    return fd;
}

WASI_EXPORT(path_open)
uint32_t wasi_path_open(uint32_t dir, uint32_t lookup, uint32_t path, uint32_t len, uint32_t oflags,
                        uint64_t rights, uint64_t inheriting, uint32_t fdflags, uint32_t fd)
{
    struct thread *t = thread_self();
    struct node *node;
    int err, opened;
    if ((lookup & ~LOOKUP_FLAGS_ALL) || (oflags & ~OFLAGS_ALL) || (fdflags & ~FDFLAGS_ALL))
        return EINVAL;
    err = path_find(t, dir, path, len, RIGHT_PATH_OPEN, &node);
    if (err == -ENOENT && (oflags & OFLAG_CREAT))
        return EROFS;
    if (err == 0)
        err = open_check(node, oflags, rights);
    if (err < 0)
        return wasi_result(err);
    rights &= handle_get(&t->process->handles, dir)->inheriting;
    opened = open_node(t->process, node, rights, inheriting, fdflags);
    if (opened < 0)
        return wasi_result(opened);
    err = user_put32(t->process, fd, (uint32_t)opened);
    if (err < 0)
        handle_close(&t->process->handles, (uint32_t)opened);
    return wasi_result(err);
}

/* ---- looking ---- */

WASI_EXPORT(path_filestat_get)
uint32_t wasi_path_filestat_get(uint32_t dir, uint32_t lookup, uint32_t path, uint32_t len,
                                uint32_t buf)
{
    struct thread *t = thread_self();
    struct wasi_filestat stat;
    struct node *node;
    int err;
    if (lookup & ~LOOKUP_FLAGS_ALL)
        return EINVAL;
    err = path_find(t, dir, path, len, RIGHT_PATH_FILESTAT_GET, &node);
    if (err < 0)
        return wasi_result(err);
    filestat_of_node(node, &stat);
    return wasi_result(user_write(t->process, buf, &stat, sizeof stat));
}

/* No file is a symbolic link, so whatever is there is the wrong kind. */
WASI_EXPORT(path_readlink)
uint32_t wasi_path_readlink(uint32_t dir, uint32_t path, uint32_t len, uint32_t buf,
                            uint32_t buf_len, uint32_t used)
{
    struct node *node;
    int err = path_find(thread_self(), dir, path, len, RIGHT_PATH_READLINK, &node);
    (void)buf, (void)buf_len, (void)used;
    return wasi_result(err < 0 ? err : -EINVAL);
}

/* ---- changing: a read-only file system ---- */

WASI_EXPORT(path_create_directory)
uint32_t wasi_path_create_directory(uint32_t dir, uint32_t path, uint32_t len)
{
    struct node *node;
    int err = path_find(thread_self(), dir, path, len, 0, &node);
    if (err == 0)
        return EEXIST;
    return err == -ENOENT ? EROFS : wasi_result(err);
}

WASI_EXPORT(path_filestat_set_times)
uint32_t wasi_path_filestat_set_times(uint32_t dir, uint32_t lookup, uint32_t path, uint32_t len,
                                      uint64_t atim, uint64_t mtim, uint32_t flags)
{
    (void)atim, (void)mtim;
    if ((lookup & ~LOOKUP_FLAGS_ALL) || (flags & ~FSTFLAGS_ALL))
        return EINVAL;
    return wasi_result(path_refuse(thread_self(), dir, path, len));
}

WASI_EXPORT(path_link)
uint32_t wasi_path_link(uint32_t old_dir, uint32_t lookup, uint32_t old_path, uint32_t old_len,
                        uint32_t new_dir, uint32_t new_path, uint32_t new_len)
{
    struct thread *t = thread_self();
    int err;
    if (lookup & ~LOOKUP_FLAGS_ALL)
        return EINVAL;
    err = path_refuse(t, old_dir, old_path, old_len);
    return wasi_result(err == -EROFS ? path_refuse(t, new_dir, new_path, new_len) : err);
}

WASI_EXPORT(path_rename)
uint32_t wasi_path_rename(uint32_t old_dir, uint32_t old_path, uint32_t old_len, uint32_t new_dir,
                          uint32_t new_path, uint32_t new_len)
{
    struct thread *t = thread_self();
    int err = path_refuse(t, old_dir, old_path, old_len);
    return wasi_result(err == -EROFS ? path_refuse(t, new_dir, new_path, new_len) : err);
}

WASI_EXPORT(path_symlink)
uint32_t wasi_path_symlink(uint32_t target, uint32_t target_len, uint32_t dir, uint32_t path,
                           uint32_t len)
{
    (void)target, (void)target_len;
    return wasi_result(path_refuse(thread_self(), dir, path, len));
}

WASI_EXPORT(path_unlink_file)
uint32_t wasi_path_unlink_file(uint32_t dir, uint32_t path, uint32_t len)
{
    return wasi_result(path_refuse(thread_self(), dir, path, len));
}

WASI_EXPORT(path_remove_directory)
uint32_t wasi_path_remove_directory(uint32_t dir, uint32_t path, uint32_t len)
{
    return wasi_result(path_refuse(thread_self(), dir, path, len));
}
