/* pwk_proc.c - calls about processes, the machine and the console (include/pwk.h). */
#include "console.h"
#include "hart.h"
#include "kstring.h"
#include "pwk_export.h"
#include "sched.h"
#include "store.h"
#include "uaccess.h"

PWK_EXPORT(self) uint32_t kernel_self(void)
{
    return process_self()->pid;
}

static int may_see(const struct process *p, const struct process *other)
{
    return p->control || process_descends(other, p);
}

/* A process that lives and that the caller may do something to: 0, -ESRCH or -EPERM. */
static int target(uint32_t pid, struct process **out)
{
    *out = process_find(pid);
    if (!*out || (*out)->state != PROCESS_ALIVE)
        return -ESRCH;
    return may_see(process_self(), *out) ? 0 : -EPERM;
}

PWK_EXPORT(kill) int32_t kernel_kill(uint32_t pid, int32_t code)
{
    KERNEL_CALL();
    struct process *p;
    int err = target(pid, &p);
    if (err < 0)
        return err;
    if (p != process_self()) {
        process_end(p, PROCESS_KILLED, code);
        return 0;
    }
    p->state = PROCESS_KILLED;
    p->exit_code = code;
    thread_leave();
}

PWK_EXPORT(priority) int32_t kernel_priority(uint32_t pid, uint32_t priority)
{
    KERNEL_CALL();
    struct process *p;
    int err = priority < PRIORITIES ? target(pid, &p) : -EINVAL;
    if (err < 0)
        return err;
    p->priority = (uint8_t)priority;
    for (struct thread *t = p->threads; t; t = t->sibling)
        sched_requeue(t);
    return 0;
}

PWK_EXPORT(affinity) int32_t kernel_affinity(uint32_t pid, int32_t hart)
{
    KERNEL_CALL();
    struct process *p;
    int err = hart >= -1 && hart < (int32_t)harts.count ? target(pid, &p) : -EINVAL;
    if (err < 0)
        return err;
    p->pinned = (int8_t)hart;
    for (struct thread *t = p->threads; t; t = t->sibling)
        sched_requeue(t);
    return 0;
}

PWK_EXPORT(harts) uint32_t kernel_harts(void)
{
    return harts.count;
}

PWK_EXPORT(hart) uint32_t kernel_hart(void)
{
    return hart_self()->number;
}

enum { LIMIT_PAGES, LIMIT_HANDLES, LIMIT_THREADS, LIMIT_STACK };

PWK_EXPORT(limit) int32_t kernel_limit(uint32_t what, uint32_t most)
{
    KERNEL_CALL();
    struct process *p = process_self();
    uint32_t *limits[] = {&p->pages_limit, &p->handles.limit, &p->threads_limit, &p->stack_limit};
    if (what > LIMIT_STACK || most == 0 || (what == LIMIT_STACK && most < STACK_LEAST))
        return -EINVAL;
    if (most > *limits[what])
        return -EPERM;
    *limits[what] = most;
    return 0;
}

/* ---- looking ---- */

/* struct pwk_process. */
struct user_process {
    uint32_t pid, parent, state, priority, threads, descriptors;
    uint64_t memory, cpu_ns, start_ns;
    char name[NAME_SHOWN_MAX + 1];
};

static uint32_t descriptors(const struct process *p)
{
    uint32_t n = 0;
    for (uint32_t fd = 0; fd < p->handles.capacity; fd++)
        n += p->handles.slots[fd].file != NULL;
    return n;
}

PWK_EXPORT(process) int32_t kernel_process(uint32_t pid, uint32_t out)
{
    KERNEL_CALL();
    const struct process *self = process_self(), *p = process_from(pid);
    struct user_process u;
    int err;
    while (p && !may_see(self, p))
        p = p->next;
    if (!p)
        return -ESRCH;
    u = (struct user_process){.pid = p->pid,
                              .parent = p->parent ? p->parent->pid : 0,
                              .state = (uint32_t)p->state,
                              .priority = p->priority,
                              .threads = p->live_threads,
                              .descriptors = descriptors(p),
                              .cpu_ns = process_cpu_ns(p),
                              .start_ns = p->start_ns};
    if (p->state == PROCESS_ALIVE)
        u.memory = (uint64_t)machine_memory_bytes(p->instance);
    memcpy(u.name, p->name, sizeof u.name);
    err = user_write(self, out, &u, sizeof u);
    return err < 0 ? err : (int32_t)p->pid;
}

/* struct pwk_system. */
struct user_system {
    uint64_t uptime_ns, idle_ns, switches;
    uint64_t dram, dram_free, nvdimm, files, files_free;
    uint32_t files_tier, processes;
};

PWK_EXPORT(system) int32_t kernel_system(uint32_t out)
{
    KERNEL_CALL();
    uint32_t pages, free_pages;
    struct user_system u;
    store_usage(&pages, &free_pages);
    u = (struct user_system){.uptime_ns = (uint64_t)machine_clock(0),
                             .idle_ns = sched_idle_ns(),
                             .switches = sched_switches(),
                             .dram = (uint64_t)(uint32_t)machine_dram_frames(0) << 16,
                             .dram_free = (uint64_t)(uint32_t)machine_dram_frames(1) << 16,
                             .nvdimm = (uint64_t)(uint32_t)machine_nvdimm_frames() << 16,
                             .files = (uint64_t)pages << 16,
                             .files_free = (uint64_t)free_pages << 16,
                             .files_tier = (uint32_t)data_tier(),
                             .processes = process_count()};
    return user_write(process_self(), out, &u, sizeof u);
}

/* ---- console ---- */

enum { CONSOLE_LINES, CONSOLE_RAW, CONSOLE_FOREGROUND };

static int foreground(uint32_t pid)
{
    struct process *p;
    int err;
    if (pid) {
        err = target(pid, &p);
        if (err == 0)
            p->foreground = 1;
        return err;
    }
    for (p = process_from(0); p; p = p->next)
        p->foreground = 0;
    return 0;
}

PWK_EXPORT(console) int32_t kernel_console(uint32_t what, uint32_t pid)
{
    KERNEL_CALL();
    if (!process_self()->control)
        return -EPERM;
    switch (what) {
    case CONSOLE_LINES:
    case CONSOLE_RAW:
        console_set_raw(what == CONSOLE_RAW);
        return console_is_terminal();
    case CONSOLE_FOREGROUND:
        return foreground(pid);
    default:
        return -EINVAL;
    }
}
