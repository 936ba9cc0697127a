/* proc.c - processes and their threads: start and end. */
#include "proc.h"
#include "heap.h"
#include "kstring.h"
#include "mapping.h"
#include "param.h"
#include "sched.h"
#include "tier.h"

#define ENTRY_POINT         "_start"
#define THREAD_ENTRY        "wasi_thread_start"
#define KERNEL_STACK_MIN    8192u
#define KERNEL_STACK_MAX    983040u
#define KERNEL_STACK_USUAL  65536u
#define PROGRAM_PAGES_USUAL 16384u
#define PROGRAM_PAGES_MAX   65536u
#define STACK_MOST          (1u << 30)
#define THREADS_USUAL       256u
#define THREADS_MAX         65536u
#define PROCESSES_MAX       32768u

/* Static: the table of all processes of this machine, in the order of their numbers. */
static struct {
    struct process *all, *last, *first;
    uint32_t last_pid, count;
    uint32_t stack_bytes;
} procs;

/* A block of the heap that wastes nothing for its header. */
static uint32_t stack_bytes(void)
{
    if (!procs.stack_bytes)
        procs.stack_bytes = (param_number(PARAM_STACK_TOP, KERNEL_STACK_USUAL, KERNEL_STACK_MIN,
                                          KERNEL_STACK_MAX) &
                             ~15u) -
                            HEAP_HEADER;
    return procs.stack_bytes;
}

static void thread_free(struct thread *t)
{
    kfree(t->stack);
    kfree(t);
}

/* A thread of the process that is not running yet. */
static struct thread *thread_new(struct process *p)
{
    struct thread *t = kalloc(sizeof *t);
    if (!t)
        return NULL;
    t->process = p;
    t->wake_ns = SCHED_FOREVER;
    t->stack = kalloc(stack_bytes());
    if (t->stack)
        return t;
    kfree(t);
    return NULL;
}

static void thread_begin(struct thread *t)
{
    struct process *p = t->process;
    machine_thread_stack(t->machine, p->stack_limit);
    t->sibling = p->threads;
    p->threads = t;
    p->live_threads++;
    sched_enqueue(t);
}

static int first_thread(struct process *p)
{
    struct thread *t = thread_new(p);
    if (!t)
        return -ENOMEM;
    t->machine = machine_thread_new(p->instance, ENTRY_POINT, sizeof ENTRY_POINT - 1,
                                    t->stack + stack_bytes(), t);
    if (t->machine < 0) {
        int err = t->machine == -ENOENT ? -ENOEXEC : t->machine;
        thread_free(t);
        return err;
    }
    thread_begin(t);
    return 0;
}

/* ---- processes ---- */

static void process_close(struct process *p)
{
    tier_forget(p);
    mappings_drop(p);
    handles_close_all(&p->handles);
    kfree(p->args.bytes);
    kfree(p->env.bytes);
    p->args = p->env = (struct strings){0};
}

static void limits_set(struct process *p)
{
    const struct process *parent = p->parent;
    p->pages_limit = parent ? parent->pages_limit
                            : param_number(PARAM_PROGRAM_PAGES, PROGRAM_PAGES_USUAL, 1,
                                           PROGRAM_PAGES_MAX);
    p->threads_limit = parent ? parent->threads_limit
                              : param_number(PARAM_THREADS, THREADS_USUAL, 1, THREADS_MAX);
    p->stack_limit = parent ? parent->stack_limit
                            : param_number(PARAM_STACK, STACK_MOST, STACK_LEAST, STACK_MOST);
    p->priority = parent ? parent->priority : PRIORITY_USUAL;
    p->pinned = parent ? parent->pinned : -1;
}

static int process_build(struct process *p, const struct process_start *s)
{
    int err;
    p->instance = machine_instance_new(s->module, p->pages_limit, 0);
    if (p->instance < 0)
        return p->instance;
    err = first_thread(p);
    if (err < 0)
        machine_instance_drop(p->instance);
    return err;
}

struct process *process_start(const struct process_start *s, int *err)
{
    struct process *p = kalloc(sizeof *p);
    struct process none = {.args = s->args, .env = s->env, .handles = s->handles};
    if (!p || procs.count == PROCESSES_MAX) {
        *err = p ? -EAGAIN : -ENOMEM;
        process_close(&none);
        kfree(p);
        return NULL;
    }
    p->args = s->args;
    p->env = s->env;
    p->handles = s->handles;
    p->module = s->module;
    p->parent = s->parent;
    p->control = s->control;
    p->start_ns = (uint64_t)machine_clock(0);
    memcpy(p->name, s->name, s->name_len < NAME_SHOWN_MAX ? s->name_len : NAME_SHOWN_MAX);
    limits_set(p);
    p->pid = procs.last_pid + 1;
    *err = process_build(p, s);
    if (*err < 0) {
        process_close(p);
        kfree(p);
        return NULL;
    }
    procs.last_pid++;
    procs.count++;
    if (procs.last)
        procs.last->next = p;
    else
        procs.all = procs.first = p;
    procs.last = p;
    return p;
}

