/* alone.c - glue that makes a program of wasi-libc a module that imports nothing: it exports run().
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * What the program would ask of a host is answered here, as if there were no files and no time.
 * What it writes is summed up, and run() returns the sum, so that two engines can be compared.
 * ARGUMENT is the program's only argument.
 */
#define WASI(name) __imported_wasi_snapshot_preview1_##name

extern void __wasm_call_ctors(void);
extern int __main_argc_argv(int argc, char **argv);
static uint32_t sum;

int32_t WASI(fd_write)(int32_t fd, const uint32_t *iov, int32_t n, uint32_t *done)
{
    for (*done = 0; n > 0; n--, iov += 2) {
        const uint8_t *from = (const uint8_t *)iov[0];
        for (uint32_t i = 0; i < iov[1]; i++)
            sum = sum * 31 + from[i];
        *done += iov[1];
    }
    return 0;
}

#define ANSWER(name, value, ...)                                                                   \
    int32_t WASI(name)(__VA_ARGS__)                                                                \
    {                                                                                              \
        return value;                                                                              \
    }
ANSWER(fd_close, 0, int32_t fd)
ANSWER(fd_renumber, 8, int32_t fd, int32_t to)
ANSWER(fd_seek, 70, int32_t fd, int64_t by, int32_t whence, int32_t at)
ANSWER(fd_fdstat_get, 8, int32_t fd, int32_t to)
ANSWER(fd_fdstat_set_flags, 8, int32_t fd, int32_t flags)
ANSWER(fd_prestat_get, 8, int32_t fd, int32_t to)
ANSWER(fd_prestat_dir_name, 8, int32_t fd, int32_t to, int32_t n)
ANSWER(fd_read, 8, int32_t fd, int32_t iov, int32_t n, int32_t done)
ANSWER(clock_time_get, 0, int32_t clock, int64_t precision, int64_t *at)
ANSWER(path_open, 44, int32_t fd, int32_t flags, int32_t path, int32_t n, int32_t how,
       int64_t rights, int64_t inherited, int32_t fdflags, int32_t to)

_Noreturn void WASI(proc_exit)(int32_t code)
{
    __builtin_trap();
}

__attribute__((export_name("run"))) uint32_t run(void)
{
    char *argv[] = {"alone", ARGUMENT, NULL};
    __wasm_call_ctors();
    if (__main_argc_argv(2, argv))
        abort();
    fflush(stdout);
    return sum;
}
