/* wasi_fd.c - calls on open file descriptors other than reading and writing. */
#include "kstring.h"
#include "stat.h"
#include "uaccess.h"
#include "wasi.h"

/* ---- position ---- */

static int seek_target(const struct handle *h, int64_t offset, uint32_t whence, int64_t *out)
{
    int64_t base;
    switch (whence) {
    case WHENCE_SET:
        base = 0;
        break;
    case WHENCE_CUR:
        base = (int64_t)h->at;
        break;
    case WHENCE_END:
        base = (int64_t)h->node->size;
        break;
    default:
        return -EINVAL;
    }
    if (__builtin_add_overflow(base, offset, out))
        return -EOVERFLOW;
    return *out < 0 ? -EINVAL : 0;
}

/* An open file that has a position, with the right: 0 or -errno. */
static int seekable(const struct process *p, uint32_t fd, uint64_t right, struct handle **out)
{
    struct handle *h = handle_get(&p->handles, fd);
    if (!h)
        return -EBADF;
    if (h->kind != HANDLE_FILE)
        return h->kind == HANDLE_DIRECTORY ? -EISDIR : -ESPIPE;
    *out = h;
    return h->rights & right ? 0 : -ENOTCAPABLE;
}

WASI_EXPORT(fd_seek)
uint32_t wasi_fd_seek(uint32_t fd, int64_t offset, uint32_t whence, uint32_t position)
{
    const struct process *p = process_self();
    struct handle *h;
    int64_t at;
    int err = seekable(p, fd, RIGHT_FD_SEEK, &h);
    if (err == 0)
        err = seek_target(h, offset, whence, &at);
    if (err == 0)
        err = user_put64(p, position, (uint64_t)at);
    if (err == 0)
        h->at = (uint64_t)at;
    return wasi_result(err);
}

WASI_EXPORT(fd_tell) uint32_t wasi_fd_tell(uint32_t fd, uint32_t position)
{
    const struct process *p = process_self();
    struct handle *h;
    int err = seekable(p, fd, RIGHT_FD_TELL, &h);
    return wasi_result(err < 0 ? err : user_put64(p, position, h->at));
}

/* ---- the descriptor itself ---- */

WASI_EXPORT(fd_close) uint32_t wasi_fd_close(uint32_t fd)
{
    return wasi_result(handle_close(&process_self()->handles, fd));
}

WASI_EXPORT(fd_renumber) uint32_t wasi_fd_renumber(uint32_t from, uint32_t to)
{
    return wasi_result(handle_move(&process_self()->handles, from, to));
}

WASI_EXPORT(fd_fdstat_get) uint32_t wasi_fd_fdstat_get(uint32_t fd, uint32_t buf)
{
    const struct process *p = process_self();
    const struct handle *h = handle_get(&p->handles, fd);
    struct wasi_fdstat stat;
    if (!h)
        return EBADF;
    stat = (struct wasi_fdstat){.filetype = (uint8_t)handle_type(h),
                                .flags = h->flags,
                                .rights = h->rights,
                                .inheriting = h->inheriting};
    return wasi_result(user_write(p, buf, &stat, sizeof stat));
}

WASI_EXPORT(fd_fdstat_set_flags) uint32_t wasi_fd_fdstat_set_flags(uint32_t fd, uint32_t flags)
{
    struct handle *h = handle_get(&process_self()->handles, fd);
    if (!h)
        return EBADF;
    if (!(h->rights & RIGHT_FD_SET_FLAGS))
        return ENOTCAPABLE;
    if (flags & ~FDFLAGS_ALL)
        return EINVAL;
    h->flags = (uint16_t)flags;
    return 0;
}

/* Rights can be given up, never gained. */
WASI_EXPORT(fd_fdstat_set_rights)
uint32_t wasi_fd_fdstat_set_rights(uint32_t fd, uint64_t rights, uint64_t inheriting)
{
    struct handle *h = handle_get(&process_self()->handles, fd);
    if (!h)
        return EBADF;
    if ((rights & ~h->rights) || (inheriting & ~h->inheriting))
        return ENOTCAPABLE;
    h->rights = rights;
    h->inheriting = inheriting;
    return 0;
}

WASI_EXPORT(fd_filestat_get) uint32_t wasi_fd_filestat_get(uint32_t fd, uint32_t buf)
{
    const struct process *p = process_self();
    const struct handle *h = handle_get(&p->handles, fd);
    struct wasi_filestat stat;
    if (!h)
        return EBADF;
    if (!(h->rights & RIGHT_FD_FILESTAT_GET))
        return ENOTCAPABLE;
    filestat_of_handle(h, &stat);
    return wasi_result(user_write(p, buf, &stat, sizeof stat));
}

/* A preopened directory, or NULL: -EBADF, which is how programs find the end of the list. */
static const struct handle *preopened(const struct process *p, uint32_t fd)
{
    const struct handle *h = handle_get(&p->handles, fd);
    return h && h->preopen ? h : NULL;
}

