/* stat.h - what programs are told about files. */
#ifndef KERNEL_STAT_H
#define KERNEL_STAT_H

#include "handle.h"
#include "vfs.h"
#include "wasi.h"

void filestat_of_node(const struct inode *n, struct wasi_filestat *out);
void filestat_of_handle(const struct handle *h, struct wasi_filestat *out);
/* In the layout of wasi_unstable, into the calling program's memory: 0 or -EFAULT. */
int filestat_put_unstable(const struct wasi_filestat *stat, uint32_t buf);
enum wasi_filetype handle_type(const struct handle *h);

#endif
