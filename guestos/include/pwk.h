/* pwk.h - kernel calls and machine annotations beyond WASI, for guest programs. */
#ifndef GUESTOS_PWK_H
#define GUESTOS_PWK_H

#include <stdint.h>

/*
 * Calls to the kernel; their negative results are -errno with WASI's numbers, which wasi-libc's
 * <errno.h> shares. pwk_roi, pwk_mark and pwk_tx are instructions of the machine: they never enter
 * the kernel.
 */
#define PWK_IMPORT(name) __attribute__((import_module("pwk"), import_name(#name)))

#define PWK_PAGE         65536u

/* Flags of pwk_map. */
#define PWK_MAP_SHARED  0 /* the very frames of the file or object; DAX where they are NVDIMM */
#define PWK_MAP_PRIVATE 1 /* a copy of a file's pages in DRAM of this program's own */

/*
 * Map `bytes` (rounded up to whole pages of 64 KiB) of an open file or named object from `offset`
 * (a multiple of 64 KiB) into this program's memory, which grows for it. Returns the address, or
 * -errno: see pwk_failed. Mappings are writable: a program that stores to a shared mapping of a
 * file changes what everybody reads from that file until power-off, never the boot image.
 */
#if defined(__wasi__) && !defined(PWK_NO_LIBC)
/* The malloc of wasi-libc takes all of the memory that there is when it is first called, beyond the
 * program's own data. So it must have been called before something else is mapped there. */
#include <stdlib.h>
PWK_IMPORT(map) int32_t pwk_map_pages(int32_t fd, int64_t offset, uint32_t bytes, int32_t flags);
static inline int32_t pwk_map(int32_t fd, int64_t offset, uint32_t bytes, int32_t flags)
{
    static char ready;
    if (!ready) {
        void *volatile p = malloc(1);
        free(p);
        ready = 1;
    }
    return pwk_map_pages(fd, offset, bytes, flags);
}
#else
PWK_IMPORT(map) int32_t pwk_map(int32_t fd, int64_t offset, uint32_t bytes, int32_t flags);
#endif

/* Undo it for a range of whole pages inside one mapping; they read as zero afterwards. */
PWK_IMPORT(unmap) int32_t pwk_unmap(int32_t addr, uint32_t bytes);

/* Addresses are multiples of 64 KiB, error numbers are not. */
static inline int pwk_failed(int32_t result)
{
    return (result & (int32_t)(PWK_PAGE - 1)) != 0;
}

static inline void *pwk_pointer(int32_t result)
{
    return (void *)(uintptr_t)(uint32_t)result;
}

/*
 * Open the named object (1 to 96 bytes of UTF-8), creating it, zeroed, when there is none; one that
 * is smaller than `bytes` grows if there is room after it, or it is -ENOSPC. bytes == 0 only opens:
 * -ENOENT when there is none. Returns a file descriptor for pwk_map, fstat (its size) and close.
 * The object lives in NVDIMM and survives power-off, or in DRAM if the machine was configured so.
 */
PWK_IMPORT(pmem_open) int32_t pwk_pmem_open(const char *name, uint32_t len, int64_t bytes);

/* ---- processes ---- */

/*
 * Start a program: a path with a slash names a file, from the root directory that this program
 * holds (its first preopened directory); a name without one a program of the boot image. argv: the
 * addresses of its arguments, NULL behind the last; NULL: the path alone. The child has this
 * program's environment.
 *
 * fds: descriptor i of the child is a copy of this program's fds[i], up to PWK_FD_END; PWK_FD_NONE
 * leaves i free. NULL: 0, 1, 2 and the preopened directories, under their own numbers. A directory
 * that was preopened here is so in the child. PWK_FD_CONTROL takes no number: it hands on the right
 * to see and end processes that the child did not start, if this program has it.
 *
 * The child's number, or -ENOENT, -ENOEXEC (what is wrong is on the machine's log), -ENOMEM,
 * -EAGAIN, -EBADF, -EFAULT, -E2BIG.
 */
#define PWK_FD_END     (-1)
#define PWK_FD_NONE    (-2)
#define PWK_FD_CONTROL (-3)
PWK_IMPORT(spawn)
int32_t pwk_spawn(const char *path, uint32_t len, const char *const *argv, const int32_t *fds);

/* The same for a module in this program's memory. name: for ps and reports. */
struct pwk_module {
    const void *bytes;
    uint32_t len;
    const char *name;
    uint32_t name_len;
};
PWK_IMPORT(spawn_module)
int32_t pwk_spawn_module(const struct pwk_module *module, const char *const *argv,
                         const int32_t *fds);

/* How a process ended. */
enum pwk_end { PWK_EXITED = 1, PWK_TRAPPED, PWK_KILLED };
struct pwk_status {
    uint32_t how; /* enum pwk_end */
    int32_t code; /* exit code; 128 + signal or the number given to pwk_kill when killed */
    uint64_t cpu_ns, real_ns;
};

/* Wait until a child has ended (pid 0: any) and forget it: its number, or -ECHILD (there is no such
 * child), or 0 with PWK_WAIT_NOT when none has ended yet. status may be NULL. */