WASI_EXPORT(fd_prestat_get) uint32_t wasi_fd_prestat_get(uint32_t fd, uint32_t buf)
{
    const struct process *p = process_self();
    const struct handle *h = preopened(p, fd);
    struct wasi_prestat stat = {.tag = 0};
    if (!h)
        return EBADF;
    stat.name_len = h->node->name_len;
    return wasi_result(user_write(p, buf, &stat, sizeof stat));
}

WASI_EXPORT(fd_prestat_dir_name)
uint32_t wasi_fd_prestat_dir_name(uint32_t fd, uint32_t path, uint32_t len)
{
    const struct process *p = process_self();
    const struct handle *h = preopened(p, fd);
    if (!h)
        return EBADF;
    if (len < h->node->name_len)
        return ENAMETOOLONG;
    return wasi_result(user_write(p, path, h->node->name, h->node->name_len));
}

/* ---- directories ---- */

/* A directory entry as programs read it. */
struct record {
    struct wasi_dirent head;
    char name[NAME_BYTES_MAX];
};

/* Entry number `cookie` of a directory, "." and ".." first: its length, 0 past the end. */
static uint32_t record_make(const struct node *directory, uint64_t cookie, struct record *r)
{
    const struct node *n;
    const char *name = "..";
    uint32_t len = (uint32_t)cookie + 1;
    if (cookie < 2) {
        n = cookie == 0 ? directory : directory->parent;
    } else {
        if (cookie - 2 >= directory->count)
            return 0;
        n = directory->entries[cookie - 2];
        name = n->name;
        len = n->name_len;
    }
    r->head = (struct wasi_dirent){
        .next = cookie + 1, .ino = n->ino, .namlen = len, .type = (uint8_t)node_type(n)};
    memcpy(r->name, name, len);
    return (uint32_t)sizeof r->head + len;
}

/* Fills the buffer; the last entry is cut where the buffer ends, and the program comes back with a
 * larger one, or with that entry's cookie. */
WASI_EXPORT(fd_readdir)
uint32_t wasi_fd_readdir(uint32_t fd, uint32_t buf, uint32_t buf_len, uint64_t cookie,
                         uint32_t used)
{
    const struct process *p = process_self();
    const struct handle *h = handle_get(&p->handles, fd);
    struct record r;
    uint32_t done = 0, n, at;
    if (!h)
        return EBADF;
    if (h->kind != HANDLE_DIRECTORY)
        return ENOTDIR;
    if (!(h->rights & RIGHT_FD_READDIR))
        return ENOTCAPABLE;
    while (done < buf_len && (n = record_make(h->node, cookie, &r)) != 0) {
        int err;
        if (n > buf_len - done)
            n = buf_len - done;
        err = user_element(buf, done, 1, &at);
        if (err == 0)
            err = user_write(p, at, &r, n);
        if (err < 0)
            return wasi_result(err);
        done += n;
        cookie++;
    }
    return wasi_result(user_put32(p, used, done));
}

/* ---- advice and durability ---- */

WASI_EXPORT(fd_advise)
uint32_t wasi_fd_advise(uint32_t fd, uint64_t offset, uint64_t len, uint32_t advice)
{
    struct handle *h;
    int err = seekable(process_self(), fd, RIGHT_FD_ADVISE, &h);
    (void)offset, (void)len;
    if (err == 0 && advice > ADVICE_LAST)
        err = -EINVAL;
    return wasi_result(err);
}

/* Files cannot be changed, so they are always in step with the image. The kernel does not know
 * which lines of a named object are dirty: its user flushes them by instruction, so here it is
 * refused. */
static int sync(uint32_t fd)
{
    const struct handle *h = handle_get(&process_self()->handles, fd);
    if (!h)
        return -EBADF;
    if (h->kind == HANDLE_OBJECT)
        return -ENOTSUP;
    return h->kind == HANDLE_CONSOLE ? -EINVAL : 0;
}

WASI_EXPORT(fd_sync) uint32_t wasi_fd_sync(uint32_t fd)
{
    return wasi_result(sync(fd));
}

WASI_EXPORT(fd_datasync) uint32_t wasi_fd_datasync(uint32_t fd)
{
    return wasi_result(sync(fd));
}

/* ---- changing: a read-only file system ---- */

static int refuse_change(uint32_t fd)
{
    const struct handle *h = handle_get(&process_self()->handles, fd);
    if (!h)
        return -EBADF;
    return h->kind == HANDLE_FILE || h->kind == HANDLE_DIRECTORY ? -EROFS : -EINVAL;
}

WASI_EXPORT(fd_allocate) uint32_t wasi_fd_allocate(uint32_t fd, uint64_t offset, uint64_t len)
{
    (void)offset, (void)len;
    return wasi_result(refuse_change(fd));
}

WASI_EXPORT(fd_filestat_set_size)
uint32_t wasi_fd_filestat_set_size(uint32_t fd, uint64_t size)
{
    (void)size;
    return wasi_result(refuse_change(fd));
}

WASI_EXPORT(fd_filestat_set_times)
uint32_t wasi_fd_filestat_set_times(uint32_t fd, uint64_t atim, uint64_t mtim, uint32_t flags)
{
    (void)atim, (void)mtim;
    if (flags & ~FSTFLAGS_ALL)
        return EINVAL;
    return wasi_result(refuse_change(fd));
}
