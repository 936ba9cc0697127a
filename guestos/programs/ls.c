/* ls.c - lists directories. */
#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "guestos/lib/tool.h"

struct options {
    int all, full;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void show(const char *path, const char *name, const struct options *o)
{
    char when[32] = "", target[256];
    struct stat st;
    if (!o->full) {
        puts(name);
        return;
    }
    if (lstat(path, &st)) {
        tool_fail("ls", path);
        return;
    }
    time_t t = st.st_mtim.tv_sec;
    strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", gmtime(&t));
    printf("%c %3u %10llu %s %s",
           S_ISDIR(st.st_mode)   ? 'd'
           : S_ISLNK(st.st_mode) ? 'l'
                                 : '-',
           (unsigned)st.st_nlink, (unsigned long long)st.st_size, when, name);
    ssize_t n = S_ISLNK(st.st_mode) ? readlink(path, target, sizeof target - 1) : -1;
    if (n >= 0)
        printf(" -> %.*s", (int)n, target);
    putchar('\n');
}

static int list(const char *path, const struct options *o)
{
    char **names = NULL;
    size_t n = 0, cap = 0;
    struct dirent *e;
    DIR *d = opendir(path);
    if (!d)
        return tool_fail("ls", path);
    while ((e = readdir(d))) {
        if (!o->all && e->d_name[0] == '.')
            continue;
        if (n == cap) {
            cap = cap ? cap * 2 : 64;
            names = realloc(names, cap * sizeof *names);
            if (!names)
                return tool_fail("ls", path);
        }
        names[n++] = strdup(e->d_name);
    }
    closedir(d);
    if (n)
        qsort(names, n, sizeof *names, by_name);
    for (size_t i = 0; i < n; i++) {
        char full[4400];
        snprintf(full, sizeof full, "%s/%s", path, names[i]);
        show(full, names[i], o);
        free(names[i]);
    }
    free(names);
    return 0;
}

int main(int argc, char **argv)
{
    struct options o = {0};
    int failed = 0, i = 1;
    for (; i < argc && argv[i][0] == '-'; i++)
        for (const char *c = argv[i] + 1; *c; c++) {
            if (*c != 'a' && *c != 'l')
                return tool_usage("ls [-al] [PATH]...");
            *(*c == 'a' ? &o.all : &o.full) = 1;
        }
    if (i == argc)
        return list("/", &o);
    for (int first = i; i < argc; i++) {
        struct stat st;
        if (lstat(argv[i], &st)) {
            failed |= tool_fail("ls", argv[i]);
            continue;
        }
        if (!S_ISDIR(st.st_mode)) {
            show(argv[i], argv[i], &o);
            continue;
        }
        if (argc - first > 1)
            printf("%s:\n", argv[i]);
        failed |= list(argv[i], &o);
    }
    return failed;
}
