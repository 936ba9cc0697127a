/* wasi.h - numbers and memory layouts of WASI preview 1 (wasi_snapshot_preview1). */
#ifndef KERNEL_WASI_H
#define KERNEL_WASI_H

#include <stddef.h>
#include <stdint.h>

/*
 * Source: the interface's own description, typenames.witx and wasi_snapshot_preview1.witx. Layouts
 * are as programs see them in their memory; the assertions pin the offsets that matter, and padding
 * has a name so that it is zero and no stale kernel bytes leave with it. Inside the
 * kernel an error is a negative number, -E…; at the boundary of WASI it is the positive one.
 */

enum {
    E2BIG = 1,
    EACCES = 2,
    EAGAIN = 6,
    EBADF = 8,
    EBUSY = 10,
    ECHILD = 12,
    EDEADLK = 16,
    EEXIST = 20,
    EFAULT = 21,
    EFBIG = 22,
    EILSEQ = 25,
    EINTR = 27,
    EINVAL = 28,
    EIO = 29,
    EISDIR = 31,
    ELOOP = 32,
    EMFILE = 33,
    EMLINK = 34,
    EMSGSIZE = 35,
    ENAMETOOLONG = 37,
    ENFILE = 41,
    ENODEV = 43,
    ENOENT = 44,
    ENOEXEC = 45,
    ENOMEM = 48,
    ENOSPC = 51,
    ENOSYS = 52,
    ENOTDIR = 54,
    ENOTEMPTY = 55,
    ENOTSOCK = 57,
    ENOTSUP = 58,
    EOVERFLOW = 61,
    EPERM = 63,
    EPIPE = 64,
    EROFS = 69,
    ESPIPE = 70,
    ESRCH = 71,
    ETIMEDOUT = 73,
    EXDEV = 75,
    ENOTCAPABLE = 76
};

enum wasi_clock { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPU, CLOCK_THREAD_CPU };

enum wasi_right {
    RIGHT_FD_DATASYNC = 1 << 0,
    RIGHT_FD_READ = 1 << 1,
    RIGHT_FD_SEEK = 1 << 2,
    RIGHT_FD_SET_FLAGS = 1 << 3,
    RIGHT_FD_SYNC = 1 << 4,
    RIGHT_FD_TELL = 1 << 5,
    RIGHT_FD_WRITE = 1 << 6,
    RIGHT_FD_ADVISE = 1 << 7,
    RIGHT_FD_ALLOCATE = 1 << 8,
    RIGHT_PATH_CREATE_DIRECTORY = 1 << 9,
    RIGHT_PATH_CREATE_FILE = 1 << 10,
    RIGHT_PATH_LINK_SOURCE = 1 << 11,
    RIGHT_PATH_LINK_TARGET = 1 << 12,
    RIGHT_PATH_OPEN = 1 << 13,
    RIGHT_FD_READDIR = 1 << 14,
    RIGHT_PATH_READLINK = 1 << 15,
    RIGHT_PATH_RENAME_SOURCE = 1 << 16,
    RIGHT_PATH_RENAME_TARGET = 1 << 17,
    RIGHT_PATH_FILESTAT_GET = 1 << 18,
    RIGHT_PATH_FILESTAT_SET_SIZE = 1 << 19,
    RIGHT_PATH_FILESTAT_SET_TIMES = 1 << 20,
    RIGHT_FD_FILESTAT_GET = 1 << 21,
    RIGHT_FD_FILESTAT_SET_SIZE = 1 << 22,
    RIGHT_FD_FILESTAT_SET_TIMES = 1 << 23,
    RIGHT_PATH_SYMLINK = 1 << 24,
    RIGHT_PATH_REMOVE_DIRECTORY = 1 << 25,
    RIGHT_PATH_UNLINK_FILE = 1 << 26,
    RIGHT_POLL_FD_READWRITE = 1 << 27,
    RIGHT_SOCK_SHUTDOWN = 1 << 28,
    RIGHT_SOCK_ACCEPT = 1 << 29
};
#define RIGHTS_ALL 0x3fffffffull

enum wasi_filetype {
    FILETYPE_UNKNOWN = 0,
    FILETYPE_CHARACTER_DEVICE = 2,
    FILETYPE_DIRECTORY = 3,
    FILETYPE_REGULAR_FILE = 4,
    FILETYPE_SYMBOLIC_LINK = 7
};

enum wasi_signal {
    SIGNAL_NONE = 0,
    SIGNAL_CHLD = 16,
    SIGNAL_CONT,
    SIGNAL_STOP,
    SIGNAL_TSTP,
    SIGNAL_TTIN,
    SIGNAL_TTOU,
    SIGNAL_URG,
    SIGNAL_WINCH = 27,
    SIGNAL_SYS = 30
};

