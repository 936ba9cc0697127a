/* unfinished.c - files and folders that are removed if the process is stopped before they are
 * whole. */
/*
 * A signal handler may come between any two instructions: so names stand in arrays of fixed size,
 * and folders are read by the system call, which allocates nothing.
 */
#include "sim/unfinished.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include "memhier/hostmem.h"

#define MOST 8

/* Global, because a signal handler gets no argument of ours. */
static struct {
    char path[PATH_MAX];
    volatile sig_atomic_t is;
} unfinished[MOST];
static pid_t owner; /* 0: nobody watches */

/* ---- in a signal handler ---- */

/* Files in it, until there are none. */
static void empty_folder(int fd)
{
    union {
        char bytes[4096];
        struct dirent64 first;
    } buf;
    long got;
    while ((got = syscall(SYS_getdents64, fd, &buf, sizeof buf)) > 0)
        for (long at = 0; at < got;) {
            const struct dirent64 *e = (const void *)(buf.bytes + at);
            unlinkat(fd, e->d_name, 0);
            at += e->d_reclen;
        }
}

static void remove_it(const char *path)
{
    if (unlink(path) == 0 || errno == ENOENT)
        return;
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return;
    empty_folder(fd);
    close(fd);
    rmdir(path);
}

static void remove_all(void)
{
    if (getpid() != owner)
        return;
    for (int i = 0; i < MOST; i++)
        if (unfinished[i].is)
            remove_it(unfinished[i].path);
}

/* The handler is gone after its first call, and the signal is not blocked in it. */
static void on_signal(int sig)
{
    remove_all();
    raise(sig);
}

/* ---- outside ---- */

void unfinished_watch(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGXCPU};
    const struct sigaction act = {.sa_handler = on_signal,
                                  .sa_flags = (int)(SA_RESETHAND | SA_NODEFER)};
    struct sigaction old;
    owner = getpid();
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL)
            sigaction(signals[i], &act, NULL);
    hostmem_before_end(remove_all);
}

int unfinished_add(const char *path, const char *suffix)
{
    for (int i = 0; i < MOST; i++) {
        if (unfinished[i].is)
            continue;
        if (snprintf(unfinished[i].path, PATH_MAX, "%s%s", path, suffix) >= PATH_MAX)
            return -1;
        atomic_signal_fence(memory_order_seq_cst);
        unfinished[i].is = 1;
        return i;
    }
    return -1;
}

void unfinished_done(int handle)
{
    if (handle >= 0)
        unfinished[handle].is = 0;
}
