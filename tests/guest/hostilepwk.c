/* hostilepwk.c - hands each of the kernel's own calls bad pointers, lengths, numbers and
 * descriptors: each must only be an error, and leave nothing behind. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "pwk.h"
#include "rawpwk.h"
#include "rawwasi.h"

#define ROOT   3u          /* the preopened directory */
#define BEYOND 0xfffff000u /* outside any memory that this program will have */
#define LAST   0xffffffffu

static struct checks c;
static char buf[256];
static uint32_t edge_page; /* the last page of memory, which nobody else uses */
static const char *self;

static uint32_t here(const void *p)
{
    return (uint32_t)(uintptr_t)p;
}

/* Where anything of n bytes sticks out of memory by one. */
static uint32_t at_the_edge(uint32_t n)
{
    return edge_page + 65536u - n + 1;
}

static uint32_t descriptors(void)
{
    struct pwk_process p = {0};
    CHECK(&c, pwk_process(pwk_self(), &p) == (int32_t)pwk_self());
    return p.descriptors;
}

static uint32_t processes(void)
{
    struct pwk_system s = {0};
    CHECK_EQ(&c, pwk_system(&s), 0);
    return s.processes;
}

static void bad_pointers(void)
{
    const uint32_t bad[] = {BEYOND, LAST, 0x80000000u, at_the_edge(4)};
    const uint32_t n = (uint32_t)strlen(self);
    int32_t ends[2];
    CHECK_EQ(&c, pwk_channel(ends), 0);
    for (int i = 0; i < 4; i++) {
        const uint32_t p = bad[i], child = (uint32_t)pwk_self();
        const uint32_t argv[] = {p, 0}, holes[] = {here(self), p, 0};
        const uint32_t bytes[] = {p, 8, here("name"), 4}, name[] = {here(buf), 8, p, 4};
        CHECK_EQ(&c, rawpwk_pipe(p), -EFAULT);
        CHECK_EQ(&c, rawpwk_channel(p), -EFAULT);
        CHECK_EQ(&c, rawpwk_system(p), -EFAULT);
        CHECK_EQ(&c, rawpwk_process(child, p), -EFAULT);
        CHECK_EQ(&c, rawpwk_pmem_open(p, 8, 0), -EFAULT);
        CHECK_EQ(&c, rawpwk_spawn(p, 8, 0, 0), -EFAULT);
        CHECK_EQ(&c, rawpwk_spawn(here(self), n, p, 0), -EFAULT);
        if (i < 3) { /* behind the edge there is a string: an empty one */
            CHECK_EQ(&c, rawpwk_spawn(here(self), n, here(argv), 0), -EFAULT);
            CHECK_EQ(&c, rawpwk_spawn(here(self), n, here(holes), 0), -EFAULT);
        }
        CHECK_EQ(&c, rawpwk_spawn(here(self), n, 0, p), -EFAULT);
        CHECK_EQ(&c, rawpwk_spawn_module(p, 0, 0), -EFAULT);
        CHECK_EQ(&c, rawpwk_spawn_module(here(bytes), 0, 0), -EFAULT);
        CHECK_EQ(&c, rawpwk_spawn_module(here(name), 0, 0), -EFAULT);
        CHECK_EQ(&c, rawpwk_send((uint32_t)ends[0], p), -EFAULT);
    }
    CHECK_EQ(&c, rawpwk_receive((uint32_t)ends[1], BEYOND), -EFAULT);
    close(ends[0]);
    close(ends[1]);
}

/* A message that cannot be had stays in the queue, whole; one that cannot be sent never is there.
 */
