/* machine_import.h - the calls of machine.h as C functions of the kernel. */
#ifndef GUESTOS_MACHINE_IMPORT_H
#define GUESTOS_MACHINE_IMPORT_H

#include <stdint.h>

#include "machine.h"

/*
 * One prototype for each row of MACHINE_CALLS; the row's text says what it does. The table's types
 * are strings, which the preprocessor cannot take apart, so this list is kept by hand;
 * instantiating the kernel fails on any difference.
 */
#define MACHINE_IMPORT(name) __attribute__((import_module("machine"), import_name(#name)))

MACHINE_IMPORT(param)
int32_t machine_param(const char *name, uint32_t len, void *buf, uint32_t cap);
MACHINE_IMPORT(section_count) int32_t machine_section_count(void);
MACHINE_IMPORT(section_name) int32_t machine_section_name(int32_t n, void *buf, uint32_t cap);
MACHINE_IMPORT(section_size) int64_t machine_section_size(int32_t n);
MACHINE_IMPORT(section_read)
int32_t machine_section_read(int32_t n, int64_t offset, void *buf, uint32_t len);
MACHINE_IMPORT(module_load) int32_t machine_module_load(int32_t section);
MACHINE_IMPORT(module_load_bytes)
int32_t machine_module_load_bytes(const char *name, uint32_t len, const void *bytes, uint32_t n);
MACHINE_IMPORT(instance_new)
int32_t machine_instance_new(int32_t module, uint32_t max_pages, int32_t shares);
MACHINE_IMPORT(instance_drop) int32_t machine_instance_drop(int32_t instance);
MACHINE_IMPORT(thread_new)
int32_t machine_thread_new(int32_t instance, const char *name, uint32_t len, void *stack_top,
                           void *cookie);
MACHINE_IMPORT(thread_new_with)
int32_t machine_thread_new_with(int32_t instance, const char *name, uint32_t len, void *stack_top,
                                void *cookie, uint32_t a, uint32_t b);
MACHINE_IMPORT(thread_stack) int32_t machine_thread_stack(int32_t thread, uint32_t bytes);
MACHINE_IMPORT(thread_drop) int32_t machine_thread_drop(int32_t thread);
MACHINE_IMPORT(resume) int32_t machine_resume(int32_t thread, int64_t nanoseconds);
MACHINE_IMPORT(yield) void machine_yield(int32_t value);
MACHINE_IMPORT(thread_exit) _Noreturn void machine_thread_exit(int32_t value);
MACHINE_IMPORT(thread_value) int32_t machine_thread_value(int32_t thread);
MACHINE_IMPORT(slice) void machine_slice(int64_t nanoseconds);
MACHINE_IMPORT(wait_info) int32_t machine_wait_info(int32_t thread, struct machine_wait *out);
MACHINE_IMPORT(wait_done) int32_t machine_wait_done(int32_t thread, int32_t result);
MACHINE_IMPORT(wait_fail) int32_t machine_wait_fail(int32_t thread);
MACHINE_IMPORT(cookie) void *machine_cookie(void);
MACHINE_IMPORT(caller) int32_t machine_caller(void);
MACHINE_IMPORT(copy_in)
int32_t machine_copy_in(int32_t instance, uint32_t usrc, void *dst, uint32_t len);
MACHINE_IMPORT(copy_out)
int32_t machine_copy_out(int32_t instance, uint32_t udst, const void *src, uint32_t len);
MACHINE_IMPORT(map)
int32_t machine_map(int32_t instance, int32_t tier, uint32_t first, uint32_t frames);
MACHINE_IMPORT(unmap) int32_t machine_unmap(int32_t instance, uint32_t uaddr, uint32_t bytes);
MACHINE_IMPORT(frames_alloc) int32_t machine_frames_alloc(uint32_t n);
MACHINE_IMPORT(frames_free) int32_t machine_frames_free(uint32_t first, uint32_t n);
MACHINE_IMPORT(memory_bytes) int64_t machine_memory_bytes(int32_t instance);
MACHINE_IMPORT(dram_frames) int32_t machine_dram_frames(int32_t free);
MACHINE_IMPORT(nvdimm_frames) int32_t machine_nvdimm_frames(void);
MACHINE_IMPORT(tier_samples)
int32_t machine_tier_samples(int32_t instance, uint32_t page, uint32_t n, uint32_t *samples);
MACHINE_IMPORT(tier_access) int64_t machine_tier_access(int64_t page);
MACHINE_IMPORT(tier_move)
int32_t machine_tier_move(int32_t instance, uint32_t page, int32_t tier, uint32_t frame);
MACHINE_IMPORT(console_write)
int32_t machine_console_write(int32_t stream, const void *buf, uint32_t len);
MACHINE_IMPORT(console_read) int32_t machine_console_read(void *buf, uint32_t cap);
MACHINE_IMPORT(console_poll) int32_t machine_console_poll(int32_t milliseconds);
MACHINE_IMPORT(console_mode) void machine_console_mode(int32_t mode);
MACHINE_IMPORT(export_entry)
int32_t machine_export_entry(const char *path, uint32_t len, int32_t kind);
MACHINE_IMPORT(export_bytes) int32_t machine_export_bytes(const void *buf, uint32_t len);
MACHINE_IMPORT(clock) int64_t machine_clock(int32_t which);
MACHINE_IMPORT(entropy) void machine_entropy(void *buf, uint32_t len);
MACHINE_IMPORT(sleep) void machine_sleep(int64_t nanoseconds);
MACHINE_IMPORT(hart) int32_t machine_hart(void);
MACHINE_IMPORT(harts) int32_t machine_harts(void);
MACHINE_IMPORT(hart_start) int32_t machine_hart_start(int32_t hart, void *stack_top);
MACHINE_IMPORT(idle) int32_t machine_idle(int64_t nanoseconds);
MACHINE_IMPORT(wake) int32_t machine_wake(int32_t hart);
MACHINE_IMPORT(interrupt) int32_t machine_interrupt(int32_t hart);
MACHINE_IMPORT(trap_report) void machine_trap_report(int32_t thread);
MACHINE_IMPORT(halt) _Noreturn void machine_halt(int32_t code);

/* map gives an address, a multiple of 64 KiB that may have its top bit set, or a small negative
 * number. */
static inline int machine_map_failed(int32_t result)
{
    return (result & 0xffff) != 0;
}

#endif
