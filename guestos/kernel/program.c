/* program.c - where programs come from: the boot image, files, memory. */
#include "program.h"
#include "bootfs.h"
#include "heap.h"
#include "ramfs.h"
#include "kstring.h"
#include "uaccess.h"

/* Static: modules that were loaded, by section, and memory for bringing others together in one
 * piece: it only grows, as all memory of the kernel. */
static struct {
    struct loaded {
        struct loaded *next;
        int32_t section, module;
    } * loaded;
    uint8_t *piece;
    uint32_t piece_bytes;
} programs;

static int32_t section_module(int32_t section)
{
    struct loaded *l = programs.loaded;
    int32_t module;
    while (l && l->section != section)
        l = l->next;
    if (l)
        return l->module;
    module = machine_module_load(section);
    l = module < 0 ? NULL : kalloc(sizeof *l);
    if (!l)
        return module < 0 ? module : -ENOMEM;
    *l = (struct loaded){programs.loaded, section, module};
    programs.loaded = l;
    return module;
}

int32_t program_boot(const char *name, uint32_t len)
{
    int32_t section = program_section(name, len);
    return section < 0 ? section : section_module(section);
}

static int piece_reserve(uint32_t bytes)
{
    void *address;
    uint32_t pages = (uint32_t)pages_for(bytes);
    int32_t first;
    if (bytes <= programs.piece_bytes)
        return 0;
    first = frames_map_new(pages, &address);
    if (first < 0)
        return first;
    programs.piece = address;
    programs.piece_bytes = pages << PAGE_SHIFT;
    return 0;
}

int32_t program_file(struct inode *file, const char *name, uint32_t len)
{
    int32_t section = ramfs_section(file), n;
    const uint8_t *bytes;
    int err;
    if (section >= 0)
        return section_module(section);
    if (file->size > PROGRAM_BYTES_MAX)
        return -E2BIG;
    err = piece_reserve((uint32_t)file->size);
    if (err < 0)
        return err;
    for (uint64_t at = 0; (n = file->fs->peek(file, at, &bytes)) > 0; at += (uint32_t)n)
        memcpy(programs.piece + at, bytes, (uint32_t)n);
    return machine_module_load_bytes(name, len, programs.piece, (uint32_t)file->size);
}

int32_t program_memory(const struct process *p, uint32_t addr, uint32_t bytes, const char *name,
                       uint32_t len)
{
    int err = bytes > PROGRAM_BYTES_MAX ? -E2BIG : piece_reserve(bytes);
    if (err == 0)
        err = user_read(p, programs.piece, addr, bytes);
    return err < 0 ? err : machine_module_load_bytes(name, len, programs.piece, bytes);
}
