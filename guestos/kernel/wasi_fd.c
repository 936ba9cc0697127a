/* wasi_fd.c - calls on open file descriptors other than reading, writing and listing. */
#include "stat.h"
#include "hart.h"
#include "times.h"
#include "uaccess.h"
#include "vfs.h"
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
    struct slot *s = handle_slot(&p->handles, fd);
    if (!s)
        return -EBADF;
    if (s->file->kind != HANDLE_FILE)
        return s->file->kind == HANDLE_DIRECTORY ? -EISDIR : -ESPIPE;
    *out = s->file;
    return s->rights & right ? 0 : -ENOTCAPABLE;
}

WASI_EXPORT(fd_seek)
uint32_t wasi_fd_seek(uint32_t fd, int64_t offset, uint32_t whence, uint32_t position)
{
    KERNEL_CALL();
    const struct process *p = process_self();
    int tells = offset == 0 && whence == WHENCE_CUR;
    struct handle *h;
    int64_t at;
    int err = seekable(p, fd, RIGHT_FD_SEEK | (tells ? RIGHT_FD_TELL : 0), &h);
    if (err == 0)
        err = seek_target(h, offset, whence, &at);
    if (err == 0)
        err = user_put64(p, position, (uint64_t)at);
    if (err == 0)
        h->at = (uint64_t)at;
    return wasi_result(err);
}

UNSTABLE_EXPORT(fd_seek)
uint32_t unstable_fd_seek(uint32_t fd, int64_t offset, uint32_t whence, uint32_t position)
{
    KERNEL_CALL();
    static const uint8_t same[] = {WHENCE_CUR, WHENCE_END, WHENCE_SET};
    return whence < sizeof same ? wasi_fd_seek(fd, offset, same[whence], position) : EINVAL;
}

WASI_EXPORT(fd_tell) uint32_t wasi_fd_tell(uint32_t fd, uint32_t position)
{
    KERNEL_CALL();
    const struct process *p = process_self();
    struct handle *h;
    int err = seekable(p, fd, RIGHT_FD_TELL | RIGHT_FD_SEEK, &h);
    return wasi_result(err < 0 ? err : user_put64(p, position, h->at));
}

/* ---- the descriptor itself ---- */

WASI_EXPORT(fd_close) uint32_t wasi_fd_close(uint32_t fd)
{
    KERNEL_CALL();
    return wasi_result(handle_close(&process_self()->handles, fd));
}

WASI_EXPORT(fd_renumber) uint32_t wasi_fd_renumber(uint32_t from, uint32_t to)
{
    KERNEL_CALL();
    return wasi_result(handle_move(&process_self()->handles, from, to));
}

WASI_EXPORT(fd_fdstat_get) uint32_t wasi_fd_fdstat_get(uint32_t fd, uint32_t buf)
{
    KERNEL_CALL();
    const struct process *p = process_self();
    const struct slot *s = handle_slot(&p->handles, fd);
    struct wasi_fdstat stat;
    if (!s)
        return EBADF;
    stat = (struct wasi_fdstat){.filetype = (uint8_t)handle_type(s->file),
                                .flags = s->file->flags,
                                .rights = s->rights,
                                .inheriting = s->inheriting};
    return wasi_result(user_write(p, buf, &stat, sizeof stat));
}

WASI_EXPORT(fd_fdstat_set_flags) uint32_t wasi_fd_fdstat_set_flags(uint32_t fd, uint32_t flags)
{
    KERNEL_CALL();
    struct slot *s;
    int err = handle_use(&process_self()->handles, fd, RIGHT_FD_SET_FLAGS, &s);
    if (err < 0)
        return wasi_result(err);
    if (flags & ~FDFLAGS_ALL)
        return EINVAL;
    s->file->flags = (uint16_t)flags;
    return 0;
}

/* Rights can be given up, never gained. */
WASI_EXPORT(fd_fdstat_set_rights)
uint32_t wasi_fd_fdstat_set_rights(uint32_t fd, uint64_t rights, uint64_t inheriting)
{
    KERNEL_CALL();
    struct slot *s = handle_slot(&process_self()->handles, fd);
    if (!s)
        return EBADF;
    if ((rights & ~s->rights) || (inheriting & ~s->inheriting))
        return ENOTCAPABLE;
    s->rights = rights;
    s->inheriting = inheriting;
    return 0;
}

WASI_EXPORT(fd_filestat_get) uint32_t wasi_fd_filestat_get(uint32_t fd, uint32_t buf)
{
    KERNEL_CALL();
    const struct process *p = process_self();
    struct wasi_filestat stat;
    struct slot *s;
    int err = handle_use(&p->handles, fd, RIGHT_FD_FILESTAT_GET, &s);
    if (err < 0)
        return wasi_result(err);
    filestat_of_handle(s->file, &stat);
    return wasi_result(user_write(p, buf, &stat, sizeof stat));
}

UNSTABLE_EXPORT(fd_filestat_get) uint32_t unstable_fd_filestat_get(uint32_t fd, uint32_t buf)
{
    KERNEL_CALL();
    struct wasi_filestat stat;
    struct slot *s;
    int err = handle_use(&process_self()->handles, fd, RIGHT_FD_FILESTAT_GET, &s);
    if (err < 0)
        return wasi_result(err);
    filestat_of_handle(s->file, &stat);
    return wasi_result(filestat_put_unstable(&stat, buf));
}

