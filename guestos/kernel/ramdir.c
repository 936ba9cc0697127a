/* ramdir.c - directories of ramfs: one hash table of names for all, and a list for each. */
#include "ramfs.h"
#include "heap.h"
#include "kstring.h"

#define CHAINS_FIRST 256u
#define CHAINS_MOST  (1u << 17)

/* Static: ramfs has one table, at most as many names as chains until it cannot grow any more. */
static struct {
    struct ram_entry **chains;
    uint32_t mask, names;
} table;

static uint32_t entry_hash(const struct inode *dir, const char *name, uint32_t len)
{
    return hash_bytes(HASH_SEED ^ ((uint32_t)dir->ino * 0x9e3779b1u), name, len);
}

/* The link to an entry, or to the NULL at the end of its chain. */
static struct ram_entry **entry_find(const struct inode *dir, const char *name, uint32_t len)
{
    struct ram_entry **link = &table.chains[entry_hash(dir, name, len) & table.mask];
    while (*link &&
           ((*link)->dir != dir || (*link)->len != len || memcmp((*link)->name, name, len) != 0))
        link = &(*link)->chain;
    return link;
}

/* Room for one more name. Not growing is only slower, unless there is no table at all. */
static int table_reserve(void)
{
    uint32_t n = table.chains ? (table.mask + 1) * 2 : CHAINS_FIRST;
    struct ram_entry **chains;
    if (table.chains && (table.names <= table.mask || n > CHAINS_MOST))
        return 0;
    chains = kalloc(n * sizeof *chains);
    if (!chains)
        return table.chains ? 0 : -ENOSPC;
    for (uint32_t i = 0; table.chains && i <= table.mask; i++) {
        for (struct ram_entry *e = table.chains[i], *next; e; e = next) {
            struct ram_entry **to = &chains[entry_hash(e->dir, e->name, e->len) & (n - 1)];
            next = e->chain;
            e->chain = *to;
            *to = e;
        }
    }
    kfree(table.chains);
    table.chains = chains;
    table.mask = n - 1;
    return 0;
}

static int list_reserve(struct ram_node *d)
{
    uint32_t capacity = d->dir.capacity ? d->dir.capacity * 2 : 8;
    struct ram_entry **entries;
    if (d->dir.count < d->dir.capacity)
        return 0;
    entries = kalloc(capacity * sizeof *entries);
    if (!entries)
        return -ENOSPC;
    if (d->dir.count)
        memcpy(entries, d->dir.entries, d->dir.count * sizeof *entries);
    kfree(d->dir.entries);
    d->dir.entries = entries;
    d->dir.capacity = capacity;
    return 0;
}

int ramdir_lookup(struct inode *dir, const char *name, uint32_t len, struct inode **out)
{
    struct ram_entry *e = table.chains ? *entry_find(dir, name, len) : NULL;
    if (!e)
        return -ENOENT;
    *out = e->node;
    return 0;
}

int ramdir_link(struct inode *dir, const char *name, uint32_t len, struct inode *node)
{
    struct ram_node *d = ram_node(dir);
    struct ram_entry *e, **link;
    if (table_reserve() < 0 || list_reserve(d) < 0)
        return -ENOSPC;
    e = kalloc(sizeof *e + len);
    if (!e)
        return -ENOSPC;
    *e = (struct ram_entry){.dir = dir, .node = node, .len = len, .cookie = d->dir.next_cookie++};
    memcpy(e->name, name, len);
    link = entry_find(dir, name, len);
    e->chain = *link;
    *link = e;
    table.names++;
    d->dir.entries[d->dir.count++] = e;
    dir->size = d->dir.count;
    node->links++;
    return 0;
}

/* Place of the first entry at or behind a cookie. */
static uint32_t list_place(const struct ram_node *d, uint64_t cookie)
{
    uint32_t low = 0, high = d->dir.count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (d->dir.entries[mid]->cookie < cookie)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

void ramdir_unlink(struct inode *dir, const char *name, uint32_t len)
{
    struct ram_node *d = ram_node(dir);
    struct ram_entry **link = entry_find(dir, name, len), *e = *link;
    uint32_t at;
    if (!e)
        return;
    *link = e->chain;
    table.names--;
    at = list_place(d, e->cookie);
    d->dir.count--;
    memmove(d->dir.entries + at, d->dir.entries + at + 1,
            (d->dir.count - at) * sizeof *d->dir.entries);
    dir->size = d->dir.count;
    e->node->links--;
    kfree(e);
}

int ramdir_is_empty(const struct inode *dir)
{
    return ram_node(dir)->dir.count == 0;
}

int ramdir_readdir(const struct inode *dir, uint64_t cookie, struct dir_entry *out)
{
    const struct ram_node *d = ram_node(dir);
    uint32_t at = list_place(d, cookie);
    const struct ram_entry *e;
    if (at == d->dir.count)
        return 0;
    e = d->dir.entries[at];
    *out = (struct dir_entry){e->name, e->len, e->cookie + 1, e->node};
    return 1;
}
