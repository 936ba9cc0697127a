/* handle.c - what file descriptors stand for, and a process's table of them. */
#include "handle.h"
#include "console.h"
#include "heap.h"
#include "tree.h"
#include "wasi.h"

#define RIGHTS_CONSOLE (RIGHT_FD_SET_FLAGS | RIGHT_FD_FILESTAT_GET | RIGHT_POLL_FD_READWRITE)
#define RIGHTS_FILE                                                                                \
    (RIGHT_FD_READ | RIGHT_FD_SEEK | RIGHT_FD_TELL | RIGHT_FD_ADVISE | RIGHT_FD_SET_FLAGS |        \
     RIGHT_FD_SYNC | RIGHT_FD_DATASYNC | RIGHT_FD_FILESTAT_GET | RIGHT_POLL_FD_READWRITE)
#define RIGHTS_DIRECTORY                                                                           \
    (RIGHT_PATH_OPEN | RIGHT_FD_READDIR | RIGHT_PATH_READLINK | RIGHT_PATH_FILESTAT_GET |          \
     RIGHT_FD_FILESTAT_GET | RIGHT_FD_SET_FLAGS | RIGHT_FD_SYNC | RIGHT_FD_DATASYNC |              \
     RIGHT_PATH_CREATE_DIRECTORY | RIGHT_PATH_CREATE_FILE)
/* A directory hands on the rights to write too, though no file has them: C libraries ask only for
 * rights that a directory hands on, and a program that wants to write shall be told "read-only file
 * system" when it opens the file, not something odd later. */
#define RIGHTS_INHERITED                                                                           \
    (RIGHTS_FILE | RIGHTS_DIRECTORY | RIGHT_FD_WRITE | RIGHT_FD_ALLOCATE |                         \
     RIGHT_FD_FILESTAT_SET_SIZE)

static uint64_t rights_of(enum handle_kind kind)
{
    switch (kind) {
    case HANDLE_FILE:
        return RIGHTS_FILE;
    case HANDLE_DIRECTORY:
        return RIGHTS_DIRECTORY;
    case HANDLE_CONSOLE:
        return RIGHTS_CONSOLE | RIGHT_FD_READ | RIGHT_FD_WRITE;
    case HANDLE_OBJECT:
        return RIGHT_FD_FILESTAT_GET;
    }
    return 0;
}

int32_t handle_open(struct handle_table *t, enum handle_kind kind, uint64_t rights,
                    struct handle **out)
{
    struct handle *h;
    uint32_t fd = 0;
    while (fd < HANDLES_MAX && t->slots[fd])
        fd++;
    if (fd == HANDLES_MAX)
        return -EMFILE;
    h = kalloc(sizeof *h);
    if (!h)
        return -ENOMEM;
    h->refs = 1;
    h->kind = (uint8_t)kind;
    h->rights = rights_of(kind) & rights;
    h->inheriting = kind == HANDLE_DIRECTORY ? RIGHTS_INHERITED : 0;
    t->slots[fd] = h;
    *out = h;
    return (int32_t)fd;
}

static void handle_release(struct handle *h)
{
    if (--h->refs == 0)
        kfree(h);
}

int handle_close(struct handle_table *t, uint32_t fd)
{
    struct handle *h = handle_get(t, fd);
    if (!h)
        return -EBADF;
    t->slots[fd] = NULL;
    handle_release(h);
    return 0;
}

int handle_move(struct handle_table *t, uint32_t from, uint32_t to)
{
    struct handle *h = handle_get(t, from), *old = handle_get(t, to);
    if (!h || !old)
        return -EBADF;
    if (from == to)
        return 0;
    t->slots[to] = h;
    t->slots[from] = NULL;
    handle_release(old);
    return 0;
}

int handles_open_standard(struct handle_table *t)
{
    struct handle *h;
    for (uint8_t stream = CONSOLE_IN; stream <= CONSOLE_ERR; stream++) {
        uint64_t use = stream == CONSOLE_IN ? RIGHT_FD_READ : RIGHT_FD_WRITE;
        if (handle_open(t, HANDLE_CONSOLE, RIGHTS_CONSOLE | use, &h) < 0)
            return -ENOMEM;
        h->stream = stream;
    }
    if (handle_open(t, HANDLE_DIRECTORY, ~0ull, &h) < 0)
        return -ENOMEM;
    h->preopen = 1;
    h->node = tree_root();
    return 0;
}

void handles_close_all(struct handle_table *t)
{
    for (uint32_t fd = 0; fd < HANDLES_MAX; fd++) {
        if (t->slots[fd])
            handle_close(t, fd);
    }
}
