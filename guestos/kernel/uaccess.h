/* uaccess.h - the kernel's reach into the memory of the calling program, always checked. */
#ifndef KERNEL_UACCESS_H
#define KERNEL_UACCESS_H

#include <stdint.h>

#include "proc.h"
#include "wasi.h"

/*
 * A program's pointers are numbers until they went through here: any of these may be -EFAULT, and
 * that is all that a wrong pointer can do. Copies are charged by the machine as micro-ops through
 * the caches. What a program reads back may have been changed by it: copy once, then check.
 */
static inline int user_read(const struct process *p, void *dst, uint32_t src, uint32_t bytes)
{
    return bytes ? machine_copy_in(p->instance, src, dst, bytes) : 0;
}

static inline int user_write(const struct process *p, uint32_t dst, const void *src, uint32_t bytes)
{
    return bytes ? machine_copy_out(p->instance, dst, src, bytes) : 0;
}

static inline int user_put32(const struct process *p, uint32_t dst, uint32_t value)
{
    return machine_copy_out(p->instance, dst, &value, sizeof value);
}

static inline int user_put64(const struct process *p, uint32_t dst, uint64_t value)
{
    return machine_copy_out(p->instance, dst, &value, sizeof value);
}

/* Address of element i of a program's array: -EFAULT past 4 GiB. */
static inline int user_element(uint32_t base, uint32_t i, uint32_t size, uint32_t *at)
{
    uint64_t address = base + (uint64_t)i * size;
    if (address + size > (uint64_t)UINT32_MAX + 1)
        return -EFAULT;
    *at = (uint32_t)address;
    return 0;
}

#endif