#define PWK_WAIT_NOT 1
PWK_IMPORT(wait) int32_t pwk_wait(uint32_t pid, struct pwk_status *status, uint32_t flags);

/* End a process that descends from this one, or any with the right of PWK_FD_CONTROL; waits see
 * `code`. 0, -ESRCH or -EPERM. */
PWK_IMPORT(kill) int32_t pwk_kill(uint32_t pid, int32_t code);

/* This process's number. The cheapest kernel call there is. */
PWK_IMPORT(self) uint32_t pwk_self(void);

/* 0 (runs only when nobody else can) to 7; 4 is usual. As pwk_kill. */
PWK_IMPORT(priority) int32_t pwk_priority(uint32_t pid, uint32_t priority);

/* Its threads, and those of the children that it starts from now on, run on that hart only; -1: on
 * any. 0, -EINVAL (there is no such hart), or as pwk_kill. */
PWK_IMPORT(affinity) int32_t pwk_affinity(uint32_t pid, int32_t hart);
/* How many harts there are, and the one that this thread runs on now. */
PWK_IMPORT(harts) uint32_t pwk_harts(void);
PWK_IMPORT(hart) uint32_t pwk_hart(void);

/* Lower a limit of this process and of the children that it will have: 0 or -EINVAL, -EPERM.
 * PWK_LIMIT_STACK: bytes, at least 32 KiB, of the threads that begin from now on. */
enum pwk_limit { PWK_LIMIT_PAGES, PWK_LIMIT_HANDLES, PWK_LIMIT_THREADS, PWK_LIMIT_STACK };
PWK_IMPORT(limit) int32_t pwk_limit(uint32_t what, uint32_t most);

/* The first process whose number is at least pid, of those that this one may see: its number, or
 * -ESRCH. */
struct pwk_process {
    uint32_t pid, parent;
    uint32_t state; /* 0: lives, else enum pwk_end */
    uint32_t priority, threads, descriptors;
    uint64_t memory; /* bytes of its linear memory */
    uint64_t cpu_ns, start_ns;
    char name[32];
};
PWK_IMPORT(process) int32_t pwk_process(uint32_t pid, struct pwk_process *out);

/* The machine as a whole: 0. */
struct pwk_system {
    uint64_t uptime_ns, idle_ns, switches;
    uint64_t dram, dram_free;       /* bytes */
    uint64_t nvdimm;                /* bytes */
    uint64_t files, files_free;     /* bytes that files have taken, and of them free again */
    uint32_t files_tier, processes; /* 0 DRAM, 1 NVDIMM */
};
PWK_IMPORT(system) int32_t pwk_system(struct pwk_system *out);

/* The console. PWK_CONSOLE_RAW: each key is input at once, without echo; _LINES: as terminals
 * usually are. _FOREGROUND: this process ends when the console interrupts (Ctrl-C), pid 0: none
 * does. Only with the right of PWK_FD_CONTROL: -EPERM; else 0 or, of the first two, 1 when there is
 * somebody who types, -EINVAL, -ESRCH. */
enum pwk_console { PWK_CONSOLE_LINES, PWK_CONSOLE_RAW, PWK_CONSOLE_FOREGROUND };
PWK_IMPORT(console) int32_t pwk_console(uint32_t what, uint32_t pid);

/* ---- between processes ---- */

/* A pipe: fds[0] to read, fds[1] to write. 0 or -errno. */
PWK_IMPORT(pipe) int32_t pwk_pipe(int32_t fds[2]);

/* A channel, both ends alike: messages go either way, each of up to 64 KiB and 16 descriptors. 0 or
 * -errno. */
PWK_IMPORT(channel) int32_t pwk_channel(int32_t fds[2]);

struct pwk_message {
    void *bytes;
    uint32_t len;
    int32_t *fds; /* descriptors of the sender, which keeps them; of the receiver, which gets new
                     ones with the same rights */
    uint32_t nfds;
};
/* 0, or -EPIPE, -EAGAIN (only with FDFLAG nonblock), -EMSGSIZE, -ELOOP (an end cannot be sent
 * through its own channel), -EBADF, -EFAULT. */
PWK_IMPORT(send) int32_t pwk_send(int32_t fd, const struct pwk_message *m);
/* len and nfds: room, then what came: 1; 0 when the other end is gone. -EMSGSIZE: len and nfds say
 * what it would take, and the message stays. */
PWK_IMPORT(receive) int32_t pwk_receive(int32_t fd, struct pwk_message *m);

/* Shared memory, zeroed, for pwk_map: a descriptor. It is gone when nobody holds or maps it. */
PWK_IMPORT(memory) int32_t pwk_memory(int64_t bytes);

/* ---- annotations ---- */

PWK_IMPORT(roi) void pwk_roi(int32_t begin); /* 1: the region of interest begins, 0: it ends */
PWK_IMPORT(mark) void pwk_mark(int32_t id);  /* a named point of the program */

/* What the persistency checker is told. */
enum pwk_tx { PWK_TX_BEGIN, PWK_TX_LOGGED, PWK_TX_COMMIT, PWK_TX_ABORT };
PWK_IMPORT(tx) void pwk_tx(int32_t what, const void *addr, uint32_t bytes);

#endif
