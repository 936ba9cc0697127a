/* wasi_clock.c - clocks, yielding and the end of a program. */
#include "sched.h"
#include "hart.h"
#include "uaccess.h"
#include "wasi.h"

static uint64_t cpu_time(uint32_t id)
{
    KERNEL_CALL();
    return id == CLOCK_PROCESS_CPU ? process_cpu_ns(process_self()) : thread_cpu_ns(thread_self());
}

static int clock_read(uint32_t id, uint64_t *ns)
{
    switch (id) {
    case CLOCK_REALTIME:
        *ns = (uint64_t)machine_clock(1);
        return 0;
    case CLOCK_MONOTONIC:
        *ns = (uint64_t)machine_clock(0);
        return 0;
    case CLOCK_PROCESS_CPU:
    case CLOCK_THREAD_CPU:
        *ns = cpu_time(id);
        return 0;
    default:
        return -EINVAL;
    }
}

WASI_EXPORT(clock_res_get) uint32_t wasi_clock_res_get(uint32_t id, uint32_t resolution)
{
    if (id > CLOCK_THREAD_CPU)
        return EINVAL;
    return wasi_result(user_put64(process_self(), resolution, 1));
}

WASI_EXPORT(clock_time_get)
uint32_t wasi_clock_time_get(uint32_t id, uint64_t precision, uint32_t time)
{
    uint64_t ns;
    int err = clock_read(id, &ns);
    (void)precision;
    return wasi_result(err < 0 ? err : user_put64(process_self(), time, ns));
}

WASI_EXPORT(sched_yield) uint32_t wasi_sched_yield(void)
{
    KERNEL_CALL();
    sched_yield();
    return 0;
}

/* ---- ends ---- */

/* The process is over, whichever of its threads says so. */
static _Noreturn void leave(enum process_state how, int32_t code)
{
    struct process *p = process_self();
    p->state = how;
    p->exit_code = code;
    thread_leave();
}

WASI_EXPORT(proc_exit) _Noreturn void wasi_proc_exit(uint32_t code)
{
    KERNEL_CALL();
    leave(PROCESS_EXITED, (int32_t)code);
}

/* No signal has a handler in WASI, so each does what it does without one: nothing, or the end. */
WASI_EXPORT(proc_raise) uint32_t wasi_proc_raise(uint32_t signal)
{
    KERNEL_CALL();
    switch (signal) {
    case SIGNAL_NONE:
    case SIGNAL_CHLD:
    case SIGNAL_CONT:
    case SIGNAL_URG:
    case SIGNAL_WINCH:
        return 0;
    case SIGNAL_STOP:
    case SIGNAL_TSTP:
    case SIGNAL_TTIN:
    case SIGNAL_TTOU:
        return ENOTSUP; /* there is nobody to wake it up again */
    default:
        if (signal > SIGNAL_SYS)
            return EINVAL;
        leave(PROCESS_KILLED, 128 + (int32_t)signal);
    }
}
