/* hostdir.c - files of the host that go into a boot image. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guestos/include/machine.h"
#include "sim/cmd.h"
#include "sim/error.h"
#include "sim/file.h"

#define MAX_DEPTH 32

static int add_file(struct image *image, const char *path, const char *at, char *err, size_t errlen)
{
    char section[4096 + sizeof SECTION_FILE];
    size_t n;
    uint8_t *bytes = file_read(path, IMAGE_MAX_BYTES, &n, err, errlen);
    if (!bytes)
        return -1;
    snprintf(section, sizeof section, SECTION_FILE "%s", at);
    const int bad = image_add(image, section, bytes, n, err, errlen);
    free(bytes);
    return bad;
}

/* A directory of its own, so that it is there when it is empty, or a link's target. */
static int add_section(struct image *image, const char *kind, const char *at, const char *bytes,
                       size_t n, char *err, size_t errlen)
{
    char section[4096 + 16];
    snprintf(section, sizeof section, "%s%s", kind, at);
    return image_add(image, section, bytes, n, err, errlen);
}

static int add_link(struct image *image, const char *path, const char *at, char *err, size_t errlen)
{
    char target[4096];
    const ssize_t n = readlink(path, target, sizeof target);
    if (n < 0)
        return fail(err, errlen, "%s: %s", path, strerror(errno));
    return add_section(image, SECTION_LINK, at, target, (size_t)n, err, errlen);
}

static int visible(const struct dirent *d)
{
    return strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
}

/* Byte order, whatever the locale: the order of sections is part of the image. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int add_tree(struct image *image, const char *folder, const char *at, int depth, char *err,
                    size_t errlen);

static int add_entry(struct image *image, const char *folder, const char *at, const char *name,
                     int depth, char *err, size_t errlen)
{
    char path[4096], inside[4096];
    struct stat st;
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path ||
        snprintf(inside, sizeof inside, "%s%s%s", at, *at ? "/" : "", name) >= (int)sizeof inside)
        return fail(err, errlen, "%s: the path of %s is too long", folder, name);
    if (lstat(path, &st))
        return fail(err, errlen, "%s: %s", path, strerror(errno));
    if (S_ISDIR(st.st_mode))
        return add_tree(image, path, inside, depth + 1, err, errlen);
    if (S_ISLNK(st.st_mode))
        return add_link(image, path, inside, err, errlen);
    return S_ISREG(st.st_mode) ? add_file(image, path, inside, err, errlen) : 0;
}

static int add_tree(struct image *image, const char *folder, const char *at, int depth, char *err,
                    size_t errlen)
{
    struct dirent **list;
    int bad = 0;
    if (depth > MAX_DEPTH)
        return fail(err, errlen, "%s: folders nest deeper than %d", folder, MAX_DEPTH);
    char section[4096 + 16];
    snprintf(section, sizeof section, SECTION_DIR "%s", at);
    if (*at && !image_find(image, section) &&
        add_section(image, SECTION_DIR, at, "", 0, err, errlen))
        return -1;
    const int n = scandir(folder, &list, visible, by_name);
    if (n < 0)
        return fail(err, errlen, "%s: %s", folder, strerror(errno));
    for (int i = 0; i < n; i++) {
        if (!bad)
            bad = add_entry(image, folder, at, list[i]->d_name, depth, err, errlen);
        free(list[i]);
    }
    free(list);
    return bad;
}

int hostdir_add(struct image *image, const char *folder, const char *at, char *err, size_t errlen)
{
    return add_tree(image, folder, at, 0, err, errlen);
}
