/* procs.c - processes: started, waited for, ended; what they inherit; pipes and channels between
 * them. The program starts itself with other arguments. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "pwk.h"
#include "rawwasi.h"

static struct checks c;
static const char *self; /* this program's name in the boot image */

static int32_t start(const char *what, const char *arg, const int32_t *fds)
{
    const char *argv[] = {self, what, arg, NULL};
    return pwk_spawn(self, (uint32_t)strlen(self), argv, fds);
}

static struct pwk_status wait_for(int32_t pid)
{
    struct pwk_status s = {0};
    CHECK_EQ(&c, pwk_wait((uint32_t)pid, &s, 0), pid);
    return s;
}

static void ends(void)
{
    struct pwk_status s;
    int32_t pid = start("exit", "7", NULL), other;
    CHECK(&c, pid > 1);
    s = wait_for(pid);
    CHECK(&c, s.how == PWK_EXITED && s.code == 7 && s.cpu_ns > 0 && s.real_ns >= s.cpu_ns);
    CHECK_EQ(&c, pwk_wait((uint32_t)pid, NULL, 0), -ECHILD); /* only once */
    pid = start("spin", NULL, NULL);
    CHECK_EQ(&c, pwk_wait((uint32_t)pid, NULL, PWK_WAIT_NOT), 0);
    CHECK_EQ(&c, pwk_kill((uint32_t)pid, 99), 0);
    s = wait_for(pid);
    CHECK(&c, s.how == PWK_KILLED && s.code == 99);
    CHECK_EQ(&c, pwk_kill((uint32_t)pid, 99), -ESRCH);
    pid = start("raise", NULL, NULL);
    s = wait_for(pid);
    CHECK(&c, s.how == PWK_KILLED && s.code == 128 + 6);
    pid = start("trap", NULL, NULL); /* the machine's log says where */
    CHECK_EQ(&c, wait_for(pid).how, PWK_TRAPPED);
    /* two that sleep: the one that sleeps shorter ends first, whatever the order */
    pid = start("sleep", "20", NULL);
    other = start("sleep", "10", NULL);
    CHECK_EQ(&c, pwk_wait(0, &s, 0), other);
    CHECK_EQ(&c, pwk_wait(0, &s, 0), pid);
    CHECK(&c, s.real_ns >= 20000000 && s.cpu_ns < 20000000);
    CHECK_EQ(&c, pwk_wait(0, &s, 0), -ECHILD);
    CHECK_EQ(&c, pwk_spawn("nonesuch", 8, NULL, NULL), -ENOENT);
    CHECK_EQ(&c, pwk_spawn("/nonesuch", 9, NULL, NULL), -ENOENT);
    CHECK_EQ(&c, pwk_spawn("/hello.txt", 10, NULL, NULL), -ENOEXEC);
    CHECK_EQ(&c, start("exit", "0", (int32_t[]){77, PWK_FD_END}), -EBADF);
}