void process_reap(struct process *p)
{
    struct process **link = &procs.all, *before = NULL;
    while (*link != p) {
        before = *link;
        link = &(*link)->next;
    }
    *link = p->next;
    if (procs.last == p)
        procs.last = before;
    procs.count--;
    kfree(p);
}

/* Its children have nobody to wait for them any more. */
static void children_orphan(const struct process *p)
{
    struct process *next;
    for (struct process *c = procs.all; c; c = next) {
        next = c->next;
        if (c->parent != p)
            continue;
        c->parent = NULL;
        if (c->gone)
            process_reap(c);
    }
}

static void thread_remove(struct thread *t)
{
    struct thread **link = &t->process->threads;
    while (*link != t)
        link = &(*link)->sibling;
    *link = t->sibling;
    t->process->live_threads--;
    sched_forget(t);
    if (t->held)
        handle_drop(t->held);
    machine_thread_drop(t->machine);
    if (t->instance)
        machine_instance_drop(t->instance);
    thread_free(t);
}

/* Its last thread has ended. */
static void process_finish(struct process *p)
{
    p->gone = 1;
    p->end_ns = (uint64_t)machine_clock(0);
    process_close(p);
    machine_instance_drop(p->instance);
    children_orphan(p);
    if (p->parent)
        sched_wake_all(&p->parent->children_ended);
    else if (p != procs.first)
        process_reap(p);
}

void process_end(struct process *p, enum process_state how, int32_t code)
{
    struct thread *next;
    if (p->state == PROCESS_ALIVE) {
        p->state = how;
        p->exit_code = code;
    }
    for (struct thread *t = p->threads; t; t = next) {
        next = t->sibling;
        if (t->state == THREAD_RUNNING)
            sched_stop(t);
        else
            thread_remove(t);
    }
    if (!p->threads)
        process_finish(p);
}

void thread_end(struct thread *t, enum process_state how, int32_t code)
{
    struct process *p = t->process;
    if (p->state != PROCESS_ALIVE || t->tid == 0 || how != PROCESS_EXITED)
        process_end(p, how, code);
    else
        thread_remove(t);
}

/* ---- threads of WASI ---- */

int32_t thread_spawn(uint32_t argument)
{
    struct process *p = process_self();
    struct thread *t;
    if (p->live_threads >= p->threads_limit)
        return -EAGAIN;
    t = thread_new(p);
    if (!t)
        return -ENOMEM;
    t->instance = machine_instance_new(p->module, p->pages_limit, p->instance);
    t->tid = p->last_tid + 1;
    t->machine = t->instance < 0
                     ? t->instance
                     : machine_thread_new_with(t->instance, THREAD_ENTRY, sizeof THREAD_ENTRY - 1,
                                               t->stack + stack_bytes(), t, t->tid, argument);
    if (t->machine < 0) {
        int32_t err = t->machine;
        if (t->instance > 0)
            machine_instance_drop(t->instance);
        thread_free(t);
        return err;
    }
    p->last_tid++;
    thread_begin(t);
    return (int32_t)t->tid;
}

/* ---- looking ---- */

struct process *process_first(void)
{
    return procs.first;
}

uint32_t process_count(void)
{
    return procs.count;
}

struct process *process_from(uint32_t pid)
{
    struct process *p = procs.all;
    while (p && p->pid < pid)
        p = p->next;
    return p;
}

struct process *process_find(uint32_t pid)
{
    struct process *p = process_from(pid);
    return p && p->pid == pid ? p : NULL;
}

int process_descends(const struct process *p, const struct process *of)
{
    while (p && p != of)
        p = p->parent;
    return p != NULL;
}

/* Of the slice that it is in. Harts do not agree on the time to the last nanosecond. */
static uint64_t slice_ns(const struct thread *t)
{
    uint64_t now;
    if (t->state != THREAD_RUNNING)
        return 0;
    now = (uint64_t)machine_clock(0);
    return now > t->slice_from_ns ? now - t->slice_from_ns : 0;
}

uint64_t thread_cpu_ns(const struct thread *t)
{
    return t->cpu_ns + slice_ns(t);
}

uint64_t process_cpu_ns(const struct process *p)
{
    uint64_t ns = p->cpu_ns;
    for (const struct thread *t = p->threads; t; t = t->sibling)
        ns += slice_ns(t);
    return ns;
}