static void bad_messages(void)
{
    int32_t ends[2], in = 0;
    uint32_t m[4] = {here("abc"), 3, here(&in), 1}; /* struct pwk_message */
    CHECK_EQ(&c, pwk_channel(ends), 0);
    const uint32_t a = (uint32_t)ends[0], b = (uint32_t)ends[1];
    CHECK_EQ(&c, rawpwk_send(a, here(m)), 0);
    m[0] = BEYOND;
    CHECK_EQ(&c, rawpwk_send(a, here(m)), -EFAULT);
    m[0] = here(buf), m[1] = 65537;
    CHECK_EQ(&c, rawpwk_send(a, here(m)), -EMSGSIZE);
    m[1] = LAST;
    CHECK_EQ(&c, rawpwk_send(a, here(m)), -EMSGSIZE);
    m[1] = 3, m[3] = 17;
    CHECK_EQ(&c, rawpwk_send(a, here(m)), -EINVAL);
    m[3] = LAST;
    CHECK_EQ(&c, rawpwk_send(a, here(m)), -EINVAL);
    m[2] = BEYOND, m[3] = 1;
    CHECK_EQ(&c, rawpwk_send(a, here(m)), -EFAULT);
    in = 999, m[2] = here(&in);
    CHECK_EQ(&c, rawpwk_send(a, here(m)), -EBADF);
    in = -1;
    CHECK_EQ(&c, rawpwk_send(a, here(m)), -EBADF);
    in = ends[0];
    CHECK_EQ(&c, rawpwk_send(a, here(m)), -ELOOP);
    CHECK_EQ(&c, rawpwk_receive(0, here(m)), -EINVAL); /* no channel */
    CHECK_EQ(&c, rawpwk_send(ROOT, here(m)), -ENOTCAPABLE);
    const uint32_t open = descriptors();
    m[0] = BEYOND, m[1] = 3, m[2] = here(&in), m[3] = 1;
    CHECK_EQ(&c, rawpwk_receive(b, here(m)), -EFAULT);
    m[0] = here(buf), m[1] = 3, m[2] = BEYOND, m[3] = 1;
    CHECK_EQ(&c, rawpwk_receive(b, here(m)), -EFAULT);
    m[1] = 2, m[2] = here(&in);
    CHECK_EQ(&c, rawpwk_receive(b, here(m)), -EMSGSIZE);
    CHECK_EQ(&c, m[1], 3);
    m[3] = 0;
    CHECK_EQ(&c, rawpwk_receive(b, here(m)), -EMSGSIZE);
    CHECK_EQ(&c, m[3], 1);
    CHECK_EQ(&c, descriptors(), open);
    CHECK_EQ(&c, rawpwk_receive(b, here(m)), 1);
    CHECK(&c, memcmp(buf, "abc", 3) == 0);
    CHECK_EQ(&c, descriptors(), open + 1);
    close(in);
    close(ends[0]);
    m[1] = 3, m[3] = 0;
    CHECK_EQ(&c, rawpwk_send(b, here(m)), -EPIPE);
    CHECK_EQ(&c, rawpwk_receive(b, here(m)), 0);
    close(ends[1]);
}

static void bad_descriptors(void)
{
    const uint32_t bad[] = {4096, 77, 256, LAST, 0x80000000u};
    for (int i = 0; i < 5; i++) {
        const int32_t fds[] = {(int32_t)bad[i], PWK_FD_END};
        CHECK_EQ(&c, rawpwk_map(bad[i], 0, 65536, 0), -EBADF);
        CHECK_EQ(&c, rawpwk_send(bad[i], here(buf)), -EBADF);
        CHECK_EQ(&c, rawpwk_receive(bad[i], here(buf)), -EBADF);
        if (bad[i] != LAST) /* that is the end of the list */
            CHECK_EQ(&c, rawpwk_spawn(here(self), (uint32_t)strlen(self), 0, here(fds)), -EBADF);
    }
    CHECK_EQ(&c, rawpwk_map(0, 0, 65536, 0), -ENODEV);
    CHECK_EQ(&c, rawpwk_map(ROOT, 0, 65536, 0), -ENODEV);
    /* a list of descriptors without an end */
    memset((void *)(uintptr_t)edge_page, 0xfe, 65536);
    for (uint32_t at = 0; at < 65536; at += 4)
        *(int32_t *)(uintptr_t)(edge_page + at) = PWK_FD_NONE;
    CHECK_EQ(&c, rawpwk_spawn(here(self), (uint32_t)strlen(self), 0, edge_page), -EMFILE);
    for (uint32_t at = 0; at < 65536; at += 4)
        *(int32_t *)(uintptr_t)(edge_page + at) = 0;
    CHECK_EQ(&c, rawpwk_spawn(here(self), (uint32_t)strlen(self), 0, edge_page), -EMFILE);
}