/* A pipe to a child's output: all that it writes, then the end. */
static void pipes(void)
{
    char buf[64];
    int32_t fds[2], pid;
    size_t total = 0;
    ssize_t n;
    long wrong = 0;
    CHECK_EQ(&c, pwk_pipe(fds), 0);
    pid = start("count", "30000", (int32_t[]){0, fds[1], 2, PWK_FD_END});
    close(fds[1]);
    while ((n = read(fds[0], buf, sizeof buf)) > 0)
        for (ssize_t i = 0; i < n; i++)
            wrong += buf[i] != (char)('a' + total++ % 26);
    CHECK(&c, n == 0 && total == 30000 && wrong == 0);
    CHECK_EQ(&c, wait_for(pid).code, 0);
    close(fds[0]);
    /* nobody reads: the writer is told */
    CHECK_EQ(&c, pwk_pipe(fds), 0);
    close(fds[0]);
    CHECK_EQ(&c, write(fds[1], "x", 1), -1);
    CHECK_EQ(&c, errno, EPIPE);
    close(fds[1]);
    /* does not wait when it is told not to */
    CHECK_EQ(&c, pwk_pipe(fds), 0);
    CHECK_EQ(&c, fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
    CHECK_EQ(&c, read(fds[0], buf, 1), -1);
    CHECK_EQ(&c, errno, EAGAIN);
    CHECK_EQ(&c, write(fds[1], "yz", 2), 2);
    CHECK_EQ(&c, read(fds[0], buf, 8), 2);
    CHECK_EQ(&c, lseek(fds[0], 0, SEEK_CUR), -1);
    close(fds[0]);
    close(fds[1]);
}

/* Bytes through two pipes and a child, forth and back. */
static void ping_pong(void)
{
    int32_t there[2], back[2], pid;
    char b = 0;
    long wrong = 0;
    CHECK_EQ(&c, pwk_pipe(there), 0);
    CHECK_EQ(&c, pwk_pipe(back), 0);
    pid = start("echo", NULL, (int32_t[]){there[0], back[1], 2, PWK_FD_END});
    close(there[0]);
    close(back[1]);
    for (int i = 0; i < 1000; i++) {
        char out = (char)i;
        wrong += write(there[1], &out, 1) != 1 || read(back[0], &b, 1) != 1 || b != (char)(i + 1);
    }
    CHECK_EQ(&c, wrong, 0);
    close(there[1]);
    CHECK_EQ(&c, read(back[0], &b, 1), 0);
    CHECK_EQ(&c, wait_for(pid).code, 0);
    close(back[0]);
}

static void channels(void)
{
    int32_t ends[2], fds[2], got[4], pid, file;
    char buf[32];
    struct pwk_message m = {.bytes = "question", .len = 8};
    CHECK_EQ(&c, pwk_channel(ends), 0);
    CHECK_EQ(&c, pwk_send(ends[0], &m), 0);
    m = (struct pwk_message){.bytes = buf, .len = 4};
    CHECK_EQ(&c, pwk_receive(ends[1], &m), -EMSGSIZE);
    CHECK(&c, m.len == 8 && m.nfds == 0);
    CHECK_EQ(&c, pwk_receive(ends[1], &m), 1);
    CHECK(&c, m.len == 8 && memcmp(buf, "question", 8) == 0);
    /* an end cannot travel through its own channel */
    m = (struct pwk_message){.fds = (int32_t[]){ends[1]}, .nfds = 1};
    CHECK_EQ(&c, pwk_send(ends[0], &m), -ELOOP);
    /* a child gets a file that it could not open, and answers with a pipe */
    file = open("passed", O_RDWR | O_CREAT, 0666);
    CHECK_EQ(&c, write(file, "by hand", 7), 7);
    pid = start("channel", NULL, (int32_t[]){ends[1], 1, 2, PWK_FD_END});
    close(ends[1]);
    m = (struct pwk_message){.bytes = "f", .len = 1, .fds = &file, .nfds = 1};
    CHECK_EQ(&c, pwk_send(ends[0], &m), 0);
    m = (struct pwk_message){.bytes = buf, .len = sizeof buf, .fds = got, .nfds = 4};
    CHECK_EQ(&c, pwk_receive(ends[0], &m), 1);
    CHECK(&c, m.len == 6 && memcmp(buf, "answer", 6) == 0 && m.nfds == 1);
    CHECK_EQ(&c, read(got[0], buf, sizeof buf), 7);
    CHECK(&c, memcmp(buf, "by hand", 7) == 0);
    close(got[0]);
    CHECK_EQ(&c, pwk_receive(ends[0], &m), 0); /* the other end is gone */
    CHECK_EQ(&c, pwk_send(ends[0], &m), -EPIPE);
    CHECK_EQ(&c, wait_for(pid).code, 0);
    close(ends[0]);
    close(file);
    /* channels in channels, as deep as there are descriptors: all of it goes away again */
    CHECK_EQ(&c, pwk_channel(ends), 0);
    for (int i = 0; i < 900; i++) {
        if (pwk_channel(fds) < 0)
            break;
        m = (struct pwk_message){.fds = ends, .nfds = 2};
        if (pwk_send(fds[0], &m) < 0)
            break;
        close(ends[0]);
        close(ends[1]);
        ends[0] = fds[0];
        ends[1] = fds[1];
    }
    close(ends[0]);
    close(ends[1]);
    CHECK_EQ(&c, pwk_channel(ends), 0);
    close(ends[0]);
    close(ends[1]);
}

static void shared_memory(void)
{
    int32_t fd = pwk_memory(3 * PWK_PAGE), pid;
    volatile uint32_t *p;
    CHECK(&c, fd > 2);
    p = pwk_pointer(pwk_map(fd, 0, 3 * PWK_PAGE, PWK_MAP_SHARED));
    CHECK_EQ(&c, p[0], 0);
    pid = start("memory", NULL, (int32_t[]){fd, 1, 2, PWK_FD_END});
    close(fd);
    while (p[PWK_PAGE / 4] == 0) /* until it is preempted and the child runs */
        ;
    p[0] = 5;
    CHECK_EQ(&c, wait_for(pid).code, 5);
    CHECK_EQ(&c, p[PWK_PAGE / 4], 77);
    CHECK_EQ(&c, pwk_unmap((int32_t)(uintptr_t)p, 3 * PWK_PAGE), 0);
    CHECK_EQ(&c, p[0], 0);
    CHECK_EQ(&c, pwk_memory(0), -EINVAL);
    CHECK_EQ(&c, pwk_memory(-1), -EINVAL);
}

static uint64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Who never gives up the hart is preempted; a higher priority goes first. */
static void turns(void)
{
    struct pwk_status s;
    int32_t a, b, first;
    CHECK_EQ(&c, pwk_affinity(pwk_self(), 0), 0); /* there may be several harts */
    CHECK_EQ(&c, pwk_affinity(pwk_self(), (int32_t)pwk_harts()), -EINVAL);
    CHECK_EQ(&c, pwk_affinity(1000, 0), -ESRCH);
    a = start("work", NULL, NULL);
    b = start("work", NULL, NULL);
    CHECK_EQ(&c, pwk_priority((uint32_t)b, 5), 0);
    CHECK_EQ(&c, pwk_priority((uint32_t)b, 8), -EINVAL);
    first = pwk_wait(0, &s, 0);
    CHECK_EQ(&c, first, b);
    CHECK_EQ(&c, pwk_wait(0, &s, 0), a);
    a = start("spin", NULL, NULL);
    uint64_t from = now();
    usleep(5000);
    uint64_t took = now() - from;
    CHECK(&c, took >= 5000000 && took < 8000000); /* a slice late, at most */
    CHECK_EQ(&c, pwk_hart(), 0);
    CHECK_EQ(&c, pwk_affinity(pwk_self(), -1), 0);
    CHECK_EQ(&c, pwk_kill((uint32_t)a, 0), 0);
    wait_for(a);
}

/* What a child may see and end: what it started, unless it was given more. */
static void control(void)
{
    int32_t spin = start("spin", NULL, NULL), pid;
    char number[16];
    snprintf(number, sizeof number, "%d", spin);
    pid = start("kill", number, (int32_t[]){0, 1, 2, PWK_FD_END});
    CHECK_EQ(&c, wait_for(pid).code, EPERM);
    pid = start("kill", number, (int32_t[]){0, 1, 2, PWK_FD_CONTROL, PWK_FD_END});
    CHECK_EQ(&c, wait_for(pid).code, 0);
    CHECK_EQ(&c, wait_for(spin).how, PWK_KILLED);
}

static void limits(void)
{
    int32_t fds[2], n = 0;
    CHECK_EQ(&c, pwk_limit(PWK_LIMIT_HANDLES, 20), 0);
    CHECK_EQ(&c, pwk_limit(PWK_LIMIT_HANDLES, 21), -EPERM);
    CHECK_EQ(&c, pwk_limit(9, 1), -EINVAL);
    CHECK_EQ(&c, pwk_limit(PWK_LIMIT_PAGES, 0), -EINVAL);
    while (n < 100 && pwk_pipe(fds) == 0)
        n++;
    CHECK_EQ(&c, n, 8); /* 4 to 19 */
    CHECK_EQ(&c, pwk_pipe(fds), -EMFILE);
    close(4);
    CHECK_EQ(&c, pwk_pipe(fds), -EMFILE); /* one free number is not enough, and stays free */
    CHECK_EQ(&c, open("hello.txt", O_RDONLY), 4);
    CHECK_EQ(&c, pwk_limit(PWK_LIMIT_PAGES, 40), 0);
    close(4);
    CHECK_EQ(&c, wait_for(start("grow", NULL, NULL)).code, 1);
}

/* ---- what children do ---- */

static int child(int argc, char **argv)
{
    const char *what = argv[1], *arg = argc > 2 ? argv[2] : "0";
    char buf[32];
    if (strcmp(what, "exit") == 0)
        return atoi(arg);
    if (strcmp(what, "spin") == 0)
        for (volatile int i = 0;;)
            i++;
    if (strcmp(what, "raise") == 0)
        return (int)raw_proc_raise(6);
    if (strcmp(what, "trap") == 0)
        __builtin_trap();
    if (strcmp(what, "sleep") == 0)
        return usleep((useconds_t)atoi(arg) * 1000);
    if (strcmp(what, "count") == 0) {
        for (int i = 0; i < atoi(arg); i++) {
            char b = (char)('a' + i % 26);
            if (write(1, &b, 1) != 1)
                return 1;
        }
        return 0;
    }
    if (strcmp(what, "echo") == 0) {
        while (read(0, buf, 1) == 1) {
            buf[0]++;
            write(1, buf, 1);
        }
        return 0;
    }
    if (strcmp(what, "channel") == 0) {
        int32_t fds[2], file;
        struct pwk_message m = {buf, sizeof buf, &file, 1};
        if (pwk_receive(0, &m) != 1 || m.nfds != 1 || pwk_pipe(fds) < 0)
            return 1;
        ssize_t n = pread(file, buf, sizeof buf, 0);
        write(fds[1], buf, (size_t)n);
        m = (struct pwk_message){"answer", 6, fds, 1};
        return pwk_send(0, &m) ? 2 : 0;
    }
    if (strcmp(what, "memory") == 0) {
        volatile uint32_t *p = pwk_pointer(pwk_map(0, 0, 2 * PWK_PAGE, PWK_MAP_SHARED));
        p[PWK_PAGE / 4] = 77;
        while (p[0] == 0)
            usleep(100);
        return (int)p[0];
    }
    if (strcmp(what, "work") == 0) {
        volatile int i = 0;
        while (i < 3000000)
            i++;
        return 0;
    }
    if (strcmp(what, "kill") == 0)
        return -pwk_kill((uint32_t)atoi(arg), 3);
    if (strcmp(what, "grow") == 0)
        return __builtin_wasm_memory_grow(0, 64) == (size_t)-1;
    return 100;
}

int main(int argc, char **argv)
{
    self = argv[0];
    if (argc > 1)
        return child(argc, argv);
    ends();
    pipes();
    ping_pong();
    channels();
    shared_memory();
    turns();
    control();
    limits();
    return check_end(&c);
}
