/* proc.c - processes and their threads: start and end. */
#include "proc.h"
#include "console.h"
#include "heap.h"
#include "kstring.h"
#include "mapping.h"
#include "param.h"
#include "sched.h"
#include "tree.h"
#include "wasi.h"

#define ENTRY_POINT         "_start"
#define KERNEL_STACK_MIN    8192u
#define KERNEL_STACK_MAX    983040u
#define KERNEL_STACK_USUAL  65536u
#define PROGRAM_PAGES_USUAL 16384u
#define PROGRAM_PAGES_MAX   65536u

/* Static: the table of all processes of this machine. */
static struct {
    struct process *all;
    uint32_t last_pid;
} procs;

static void say_about(const char *name, uint32_t len, const char *what)
{
    struct line l = line_new();
    line_text(&l, "program ");
    line_name(&l, name, len);
    line_text(&l, what);
    line_say(&l);
}

static int32_t program_instance(const char *name, uint32_t len)
{
    int32_t section = program_section(name, len), module, instance;
    if (section < 0) {
        say_about(name, len, " is not in the boot image");
        return section;
    }
    module = machine_module_load(section);
    if (module < 0) {
        say_about(name, len, " is not a valid module");
        return module;
    }
    instance = machine_instance_new(
        module, param_number(PARAM_PROGRAM_PAGES, PROGRAM_PAGES_USUAL, 1, PROGRAM_PAGES_MAX));
    if (instance < 0)
        say_about(name, len,
                  " cannot be instantiated: imports that this kernel lacks, or no memory");
    return instance;
}

static void thread_drop(struct thread *t)
{
    kfree(t->stack);
    kfree(t);
}

/* A thread at the program's entry point, queued to run. */
static int thread_start(struct process *p)
{
    struct thread *t = kalloc(sizeof *t);
    uint32_t stack = param_number(PARAM_STACK_TOP, KERNEL_STACK_USUAL, KERNEL_STACK_MIN,
                                  KERNEL_STACK_MAX);
    if (!t)
        return -ENOMEM;
    stack &= ~15u;
    t->process = p;
    t->stack = kalloc(stack);
    if (!t->stack) {
        thread_drop(t);
        return -ENOMEM;
    }
    t->machine = machine_thread_new(p->instance, ENTRY_POINT, sizeof ENTRY_POINT - 1,
                                    t->stack + stack, t);
    if (t->machine < 0) {
        int err = t->machine;
        thread_drop(t);
        return err;
    }
    p->live_threads++;
    sched_enqueue(t);
    return 0;
}

static void process_free(struct process *p)
{
    mappings_drop(p);
    handles_close_all(&p->handles);
    kfree(p->args.bytes);
    kfree(p->env.bytes);
    p->args = p->env = (struct strings){0};
}

struct process *process_start(const char *name, uint32_t len, struct strings args,
                              struct strings env)
{
    struct process *p = kalloc(sizeof *p);
    int err = -ENOMEM;
    if (!p || handles_open_standard(&p->handles) < 0) {
        say_about(name, len, " cannot be started: out of memory");
        goto out;
    }
    p->args = args;
    p->env = env;
    p->instance = program_instance(name, len);
    if (p->instance < 0)
        goto out;
    p->pid = ++procs.last_pid;
    err = thread_start(p);
    if (err < 0) {
        say_about(name, len,
                  err == -ENOMEM ? " cannot be started: out of memory"
                                 : " has no function _start of no parameters and results");
        machine_instance_drop(p->instance);
        goto out;
    }
    p->next = procs.all;
    procs.all = p;
    return p;
out:
    if (p)
        process_free(p);
    kfree(p);
    return NULL;
}

void process_end(struct thread *t, enum process_state how, int32_t code)
{
    struct process *p = t->process;
    if (p->state == PROCESS_ALIVE) {
        p->state = how;
        p->exit_code = code;
    }
    machine_thread_drop(t->machine);
    thread_drop(t);
    if (--p->live_threads == 0) {
        process_free(p);
        machine_instance_drop(p->instance);
    }
}

static uint64_t slice_ns(const struct thread *t)
{
    if (t->state != THREAD_RUNNING)
        return 0;
    return (uint64_t)machine_clock(0) - t->slice_from_ns - t->slice_idle_ns;
}

uint64_t thread_cpu_ns(const struct thread *t)
{
    return t->cpu_ns + slice_ns(t);
}

uint64_t process_cpu_ns(const struct process *p)
{
    const struct thread *t = thread_self();
    return p->cpu_ns + (t->process == p ? slice_ns(t) : 0);
}
