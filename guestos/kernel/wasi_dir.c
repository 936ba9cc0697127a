/* wasi_dir.c - listing a directory. */
#include "kstring.h"
#include "hart.h"
#include "uaccess.h"
#include "vfs.h"
#include "wasi.h"

/* A directory entry as programs read it. */
struct record {
    struct wasi_dirent head;
    char name[NAME_BYTES_MAX];
};

/* The entry at a cookie, "." (0) and ".." (1) first: its length, 0 past the end. */
static uint32_t record_make(const struct inode *dir, uint64_t cookie, struct record *r)
{
    struct dir_entry e = {"..", (uint32_t)cookie + 1, cookie + 1, cookie == 0 ? dir : dir->parent};
    if (cookie >= 2 && !dir->fs->readdir(dir, cookie, &e))
        return 0;
    r->head = (struct wasi_dirent){
        .next = e.next, .ino = e.node->ino, .namlen = e.len, .type = e.node->type};
    memcpy(r->name, e.name, e.len);
    return (uint32_t)sizeof r->head + e.len;
}

/* Fills the buffer; the last entry is cut where the buffer ends, and the program comes back with a
 * larger one, or with that entry's cookie. Cookies stay good while entries come and go: an entry
 * that is there all the time is told exactly once. */
WASI_EXPORT(fd_readdir)
uint32_t wasi_fd_readdir(uint32_t fd, uint32_t buf, uint32_t buf_len, uint64_t cookie,
                         uint32_t used)
{
    KERNEL_CALL();
    const struct process *p = process_self();
    const struct slot *s = handle_slot(&p->handles, fd);
    struct record r;
    uint32_t done = 0, len, at;
    if (!s)
        return EBADF;
    if (s->file->kind != HANDLE_DIRECTORY)
        return ENOTDIR;
    if (!(s->rights & RIGHT_FD_READDIR))
        return ENOTCAPABLE;
    for (; done < buf_len && (len = record_make(s->file->node, cookie, &r)); cookie = r.head.next) {
        int err;
        if (len > buf_len - done)
            len = buf_len - done;
        err = user_element(buf, done, 1, &at);
        if (err == 0)
            err = user_write(p, at, &r, len);
        if (err < 0)
            return wasi_result(err);
        done += len;
    }
    return wasi_result(user_put32(p, used, done));
}
