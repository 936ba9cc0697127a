/* wasi_threads.c - threads of a program on a shared memory: wasi.thread-spawn. */
#include "proc.h"
#include "hart.h"

/* The new thread's number, 1 to 2^29 - 1, or a negative error. */
__attribute__((export_name("wasi.thread-spawn"))) int32_t wasi_thread_spawn(uint32_t argument)
{
    KERNEL_CALL();
    return thread_spawn(argument);
}
