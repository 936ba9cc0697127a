/* hosttree.c - files that the guest gives back to the host at its end. */
#include "sim/hosttree.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guestos/include/machine.h"
#include "memhier/hostmem.h"
#include "sim/error.h"

enum { KIND_DIRECTORY = 3, KIND_FILE = 4, KIND_LINK = 7 };

struct entry {
    char *path;
    uint32_t kind;
    uint8_t *bytes;
    size_t n, cap;
};

struct hosttree {
    struct entry *v;
    size_t n, cap;
    uint64_t bytes;
    const char *failed; /* why it is not all that the guest has; NULL: it is */
};

struct hosttree *hosttree_new(void)
{
    return hostmem_new(1, sizeof(struct hosttree), "files for the host");
}

void hosttree_free(struct hosttree *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->n; i++) {
        free(t->v[i].path);
        free(t->v[i].bytes);
    }
    free(t->v);
    free(t);
}

static int incomplete(struct hosttree *t, const char *why)
{
    t->failed = t->failed ? t->failed : why;
    return -1;
}

/* Nothing that could lead out of the folder. */
static int proper(const char *path, size_t len)
{
    size_t start = 0;
    if (len == 0)
        return 1;
    for (size_t i = 0; i <= len; i++) {
        if (i < len && path[i] == 0)
            return 0;
        if (i < len && path[i] != '/')
            continue;
        const size_t n = i - start;
        if (n == 0 || (n == 1 && path[start] == '.') ||
            (n == 2 && path[start] == '.' && path[start + 1] == '.'))
            return 0;
        start = i + 1;
    }
    return 1;
}

int hosttree_entry(struct hosttree *t, const char *path, size_t len, uint32_t kind)
{
    while (len && *path == '/')
        path++, len--;
    if (!proper(path, len) || len > 4000)
        return incomplete(t, "a file's name is too long, or none that the host could have");
    if (t->n >= 10 * IMAGE_MAX_SECTIONS)
        return incomplete(t, "too many files");
    if (t->n == t->cap) {
        const size_t cap = t->cap ? t->cap * 2 : 64;
        struct entry *more = realloc(t->v, cap * sizeof *more);
        if (!more)
            return incomplete(t, "out of host memory");
        t->v = more;
        t->cap = cap;
    }
    struct entry *e = &t->v[t->n];
    *e = (struct entry){.path = strndup(path, len), .kind = kind};
    t->n += e->path != NULL;
    return e->path ? 0 : incomplete(t, "out of host memory");
}

int hosttree_bytes(struct hosttree *t, const void *bytes, size_t n)
{
    if (t->failed || t->n == 0)
        return -1;
    if (t->bytes + n > 4 * IMAGE_MAX_BYTES)
        return incomplete(t, "more than 4 GiB of files");
    struct entry *e = &t->v[t->n - 1];
    if (e->n + n > e->cap) {
        const size_t cap = e->cap * 2 > e->n + n ? e->cap * 2 : e->n + n;
        uint8_t *more = realloc(e->bytes, cap);
        if (!more)
            return incomplete(t, "out of host memory");
        e->bytes = more;
        e->cap = cap;
    }
    memcpy(e->bytes + e->n, bytes, n);
    e->n += n;
    t->bytes += n;
    return 0;
}

/* ---- writing ---- */

/* The part of a path below a folder's, or NULL. */
static const char *below(const char *path, const char *guest)
{
    const size_t n = strlen(guest);
    assert(path);
    if (n == 0)
        return path;
    if (strncmp(path, guest, n) != 0 || (path[n] && path[n] != '/'))
        return NULL;
    return path[n] ? path + n + 1 : path + n;
}

/* The folder of `path` below `dir`, which is closed: a descriptor, or -1. *name: what is left. */
static int parent_of(int dir, const char *path, const char **name)
{
    char part[256];
    const char *slash;
    while (dir >= 0 && (slash = strchr(path, '/'))) {
        const size_t n = (size_t)(slash - path);
        if (n >= sizeof part) {
            close(dir);
            errno = ENAMETOOLONG;
            return -1;
        }
        memcpy(part, path, n);
        part[n] = 0;
        const int next = openat(dir, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        close(dir);
        dir = next;
        path = slash + 1;
    }
    *name = path;
    return dir;
}

static int remove_tree(int dir, const char *name);

static int remove_below(int dir)
{
    struct dirent *d;
    int bad = 0;
    DIR *list = fdopendir(dir);
    if (!list) {
        close(dir);
        return -1;
    }
    while ((d = readdir(list)))
        if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
            bad |= remove_tree(dirfd(list), d->d_name);
    closedir(list);
    return bad;
}

static int remove_tree(int dir, const char *name)
{
    if (unlinkat(dir, name, 0) == 0)
        return 0;
    const int sub = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (sub < 0)
        return errno == ENOENT ? 0 : -1;
    return remove_below(sub) | unlinkat(dir, name, AT_REMOVEDIR);
}

static int same_contents(int dir, const char *name, const struct entry *e)
{
    struct stat st;
    char buf[4096];
    size_t at = 0;
    ssize_t got;
    const int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return 0;
    int same = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == e->n;
    while (same && (got = read(fd, buf, sizeof buf)) != 0) {
        same = got > 0 && at + (size_t)got <= e->n && memcmp(buf, e->bytes + at, (size_t)got) == 0;
        at += got > 0 ? (size_t)got : 0;
    }
    close(fd);
    return same && at == e->n;
}

static int put_file(int dir, const char *name, const struct entry *e)
{
    char part[300];
    struct stat st;
    size_t at = 0;
    if (same_contents(dir, name, e))
        return 0;
    const int there = fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
    if (there && S_ISDIR(st.st_mode) && remove_tree(dir, name))
        return -1;
    snprintf(part, sizeof part, ".%.250s.part", name);
    const int fd = openat(dir, part, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd < 0)
        return -1;
    if (there && S_ISREG(st.st_mode))
        fchmod(fd, st.st_mode & 0777);
    while (at < e->n) {
        const ssize_t put = write(fd, e->bytes + at, e->n - at);
        if (put <= 0)
            break;
        at += (size_t)put;
    }
    if (close(fd) || at < e->n || renameat(dir, part, dir, name)) {
        const int why = errno;
        unlinkat(dir, part, 0);
        errno = why;
        return -1;
    }
    return 0;
}

static int put_directory(int dir, const char *name)
{
    struct stat st;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        if (S_ISDIR(st.st_mode))
            return 0;
        if (unlinkat(dir, name, 0))
            return -1;
    }
    return mkdirat(dir, name, 0777);
}

