/* pmem.h - instructions of the machine for persistent memory, for guest programs and the kernel. */
#ifndef GUESTOS_PMEM_H
#define GUESTOS_PMEM_H

#include <stddef.h>
#include <stdint.h>

/*
 * Each import of module "pmem" is one instruction of the machine, not a call. They work on any
 * address of the linear memory; they make something durable only where the page is backed by
 * NVDIMM frames (see pwk.h). The rules are those of x86:
 *
 *   - a store is durable once its line was flushed after the store and a fence followed the flush;
 *   - a non-temporal store goes past the caches and is durable after the next fence;
 *   - aligned 8 bytes are the most that becomes durable in one piece.
 *
 * An address outside the memory traps, as does an unaligned address of a non-temporal store.
 */
#define PMEM_LINE         64u

#define PMEM_IMPORT(name) __attribute__((import_module("pmem"), import_name(#name)))

PMEM_IMPORT(clwb) void pmem_clwb(const void *addr);             /* write back, may keep the line */
PMEM_IMPORT(clflushopt) void pmem_clflushopt(const void *addr); /* write back and drop the line */
PMEM_IMPORT(clflush) void pmem_clflush(const void *addr);       /* the same, in order with stores */
PMEM_IMPORT(sfence) void pmem_sfence(void); /* earlier flushes and non-temporal stores are done */
PMEM_IMPORT(ntstore32) void pmem_ntstore32(void *addr, uint32_t value);
PMEM_IMPORT(ntstore64) void pmem_ntstore64(void *addr, uint64_t value);
PMEM_IMPORT(cycles) uint64_t pmem_cycles(void); /* this hart's cycle counter */

/* Write back every line that [addr, addr + bytes) touches; durable after the next fence. */
static inline void pmem_flush(const void *addr, size_t bytes)
{
    uintptr_t line = (uintptr_t)addr & ~(uintptr_t)(PMEM_LINE - 1);
    if (bytes == 0)
        return;
    for (uintptr_t last = (uintptr_t)addr + bytes - 1; line <= last; line += PMEM_LINE) {
        pmem_clwb((const void *)line);
        if (line > UINTPTR_MAX - PMEM_LINE)
            break;
    }
}

/* [addr, addr + bytes) is durable when this returns. */
static inline void pmem_persist(const void *addr, size_t bytes)
{
    pmem_flush(addr, bytes);
    pmem_sfence();
}

#endif
