/* tree.c - the boot image as a read-only tree of files, and its programs. */
#include "tree.h"
#include "console.h"
#include "heap.h"
#include "kstring.h"
#include "objects.h"
#include "nvdir.h"
#include "wasi.h"

#define SECTION_NAME_MAX 4096u
#define DEPTH_MAX        64u
#define READ_BYTES       (1u << 20) /* asked of the device at a time */
#define FILE_BYTES_MAX   (2ull << 30)

/* Static: a machine has one boot image. Nodes are never freed. The table is a power of two of
 * chains, at most as many nodes as chains; the root is in none. */
static struct {
    struct node *root;
    struct node **chains;
    uint32_t mask, nodes;
} tree;

static uint32_t node_hash(const struct node *directory, const char *name, uint32_t len)
{
    return hash_bytes(HASH_SEED ^ (directory->ino * 0x9e3779b1u), name, len);
}

struct node *tree_root(void)
{
    return tree.root;
}

struct node *tree_entry(const struct node *directory, const char *name, uint32_t len)
{
    struct node *n = tree.chains[node_hash(directory, name, len) & tree.mask];
    while (n && (n->parent != directory || n->name_len != len || memcmp(n->name, name, len) != 0))
        n = n->chain;
    return n;
}

static void table_put(struct node *n)
{
    struct node **chain = &tree.chains[node_hash(n->parent, n->name, n->name_len) & tree.mask];
    n->chain = *chain;
    *chain = n;
}

/* Names point to a copy of the section's name, which is kept for good. */
static struct node *node_new(struct node *parent, const char *name, uint32_t len, int32_t section)
{
    struct node *n = kalloc_boot(sizeof *n);
    n->parent = parent ? parent : n;
    n->name = name;
    n->name_len = len;
    n->section = section;
    n->ino = ++tree.nodes;
    if (!parent)
        return n;
    table_put(n);
    if (parent->count == parent->capacity) {
        uint32_t capacity = parent->capacity ? parent->capacity * 2 : 8;
        struct node **entries = kalloc_boot(capacity * sizeof *entries);
        memcpy(entries, parent->entries, parent->count * sizeof *entries);
        kfree(parent->entries);
        parent->entries = entries;
        parent->capacity = capacity;
    }
    parent->entries[parent->count++] = n;
    return n;
}

/* ---- building ---- */