/* Does a link at this depth below the folder stay inside? */
static int stays_inside(const char *path, const char *target)
{
    int depth = 0;
    if (*target == '/' || !*target)
        return 0;
    for (const char *p = path; *p; p++)
        depth += *p == '/';
    for (const char *p = target; *p;) {
        const size_t n = strcspn(p, "/");
        if (n == 2 && p[0] == '.' && p[1] == '.')
            depth--;
        else if (n && !(n == 1 && *p == '.'))
            depth++;
        if (depth < 0)
            return 0;
        p += n + (p[n] != 0);
    }
    return 1;
}

static int put_link(int dir, const char *name, const char *path, const struct entry *e)
{
    char target[4097], now[4097];
    if (e->n >= sizeof target)
        return 0;
    memcpy(target, e->bytes, e->n);
    target[e->n] = 0;
    if (!stays_inside(path, target))
        return 0;
    const ssize_t n = readlinkat(dir, name, now, sizeof now);
    if (n == (ssize_t)e->n && memcmp(now, target, e->n) == 0)
        return 0;
    if (remove_tree(dir, name))
        return -1;
    return symlinkat(target, dir, name);
}

static int put_entry(const struct hosttree_place *place, const char *path, const struct entry *e)
{
    const char *name;
    if (!*path)
        return 0; /* the folder itself */
    const int top = open(place->host, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const int dir = parent_of(top, path, &name);
    if (dir < 0)
        return -1;
    int bad;
    if (e->kind == KIND_DIRECTORY)
        bad = put_directory(dir, name);
    else if (e->kind == KIND_LINK)
        bad = put_link(dir, name, path, e);
    else
        bad = put_file(dir, name, e);
    const int why = errno;
    close(dir);
    errno = why;
    return bad;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The guest's path of a section that came from the host, or NULL. */
static const char *section_path(const char *name)
{
    static const char *const prefixes[] = {SECTION_FILE, SECTION_DIR, SECTION_LINK};
    for (size_t i = 0; i < 3; i++)
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            return name + strlen(prefixes[i]);
    return NULL;
}

/* The place that a path belongs to: the deepest. */
static size_t place_of(const struct hosttree_place *places, size_t n, const char *path)
{
    size_t best = n;
    for (size_t i = 0; i < n; i++)
        if (below(path, places[i].guest) &&
            (best == n || strlen(places[i].guest) >= strlen(places[best].guest)))
            best = i;
    return best;
}

static int remove_gone(const struct hosttree *t, const struct image *image,
                       const struct hosttree_place *places, size_t n, size_t which)
{
    const char **there = calloc(t->n + 1, sizeof *there), *name;
    int bad = there ? 0 : -1;
    for (size_t i = 0; there && i < t->n; i++)
        there[i] = t->v[i].path;
    if (there)
        qsort(there, t->n, sizeof *there, by_path);
    for (size_t i = image_count(image); there && i-- > 0;) { /* what is inside goes first */
        const char *path = section_path(image_section(image, i)->name);
        if (!path || place_of(places, n, path) != which ||
            bsearch(&path, there, t->n, sizeof *there, by_path))
            continue;
        const char *inside = below(path, places[which].guest);
        const int top = open(places[which].host, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        const int dir = parent_of(top, inside, &name);
        if (dir < 0)
            continue; /* its folder is gone already */
        if (unlinkat(dir, name, 0) && unlinkat(dir, name, AT_REMOVEDIR) && errno != ENOENT &&
            errno != ENOTEMPTY)
            bad = -1;
        close(dir);
    }
    free(there);
    return bad;
}

int hosttree_write(const struct hosttree *t, const struct image *image,
                   const struct hosttree_place *places, size_t n, size_t which, char *err,
                   size_t errlen)
{
    if (t->failed)
        return fail(err, errlen, "--sync-out: nothing is written: %s", t->failed);
    if (t->n == 0)
        return 0; /* the guest did not come to its end */
    for (size_t i = 0; i < t->n; i++) {
        const struct entry *e = &t->v[i];
        if (place_of(places, n, e->path) != which)
            continue;
        const char *path = below(e->path, places[which].guest);
        if (put_entry(&places[which], path, e))
            return fail(err, errlen, "--sync-out: %s/%s: %s", places[which].host, path,
                        strerror(errno));
    }
    if (remove_gone(t, image, places, n, which))
        return fail(err, errlen, "--sync-out: %s: files that are gone cannot be removed: %s",
                    places[which].host, strerror(errno));
    return 0;
}
