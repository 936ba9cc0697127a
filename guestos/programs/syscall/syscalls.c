/* syscalls.c - kernel calls and what is built of them, one operation again and again. */
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <wasi/api.h>

#include "guestos/lib/number.h"
#include "op.h"

#define BLOCK  4096u
#define BLOCKS 16u /* of the file: it stays in the L2 */

static char block[BLOCK];

static void clocks(uint32_t n)
{
    struct timespec t;
    OP_TIMES(n, clock_gettime(CLOCK_MONOTONIC, &t));
}

static int scratch_file(void)
{
    const int fd = open("/scratch", O_RDWR | O_CREAT | O_TRUNC, 0600);
    op_check(fd >= 0, "open");
    for (uint32_t i = 0; i < BLOCKS; i++)
        op_check(write(fd, block, BLOCK) == (ssize_t)BLOCK, "write");
    return fd;
}

static void reads(uint32_t bytes, uint32_t n)
{
    const int fd = scratch_file();
    OP_TIMES(n, op_check(pread(fd, block, bytes, (off_t)(i % BLOCKS * BLOCK)) == (ssize_t)bytes,
                         "pread"));
}

static void writes(uint32_t bytes, uint32_t n)
{
    const int fd = scratch_file();
    OP_TIMES(n, op_check(pwrite(fd, block, bytes, (off_t)(i % BLOCKS * BLOCK)) == (ssize_t)bytes,
                         "pwrite"));
}

/* ---- two processes ---- */

static int32_t start(const char *self, const char *what, uint32_t n, const int32_t *fds)
{
    char number[16];
    snprintf(number, sizeof number, "%u", (unsigned)n);
    const char *argv[] = {self, what, number, NULL};
    const int32_t pid = pwk_spawn(self, (uint32_t)strlen(self), argv, fds);
    op_check(pid > 0, "spawn");
    return pid;
}

static void finish(int32_t pid)
{
    struct pwk_status s;
    op_check(pwk_wait((uint32_t)pid, &s, 0) == pid && s.how == PWK_EXITED && s.code == 0, "wait");
}

/* A byte there and a byte back. */
static void turn(int out, int in)
{
    char c = 1;
    op_check(write(out, &c, 1) == 1 && read(in, &c, 1) == 1, "a turn");
}

static void echo(void)
{
    char c;
    while (read(0, &c, 1) == 1)
        op_check(write(1, &c, 1) == 1, "write");
}

/* far: the two run on a hart each. */
static void pingpong(const char *self, int far, uint32_t n)
{
    int32_t there[2], back[2];
    op_check(!far || pwk_affinity(pwk_self(), 1) == 0, "affinity to hart 1");
    op_check(pwk_pipe(there) == 0 && pwk_pipe(back) == 0, "pipe");
    const int32_t fds[] = {there[0], back[1], 2, PWK_FD_END};
    const int32_t pid = start(self, "echo", n, fds);
    op_check(!far || pwk_affinity(pwk_self(), 0) == 0, "affinity to hart 0");
    close(there[0]);
    close(back[1]);
    OP_TIMES(n, turn(there[1], back[0]));
    close(there[1]);
    finish(pid);
}

static void yields(uint32_t n)
{
    while (n--)
        sched_yield();
}

/* A switch there and one back are two operations. */
static void switches(const char *self, uint32_t n)
{
    const int32_t pid = start(self, "yield", n / 2 + 2 * OP_WARM_UP, NULL);
    OP_TIMES(n / 2, sched_yield(); pwk_mark(0));
    finish(pid);
}

static void spawns(uint32_t n)
{
    static const char name[] = "nothing";
    const char *argv[] = {name, NULL};
    OP_TIMES(n, finish(pwk_spawn(name, sizeof name - 1, argv, NULL)));
}

/* ---- memory ---- */

