/* pwk_spawn.c - starting programs, and waiting for their end (include/pwk.h). */
#include "heap.h"
#include "hart.h"
#include "kstring.h"
#include "program.h"
#include "pwk_export.h"
#include "sched.h"
#include "uaccess.h"

#define ARGUMENTS_MAX (256u << 10) /* bytes of all arguments of a program */
#define ARGUMENT_STEP 256u

enum { FD_END = -1, FD_NONE = -2, FD_CONTROL = -3 };

/* ---- arguments ---- */

/* Strings that grow. */
struct gather {
    struct strings s;
    uint32_t room;
};

static int gather_reserve(struct gather *g, uint32_t more)
{
    uint32_t room = g->room ? g->room : 1024 - HEAP_HEADER;
    char *bytes;
    if (g->s.len + more > ARGUMENTS_MAX)
        return -E2BIG;
    if (g->s.len + more <= g->room)
        return 0;
    while (room < g->s.len + more)
        room = (room + HEAP_HEADER) * 2 - HEAP_HEADER;
    bytes = kalloc(room);
    if (!bytes)
        return -ENOMEM;
    if (g->s.len)
        memcpy(bytes, g->s.bytes, g->s.len);
    kfree(g->s.bytes);
    g->s.bytes = bytes;
    g->room = room;
    return 0;
}

/* How many bytes of a piece may be read without touching the page behind it. */
static uint32_t piece_at(uint32_t addr)
{
    uint32_t left = PAGE_BYTES - (addr & (PAGE_BYTES - 1));
    return left < ARGUMENT_STEP ? left : ARGUMENT_STEP;
}

/* Append the string at addr, with its NUL. */
static int gather_string(struct gather *g, const struct process *p, uint32_t addr)
{
    for (;;) {
        uint32_t n = piece_at(addr), end = 0;
        char *to;
        int err = gather_reserve(g, n);
        if (err < 0)
            return err;
        to = g->s.bytes + g->s.len;
        err = user_read(p, to, addr, n);
        if (err < 0)
            return err;
        while (end < n && to[end])
            end++;
        g->s.len += end + (end < n);
        if (end < n) {
            g->s.count++;
            return 0;
        }
        if (addr + n < addr)
            return -EFAULT;
        addr += n;
    }
}

/* argv of a program, or one argument that the kernel has. */
static int arguments(const struct process *p, uint32_t argv, const char *name, uint32_t len,
                     struct strings *out)
{
    struct gather g = {0};
    uint32_t addr, at;
    int err = 0;
    if (!argv) {
        err = gather_reserve(&g, len + 1);
        if (err == 0) {
            memcpy(g.s.bytes, name, len);
            g.s.bytes[len] = 0;
            g.s.len = len + 1;
            g.s.count = 1;
        }
    }
    for (uint32_t i = 0; argv && err == 0; i++) {
        err = user_element(argv, i, sizeof addr, &at);
        if (err == 0)
            err = user_read(p, &addr, at, sizeof addr);
        if (err < 0 || addr == 0)
            break;
        err = gather_string(&g, p, addr);
    }
    if (err < 0) {
        kfree(g.s.bytes);
        g.s = (struct strings){0};
    }
    *out = g.s;
    return err;
}

static int strings_copy(const struct strings *from, struct strings *to)
{
    *to = (struct strings){.len = from->len, .count = from->count};
    if (!from->len)
        return 0;
    to->bytes = kalloc(from->len);
    if (!to->bytes)
        return -ENOMEM;
    memcpy(to->bytes, from->bytes, from->len);
    return 0;
}

/* ---- descriptors ---- */

static int give(const struct process *p, uint32_t fd, uint32_t as, struct handle_table *to)
{
    struct slot *s, copy;
    int err = handle_use(&p->handles, fd, 0, &s);
    if (err < 0)
        return err;
    copy = *s;
    handle_hold(s->file);
    return handle_install_at(to, as, &copy);
}

/* 0, 1, 2 and the preopened directories. */
static int give_usual(const struct process *p, struct handle_table *to)
{
    int err = 0;
    for (uint32_t fd = 0; err == 0 && fd < p->handles.capacity; fd++) {
        const struct slot *s = handle_slot(&p->handles, fd);
        if (s && (fd < 3 || s->preopen))
            err = give(p, fd, fd, to);
    }
    return err;
}

static int give_list(const struct process *p, uint32_t fds, struct process_start *s)
{
    uint32_t as = 0, at;
    int32_t fd;
    for (uint32_t i = 0; i < 2 * HANDLES_MOST; i++) {
        int err = user_element(fds, i, sizeof fd, &at);
        if (err == 0)
            err = user_read(p, &fd, at, sizeof fd);
        if (err < 0)
            return err;
        if (fd == FD_END)
            return 0;
        if (fd == FD_CONTROL) {
            s->control = p->control;
            continue;
        }
        if (fd != FD_NONE)
            err = give(p, (uint32_t)fd, as, &s->handles);
        if (err < 0)
            return err;
        as++;
    }
    return -EMFILE;
}

