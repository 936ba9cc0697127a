/* hart.c - the harts of the machine, and the lock of the kernel. */
#include "hart.h"
#include "heap.h"
#include "sched.h"

#define BOOT_STACK (65536u - HEAP_HEADER)
#define SPIN_NS    40u /* between looks, for each hart that is before this one */

struct harts harts;

/* Static: lines of their own, as harts that wait look at `serving` again and again. */
static struct {
    _Alignas(64) uint32_t next;
    _Alignas(64) uint32_t serving;
} lock;

void harts_init(void)
{
    harts.count = (uint32_t)machine_harts();
    harts.many = harts.count > 1;
    for (uint32_t i = 0; i < harts.count; i++)
        harts.all[i].number = i;
    kernel_lock();
}

void harts_start(void)
{
    for (uint32_t i = 1; i < harts.count; i++) {
        uint8_t *stack = kalloc_boot(BOOT_STACK);
        machine_hart_start((int32_t)i, stack + BOOT_STACK);
    }
}

void kernel_lock(void)
{
    uint32_t mine, now;
    if (!harts.many)
        return;
    mine = __atomic_fetch_add(&lock.next, 1, __ATOMIC_SEQ_CST);
    while ((now = __atomic_load_n(&lock.serving, __ATOMIC_SEQ_CST)) != mine)
        machine_sleep((int64_t)(mine - now) * SPIN_NS);
}

void kernel_unlock(void)
{
    if (harts.many)
        __atomic_store_n(&lock.serving, lock.serving + 1, __ATOMIC_SEQ_CST);
}

void kernel_enter_many(void)
{
    kernel_lock();
    if (process_self()->state != PROCESS_ALIVE)
        thread_leave();
}
