/* smp.c - threads and processes on several harts: what they do to one another, and when. */
/*
 * smp WHAT [N]: every line that it prints depends on the order in which things were done, or on
 * when (tests/test_smp.c). Alone it checks itself, with the same output on any number of harts.
 *
 * Threads are made by wasi.thread-spawn itself: the C library here is the one without threads, so
 * only the first thread uses it.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "pwk.h"

#define THREADS_MAX 16
#define STACK       8192u
#define ROUNDS      100

__attribute__((import_module("wasi"), import_name("thread-spawn"))) int32_t thread_spawn(void *);

static struct checks c;

/* Of stdio nothing is left to the end: each thread that ends writes out what there is. */
__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
    char line[160];
    va_list list;
    va_start(list, format);
    int n = vsnprintf(line, sizeof line, format, list);
    va_end(list);
    if (n < 0 || write(1, line, (size_t)n) != n)
        exit(100);
}

/* ---- threads ---- */

struct thread {
    uint8_t *stack_top;
    void (*work)(struct thread *);
    uint32_t number, of;
    uint32_t ended;
    uint64_t result;
};

static struct thread threads[THREADS_MAX];
static _Alignas(16) uint8_t stacks[THREADS_MAX][STACK];

static void wake(uint32_t *word, uint32_t n)
{
    __builtin_wasm_memory_atomic_notify((int *)word, n);
}

/* How it ended: 0 woken, 1 another value, 2 timed out. */
static int wait_while(uint32_t *word, uint32_t value, int64_t ns)
{
    return __builtin_wasm_memory_atomic_wait32((int *)word, (int)value, ns);
}

__attribute__((noinline)) static void thread_begin(struct thread *t)
{
    t->work(t);
    __atomic_store_n(&t->ended, 1, __ATOMIC_SEQ_CST);
    wake(&t->ended, 1);
}

/* It has no frame itself, so that it can change stacks. */
__attribute__((export_name("wasi_thread_start"))) void wasi_thread_start(int tid, struct thread *t)
{
    (void)tid;
    __asm__ volatile(".globaltype __stack_pointer, i32\n"
                     "local.get %0\n"
                     "global.set __stack_pointer" ::"r"(t->stack_top));
    thread_begin(t);
}

static void begin(uint32_t n, void (*work)(struct thread *))
{
    for (uint32_t i = 0; i < n; i++) {
        threads[i] = (struct thread){
            .stack_top = stacks[i] + STACK, .work = work, .number = i, .of = n};
        if (thread_spawn(&threads[i]) <= 0)
            exit(99);
    }
}

static uint64_t join(uint32_t n)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        while (!__atomic_load_n(&threads[i].ended, __ATOMIC_SEQ_CST))
            wait_while(&threads[i].ended, 0, -1);
        sum += threads[i].result;
    }
    return sum;
}

static uint64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* ---- what they do ---- */

static struct {
    _Alignas(64) uint32_t turn;
    _Alignas(64) uint32_t lock;
    _Alignas(64) uint32_t count;
    _Alignas(64) uint32_t arrived, phase;
    _Alignas(64) uint32_t order; /* a digest of who came after whom, and when */
} all;

static void note(uint32_t who)
{
    all.order = (all.order ^ who) * 16777619u + (uint32_t)now();
}

static void pingpong(struct thread *t)
{
    for (uint32_t i = 0; i < ROUNDS; i++) {
        while (__atomic_load_n(&all.turn, __ATOMIC_SEQ_CST) % t->of != t->number)
            ;
        note(t->number);
        __atomic_fetch_add(&all.turn, 1, __ATOMIC_SEQ_CST);
    }
}

/* The same, but who waits sleeps. */
static void baton(struct thread *t)
{
    for (uint32_t i = 0; i < ROUNDS; i++) {
        uint32_t turn;
        while ((turn = __atomic_load_n(&all.turn, __ATOMIC_SEQ_CST)) % t->of != t->number)
            wait_while(&all.turn, turn, -1);
        note(t->number);
        __atomic_fetch_add(&all.turn, 1, __ATOMIC_SEQ_CST);
        wake(&all.turn, UINT32_MAX);
    }
}