/* A preopened directory, or NULL: -EBADF, which is how programs find the end of the list. */
static const struct slot *preopened(const struct process *p, uint32_t fd)
{
    const struct slot *s = handle_slot(&p->handles, fd);
    return s && s->preopen ? s : NULL;
}

WASI_EXPORT(fd_prestat_get) uint32_t wasi_fd_prestat_get(uint32_t fd, uint32_t buf)
{
    KERNEL_CALL();
    const struct process *p = process_self();
    const struct slot *s = preopened(p, fd);
    struct wasi_prestat stat = {.tag = 0};
    if (!s)
        return EBADF;
    stat.name_len = s->preopen_len;
    return wasi_result(user_write(p, buf, &stat, sizeof stat));
}

WASI_EXPORT(fd_prestat_dir_name)
uint32_t wasi_fd_prestat_dir_name(uint32_t fd, uint32_t path, uint32_t len)
{
    KERNEL_CALL();
    const struct process *p = process_self();
    const struct slot *s = preopened(p, fd);
    if (!s)
        return EBADF;
    if (len < s->preopen_len)
        return ENAMETOOLONG;
    return wasi_result(user_write(p, path, s->preopen, s->preopen_len));
}

/* Files are as durable as they get: not at all in DRAM, and volatile in meaning in NVDIMM. The
 * kernel does not know which lines of a named object are dirty: its user flushes them by
 * instruction, so here it is refused. */
static int sync(uint32_t fd, uint64_t right)
{
    struct slot *s = handle_slot(&process_self()->handles, fd);
    if (!s)
        return -EBADF;
    if (s->file->kind == HANDLE_OBJECT)
        return -ENOTSUP;
    if (s->file->kind != HANDLE_FILE && s->file->kind != HANDLE_DIRECTORY)
        return -EINVAL;
    return s->rights & right ? 0 : -ENOTCAPABLE;
}

WASI_EXPORT(fd_sync) uint32_t wasi_fd_sync(uint32_t fd)
{
    KERNEL_CALL();
    return wasi_result(sync(fd, RIGHT_FD_SYNC));
}

WASI_EXPORT(fd_datasync) uint32_t wasi_fd_datasync(uint32_t fd)
{
    KERNEL_CALL();
    return wasi_result(sync(fd, RIGHT_FD_DATASYNC | RIGHT_FD_SYNC));
}

/* ---- the file behind it ---- */

/* A file's inode, with the right to change it: 0 or -errno. */
static int file_to_change(uint32_t fd, uint64_t right, struct inode **out)
{
    struct slot *s = handle_slot(&process_self()->handles, fd);
    if (!s)
        return -EBADF;
    if (s->file->kind == HANDLE_DIRECTORY)
        return -EISDIR;
    if (s->file->kind != HANDLE_FILE)
        return -EINVAL;
    *out = s->file->node;
    return s->rights & right ? 0 : -ENOTCAPABLE;
}

WASI_EXPORT(fd_advise)
uint32_t wasi_fd_advise(uint32_t fd, uint64_t offset, uint64_t len, uint32_t advice)
{
    KERNEL_CALL();
    struct slot *s = handle_slot(&process_self()->handles, fd);
    uint64_t end;
    if (!s)
        return EBADF;
    if (s->file->kind != HANDLE_FILE)
        return s->file->kind == HANDLE_DIRECTORY ? EISDIR : ESPIPE;
    if (!(s->rights & RIGHT_FD_ADVISE))
        return ENOTCAPABLE;
    return advice > ADVICE_LAST || __builtin_add_overflow(offset, len, &end) ? EINVAL : 0;
}

WASI_EXPORT(fd_allocate) uint32_t wasi_fd_allocate(uint32_t fd, uint64_t offset, uint64_t len)
{
    KERNEL_CALL();
    struct inode *node;
    uint64_t end;
    int err = file_to_change(fd, RIGHT_FD_ALLOCATE, &node);
    if (err < 0)
        return wasi_result(err);
    if (len == 0 || __builtin_add_overflow(offset, len, &end) || end > INT64_MAX)
        return EINVAL;
    return wasi_result(end > node->size ? node->fs->resize(node, end) : 0);
}

WASI_EXPORT(fd_filestat_set_size)
uint32_t wasi_fd_filestat_set_size(uint32_t fd, uint64_t size)
{
    KERNEL_CALL();
    struct inode *node;
    int err = file_to_change(fd, RIGHT_FD_FILESTAT_SET_SIZE, &node);
    if (err == 0 && size > INT64_MAX)
        err = -EINVAL;
    return wasi_result(err < 0 ? err : node->fs->resize(node, size));
}

WASI_EXPORT(fd_filestat_set_times)
uint32_t wasi_fd_filestat_set_times(uint32_t fd, uint64_t atim, uint64_t mtim, uint32_t flags)
{
    KERNEL_CALL();
    struct slot *s = handle_slot(&process_self()->handles, fd);
    if (!s)
        return EBADF;
    if ((s->file->kind != HANDLE_FILE && s->file->kind != HANDLE_DIRECTORY) ||
        times_check(flags) < 0)
        return EINVAL;
    if (!(s->rights & RIGHT_FD_FILESTAT_SET_TIMES))
        return ENOTCAPABLE;
    times_set(s->file->node, atim, mtim, flags);
    return 0;
}
