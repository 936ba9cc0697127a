/* bootfs.h - the boot image as files and programs, and trees that go back to the host. */
#ifndef KERNEL_BOOTFS_H
#define KERNEL_BOOTFS_H

#include "vfs.h"

/*
 * Makes the tree of files from the names of the image's sections: ".file/a/b" is file b in
 * directory a, ".dir/a" a directory, ".link/a" a symbolic link to what the section says. A section
 * whose name is no proper path, or which is there twice, is reported and left out. A file's bytes
 * stay in the image until it is first opened.
 */
void bootfs_init(void);

/* Section of the program with that name, or -ENOENT. */
int32_t program_section(const char *name, uint32_t len);

/* Give the trees named in the boot parameter "export" to the machine. */
void bootfs_export(void);

#endif
