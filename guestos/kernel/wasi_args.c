/* wasi_args.c - arguments, environment and random bytes. */
#include "uaccess.h"
#include "hart.h"
#include "wasi.h"

#define POINTERS_AT_ONCE 16u

/* Copy out the strings, and an array with the address of each. */
static int strings_get(const struct process *p, const struct strings *s, uint32_t array,
                       uint32_t buf)
{
    uint32_t pointers[POINTERS_AT_ONCE], n = 0, at;
    int err = user_write(p, buf, s->bytes, s->len);
    if (err < 0)
        return err;
    for (uint32_t i = 0, start = 0; i < s->len; i++) {
        if (s->bytes[i] != 0)
            continue;
        pointers[n++ % POINTERS_AT_ONCE] = buf + start;
        start = i + 1;
        if (n % POINTERS_AT_ONCE != 0 && n != s->count)
            continue;
        uint32_t block = (n - 1) % POINTERS_AT_ONCE + 1;
        if (user_element(array, n - block, sizeof *pointers, &at) < 0)
            return -EFAULT;
        err = user_write(p, at, pointers, block * (uint32_t)sizeof *pointers);
        if (err < 0)
            return err;
    }
    return 0;
}

static int strings_sizes(const struct process *p, const struct strings *s, uint32_t count,
                         uint32_t bytes)
{
    int err = user_put32(p, count, s->count);
    return err < 0 ? err : user_put32(p, bytes, s->len);
}

WASI_EXPORT(args_get) uint32_t wasi_args_get(uint32_t argv, uint32_t buf)
{
    KERNEL_CALL();
    const struct process *p = process_self();
    return wasi_result(strings_get(p, &p->args, argv, buf));
}

WASI_EXPORT(args_sizes_get) uint32_t wasi_args_sizes_get(uint32_t count, uint32_t bytes)
{
    KERNEL_CALL();
    const struct process *p = process_self();
    return wasi_result(strings_sizes(p, &p->args, count, bytes));
}

WASI_EXPORT(environ_get) uint32_t wasi_environ_get(uint32_t environ, uint32_t buf)
{
    KERNEL_CALL();
    const struct process *p = process_self();
    return wasi_result(strings_get(p, &p->env, environ, buf));
}

WASI_EXPORT(environ_sizes_get) uint32_t wasi_environ_sizes_get(uint32_t count, uint32_t bytes)
{
    KERNEL_CALL();
    const struct process *p = process_self();
    return wasi_result(strings_sizes(p, &p->env, count, bytes));
}

WASI_EXPORT(random_get) uint32_t wasi_random_get(uint32_t buf, uint32_t len)
{
    KERNEL_CALL();
    const struct process *p = process_self();
    uint8_t bytes[256];
    for (uint64_t done = 0; done < len; done += sizeof bytes) {
        uint64_t left = len - done;
        uint32_t n = left < sizeof bytes ? (uint32_t)left : (uint32_t)sizeof bytes, at;
        int err = user_element(buf, (uint32_t)done, 1, &at);
        if (err == 0) {
            machine_entropy(bytes, n);
            err = user_write(p, at, bytes, n);
        }
        if (err < 0)
            return wasi_result(err);
    }
    return 0;
}