enum wasi_whence { WHENCE_SET, WHENCE_CUR, WHENCE_END };
enum wasi_oflags { OFLAG_CREAT = 1, OFLAG_DIRECTORY = 2, OFLAG_EXCL = 4, OFLAG_TRUNC = 8 };
enum wasi_fdflags { FDFLAG_APPEND = 1, FDFLAG_NONBLOCK = 4 };
enum wasi_fstflags { FST_ATIM = 1, FST_ATIM_NOW = 2, FST_MTIM = 4, FST_MTIM_NOW = 8 };
enum wasi_event_type { EVENT_CLOCK, EVENT_FD_READ, EVENT_FD_WRITE };

#define OFLAGS_ALL         0xfu
#define FDFLAGS_ALL        0x1fu
#define LOOKUP_FOLLOW      0x1u
#define LOOKUP_FLAGS_ALL   0x1u
#define ADVICE_LAST        5u
#define FSTFLAGS_ALL       0xfu
#define EVENT_HANGUP       0x1u
#define SUBCLOCK_ABSTIME   0x1u
#define SUBCLOCK_FLAGS_ALL 0x1u

struct wasi_iovec {
    uint32_t buf, len;
};

struct wasi_fdstat {
    uint8_t filetype, zero;
    uint16_t flags;
    uint32_t zero2;
    uint64_t rights, inheriting;
};
_Static_assert(sizeof(struct wasi_fdstat) == 24, "fdstat");

struct wasi_filestat {
    uint64_t dev, ino;
    uint8_t filetype, zero[7];
    uint64_t nlink, size, atim, mtim, ctim;
};
_Static_assert(sizeof(struct wasi_filestat) == 64, "filestat");
_Static_assert(offsetof(struct wasi_filestat, nlink) == 24, "filestat");

struct unstable_filestat {
    uint64_t dev, ino;
    uint8_t filetype, zero[3];
    uint32_t nlink;
    uint64_t size, atim, mtim, ctim;
};
_Static_assert(sizeof(struct unstable_filestat) == 56, "unstable filestat");

struct wasi_dirent { /* the name follows */
    uint64_t next, ino;
    uint32_t namlen;
    uint8_t type, zero[3];
};
_Static_assert(sizeof(struct wasi_dirent) == 24, "dirent");

struct wasi_prestat {
    uint8_t tag, zero[3]; /* tag 0: a directory */
    uint32_t name_len;
};
_Static_assert(sizeof(struct wasi_prestat) == 8, "prestat");

struct wasi_subscription {
    uint64_t userdata;
    uint8_t tag; /* enum wasi_fdflags { FDFLAG_APPEND = 1, FDFLAG_NONBLOCK = 4 };
enum wasi_fstflags { FST_ATIM = 1, FST_ATIM_NOW = 2, FST_MTIM = 4, FST_MTIM_NOW = 8 };
enum wasi_event_type */
    union {
        struct {
            uint32_t id;
            uint64_t timeout, precision;
            uint16_t flags;
        } clock;
        uint32_t fd;
    };
};
_Static_assert(sizeof(struct wasi_subscription) == 48, "subscription");
_Static_assert(offsetof(struct wasi_subscription, clock.timeout) == 24, "subscription");
_Static_assert(offsetof(struct wasi_subscription, clock.flags) == 40, "subscription");

struct wasi_event {
    uint64_t userdata;
    uint16_t error;
    uint8_t type, zero[5];
    uint64_t nbytes;
    uint16_t flags, zero2[3];
};
_Static_assert(sizeof(struct wasi_event) == 32, "event");
_Static_assert(offsetof(struct wasi_event, nbytes) == 16, "event");

/* A function of the interface. They are called by the machine, for a user thread, on that thread's
 * kernel stack. */
#define WASI_EXPORT(name) __attribute__((export_name("wasi_snapshot_preview1." #name)))

/* The same for WASI's first snapshot, which programs of 2019 import from. Only what has another
 * form there is exported so; the machine binds the rest to the function above. What differs: the
 * numbers of whence, the layout of filestat (32-bit link count) and of a clock subscription.
 * Source: phases/old/snapshot_0 of the specification. */
#define UNSTABLE_EXPORT(name) __attribute__((export_name("wasi_unstable." #name)))

/* What such a function returns. */
static inline uint32_t wasi_result(int err)
{
    return (uint32_t)-err;
}

#endif