/* 0 free, 1 taken, 2 taken and somebody may wait. */
static void take(void)
{
    uint32_t was = 0;
    if (__atomic_compare_exchange_n(&all.lock, &was, 1, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        return;
    while (__atomic_exchange_n(&all.lock, 2, __ATOMIC_SEQ_CST))
        wait_while(&all.lock, 2, -1);
}

static void leave(void)
{
    if (__atomic_exchange_n(&all.lock, 0, __ATOMIC_SEQ_CST) == 2)
        wake(&all.lock, 1);
}

static void locking(struct thread *t)
{
    for (uint32_t i = 0; i < ROUNDS; i++) {
        take();
        all.count++;
        note(t->number);
        leave();
        for (volatile uint32_t k = 0; k < 10 * (t->number + 1); k++)
            ;
    }
}

static void barrier(struct thread *t)
{
    for (uint32_t i = 0; i < ROUNDS / 10; i++) {
        const uint32_t phase = __atomic_load_n(&all.phase, __ATOMIC_SEQ_CST);
        for (volatile uint32_t k = 0; k < 100 * (t->number + 1); k++)
            ;
        if (__atomic_add_fetch(&all.arrived, 1, __ATOMIC_SEQ_CST) == t->of) {
            all.arrived = 0;
            note(t->number);
            __atomic_fetch_add(&all.phase, 1, __ATOMIC_SEQ_CST);
            wake(&all.phase, UINT32_MAX);
        } else {
            while (__atomic_load_n(&all.phase, __ATOMIC_SEQ_CST) == phase)
                wait_while(&all.phase, phase, -1);
        }
    }
}

#define JOB 400000u /* steps, of all threads together */

static uint64_t steps(uint64_t x, uint32_t n)
{
    while (n--)
        x = (x ^ x >> 29) * UINT64_C(0xbf58476d1ce4e5b9) + n;
    return x;
}

static void compute(struct thread *t)
{
    for (uint32_t i = t->number; i < 64; i += t->of)
        t->result += steps(i, JOB / 64);
}

static void spin(struct thread *t)
{
    (void)t;
    for (;;)
        __atomic_fetch_add(&all.count, 1, __ATOMIC_SEQ_CST);
}

static uint64_t timed(uint32_t n, void (*work)(struct thread *))
{
    const uint64_t from = now();
    all.turn = all.count = all.order = 0;
    begin(n, work);
    const uint64_t sum = join(n);
    const uint64_t took = now() - from;
    say("result %llu\ncount %u\norder %u\nnanoseconds %llu\n", (unsigned long long)sum, all.count,
        all.order, (unsigned long long)took);
    return took;
}

/* ---- processes ---- */

static int32_t run(const char *name, const char *const *argv)
{
    int32_t pid = pwk_spawn(name, (uint32_t)strlen(name), argv, NULL);
    if (pid <= 0)
        exit(98);
    return pid;
}

static int32_t start(const char *what, const char *n)
{
    const char *const argv[] = {"smp", what, n, NULL};
    return run("smp", argv);
}

static struct pwk_status ended(int32_t pid)
{
    struct pwk_status s = {0};
    if (pwk_wait((uint32_t)pid, &s, 0) != pid)
        exit(97);
    return s;
}

/* N processes share the job. */
static void processes(uint32_t n)
{
    int32_t pids[THREADS_MAX];
    char share[16];
    const uint64_t from = now();
    uint64_t cpu = 0;
    snprintf(share, sizeof share, "%u", JOB / n);
    for (uint32_t i = 0; i < n; i++)
        pids[i] = start("work", share);
    for (uint32_t i = 0; i < n; i++)
        cpu += ended(pids[i]).cpu_ns;
    say("cpu %llu\nnanoseconds %llu\n", (unsigned long long)cpu,
        (unsigned long long)(now() - from));
}

/* N processes on memory of their own, and one more that is killed. */
static void private(uint32_t n)
{
    const char *const some[] = {"sieve", "20000", NULL}, *const many[] = {"sieve", "10000000",
                                                                          NULL};
    int32_t pids[THREADS_MAX], last = run("sieve", many);
    for (uint32_t i = 0; i < n; i++)
        pids[i] = run("sieve", some);
    usleep(300);
    pwk_kill((uint32_t)last, 42);
    for (uint32_t i = 0; i < n; i++) {
        const struct pwk_status s = ended(pids[i]);
        say("cpu %llu real %llu\n", (unsigned long long)s.cpu_ns, (unsigned long long)s.real_ns);
    }
    const struct pwk_status s = ended(last);
    say("code %d cpu %llu real %llu\nnanoseconds %llu\n", s.code, (unsigned long long)s.cpu_ns,
        (unsigned long long)s.real_ns, (unsigned long long)now());
}

/* A byte there and back, between this process on hart 0 and one on the hart given. */
static void echo(void)
{
    char byte;
    while (read(3, &byte, 1) == 1 && write(4, &byte, 1) == 1)
        ;
}

static void pipes(uint32_t hart)
{
    const char *const argv[] = {"smp", "echo", NULL};
    int32_t there[2], back[2];
    char byte = 1;
    if (pwk_pipe(there) || pwk_pipe(back) || pwk_affinity(pwk_self(), 0))
        exit(96);
    const int32_t fds[] = {0, 1, 2, there[0], back[1], PWK_FD_END};
    int32_t pid = pwk_spawn("smp", 3, argv, fds);
    if (pid <= 0 || pwk_affinity((uint32_t)pid, (int32_t)hart))
        exit(95);
    close(there[0]);
    close(back[1]);
    uint64_t from = 0;
    for (uint32_t i = 0; i < 1000; i++) {
        if (i == 100)
            from = now();
        if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
            exit(94);
    }
    say("nanoseconds %llu\n", (unsigned long long)(now() - from) / 900);
    close(there[1]);
    ended(pid);
}

/* Processes that run elsewhere, with N threads each, end: killed, by a trap of one of their
 * threads, by the exit of one. */
static void endings(uint32_t n)
{
    static const char *const how[] = {"spin", "trap", "exit"};
    char count[16];
    snprintf(count, sizeof count, "%u", n);
    for (uint32_t i = 0; i < 3; i++) {
        int32_t pid = start(how[i], count);
        struct pwk_status s;
        uint64_t from;
        if (i == 0) {
            usleep(1000);
            CHECK_EQ(&c, pwk_wait((uint32_t)pid, &s, PWK_WAIT_NOT), 0);
            from = now();
            CHECK_EQ(&c, pwk_kill((uint32_t)pid, 42), 0);
            CHECK(&c, pwk_kill((uint32_t)pid, 43) == -ESRCH);
        }
        s = ended(pid);
        if (i == 0)
            CHECK(&c, now() - from < 1000000);
        CHECK_EQ(&c, s.how, i == 0 ? PWK_KILLED : i == 1 ? PWK_TRAPPED : PWK_EXITED);
        CHECK_EQ(&c, s.code, i == 0 ? 42 : i == 1 ? 0 : 7);
    }
}

static void trap_one(struct thread *t)
{
    if (t->number == 0) {
        usleep(500);
        __builtin_trap();
    }
    spin(t);
}

static void exit_one(struct thread *t)
{
    if (t->number == 0) {
        usleep(500);
        _Exit(7);
    }
    spin(t);
}

/* As many processes of a low priority as there are harts; then some of a higher one, which need no
 * longer than alone. */
static void priorities(void)
{
    const uint32_t n = pwk_harts();
    int32_t low[THREADS_MAX], high;
    uint64_t took[2];
    for (uint32_t i = 0; i < 2; i++) {
        for (uint32_t k = 0; i && k < n; k++) {
            low[k] = start("spinner", NULL);
            CHECK_EQ(&c, pwk_priority((uint32_t)low[k], 3), 0);
        }
        usleep(2000);
        const uint64_t from = now();
        high = start("work", "100000");
        ended(high);
        took[i] = now() - from;
    }
    for (uint32_t k = 0; k < n; k++) {
        CHECK_EQ(&c, pwk_kill((uint32_t)low[k], 0), 0);
        ended(low[k]);
    }
    CHECK(&c, took[1] < took[0] + took[0] / 4);
    say("alone %llu\nnanoseconds %llu\n", (unsigned long long)took[0], (unsigned long long)took[1]);
}

/* Threads that sleep while all harts are busy come back in time: a slice late, at most. */
static void sleeper(struct thread *t)
{
    for (uint32_t i = 0; i < 3; i++) {
        const uint32_t us = 300 * (t->number + 1);
        const uint64_t from = now();
        usleep(us);
        const uint64_t late = now() - from - us * 1000u;
        t->result = late > t->result ? late : t->result;
    }
}

static void timers(uint32_t n)
{
    int32_t pids[THREADS_MAX];
    uint64_t most = 0;
    for (uint32_t k = 0; k < pwk_harts(); k++)
        pids[k] = start("spinner", NULL);
    begin(n, sleeper);
    join(n);
    for (uint32_t i = 0; i < n; i++)
        most = threads[i].result > most ? threads[i].result : most;
    for (uint32_t k = 0; k < pwk_harts(); k++) {
        pwk_kill((uint32_t)pids[k], 0);
        ended(pids[k]);
    }
    say("late %llu\n", (unsigned long long)most);
}

/* Unmapping while N - 1 other threads run in the memory. */
static void unmap(uint32_t n)
{
    int32_t fd = pwk_memory(PWK_PAGE);
    uint64_t took = 0;
    begin(n - 1, spin);
    usleep(100);
    for (uint32_t i = 0; i < 10; i++) {
        const int32_t at = pwk_map(fd, 0, PWK_PAGE, PWK_MAP_SHARED);
        if (pwk_failed(at))
            exit(93);
        *(volatile uint32_t *)pwk_pointer(at) = i;
        const uint64_t from = now();
        if (pwk_unmap(at, PWK_PAGE))
            exit(92);
        took += now() - from;
    }
    say("nanoseconds %llu\n", (unsigned long long)took / 10);
    exit(0);
}

/* ---- on any number of harts ---- */

static void checks(void)
{
    static void (*const work[])(struct thread *) = {pingpong, baton, locking, barrier};
    uint32_t word = 5;
    for (uint32_t i = 1; i < 4; i++) {
        all.turn = all.count = 0;
        begin(3, work[i]);
        join(3);
        if (work[i] == baton)
            CHECK_EQ(&c, all.turn, 3 * ROUNDS);
        if (work[i] == locking)
            CHECK_EQ(&c, all.count, 3 * ROUNDS);
    }
    CHECK_EQ(&c, wait_while(&word, 4, -1), 1);
    CHECK_EQ(&c, wait_while(&word, 5, 1000), 2);
    endings(3);
    CHECK_EQ(&c, pwk_affinity(pwk_self(), (int32_t)pwk_harts() - 1), 0);
    usleep(1);
    CHECK_EQ(&c, pwk_hart(), pwk_harts() - 1);
    check_end(&c);
}

static const struct {
    const char *name;
    void (*work)(struct thread *);
} jobs[] = {{"pingpong", pingpong}, {"baton", baton}, {"lock", locking},  {"barrier", barrier},
            {"compute", compute},   {"spin", spin},   {"trap", trap_one}, {"exit", exit_one}};

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    const uint32_t n = argc > 2 ? (uint32_t)atoi(argv[2]) : 4;
    for (size_t i = 0; i < sizeof jobs / sizeof jobs[0]; i++)
        if (strcmp(what, jobs[i].name) == 0)
            return timed(n, jobs[i].work) == 0;
    if (strcmp(what, "work") == 0)
        return steps(1, n) == 0;
    if (strcmp(what, "spinner") == 0)
        spin(NULL);
    else if (strcmp(what, "echo") == 0)
        echo();
    else if (strcmp(what, "processes") == 0)
        processes(n);
    else if (strcmp(what, "private") == 0)
    private(n);
    else if (strcmp(what, "unmap") == 0) unmap(n);
    else if (strcmp(what, "pipes") == 0) pipes(n);
    else if (strcmp(what, "endings") == 0) endings(n), check_end(&c);
    else if (strcmp(what, "priorities") == 0) priorities(), check_end(&c);
    else if (strcmp(what, "timers") == 0) timers(n);
    else checks();
    return 0;
}
