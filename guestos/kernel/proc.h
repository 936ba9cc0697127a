/* proc.h - processes and their threads: the tables that every kernel call starts from. */
#ifndef KERNEL_PROC_H
#define KERNEL_PROC_H

#include <stdint.h>

#include "handle.h"
#include "machine_import.h"
#include "vfs.h"

/*
 * A process is an instance of a program with its handles, arguments and mappings; threads run in
 * it. The machine keeps a cookie for each thread, which is the kernel's struct thread: that is how
 * a kernel call finds out who calls. A process ends when a thread of it exits by proc_exit or
 * traps, when its first thread returns, or when it is killed; its entry stays until its parent has
 * waited for it.
 */

/* Strings one after the other, each with its NUL. */
struct strings {
    char *bytes;
    uint32_t len, count;
};

/* Frames mapped into a process by pwk.map. What they belong to is held. */
struct mapping {
    struct mapping *next;
    uint32_t page, pages;  /* where, in pages of the process's memory */
    uint32_t first;        /* frame of the first page */
    uint8_t owned, spare;  /* DRAM frames of this mapping alone: freed with it */
    struct inode *node;    /* NULL, or the file */
    struct object *object; /* NULL, or the object */
};

struct wait_queue {
    struct thread *head, *tail;
};

enum process_state { PROCESS_ALIVE, PROCESS_EXITED, PROCESS_TRAPPED, PROCESS_KILLED };

#define PRIORITIES     8u /* 0: runs only when nobody else wants to */
#define PRIORITY_USUAL 4u
#define NAME_SHOWN_MAX 31u

struct process {
    struct process *next;   /* in the table of all processes, by pid */
    struct process *parent; /* NULL: nobody waits for it */
    uint32_t pid;
    int32_t module, instance; /* of the machine */
    enum process_state state;
    int32_t exit_code;
    struct thread *threads; /* those that live, newest first */
    uint32_t live_threads, last_tid;
    uint8_t priority;
    int8_t pinned;      /* the hart that its threads may run on, negative: any */
    uint8_t gone;       /* it has ended, and so have all of its threads */
    uint8_t control;    /* may see and kill processes that it did not start */
    uint8_t foreground; /* ends when the console says "interrupt" */
    uint64_t cpu_ns;    /* of time slices that have ended, all threads */
    uint64_t start_ns, end_ns;
    uint32_t pages_limit, threads_limit, stack_limit; /* stack: bytes, of each thread */
    struct strings args, env;
    struct mapping *mappings;
    struct handle_table handles;
    struct wait_queue children_ended; /* its threads that wait for a child */
    char name[NAME_SHOWN_MAX + 1];
};

enum thread_state { THREAD_RUNNABLE, THREAD_RUNNING, THREAD_BLOCKED, THREAD_ENDED };

struct thread {
    struct process *process;
    struct thread *sibling;     /* in process.threads */
    struct thread *next, *prev; /* in a queue */
    struct wait_queue *queue;   /* the one that it is in, or NULL */
    struct run_queue *run;      /* runnable: it is in a queue of that, at this */
    uint8_t level;              /* priority, and came in this order */
    uint32_t arrival;
    uint32_t hart;                 /* that it runs on, or ran on last */
    struct hart *sleeps_on;        /* whose list has it */
    struct thread *sooner, *later; /* among those that sleep there */
    uint64_t wake_ns;              /* UINT64_MAX: no time-out */
    int32_t machine;               /* the machine's handle */
    int32_t instance;              /* its own, of a WASI thread; 0: the process's */
    uint32_t tid;
    enum thread_state state;
    int32_t wait_result; /* of the wait that is over: 0 or -ETIMEDOUT */
    struct handle *held; /* by the kernel call that is blocked */
    uint64_t futex_addr; /* what memory.atomic.wait waits on */
    uint32_t futex_space;
    uint8_t futex;            /* it waits there */
    uint8_t in_kernel;        /* it has given up in a kernel call, and the lock with it */
    uint8_t *stack;           /* kernel stack, lowest address */
    uint64_t slice_from_ns;   /* when it was last resumed */
    uint64_t cpu_ns;          /* of slices that have ended */
    char path[2][PATH_BYTES]; /* scratch for the path arguments of a kernel call */
    char links[PATH_BYTES];   /* scratch of vfs_walk */
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

/* What a new process is made of. Everything is taken over, also on failure. */
#define STACK_LEAST 32768u /* half of it is kept for the kernel */

struct process_start {
    struct process *parent;
    int32_t module; /* of the machine */
    const char *name;
    uint32_t name_len;
    struct strings args, env;
    struct handle_table handles;
    uint8_t control;
};

/* A new process, queued to run, or NULL and *err: -ENOEXEC (imports, no _start), -ENOMEM,
 * -EAGAIN (too many processes). */
struct process *process_start(const struct process_start *s, int *err);

/* One more thread of the calling process, in an instance of its own that shares its memory: the
 * thread's number, or -errno. */
int32_t thread_spawn(uint32_t argument);

/* A thread is over: it returned, exited or trapped. The boot thread calls this. */
void thread_end(struct thread *t, enum process_state how, int32_t code);

/* End a process that lives, with all its threads; not the one that runs on this hart. Those that
 * run on others end as soon as these have heard of it; with the last of them the process is gone.
 */
void process_end(struct process *p, enum process_state how, int32_t code);

/* The process of that number that lives or was not waited for, or NULL. */
struct process *process_find(uint32_t pid);
/* The first whose number is at least pid, or NULL. */
struct process *process_from(uint32_t pid);
/* Is it `of`, or one that descends from it? */
int process_descends(const struct process *p, const struct process *of);
/* Forget one that has ended. */
void process_reap(struct process *p);
/* The first process; its end is the machine's. */
struct process *process_first(void);
uint32_t process_count(void);

/* Nanoseconds that it has run on a hart, until now if it is the running one. */
uint64_t thread_cpu_ns(const struct thread *t);
uint64_t process_cpu_ns(const struct process *p);

#endif
