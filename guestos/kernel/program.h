/* program.h - where programs come from: the boot image, files, memory. */
#ifndef KERNEL_PROGRAM_H
#define KERNEL_PROGRAM_H

#include "proc.h"

/*
 * Modules are loaded once: the same bytes under the same name are the same module, and they stay
 * loaded until power-off. What is wrong with a module is said on the machine's log. All return the
 * module, or -ENOENT, -ENOEXEC, -ENOMEM, -EFAULT, -E2BIG.
 */
#define PROGRAM_BYTES_MAX (256u << 20)

int32_t program_boot(const char *name, uint32_t len);
int32_t program_file(struct inode *file, const char *name, uint32_t len);
int32_t program_memory(const struct process *p, uint32_t addr, uint32_t bytes, const char *name,
                       uint32_t len);

#endif