static void bad_arguments(void)
{
    const uint32_t endless[] = {edge_page, 0};
    const uint32_t n = (uint32_t)strlen(self);
    memset((void *)(uintptr_t)edge_page, 'x', 65536); /* a string that has no end in memory */
    CHECK_EQ(&c, rawpwk_spawn(here(self), n, here(endless), 0), -EFAULT);
    for (uint32_t at = 0; at < 65536; at += 4) /* arguments without end */
        *(uint32_t *)(uintptr_t)(edge_page + at) = here(self);
    CHECK_EQ(&c, rawpwk_spawn(here(self), n, edge_page, 0), -EFAULT);
    CHECK_EQ(&c, rawpwk_spawn(here(self), n, LAST - 1, 0), -EFAULT);
    CHECK_EQ(&c, rawpwk_spawn(here(self), 0, 0, 0), -ENOENT);
    CHECK_EQ(&c, rawpwk_spawn(here(self), 4097, 0, 0), -ENAMETOOLONG);
    CHECK_EQ(&c, rawpwk_spawn(here(self), LAST, 0, 0), -ENAMETOOLONG);
    CHECK_EQ(&c, rawpwk_spawn(here("/"), 1, 0, 0), -ENOENT);
    CHECK_EQ(&c, rawpwk_spawn(here("/dir"), 4, 0, 0), -EACCES);
    CHECK_EQ(&c, rawpwk_spawn(here("/../x"), 5, 0, 0), -ENOTCAPABLE);
    CHECK_EQ(&c, rawpwk_spawn(here("/hello.txt"), 10, 0, 0), -ENOEXEC);
    CHECK_EQ(&c, rawpwk_spawn(here("/\xff"), 2, 0, 0), -EILSEQ);
    CHECK_EQ(&c, rawpwk_spawn(here("a\0b"), 3, 0, 0), -ENOENT);
    uint32_t module[4] = {here(buf), LAST, here("m"), 1}; /* struct pwk_module */
    CHECK_EQ(&c, rawpwk_spawn_module(here(module), 0, 0), -E2BIG);
    module[1] = 8, module[3] = 256;
    CHECK_EQ(&c, rawpwk_spawn_module(here(module), 0, 0), -ENAMETOOLONG);
    module[3] = 1;
    CHECK_EQ(&c, rawpwk_spawn_module(here(module), 0, 0), -ENOEXEC);
    module[1] = 0;
    CHECK_EQ(&c, rawpwk_spawn_module(here(module), 0, 0), -ENOEXEC);
    CHECK_EQ(&c, processes(), 1);
}

