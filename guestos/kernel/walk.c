/* walk.c - following paths: components, links, and the border that a program cannot cross. */
#include "kstring.h"
#include "vfs.h"

/* A walk under way: what is left of the path, in the caller's buffer or, once a link has been
 * followed, in the scratch. */
struct walk {
    struct inode *top, *at;
    const char *path;
    uint32_t len;
    uint32_t links; /* followed so far */
    char *scratch;
};

static uint32_t component_length(const char *path, uint32_t len)
{
    uint32_t n = 0;
    while (n < len && path[n] != '/')
        n++;
    return n;
}

/* Put a link's target in front of what is left of the path. */
static int link_expand(struct walk *w, struct inode *link)
{
    const uint8_t *target;
    int32_t n;
    if (++w->links > LINKS_MAX)
        return -ELOOP;
    n = link->fs->peek(link, 0, &target);
    if (n < 0)
        return n;
    if (n == 0)
        return -ENOENT;
    if (target[0] == '/')
        return -ENOTCAPABLE;
    if ((uint32_t)n + 1 + w->len > PATH_BYTES)
        return -ENAMETOOLONG;
    memmove(w->scratch + n + 1, w->path, w->len);
    memcpy(w->scratch, target, (uint32_t)n);
    w->scratch[n] = '/';
    /* no slash where nothing follows: it would say that only a directory will do */
    w->len = (uint32_t)n + (w->len ? 1 + w->len : 0);
    w->path = w->scratch;
    return 0;
}

/* "." and "..": 1, or -errno; 0 when the component is a name. */
static int walk_dots(struct walk *w, const char *name, uint32_t n)
{
    if (n == 1 && name[0] == '.')
        return 1;
    if (n != 2 || name[0] != '.' || name[1] != '.')
        return 0;
    if (w->at == w->top)
        return -ENOTCAPABLE;
    w->at = w->at->parent;
    return 1;
}

static void place_here(const struct walk *w, struct place *out)
{
    *out = (struct place){.node = w->at};
}

/* The path's last name. 1: it is a link, and the walk goes on. */
static int walk_last(struct walk *w, const char *name, uint32_t n, int slash, int follow,
                     struct place *out)
{
    struct inode *next = NULL;
    int err = w->at->fs->lookup(w->at, name, n, &next);
    if (err < 0 && err != -ENOENT)
        return err;
    if (err == 0 && next->type == FILETYPE_SYMBOLIC_LINK && (follow || slash)) {
        if (slash) { /* the target must be a directory, too */
            w->path = "/";
            w->len = 1;
        }
        err = link_expand(w, next);
        return err < 0 ? err : 1;
    }
    if (err == 0 && slash && !inode_is_directory(next))
        return -ENOTDIR;
    out->dir = w->at;
    out->node = err == 0 ? next : NULL;
    out->len = n;
    out->slash = (uint8_t)slash;
    memcpy(out->name, name, n);
    return 0;
}

/* One component: 1 while there are more, 0 when the place was found. */
static int walk_step(struct walk *w, int follow, struct place *out)
{
    struct inode *next;
    const char *name;
    uint32_t n, skip;
    int err;
    while (w->len && w->path[0] == '/')
        w->path++, w->len--;
    if (w->len == 0) {
        place_here(w, out);
        return 0;
    }
    if (!inode_is_directory(w->at))
        return -ENOTDIR;
    name = w->path;
    n = component_length(name, w->len);
    if (n > NAME_BYTES_MAX)
        return -ENAMETOOLONG;
    skip = n;
    while (skip < w->len && name[skip] == '/')
        skip++;
    w->path += skip;
    w->len -= skip;
    err = walk_dots(w, name, n);
    if (err != 0)
        return err;
    if (w->len == 0)
        return walk_last(w, name, n, skip > n, follow, out);
    err = w->at->fs->lookup(w->at, name, n, &next);
    if (err < 0)
        return err;
    if (next->type == FILETYPE_SYMBOLIC_LINK) {
        err = link_expand(w, next);
        return err < 0 ? err : 1;
    }
    w->at = next;
    return 1;
}

int vfs_walk(struct inode *top, const char *path, uint32_t len, int follow, char *scratch,
             struct place *out)
{
    struct walk w = {.top = top, .at = top, .path = path, .len = len, .scratch = scratch};
    int more;
    if (len == 0)
        return -ENOENT;
    for (uint32_t i = 0; i < len; i++) {
        if (path[i] == 0)
            return -EILSEQ;
    }
    if (!utf8_valid(path, len))
        return -EILSEQ;
    if (path[0] == '/')
        return -ENOTCAPABLE;
    do {
        more = walk_step(&w, follow, out);
    } while (more > 0);
    return more;
}
