/* harts.c - a kernel for tests of several harts: what they do to one another, told on the console.
 */
/*
 * argv[1] says what: pingpong, lock, barrier (the harts share words of kernel memory), wake (each
 * wakes the next), users (each runs a program of its own, which calls env.tick). Every line that it
 * prints depends on the order in which the harts did things, or on when.
 */
#include <stdint.h>

#include "machine_import.h"

#define EXPORT(name) __attribute__((export_name(name)))
#define MOST_HARTS   64
#define STACK        8192u
#define ROUNDS       200

static struct {
    _Alignas(64) uint32_t turn;
    _Alignas(64) uint32_t lock;
    _Alignas(64) uint32_t count;
    _Alignas(64) uint32_t arrived, phase;
    _Alignas(64) uint32_t ended;
    _Alignas(64) uint32_t order; /* a digest of who came after whom */
    char what[64];
    int32_t module;
    _Alignas(16) uint8_t stacks[MOST_HARTS][STACK];
    _Alignas(16) uint8_t user_stacks[MOST_HARTS][STACK];
} all;

static uint32_t length(const char *s)
{
    uint32_t n = 0;
    while (s[n])
        n++;
    return n;
}

static int same(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

static void say(const char *what, uint64_t n)
{
    char line[80];
    uint32_t at = sizeof line, len = length(what);
    line[--at] = '\n';
    do {
        line[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    line[--at] = ' ';
    while (len)
        line[--at] = what[--len];
    machine_console_write(1, line + at, sizeof line - at);
}

/* Who is here now; the caller holds the lock, or its turn. */
static void note(uint32_t who)
{
    all.order = (all.order ^ who) * 16777619u + (uint32_t)machine_clock(0);
}

static void acquire(void)
{
    while (__atomic_exchange_n(&all.lock, 1, __ATOMIC_SEQ_CST))
        while (__atomic_load_n(&all.lock, __ATOMIC_SEQ_CST))
            ;
}

static void release(void)
{
    __atomic_store_n(&all.lock, 0, __ATOMIC_SEQ_CST);
}

static void pingpong(uint32_t me, uint32_t n)
{
    for (uint32_t i = 0; i < ROUNDS; i++) {
        while (__atomic_load_n(&all.turn, __ATOMIC_SEQ_CST) % n != me)
            ;
        note(me);
        __atomic_fetch_add(&all.turn, 1, __ATOMIC_SEQ_CST);
    }
}

static void locking(uint32_t me)
{
    for (uint32_t i = 0; i < ROUNDS; i++) {
        acquire();
        all.count++;
        note(me);
        release();
        for (volatile uint32_t k = 0; k < 10 * (me + 1); k++)
            ;
    }
}

static void barrier(uint32_t me, uint32_t n)
{
    for (uint32_t i = 0; i < ROUNDS / 10; i++) {
        const uint32_t phase = __atomic_load_n(&all.phase, __ATOMIC_SEQ_CST);
        for (volatile uint32_t k = 0; k < 100 * (me + 1); k++)
            ;
        if (__atomic_add_fetch(&all.arrived, 1, __ATOMIC_SEQ_CST) == n) {
            all.arrived = 0;
            note(me);
            __atomic_fetch_add(&all.phase, 1, __ATOMIC_SEQ_CST);
        } else {
            while (__atomic_load_n(&all.phase, __ATOMIC_SEQ_CST) == phase)
                ;
        }
    }
}

/* One after the other: a hart that is woken wakes the next and waits again. */
static void waking(uint32_t me, uint32_t n)
{
    for (uint32_t i = 0; i < 10; i++) {
        while (__atomic_load_n(&all.turn, __ATOMIC_SEQ_CST) % n != me)
            machine_idle(i % 2 ? -1 : 5000);
        note(me);
        __atomic_fetch_add(&all.turn, 1, __ATOMIC_SEQ_CST);
        machine_wake((int32_t)((me + 1) % n));
    }
}

/* A program of its own, on memory of its own. */
static void user(uint32_t me)
{
    const int32_t instance = machine_instance_new(all.module, 16, 0);
    const int32_t thread = machine_thread_new(instance, "_start", 6, all.user_stacks[me] + STACK,
                                              (void *)(uintptr_t)(me + 1));
    if (instance < 0 || thread < 0)
        machine_halt(MACHINE_HALT_REFUSED);
    while (machine_resume(thread, 0) == MACHINE_YIELDED)
        ;
    machine_thread_drop(thread);
    machine_instance_drop(instance);
}

EXPORT("env.tick") int32_t tick(int32_t value)
{
    acquire();
    all.count++;
    note((uint32_t)(uintptr_t)machine_cookie() + (uint32_t)value);
    release();
    return (int32_t)(uintptr_t)machine_cookie();
}

static void work(void)
{
    const uint32_t me = (uint32_t)machine_hart(), n = (uint32_t)machine_harts();
    if (same(all.what, "pingpong"))
        pingpong(me, n);
    else if (same(all.what, "lock"))
        locking(me);
    else if (same(all.what, "barrier"))
        barrier(me, n);
    else if (same(all.what, "wake"))
        waking(me, n);
    else
        user(me);
    acquire();
    note(me);
    say("hart done", me);
    release();
    __atomic_fetch_add(&all.ended, 1, __ATOMIC_SEQ_CST);
}

EXPORT("boot_hart") void boot_hart(void)
{
    work();
    for (;;)
        machine_idle(-1);
}

static int32_t program(void)
{
    char name[64];
    for (int32_t i = 0; i < machine_section_count(); i++) {
        const int32_t n = machine_section_name(i, name, sizeof name);
        if (n > 6 && n < (int32_t)sizeof name && name[1] == 'p')
            return i;
    }
    return -1;
}

EXPORT("boot") void boot(void)
{
    char argv[128];
    const uint32_t n = (uint32_t)machine_harts();
    const int32_t len = machine_param("argv", 4, argv, sizeof argv);
    uint32_t at = length(argv) + 1;
    if (len < 0 || at >= (uint32_t)len)
        machine_halt(MACHINE_HALT_REFUSED);
    for (uint32_t i = 0; i < sizeof all.what - 1 && argv[at]; i++)
        all.what[i] = argv[at++];
    all.module = machine_module_load(program());
    for (uint32_t i = 1; i < n; i++)
        if (machine_hart_start((int32_t)i, all.stacks[i] + STACK))
            machine_halt(MACHINE_HALT_REFUSED);
    work();
    while (__atomic_load_n(&all.ended, __ATOMIC_SEQ_CST) < n)
        machine_idle(1000);
    say("order", all.order);
    say("count", all.count);
    say("nanoseconds", (uint64_t)machine_clock(0));
    machine_halt(0);
}