static void bad_numbers(void)
{
    const uint32_t nobody[] = {0, 77, LAST, 0x80000000u};
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(&c, rawpwk_kill(nobody[i], 1), -ESRCH);
        CHECK_EQ(&c, rawpwk_priority(nobody[i], 4), -ESRCH);
        CHECK_EQ(&c, rawpwk_affinity(nobody[i], 0), -ESRCH);
        CHECK_EQ(&c, rawpwk_wait(nobody[i], 0, 0), -ECHILD);
        CHECK_EQ(&c, rawpwk_console(3 + nobody[i] % 5, 0), -EINVAL);
    }
    CHECK_EQ(&c, rawpwk_process(LAST, here(buf)), -ESRCH);
    CHECK_EQ(&c, rawpwk_console(PWK_CONSOLE_FOREGROUND, 77), -ESRCH);
    CHECK_EQ(&c, rawpwk_priority(pwk_self(), 8), -EINVAL);
    CHECK_EQ(&c, rawpwk_priority(pwk_self(), LAST), -EINVAL);
    CHECK_EQ(&c, rawpwk_affinity(pwk_self(), rawpwk_harts()), -EINVAL);
    CHECK_EQ(&c, rawpwk_affinity(pwk_self(), INT32_MIN), -EINVAL);
    CHECK(&c, rawpwk_hart() >= 0 && rawpwk_hart() < rawpwk_harts());
    CHECK_EQ(&c, rawpwk_wait(0, 0, 2), -EINVAL);
    CHECK_EQ(&c, rawpwk_wait(0, 0, LAST), -EINVAL);
    CHECK_EQ(&c, rawpwk_limit(99, 1), -EINVAL);
    CHECK_EQ(&c, rawpwk_limit(LAST, 1), -EINVAL);
    CHECK_EQ(&c, rawpwk_limit(PWK_LIMIT_PAGES, 0), -EINVAL);
    CHECK_EQ(&c, rawpwk_limit(PWK_LIMIT_PAGES, LAST), -EPERM);
    CHECK_EQ(&c, rawpwk_limit(PWK_LIMIT_HANDLES, LAST), -EPERM);
    CHECK_EQ(&c, rawpwk_limit(PWK_LIMIT_THREADS, LAST), -EPERM);
    CHECK_EQ(&c, rawpwk_limit(PWK_LIMIT_STACK, LAST), -EPERM);
    CHECK_EQ(&c, rawpwk_limit(PWK_LIMIT_STACK, 1000), -EINVAL);
    CHECK_EQ(&c, rawpwk_thread_spawn(LAST) >= 0, 0); /* it has no entry for threads */
}

