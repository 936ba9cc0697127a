/* stat.h - what programs are told about files. */
#ifndef KERNEL_STAT_H
#define KERNEL_STAT_H

#include "handle.h"
#include "tree.h"
#include "wasi.h"

/* All times are 0: the boot image keeps none. */
void filestat_of_node(const struct node *n, struct wasi_filestat *out);
void filestat_of_handle(const struct handle *h, struct wasi_filestat *out);

enum wasi_filetype node_type(const struct node *n);
enum wasi_filetype handle_type(const struct handle *h);

#endif
