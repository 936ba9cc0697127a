/* handle.h - what file descriptors stand for, and a process's table of them. */
#ifndef KERNEL_HANDLE_H
#define KERNEL_HANDLE_H

#include <stdint.h>

struct node;
struct object;

enum handle_kind { HANDLE_CONSOLE, HANDLE_FILE, HANDLE_DIRECTORY, HANDLE_OBJECT };

/* An open file; several descriptors may share one. */
struct handle {
    uint32_t refs;
    uint8_t kind;    /* enum handle_kind */
    uint8_t stream;  /* of the console: enum console_stream */
    uint8_t preopen; /* a directory that the program was given at its start */
    uint16_t flags;  /* fdflags; kept for fd_fdstat_get, none changes what a read-only file does */
    uint64_t rights, inheriting; /* enum wasi_right */
    uint64_t at;                 /* offset of a file */
    union {
        struct node *node;     /* of a file or directory */
        struct object *object; /* a named object; can be mapped, not read */
    };
};

#define HANDLES_MAX 256

struct handle_table {
    struct handle *slots[HANDLES_MAX]; /* NULL: free */
};

/* Console streams as 0, 1, 2 and the root directory as 3. 0 or -ENOMEM. */
int handles_open_standard(struct handle_table *t);
void handles_close_all(struct handle_table *t);

/* A new handle in the lowest free slot: its number and *out, or -EMFILE or -ENOMEM. It has the
 * rights that its kind gives, cut down to `rights`. */
int32_t handle_open(struct handle_table *t, enum handle_kind kind, uint64_t rights,
                    struct handle **out);
int handle_close(struct handle_table *t, uint32_t fd);
/* `to`, which must be open, becomes what `from` was; `from` is closed. */
int handle_move(struct handle_table *t, uint32_t from, uint32_t to);

/* The open file, or NULL: -EBADF. */
static inline struct handle *handle_get(const struct handle_table *t, uint32_t fd)
{
    return fd < HANDLES_MAX ? t->slots[fd] : (struct handle *)0;
}

#endif