static void bad_memory(void)
{
    const int64_t sizes[] = {0, -1, INT64_MIN, INT64_MAX, INT64_C(1) << 41};
    for (int i = 0; i < 5; i++)
        CHECK_EQ(&c, rawpwk_memory(sizes[i]), -EINVAL);
    CHECK_EQ(&c, rawpwk_memory(INT64_C(1) << 40), -ENOMEM);
    CHECK_EQ(&c, rawpwk_pmem_open(here("x"), 1, -1), -EINVAL);
    CHECK_EQ(&c, rawpwk_pmem_open(here("x"), 1, INT64_MAX), -EINVAL);
    CHECK_EQ(&c, rawpwk_pmem_open(here("x"), 1, INT64_C(1) << 40) < 0, 1);
    CHECK_EQ(&c, rawpwk_pmem_open(here("x"), 0, 1), -EINVAL);
    CHECK_EQ(&c, rawpwk_pmem_open(here(buf), 97, 1), -ENAMETOOLONG);
    CHECK_EQ(&c, rawpwk_pmem_open(here(buf), LAST, 1), -ENAMETOOLONG);
    CHECK_EQ(&c, rawpwk_pmem_open(here("a\0b"), 3, 1), -EILSEQ);
    CHECK_EQ(&c, rawpwk_pmem_open(here("\xff"), 1, 1), -EILSEQ);
    const int32_t fd = rawpwk_memory(3 * 65536);
    const uint32_t m = (uint32_t)fd;
    CHECK(&c, fd > 0);
    CHECK_EQ(&c, rawpwk_map(m, -65536, 65536, 0), -EINVAL);
    CHECK_EQ(&c, rawpwk_map(m, INT64_MIN, 65536, 0), -EINVAL);
    CHECK_EQ(&c, rawpwk_map(m, INT64_MAX, 65536, 0), -EINVAL);
    CHECK_EQ(&c, rawpwk_map(m, 1, 65536, 0), -EINVAL);
    CHECK_EQ(&c, rawpwk_map(m, 0, 0, 0), -EINVAL);
    CHECK_EQ(&c, rawpwk_map(m, 0, LAST, 0), -EINVAL);
    CHECK_EQ(&c, rawpwk_map(m, 65536, 3 * 65536, 0), -EINVAL);
    CHECK_EQ(&c, rawpwk_map(m, 3 * 65536, 65536, 0), -EINVAL);
    CHECK_EQ(&c, rawpwk_map(m, INT64_C(1) << 48, 65536, 0), -EINVAL);
    CHECK_EQ(&c, rawpwk_map(m, 0, 65536, 2), -EINVAL);
    CHECK_EQ(&c, rawpwk_map(m, 0, 65536, 1), -ENOTSUP);
    CHECK_EQ(&c, rawpwk_map(m, 0, 65536, LAST), -EINVAL);
    const int32_t at = rawpwk_map(m, 0, 3 * 65536, 0);
    const uint32_t a = (uint32_t)at;
    CHECK(&c, !pwk_failed(at));
    memset(pwk_pointer(at), 7, 3 * 65536);
    CHECK_EQ(&c, rawpwk_unmap(a + 1, 65536), -EINVAL);
    CHECK_EQ(&c, rawpwk_unmap(a, 0), -EINVAL);
    CHECK_EQ(&c, rawpwk_unmap(a, LAST), -EINVAL);
    CHECK_EQ(&c, rawpwk_unmap(a, 4 * 65536), -EINVAL);
    CHECK_EQ(&c, rawpwk_unmap(a - 65536, 65536), -EINVAL);
    CHECK_EQ(&c, rawpwk_unmap(0, 65536), -EINVAL);
    CHECK_EQ(&c, rawpwk_unmap(0xffff0000u, 65536), -EINVAL);
    CHECK_EQ(&c, rawpwk_unmap(a + 65536, 65536), 0);
    CHECK_EQ(&c, rawpwk_unmap(a + 65536, 65536), -EINVAL);
    CHECK_EQ(&c, rawpwk_unmap(a, 3 * 65536), -EINVAL); /* it has a hole now: nothing happens */
    CHECK(&c, *(char *)(uintptr_t)a == 7 && *(char *)(uintptr_t)(a + 2 * 65536) == 7);
    CHECK_EQ(&c, rawpwk_unmap(a, 65536), 0);
    CHECK_EQ(&c, rawpwk_unmap(a + 2 * 65536, 65536), 0);
    close(fd);
}

/* Everything that can run out does so by an error, and is there again afterwards. */
static void running_out(void)
{
    const uint32_t open = descriptors();
    int32_t fds[2], last = -1;
    int n = 0;
    while ((last = pwk_pipe(fds)) == 0)
        n++;
    CHECK(&c, last == -EMFILE && n > 400 && descriptors() <= 1024);
    CHECK_EQ(&c, pwk_channel(fds), -EMFILE);
    for (int fd = (int)open; fd < 1024; fd++)
        close(fd);
    CHECK_EQ(&c, descriptors(), open);
    struct pwk_system s, t;
    CHECK_EQ(&c, pwk_system(&s), 0);
    n = 0;
    while ((last = rawpwk_memory(32 << 20)) >= 0)
        n++;
    CHECK(&c, last == -ENOMEM && n > 0);
    for (int fd = (int)open; fd < 1024; fd++)
        close(fd);
    CHECK_EQ(&c, pwk_system(&t), 0);
    CHECK_EQ(&c, s.dram_free - t.dram_free < 1 << 20, 1);
}

