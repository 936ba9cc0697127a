/* proc.h - processes and their threads: the tables that every kernel call starts from. */
#ifndef KERNEL_PROC_H
#define KERNEL_PROC_H

#include <stdint.h>

#include "handle.h"
#include "machine_import.h"

/*
 * A process is an instance of a program with its handles, arguments and mappings; a thread runs in
 * it. The machine keeps a cookie for each thread, which is the kernel's struct thread: that is how
 * a kernel call finds out who calls. A process ends when a thread of it exits or traps.
 */

/* Strings one after the other, each with its NUL. */
struct strings {
    char *bytes;
    uint32_t len, count;
};

/* Frames mapped into a process by pwk.map. */
struct mapping {
    struct mapping *next;
    uint32_t page, pages; /* where, in pages of the process's memory */
    uint32_t first;       /* frame of the first page */
    uint8_t owned;        /* DRAM frames of this mapping alone: freed with it */
};

enum process_state { PROCESS_ALIVE, PROCESS_EXITED, PROCESS_TRAPPED };

struct process {
    struct process *next; /* in the table of all processes */
    uint32_t pid;
    int32_t instance; /* of the machine */
    enum process_state state;
    int32_t exit_code;
    uint32_t live_threads;
    uint64_t cpu_ns; /* of time slices that have ended, all threads */
    struct strings args, env;
    struct mapping *mappings;
    struct handle_table handles;
};

#define PATH_BYTES 4096

enum thread_state { THREAD_RUNNABLE, THREAD_RUNNING, THREAD_ENDED };

struct thread {
    struct process *process;
    struct thread *next; /* in the run queue */
    int32_t machine;     /* the machine's handle */
    enum thread_state state;
    uint8_t *stack;         /* kernel stack, lowest address */
    uint64_t slice_from_ns; /* when it was last resumed */
    uint64_t slice_idle_ns; /* of that, asleep */
    uint64_t cpu_ns;        /* of slices that have ended */
    char path[PATH_BYTES];  /* scratch for the path argument of a kernel call */
};

/* The thread on whose behalf the kernel runs; not to be called from the boot thread. */
static inline struct thread *thread_self(void)
{
    return machine_cookie();
}

static inline struct process *process_self(void)
{
    return thread_self()->process;
}

/*
 * Start program `name` of the boot image; takes over what args and env point to. The new process,
 * queued to run, or NULL and a message on the console.
 */
struct process *process_start(const char *name, uint32_t len, struct strings args,
                              struct strings env);

/* A thread of it has exited or trapped: end the process, give back what it holds. The table keeps
 * the entry, for its exit code. */
void process_end(struct thread *t, enum process_state how, int32_t code);

/* Nanoseconds that it has run on a hart, until now if it is the running one. */
uint64_t thread_cpu_ns(const struct thread *t);
uint64_t process_cpu_ns(const struct process *p);

#endif
