/* bootfs.c - the boot image as files and programs, and trees that go back to the host. */
#include "bootfs.h"
#include "console.h"
#include "heap.h"
#include "kstring.h"
#include "param.h"
#include "ramfs.h"
#include "machine_import.h"

#define SECTION_NAME_MAX 4096u
#define DEPTH_MAX        64u

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

/* The directory of that name, made if need be; NULL: there is something else. */
static struct inode *directory_at(struct inode *dir, const char *name, uint32_t len)
{
    struct inode *next;
    if (dir->fs->lookup(dir, name, len, &next) == 0)
        return inode_is_directory(next) ? next : NULL;
    if (dir->fs->create(dir, name, len, FILETYPE_DIRECTORY, &next) < 0)
        kernel_refuse_text("out of memory while booting");
    return next;
}

/* Put one section, with the directories on its way, into the tree: what is wrong with it, or NULL.
 */
static const char *tree_add(const char *path, uint32_t len, int32_t section,
                            enum wasi_filetype type)
{
    struct inode *at = vfs_root(), *there;
    uint32_t n;
    if (!path_proper(path, len))
        return " is not a path of a file; left out";
    for (; (n = component_length(path, len)) < len; path += n + 1, len -= n + 1) {
        at = directory_at(at, path, n);
        if (!at)
            return " lies below a file; left out";
    }
    if (at->fs->lookup(at, path, len, &there) == 0)
        return type == FILETYPE_DIRECTORY && inode_is_directory(there)
                   ? NULL
                   : " is in the boot image twice; left out";
    if (ramfs_add_section(at, path, len, section, type) < 0)
        kernel_refuse_text("out of memory while booting");
    return NULL;
}

static int starts_with(const char *text, int32_t len, const char *prefix)
{
    uint32_t n = (uint32_t)strlen(prefix);
    return len >= (int32_t)n && memcmp(text, prefix, n) == 0;
}

static void section_add(int32_t section, const char *name, int32_t len)
{
    static const struct {
        const char *prefix;
        enum wasi_filetype type;
    } kinds[] = {{SECTION_FILE, FILETYPE_REGULAR_FILE},
                 {SECTION_DIR, FILETYPE_DIRECTORY},
                 {SECTION_LINK, FILETYPE_SYMBOLIC_LINK}};
    for (uint32_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        uint32_t skip = (uint32_t)strlen(kinds[i].prefix);
        const char *wrong;
        struct line l;
        if (!starts_with(name, len, kinds[i].prefix))
            continue;
        wrong = tree_add(name + skip, (uint32_t)len - skip, section, kinds[i].type);
        if (!wrong)
            return;
        l = line_new();
        line_text(&l, "file ");
        line_name(&l, name + skip, (uint32_t)len - skip);
        line_text(&l, wrong);
        line_say(&l);
    }
}

void bootfs_init(void)
{
    int32_t sections = machine_section_count();
    char *buf = kalloc_boot(SECTION_NAME_MAX);
    struct inode *root = ramfs_new();
    if (!root)
        kernel_refuse_text("out of memory while booting");
    vfs_set_root(root);
    for (int32_t s = 0; s < sections; s++) {
        int32_t len = machine_section_name(s, buf, SECTION_NAME_MAX);
        if (len > (int32_t)SECTION_NAME_MAX)
            kernel_say("a file whose name is longer than 4096 bytes is left out");
        else if (len > 0)
            section_add(s, buf, len);
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

/* ---- export ---- */

/* A path under way, and the depth that no tree of ours can exceed without exceeding its length. */
struct export
{
    uint32_t len;
    char path[PATH_BYTES];
};

static void export_contents(struct inode *node)
{
    const uint8_t *bytes;
    int32_t n;
    for (uint64_t at = 0; (n = node->fs->peek(node, at, &bytes)) > 0; at += (uint32_t)n)
        machine_export_bytes(bytes, (uint32_t)n);
}

/* Put "/name" behind the path; 0 when it is too long to be exported. */
static int path_push(struct export *e, const struct dir_entry *entry)
{
    if (e->len + 1 + entry->len > PATH_BYTES)
        return 0;
    e->path[e->len] = '/';
    memcpy(e->path + e->len + 1, entry->name, entry->len);
    e->len += 1 + entry->len;
    return 1;
}

static void path_pop(struct export *e)
{
    while (e->path[--e->len] != '/')
        ;
}

/* All that is below a directory. No recursion: kernel stacks are small. The way back up is found by
 * the name that was just finished. */
static void export_below(struct export *e, struct inode *top)
{
    struct inode *dir = top;
    uint64_t cookies[DEPTH_MAX * 4], cookie = 0;
    uint32_t depth = 0;
    struct dir_entry entry;
    for (;;) {
        if (!dir->fs->readdir(dir, cookie, &entry)) {
            if (dir == top)
                return;
            dir = dir->parent;
            cookie = cookies[--depth];
            path_pop(e);
            continue;
        }
        cookie = entry.next;
        if (!path_push(e, &entry))
            continue;
        machine_export_entry(e->path, e->len, entry.node->type);
        if (!inode_is_directory(entry.node)) {
            export_contents((struct inode *)(uintptr_t)entry.node);
            path_pop(e);
        } else if (depth == DEPTH_MAX * 4) {
            path_pop(e);
        } else {
            cookies[depth++] = cookie;
            cookie = 0;
            dir = (struct inode *)(uintptr_t)entry.node;
        }
    }
}

void bootfs_export(void)
{
    char *list;
    int32_t len = param_get(PARAM_EXPORT, &list);
    struct export *e = len > 0 ? kalloc(sizeof *e) : NULL;
    char *scratch = e ? kalloc(PATH_BYTES) : NULL;
    struct place place;
    for (int32_t at = 0; scratch && at < len;) {
        uint32_t n = (uint32_t)strlen(list + at);
        const char *path = list + at;
        while (*path == '/')
            path++;
        e->len = (uint32_t)strlen(path);
        if (e->len == 0)
            place.node = vfs_root();
        if (e->len <= PATH_BYTES &&
            (e->len == 0 || vfs_walk(vfs_root(), path, e->len, 1, scratch, &place) == 0) &&
            place.node && inode_is_directory(place.node)) {
            memcpy(e->path, path, e->len);
            machine_export_entry(e->path, e->len, FILETYPE_DIRECTORY);
            export_below(e, place.node);
        }
        at += (int32_t)n + 1;
    }
}