/* ---- spawn ---- */

static int32_t spawn(struct process_start *s, uint32_t argv, uint32_t fds)
{
    struct process *p = process_self(), *child;
    int err = 0;
    s->parent = p;
    s->handles.limit = p->handles.limit;
    err = arguments(p, argv, s->name, s->name_len, &s->args);
    if (err == 0)
        err = strings_copy(&p->env, &s->env);
    if (err == 0)
        err = fds ? give_list(p, fds, s) : give_usual(p, &s->handles);
    if (err < 0) {
        handles_close_all(&s->handles);
        kfree(s->args.bytes);
        kfree(s->env.bytes);
        return err;
    }
    child = process_start(s, &err);
    return child ? (int32_t)child->pid : err;
}

/* The file that a path names, in the first directory that the program was given. */
static int32_t file_module(struct thread *t, const char *path, uint32_t len, const char *name,
                           uint32_t name_len)
{
    const struct slot *s = NULL;
    struct place place;
    int err;
    for (uint32_t fd = 0; fd < t->process->handles.capacity && !(s && s->preopen); fd++)
        s = handle_slot(&t->process->handles, fd);
    if (!s || !s->preopen || s->file->kind != HANDLE_DIRECTORY)
        return -ENOTCAPABLE;
    if ((s->rights & RIGHT_PATH_OPEN) == 0)
        return -ENOTCAPABLE;
    while (len && *path == '/')
        path++, len--;
    err = vfs_walk(s->file->node, path, len, 1, t->links, &place);
    if (err < 0)
        return err;
    if (!place.node)
        return -ENOENT;
    if (place.node->type != FILETYPE_REGULAR_FILE)
        return -EACCES;
    return program_file(place.node, name, name_len);
}

PWK_EXPORT(spawn) int32_t kernel_spawn(uint32_t path, uint32_t len, uint32_t argv, uint32_t fds)
{
    KERNEL_CALL();
    struct thread *t = thread_self();
    struct process_start s = {0};
    const char *text = t->path[0];
    uint32_t start = len;
    int err;
    if (len == 0 || len > PATH_BYTES)
        return len ? -ENAMETOOLONG : -ENOENT;
    err = user_read(t->process, t->path[0], path, len);
    if (err < 0)
        return err;
    while (start > 0 && text[start - 1] != '/')
        start--;
    s.name = text + start;
    s.name_len = len - start;
    s.module = start ? file_module(t, text, len, s.name, s.name_len) : program_boot(text, len);
    return s.module < 0 ? s.module : spawn(&s, argv, fds);
}

/* struct pwk_module in a program's memory. */
struct user_module {
    uint32_t bytes, len, name, name_len;
};

PWK_EXPORT(spawn_module) int32_t kernel_spawn_module(uint32_t module, uint32_t argv, uint32_t fds)
{
    KERNEL_CALL();
    struct thread *t = thread_self();
    struct process_start s = {.name = t->path[0]};
    struct user_module u;
    int err = user_read(t->process, &u, module, sizeof u);
    if (err == 0 && u.name_len > NAME_BYTES_MAX)
        err = -ENAMETOOLONG;
    if (err == 0)
        err = user_read(t->process, t->path[0], u.name, u.name_len);
    if (err < 0)
        return err;
    s.name_len = u.name_len;
    s.module = program_memory(t->process, u.bytes, u.len, s.name, s.name_len);
    return s.module < 0 ? s.module : spawn(&s, argv, fds);
}

/* ---- wait ---- */

#define WAIT_NOT 1u

/* struct pwk_status. */
struct user_status {
    uint32_t how;
    int32_t code;
    uint64_t cpu_ns, real_ns;
};

/* A child that has ended; NULL with *any: there are children that have not. */
static struct process *ended_child(const struct process *p, uint32_t pid, int *any)
{
    *any = 0;
    for (struct process *c = process_from(pid); c; c = c->next) {
        if (pid && c->pid != pid)
            break;
        if (c->parent != p)
            continue;
        *any = 1;
        if (c->gone)
            return c;
    }
    return NULL;
}

PWK_EXPORT(wait) int32_t kernel_wait(uint32_t pid, uint32_t status, uint32_t flags)
{
    KERNEL_CALL();
    struct process *p = process_self(), *c;
    struct user_status s;
    int any, err = 0;
    if (flags & ~WAIT_NOT)
        return -EINVAL;
    while (!(c = ended_child(p, pid, &any))) {
        if (!any)
            return -ECHILD;
        if (flags & WAIT_NOT)
            return 0;
        sched_block(&p->children_ended, SCHED_FOREVER);
    }
    s = (struct user_status){(uint32_t)c->state, c->exit_code, c->cpu_ns, c->end_ns - c->start_ns};
    if (status)
        err = user_write(p, status, &s, sizeof s);
    if (err < 0)
        return err;
    pid = c->pid;
    process_reap(c);
    return (int32_t)pid;
}
