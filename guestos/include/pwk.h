/* pwk.h - kernel calls and machine annotations beyond WASI, for guest programs. */
#ifndef GUESTOS_PWK_H
#define GUESTOS_PWK_H

#include <stdint.h>

/*
 * pwk_map, pwk_unmap, pwk_pmem_open and pwk_spawn are calls to the kernel; their negative results
 * are -errno with WASI's numbers, which wasi-libc's <errno.h> shares. pwk_roi, pwk_mark and pwk_tx
 * are instructions of the machine: they never enter the kernel.
 */
#define PWK_IMPORT(name) __attribute__((import_module("pwk"), import_name(#name)))

#define PWK_PAGE         65536u

/* Flags of pwk_map. */
#define PWK_MAP_SHARED  0 /* the very frames of the file or object; DAX where they are NVDIMM */
#define PWK_MAP_PRIVATE 1 /* a copy of a file's pages in DRAM of this program's own */

/*
 * Map `bytes` (rounded up to whole pages of 64 KiB) of an open file or named object from `offset`
 * (a multiple of 64 KiB) into this program's memory, which grows for it. Returns the address, or
 * -errno: see pwk_failed. Mappings are writable: a program that stores to a shared mapping of a
 * file changes what everybody reads from that file until power-off, never the boot image.
 */
PWK_IMPORT(map) int32_t pwk_map(int32_t fd, int64_t offset, uint32_t bytes, int32_t flags);

/* Undo it for a range of whole pages inside one mapping; they read as zero afterwards. */
PWK_IMPORT(unmap) int32_t pwk_unmap(int32_t addr, uint32_t bytes);

/* Addresses are multiples of 64 KiB, error numbers are not. */
static inline int pwk_failed(int32_t result)
{
    return (result & (int32_t)(PWK_PAGE - 1)) != 0;
}

static inline void *pwk_pointer(int32_t result)
{
    return (void *)(uintptr_t)(uint32_t)result;
}

/*
 * Open the named object (1 to 96 bytes of UTF-8), creating it, zeroed, when there is none; one that
 * is smaller than `bytes` grows if there is room after it, or it is -ENOSPC. bytes == 0 only opens:
 * -ENOENT when there is none. Returns a file descriptor for pwk_map, fstat (its size) and close.
 * The object lives in NVDIMM and survives power-off, or in DRAM if the machine was configured so.
 */
PWK_IMPORT(pmem_open) int32_t pwk_pmem_open(const char *name, uint32_t len, int64_t bytes);

/* Start a program: not offered by this kernel yet, always -ENOSYS. */
PWK_IMPORT(spawn)
int32_t pwk_spawn(const char *path, uint32_t len, const char *argv, const int32_t *fds);

PWK_IMPORT(roi) void pwk_roi(int32_t begin); /* 1: the region of interest begins, 0: it ends */
PWK_IMPORT(mark) void pwk_mark(int32_t id);  /* a named point of the program */

/* What the persistency checker is told. */
enum pwk_tx { PWK_TX_BEGIN, PWK_TX_LOGGED, PWK_TX_COMMIT, PWK_TX_ABORT };
PWK_IMPORT(tx) void pwk_tx(int32_t what, const void *addr, uint32_t bytes);

#endif
