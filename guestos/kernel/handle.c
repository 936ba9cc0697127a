/* handle.c - what file descriptors stand for, and a process's table of them. */
#include "handle.h"
#include "channel.h"
#include "heap.h"
#include "kstring.h"
#include "objects.h"
#include "pipe.h"
#include "vfs.h"

#define RIGHTS_STREAM                                                                              \
    (RIGHT_FD_SET_FLAGS | RIGHT_FD_FILESTAT_GET | RIGHT_POLL_FD_READWRITE | RIGHT_FD_ADVISE)
#define RIGHTS_FILE                                                                                \
    (RIGHT_FD_DATASYNC | RIGHT_FD_READ | RIGHT_FD_SEEK | RIGHT_FD_SET_FLAGS | RIGHT_FD_SYNC |      \
     RIGHT_FD_TELL | RIGHT_FD_WRITE | RIGHT_FD_ADVISE | RIGHT_FD_ALLOCATE |                        \
     RIGHT_FD_FILESTAT_GET | RIGHT_FD_FILESTAT_SET_SIZE | RIGHT_FD_FILESTAT_SET_TIMES |            \
     RIGHT_POLL_FD_READWRITE)
#define RIGHTS_DIRECTORY                                                                           \
    (RIGHT_FD_SET_FLAGS | RIGHT_FD_SYNC | RIGHT_FD_DATASYNC | RIGHT_FD_ADVISE |                    \
     RIGHT_PATH_CREATE_DIRECTORY | RIGHT_PATH_CREATE_FILE | RIGHT_PATH_LINK_SOURCE |               \
     RIGHT_PATH_LINK_TARGET | RIGHT_PATH_OPEN | RIGHT_FD_READDIR | RIGHT_PATH_READLINK |           \
     RIGHT_PATH_RENAME_SOURCE | RIGHT_PATH_RENAME_TARGET | RIGHT_PATH_FILESTAT_GET |               \
     RIGHT_PATH_FILESTAT_SET_SIZE | RIGHT_PATH_FILESTAT_SET_TIMES | RIGHT_FD_FILESTAT_GET |        \
     RIGHT_FD_FILESTAT_SET_TIMES | RIGHT_PATH_SYMLINK | RIGHT_PATH_REMOVE_DIRECTORY |              \
     RIGHT_PATH_UNLINK_FILE | RIGHT_POLL_FD_READWRITE)

uint64_t handle_rights(const struct handle *h)
{
    switch ((enum handle_kind)h->kind) {
    case HANDLE_FILE:
        return RIGHTS_FILE;
    case HANDLE_DIRECTORY:
        return RIGHTS_DIRECTORY;
    case HANDLE_CONSOLE:
        return RIGHTS_STREAM | RIGHT_FD_READ | RIGHT_FD_WRITE;
    case HANDLE_PIPE_READ:
        return RIGHTS_STREAM | RIGHT_FD_READ;
    case HANDLE_PIPE_WRITE:
        return RIGHTS_STREAM | RIGHT_FD_WRITE;
    case HANDLE_CHANNEL:
        return RIGHTS_STREAM | RIGHT_FD_READ | RIGHT_FD_WRITE;
    case HANDLE_OBJECT:
        return RIGHT_FD_FILESTAT_GET | RIGHT_FD_READ | RIGHT_FD_WRITE;
    }
    return 0;
}

struct handle *handle_new(enum handle_kind kind)
{
    struct handle *h = kalloc(sizeof *h);
    if (!h)
        return NULL;
    h->refs = 1;
    h->kind = (uint8_t)kind;
    return h;
}

struct handle *handle_hold(struct handle *h)
{
    h->refs++;
    return h;
}

void handle_drop(struct handle *h)
{
    if (--h->refs > 0)
        return;
    switch ((enum handle_kind)h->kind) {
    case HANDLE_FILE:
    case HANDLE_DIRECTORY:
        if (h->node)
            inode_drop(h->node);
        break;
    case HANDLE_OBJECT:
        if (h->object)
            object_drop(h->object);
        break;
    case HANDLE_PIPE_READ:
    case HANDLE_PIPE_WRITE:
        if (h->pipe)
            pipe_close(h->pipe, h->kind == HANDLE_PIPE_WRITE);
        break;
    case HANDLE_CHANNEL:
        if (h->end)
            channel_close(h->end);
        break;
    case HANDLE_CONSOLE:
        break;
    }
    kfree(h);
}

/* ---- tables ---- */

/* Slots up to number fd, which is below the limit. */
static int table_reserve(struct handle_table *t, uint32_t fd)
{
    uint32_t capacity = t->capacity ? t->capacity : 8;
    struct slot *slots;
    if (fd < t->capacity)
        return 0;
    while (capacity <= fd)
        capacity *= 2;
    slots = kalloc(capacity * sizeof *slots);
    if (!slots)
        return -ENOMEM;
    if (t->capacity)
        memcpy(slots, t->slots, t->capacity * sizeof *slots);
    kfree(t->slots);
    t->slots = slots;
    t->capacity = capacity;
    return 0;
}

int handle_install_at(struct handle_table *t, uint32_t fd, const struct slot *from)
{
    int err = fd < t->limit ? table_reserve(t, fd) : -EMFILE;
    if (err < 0) {
        handle_drop(from->file);
        return err;
    }
    t->slots[fd] = *from;
    t->slots[fd].rights &= handle_rights(from->file);
    return 0;
}

int32_t handle_install(struct handle_table *t, struct handle *h, uint64_t rights,
                       uint64_t inheriting)
{
    struct slot s = {.file = h,
                     .rights = rights,
                     .inheriting = h->kind == HANDLE_DIRECTORY ? inheriting & RIGHTS_ALL : 0};
    uint32_t fd = 0;
    while (fd < t->capacity && t->slots[fd].file)
        fd++;
    int err = handle_install_at(t, fd, &s);
    return err < 0 ? err : (int32_t)fd;
}

int handle_close(struct handle_table *t, uint32_t fd)
{
    struct slot *s = handle_slot(t, fd);
    struct handle *h;
    if (!s)
        return -EBADF;
    h = s->file;
    *s = (struct slot){0};
    handle_drop(h);
    return 0;
}

int handle_move(struct handle_table *t, uint32_t from, uint32_t to)
{
    struct slot *s = handle_slot(t, from), *d = handle_slot(t, to);
    struct handle *old;
    if (!s || !d)
        return -EBADF;
    if (s == d)
        return 0;
    old = d->file;
    *d = *s;
    *s = (struct slot){0};
    handle_drop(old);
    return 0;
}

void handles_close_all(struct handle_table *t)
{
    for (uint32_t fd = 0; fd < t->capacity; fd++)
        handle_close(t, fd);
    kfree(t->slots);
    t->slots = NULL;
    t->capacity = 0;
}

int handle_use(const struct handle_table *t, uint32_t fd, uint64_t rights, struct slot **out)
{
    struct slot *s = handle_slot(t, fd);
    if (!s)
        return -EBADF;
    *out = s;
    return (s->rights & rights) == rights ? 0 : -ENOTCAPABLE;
}