/* Of what a child without the right to it may see and end: only itself and its own. */
static void confined(void)
{
    const uint32_t me = pwk_self();
    struct pwk_process p;
    CHECK_EQ(&c, rawpwk_kill(1, 9), me == 1 ? 0 : -EPERM);
    CHECK_EQ(&c, rawpwk_priority(1, 0), -EPERM);
    CHECK_EQ(&c, rawpwk_affinity(1, 0), -EPERM);
    CHECK_EQ(&c, rawpwk_console(PWK_CONSOLE_RAW, 0), -EPERM);
    CHECK_EQ(&c, rawpwk_console(PWK_CONSOLE_FOREGROUND, 0), -EPERM);
    CHECK_EQ(&c, rawpwk_wait(1, 0, 0), -ECHILD);
    CHECK_EQ(&c, pwk_process(0, &p), (int32_t)me);
    CHECK_EQ(&c, pwk_process(me + 1, &p), -ESRCH);
    CHECK_EQ(&c, rawpwk_spawn(here("/hello.txt"), 10, 0, 0), -ENOTCAPABLE); /* no directory */
}

/* A child that nests so many calls, or takes so much memory: how it ended. */
static struct pwk_status child(const char *what, const char *much, const int32_t *fds)
{
    struct pwk_status s = {0};
    const char *const argv[] = {self, what, much, NULL};
    const int32_t pid = pwk_spawn(self, (uint32_t)strlen(self), argv, fds);
    CHECK(&c, pid > 1 && pwk_wait((uint32_t)pid, &s, 0) == pid);
    return s;
}

/* The compiler must not make a loop of it. */
static int nest(int depth)
{
    volatile int here_too = depth;
    return depth > 0 ? (nest(depth - 1) ^ here_too) * 3 : 0;
}

/* Limits that a process has lowered hold for its children, too. */
static void limits(void)
{
    CHECK_EQ(&c, child("nest", "2000", NULL).how, PWK_EXITED);
    CHECK_EQ(&c, pwk_limit(PWK_LIMIT_STACK, 65536), 0);
    CHECK_EQ(&c, pwk_limit(PWK_LIMIT_STACK, 65537), -EPERM);
    CHECK_EQ(&c, child("nest", "20", NULL).how, PWK_EXITED);
    CHECK_EQ(&c, child("nest", "2000", NULL).how, PWK_TRAPPED);
    CHECK_EQ(&c, child("take", "100", NULL).code, 0);
    CHECK_EQ(&c, pwk_limit(PWK_LIMIT_PAGES, 64), 0);
    CHECK_EQ(&c, child("take", "100", NULL).code, 1);
    CHECK_EQ(&c, child("take", "30", NULL).code, 0);
    CHECK_EQ(&c, pwk_limit(PWK_LIMIT_HANDLES, 8), 0);
    CHECK_EQ(&c, child("open", "3", NULL).code, 0);
    CHECK_EQ(&c, child("open", "9", NULL).code, 1);
}

static int in_child(const char *what, int much)
{
    int32_t fds[2];
    if (strcmp(what, "nest") == 0)
        return nest(much) == 12345;
    if (strcmp(what, "take") == 0)
        return __builtin_wasm_memory_grow(0, (size_t)much) == (size_t)-1;
    if (strcmp(what, "open") == 0)
        for (int n = 4; n < much; n += 2)
            if (pwk_pipe(fds))
                return 1;
    if (strcmp(what, "confined") == 0)
        confined();
    return c.failed;
}

int main(int argc, char **argv)
{
    self = argv[0];
    if (argc > 2)
        return in_child(argv[1], atoi(argv[2]));
    free(malloc(1)); /* it takes the memory that there is before the next page is added */
    edge_page = (uint32_t)__builtin_wasm_memory_grow(0, 1) * 65536u;
    bad_pointers();
    bad_messages();
    bad_descriptors();
    bad_arguments();
    bad_numbers();
    bad_memory();
    running_out();
    const struct pwk_status s = child("confined", "0", (int32_t[]){0, 1, 2, PWK_FD_END});
    CHECK(&c, s.how == PWK_EXITED && s.code == 0);
    limits();
    return check_end(&c);
}