/* A store to each 4 KiB of pages that are new; growing included. */
static void touch(uint32_t n)
{
    const uint32_t pages = n / (PWK_PAGE / BLOCK) + 1;
    pwk_roi(1);
    const size_t first = __builtin_wasm_memory_grow(0, pages);
    op_check(first != SIZE_MAX, "memory.grow");
    for (uint32_t i = 0; i < n; i++) {
        *(volatile char *)(first * PWK_PAGE + (size_t)i * BLOCK) = 1;
        pwk_mark(0);
    }
    pwk_roi(0);
}

/* ---- a call among other work ---- */

/*
 * A piece of user code with a working set: it follows lines of a list that fills three quarters of
 * the L1D and branches on what it finds. As in FlexSC's experiment, a call between two such pieces
 * shows what it displaces; `bytes` 0: no call.
 */
#define WORK_NODES 384u

struct node {
    uint32_t next, value;
    char rest[56];
};
static _Alignas(64) struct node nodes[WORK_NODES];

static uint32_t work(uint32_t at)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < WORK_NODES; i++) {
        const struct node *n = &nodes[at];
        sum = n->value & 1 ? sum + n->value : sum ^ n->value;
        at = n->next;
    }
    nodes[at].value += sum;
    return at;
}

static void working(uint32_t bytes, uint32_t n)
{
    const int fd = scratch_file();
    uint32_t at = 0;
    for (uint32_t i = 0; i < WORK_NODES; i++)
        nodes[i] = (struct node){.next = (i + 125) % WORK_NODES, .value = i * 2654435761u >> 7};
    if (bytes)
        OP_TIMES(n, at = work(at);
                 op_check(pwrite(fd, block, bytes, (off_t)(i % BLOCKS * BLOCK)) == (ssize_t)bytes,
                          "pwrite"));
    else
        OP_TIMES(n, at = work(at));
}

/* One call after so much work that there are some 50,000 a second at 3.7 GHz. */
static void rarely(uint32_t n)
{
    const int fd = scratch_file();
    uint32_t at = 0;
    for (uint32_t i = 0; i < WORK_NODES; i++)
        nodes[i] = (struct node){.next = (i + 125) % WORK_NODES, .value = i * 2654435761u >> 7};
    OP_TIMES(n, for (uint32_t k = 0; k < 32; k++) at = work(at);
             op_check(pwrite(fd, block, 1, 0) == 1, "pwrite"));
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    const uint32_t n = number_argument_or(argc, argv, 2, "N", 1000, 1, UINT32_MAX);
    if (strcmp(what, "null") == 0)
        OP_TIMES(n, pwk_self());
    else if (strcmp(what, "clock") == 0)
        clocks(n);
    else if (strcmp(what, "read1") == 0)
        reads(1, n);
    else if (strcmp(what, "read4k") == 0)
        reads(BLOCK, n);
    else if (strcmp(what, "write1") == 0)
        writes(1, n);
    else if (strcmp(what, "write4k") == 0)
        writes(BLOCK, n);
    else if (strcmp(what, "pingpong") == 0)
        pingpong(argv[0], 0, n);
    else if (strcmp(what, "pingpong-far") == 0)
        pingpong(argv[0], 1, n);
    else if (strcmp(what, "echo") == 0)
        echo();
    else if (strcmp(what, "switch") == 0)
        switches(argv[0], n);
    else if (strcmp(what, "yield") == 0)
        yields(n);
    else if (strcmp(what, "spawn") == 0)
        spawns(n);
    else if (strcmp(what, "touch") == 0)
        touch(n);
    else if (strcmp(what, "work") == 0)
        working(0, n);
    else if (strcmp(what, "work+write") == 0)
        working(BLOCK, n);
    else if (strcmp(what, "work+null") == 0)
        working(1, n);
    else if (strcmp(what, "rare") == 0)
        rarely(n);
    else
        return fprintf(stderr, "syscalls: there is no operation '%s'\n", what), 2;
    return 0;
}
