/* handle.h - what file descriptors stand for, and a process's table of them. */
#ifndef KERNEL_HANDLE_H
#define KERNEL_HANDLE_H

#include <stdint.h>

#include "wasi.h"

struct inode;
struct object;
struct pipe;
struct channel_end;

enum handle_kind {
    HANDLE_CONSOLE,
    HANDLE_FILE,
    HANDLE_DIRECTORY,
    HANDLE_OBJECT,
    HANDLE_PIPE_READ,
    HANDLE_PIPE_WRITE,
    HANDLE_CHANNEL
};

/* An open file; several descriptors, also of several processes, may share one. */
struct handle {
    uint32_t refs;
    uint8_t kind;              /* enum handle_kind */
    uint8_t stream;            /* of the console: enum console_stream */
    uint16_t flags;            /* fdflags */
    uint64_t at;               /* offset of a file */
    union {                    /* held, each by its own count */
        struct inode *node;    /* of a file or directory */
        struct object *object; /* memory: can be mapped, not read */
        struct pipe *pipe;     /* one end of it */
        struct channel_end *end;
    };
};

/* A descriptor: an open file, and what this process may do with it. */
struct slot {
    struct handle *file; /* NULL: free */
    uint64_t rights, inheriting;
    const char *preopen; /* the name of a directory that the process was given at its start; kept
                            for good by boot.c */
    uint32_t preopen_len;
};

#define HANDLES_MOST 1024u

struct handle_table {
    struct slot *slots;
    uint32_t capacity; /* of slots */
    uint32_t limit;    /* most descriptors */
};

/* Rights that make sense for a kind of file; what a directory can hand on. */
uint64_t handle_rights(const struct handle *h);

/* A new open file of refs 1, or NULL: no memory. */
struct handle *handle_new(enum handle_kind kind);
struct handle *handle_hold(struct handle *h);
void handle_drop(struct handle *h);

/*
 * Put an open file into the lowest free slot, taking over the caller's reference (which is dropped
 * on failure): its number, or -EMFILE or -ENOMEM. Rights are cut down to what its kind has.
 */
int32_t handle_install(struct handle_table *t, struct handle *h, uint64_t rights,
                       uint64_t inheriting);
/* The same for a number that is free, below the limit. */
int handle_install_at(struct handle_table *t, uint32_t fd, const struct slot *from);
int handle_close(struct handle_table *t, uint32_t fd);
/* `to`, which must be open, becomes what `from` was; `from` is closed. */
int handle_move(struct handle_table *t, uint32_t from, uint32_t to);
void handles_close_all(struct handle_table *t);

/* The slot of a descriptor that is open, or NULL: -EBADF. */
static inline struct slot *handle_slot(const struct handle_table *t, uint32_t fd)
{
    return fd < t->capacity && t->slots[fd].file ? &t->slots[fd] : (struct slot *)0;
}

/* The slot of an open descriptor that has all these rights: 0, -EBADF or -ENOTCAPABLE. */
int handle_use(const struct handle_table *t, uint32_t fd, uint64_t rights, struct slot **out);

#endif