static int component_proper(const char *name, uint32_t len)
{
    if (len == 0 || len > NAME_BYTES_MAX)
        return 0;
    return !(name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.')));
}

static uint32_t component_length(const char *path, uint32_t len)
{
    uint32_t n = 0;
    while (n < len && path[n] != '/')
        n++;
    return n;
}

static int path_proper(const char *path, uint32_t len)
{
    uint32_t depth = 0;
    for (uint32_t i = 0; i <= len; depth++) {
        uint32_t n = component_length(path + i, len - i);
        if (!component_proper(path + i, n))
            return 0;
        i += n + 1;
    }
    for (uint32_t i = 0; i < len; i++) {
        if (path[i] == 0)
            return 0;
    }
    return depth <= DEPTH_MAX && utf8_valid(path, len);
}

/* Put one file, with the directories on its way, into the tree: what is wrong with it, or NULL. */
static const char *tree_add(const char *path, uint32_t len, int32_t section)
{
    struct node *at = tree.root;
    uint32_t n;
    if (!path_proper(path, len))
        return " is not a path of a file; left out";
    for (; (n = component_length(path, len)) < len; path += n + 1, len -= n + 1) {
        struct node *next = tree_entry(at, path, n);
        if (next && !node_is_directory(next))
            return " lies below a file; left out";
        at = next ? next : node_new(at, path, n, -1);
    }
    if (tree_entry(at, path, len))
        return " is in the boot image twice; left out";
    at = node_new(at, path, len, section);
    at->size = (uint64_t)machine_section_size(section);
    return NULL;
}

/* The name of a section if it starts with `prefix`: the length of the rest, in *rest (from kalloc,
 * never freed), or -1. */
static int32_t section_named(int32_t section, const char *prefix, const char **rest, char *buf)
{
    uint32_t skip = (uint32_t)strlen(prefix);
    int32_t len = machine_section_name(section, buf, SECTION_NAME_MAX);
    char *copy;
    if (len < (int32_t)skip || memcmp(buf, prefix, skip) != 0)
        return -1;
    if (len > (int32_t)SECTION_NAME_MAX) {
        kernel_say("a file whose name is longer than 4096 bytes is left out");
        return -1;
    }
    len -= (int32_t)skip;
    copy = kalloc_boot((uint32_t)len + 1);
    memcpy(copy, buf + skip, (uint32_t)len);
    *rest = copy;
    return len;
}

void tree_init(void)
{
    int32_t sections = machine_section_count();
    char *buf = kalloc_boot(SECTION_NAME_MAX);
    uint32_t chains = 64;
    while (chains < (uint32_t)sections * 2 && chains < 1u << 17)
        chains *= 2;
    tree.chains = kalloc_boot(chains * sizeof *tree.chains);
    tree.mask = chains - 1;
    tree.root = node_new(NULL, "/", 1, -1);
    for (int32_t s = 0; s < sections; s++) {
        const char *path, *wrong;
        int32_t len = section_named(s, SECTION_FILE, &path, buf);
        struct line l;
        if (len < 0 || !(wrong = tree_add(path, (uint32_t)len, s)))
            continue;
        l = line_new();
        line_text(&l, "file ");
        line_name(&l, path, (uint32_t)len);
        line_text(&l, wrong);
        line_say(&l);
    }
    kfree(buf);
}

int32_t program_section(const char *name, uint32_t len)
{
    uint32_t skip = sizeof SECTION_PROGRAM - 1;
    char *buf = kalloc(SECTION_NAME_MAX);
    int32_t sections = machine_section_count(), found = -ENOENT;
    if (!buf)
        return -ENOMEM;
    for (int32_t s = 0; s < sections && found < 0; s++) {
        int32_t n = machine_section_name(s, buf, SECTION_NAME_MAX);
        if (n > 0 && (uint32_t)n <= SECTION_NAME_MAX && (uint32_t)n == skip + len &&
            memcmp(buf, SECTION_PROGRAM, skip) == 0 && memcmp(buf + skip, name, len) == 0)
            found = s;
    }
    kfree(buf);
    return found;
}

/* ---- walking ---- */

/* One step of a walk that may not leave `top`. */
static int walk_step(struct node *top, struct node **at, const char *name, uint32_t n)
{
    struct node *next;
    if (!node_is_directory(*at))
        return -ENOTDIR;
    if (n > NAME_BYTES_MAX)
        return -ENAMETOOLONG;
    if (n == 0 || (n == 1 && name[0] == '.'))
        return 0;
    if (n == 2 && name[0] == '.' && name[1] == '.') {
        if (*at == top)
            return -ENOTCAPABLE;
        *at = (*at)->parent;
        return 0;
    }
    next = tree_entry(*at, name, n);
    if (!next)
        return -ENOENT;
    *at = next;
    return 0;
}

int tree_walk(struct node *from, const char *path, uint32_t len, struct node **out)
{
    struct node *at = from;
    if (len == 0)
        return -ENOENT;
    if (!utf8_valid(path, len))
        return -EILSEQ;
    for (uint32_t i = 0; i < len; i++) {
        if (path[i] == 0)
            return -EILSEQ;
    }
    if (path[0] == '/')
        return -ENOTCAPABLE;
    for (uint32_t i = 0; i <= len;) {
        uint32_t n = component_length(path + i, len - i);
        int err = walk_step(from, &at, path + i, n);
        if (err < 0)
            return err;
        i += n + 1;
    }
    *out = at;
    return 0;
}

/* ---- loading ---- */

static int section_load(int32_t section, uint64_t size, uint8_t *to)
{
    for (uint64_t at = 0; at < size;) {
        uint64_t left = size - at;
        uint32_t want = left < READ_BYTES ? (uint32_t)left : READ_BYTES;
        int32_t got = machine_section_read(section, (int64_t)at, to + at, want);
        if (got <= 0 || (uint32_t)got > want)
            return -EIO;
        at += (uint32_t)got;
    }
    return 0;
}

/* Frames for a file, mapped into the kernel. */
static int node_take_frames(struct node *n, uint32_t pages, void **address)
{
    int32_t first;
    n->tier = (uint8_t)data_tier();
    first = n->tier == MACHINE_DRAM ? frames_map_new(pages, address) : nvdir_cache_alloc(pages);
    if (first < 0)
        return first;
    n->first = (uint32_t)first;
    return n->tier == MACHINE_DRAM ? 0 : frames_map(MACHINE_NVDIMM, n->first, pages, address);
}

static int node_fill(struct node *file)
{
    void *address;
    uint32_t pages = (uint32_t)pages_for(file->size);
    int err;
    if (pages == 0)
        return 0;
    err = node_take_frames(file, pages, &address);
    if (err < 0)
        return err;
    err = section_load(file->section, file->size, address);
    if (err < 0)
        return err;
    file->bytes = address;
    file->pages = pages;
    return 0;
}

int node_load(struct node *file)
{
    if (file->loaded)
        return file->load_error;
    file->load_error = file->size > FILE_BYTES_MAX ? -EFBIG : node_fill(file);
    file->loaded = 1;
    return file->load_error;
}
