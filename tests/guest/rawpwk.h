/* rawpwk.h - the kernel's own calls with numbers for pointers, so that tests can pass any of them.
 */
#ifndef GUEST_RAWPWK_H
#define GUEST_RAWPWK_H

#include <stdint.h>

#define RAW_PWK(field, ...)                                                                        \
    __attribute__((import_module("pwk"), import_name(#field))) int32_t rawpwk_##field(__VA_ARGS__)

RAW_PWK(map, uint32_t fd, int64_t offset, uint32_t bytes, uint32_t flags);
RAW_PWK(unmap, uint32_t addr, uint32_t bytes);
RAW_PWK(pmem_open, uint32_t name, uint32_t len, int64_t bytes);
RAW_PWK(memory, int64_t bytes);
RAW_PWK(spawn, uint32_t path, uint32_t len, uint32_t argv, uint32_t fds);
RAW_PWK(spawn_module, uint32_t module, uint32_t argv, uint32_t fds);
RAW_PWK(wait, uint32_t pid, uint32_t status, uint32_t flags);
RAW_PWK(kill, uint32_t pid, int32_t code);
RAW_PWK(self, void);
RAW_PWK(priority, uint32_t pid, uint32_t priority);
RAW_PWK(affinity, uint32_t pid, int32_t hart);
RAW_PWK(harts, void);
RAW_PWK(hart, void);
RAW_PWK(limit, uint32_t what, uint32_t most);
RAW_PWK(process, uint32_t pid, uint32_t out);
RAW_PWK(system, uint32_t out);
RAW_PWK(console, uint32_t what, uint32_t pid);
RAW_PWK(pipe, uint32_t fds);
RAW_PWK(channel, uint32_t fds);
RAW_PWK(send, uint32_t fd, uint32_t message);
RAW_PWK(receive, uint32_t fd, uint32_t message);

__attribute__((import_module("wasi"), import_name("thread-spawn"))) int32_t
rawpwk_thread_spawn(uint32_t argument);

#endif
