/* files.c - the boot image's files through the C library: reading, seeking, listing, refusals.
 * What is written is in ramfs.c. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "rawwasi.h"

/* The files of tests/guest/tree must be the boot image's. */
static struct checks c;

static void reading(void)
{
    char buf[64];
    int fd = open("/hello.txt", O_RDONLY);
    struct stat st;
    CHECK(&c, fd > 3);
    CHECK_EQ(&c, read(fd, buf, 2), 2);
    CHECK(&c, memcmp(buf, "he", 2) == 0);
    CHECK_EQ(&c, lseek(fd, 0, SEEK_CUR), 2);
    CHECK_EQ(&c, pread(fd, buf, sizeof buf, 3), 3);
    CHECK(&c, memcmp(buf, "lo\n", 3) == 0);
    CHECK_EQ(&c, read(fd, buf, sizeof buf), 4);
    CHECK_EQ(&c, read(fd, buf, sizeof buf), 0);
    CHECK_EQ(&c, lseek(fd, -2, SEEK_END), 4);
    CHECK_EQ(&c, read(fd, buf, sizeof buf), 2);
    CHECK_EQ(&c, fstat(fd, &st), 0);
    CHECK_EQ(&c, st.st_size, 6);
    CHECK(&c, S_ISREG(st.st_mode));
    CHECK_EQ(&c, write(fd, "x", 1), -1);
    CHECK_EQ(&c, close(fd), 0);
    CHECK_EQ(&c, close(fd), -1);
    CHECK_EQ(&c, errno, EBADF);
    fd = open("empty", O_RDONLY);
    CHECK(&c, fd > 3);
    CHECK_EQ(&c, read(fd, buf, sizeof buf), 0);
    CHECK_EQ(&c, close(fd), 0);
}

/* numbers.txt is what `seq 1 13000` writes: 66,894 bytes, more than a page of 64 KiB. */
static void a_larger_file(void)
{
    FILE *f = fopen("numbers.txt", "r");
    char line[32];
    long n = 0, sum = 0, wrong = 0;
    CHECK(&c, f != NULL);
    if (!f)
        return;
    while (fgets(line, sizeof line, f)) {
        long value = strtol(line, NULL, 10);
        wrong += value != ++n;
        sum += value;
    }
    CHECK_EQ(&c, n, 13000);
    CHECK_EQ(&c, sum, 13000L * 13001 / 2);
    CHECK_EQ(&c, wrong, 0);
    CHECK_EQ(&c, ftell(f), 66894);
    CHECK_EQ(&c, fseek(f, 65532, SEEK_SET), 0); /* (65532 - 48894) / 6 + 10000 = 12773 */
    CHECK(&c, fgets(line, sizeof line, f) && strcmp(line, "12774\n") == 0);
    fclose(f);
}

static void gathering(void)
{
    char a[2], b[3], rest[8];
    uint32_t iov[2 * 40], n = 0;
    int fd = open("dir/two.txt", O_RDONLY);
    CHECK(&c, fd > 3);
    iov[0] = ADDR(a), iov[1] = 2, iov[2] = ADDR(b), iov[3] = 0, iov[4] = ADDR(b), iov[5] = 3;
    CHECK_EQ(&c, raw_fd_read((uint32_t)fd, ADDR(iov), 3, ADDR(&n)), 0);
    CHECK(&c, n == 5 && memcmp(a, "zw", 2) == 0 && memcmp(b, "ei\n", 3) == 0);
    for (int i = 0; i < 40; i++) { /* more buffers than the kernel takes at once */
        iov[2 * i] = ADDR(rest) + (uint32_t)i % 8;
        iov[2 * i + 1] = i >= 32 && i < 37;
    }
    CHECK_EQ(&c, raw_fd_pread((uint32_t)fd, ADDR(iov), 40, 0, ADDR(&n)), 0);
    CHECK(&c, n == 5 && memcmp(rest, "zwei\n", 5) == 0);
    close(fd);
}

/* Entries in order of the boot image, which need not be the alphabet's. */
static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void listing(const char *path, const char *want)
{
    char names[16][32], all[256] = "";
    struct dirent *e;
    size_t n = 0;
    DIR *d = opendir(path);
    CHECK(&c, d != NULL);
    if (!d)
        return;
    while ((e = readdir(d)) && n < 16) {
        snprintf(names[n++], sizeof *names, "%s%s", e->d_name, e->d_type == DT_DIR ? "/" : "");
    }
    closedir(d);
    qsort(names, n, sizeof *names, by_name);
    for (size_t i = 0; i < n; i++) {
        strcat(all, names[i]);
        strcat(all, " ");
    }
    CHECK(&c, strcmp(all, want) == 0);
    if (strcmp(all, want) != 0)
        printf("  %s has: %s\n", path, all);
}

/* A directory read through buffers of every small size gives the same entries. */
static void listing_in_pieces(void)
{
    uint8_t buf[300];
    uint32_t used, fd;
    fd = (uint32_t)open("dir", O_RDONLY | O_DIRECTORY);
    for (uint32_t size = 32; size < sizeof buf; size += 7) {
        uint64_t cookie = 0;
        uint32_t entries = 0, more = 1;
        while (more && entries < 100) {
            uint32_t at = 0, name_len;
            CHECK_EQ(&c, raw_fd_readdir(fd, ADDR(buf), size, cookie, ADDR(&used)), 0);
            more = used == size;
            while (used - at >= 24) {
                memcpy(&name_len, buf + at + 16, 4);
                if (used - at - 24 < name_len)
                    break; /* cut: ask for it again */
                memcpy(&cookie, buf + at, 8);
                at += 24 + name_len;
                entries++;
            }
        }
        CHECK_EQ(&c, entries, 5);
    }
    close((int)fd);
}

static void paths(void)
{
    static const char *const same[] = {"dir/sub/deep.txt", "/dir/sub/deep.txt",
                                       "./dir/./sub/deep.txt", "dir/sub/../sub/deep.txt",
                                       "dir//sub///deep.txt"};
    struct stat first, st;
    CHECK_EQ(&c, stat(same[0], &first), 0);
    for (int i = 1; i < 5; i++) {
        CHECK_EQ(&c, stat(same[i], &st), 0);
        CHECK(&c, st.st_ino == first.st_ino && st.st_size == 5);
    }
    CHECK_EQ(&c, stat("dir/sub", &st), 0);
    CHECK(&c, S_ISDIR(st.st_mode));
    CHECK_EQ(&c, stat("dir/sub/", &st), 0);
    CHECK_EQ(&c, stat("dir/none", &st), -1);
    CHECK_EQ(&c, errno, ENOENT);
    CHECK_EQ(&c, stat("hello.txt/", &st), -1);
    CHECK_EQ(&c, errno, ENOTDIR);
}

static void refused(int result, int want)
{
    int got = errno;
    CHECK_EQ(&c, result, -1);
    CHECK_EQ(&c, got, want);
}

static void refusals(void)
{
    refused(open("hello.txt", O_WRONLY | O_CREAT | O_EXCL, 0666), EEXIST);
    refused(open("dir", O_RDWR), EISDIR);
    refused(open("hello.txt", O_RDONLY | O_DIRECTORY), ENOTDIR);
    refused(open("none/new.txt", O_WRONLY | O_CREAT, 0666), ENOENT);
    refused(open("hello.txt/new.txt", O_WRONLY | O_CREAT, 0666), ENOTDIR);
    refused(mkdir("dir", 0777), EEXIST);
    refused(unlink("dir"), EISDIR);
    refused(unlink("none"), ENOENT);
    refused(rmdir("hello.txt"), ENOTDIR);
    refused(rmdir("dir"), ENOTEMPTY);
    refused(rename("none", "x"), ENOENT);
    refused(rename("hello.txt", "dir"), EISDIR);
    refused(rename("dir", "hello.txt"), ENOTDIR);
    refused(rename("dir", "dir/sub/x"), EINVAL);
    refused(link("dir", "x"), EPERM);
    refused(link("hello.txt", "empty"), EEXIST);
    refused(symlink("hello.txt", "empty"), EEXIST);
    refused((int)readlink("hello.txt", (char[8]){0}, 8), EINVAL);
    refused((int)readlink("none", (char[8]){0}, 8), ENOENT);
}

/* A directory that is held gives what is below it, and nothing above. */
static void beneath(void)
{
    char buf[8];
    int dir = open("dir", O_RDONLY | O_DIRECTORY), fd;
    CHECK(&c, dir > 3);
    fd = openat(dir, "sub/deep.txt", O_RDONLY);
    CHECK(&c, fd > 3);
    CHECK_EQ(&c, read(fd, buf, sizeof buf), 5);
    close(fd);
    fd = openat(dir, "sub/../one.txt", O_RDONLY);
    CHECK(&c, fd > 3);
    close(fd);
    CHECK_EQ(&c, openat(dir, "../hello.txt", O_RDONLY), -1);
    CHECK_EQ(&c, openat(dir, "sub/../../hello.txt", O_RDONLY), -1);
    close(dir);
}

static void descriptors(void)
{
    char buf[8];
    int a = open("dir/one.txt", O_RDONLY), b = open("hello.txt", O_RDONLY);
    CHECK_EQ(&c, raw_fd_renumber((uint32_t)a, (uint32_t)b), 0);
    CHECK_EQ(&c, read(b, buf, sizeof buf), 4);
    CHECK(&c, memcmp(buf, "one\n", 4) == 0);
    CHECK_EQ(&c, read(a, buf, sizeof buf), -1);
    CHECK_EQ(&c, open("empty", O_RDONLY), a);
    CHECK_EQ(&c, raw_fd_fdstat_set_rights((uint32_t)b, 1u << 2, 0), 0); /* seek only */
    CHECK_EQ(&c, raw_fd_fdstat_set_rights((uint32_t)b, 1u << 1, 0), W_NOTCAPABLE);
    CHECK_EQ(&c, read(b, buf, sizeof buf), -1);
    CHECK_EQ(&c, lseek(b, 0, SEEK_SET), 0);
    CHECK_EQ(&c, raw_fd_sync((uint32_t)a), 0);
    CHECK_EQ(&c, raw_fd_allocate((uint32_t)a, 0, 9), W_NOTCAPABLE);
    CHECK_EQ(&c, raw_sock_shutdown((uint32_t)a, 0), W_NOTSOCK);
    close(a);
    close(b);
    CHECK(&c, isatty(1));
    CHECK(&c, !isatty(b));
    CHECK_EQ(&c, lseek(1, 0, SEEK_CUR), -1);
}

int main(void)
{
    reading();
    a_larger_file();
    gathering();
    listing("/", "../ ./ dir/ empty hello.txt numbers.txt ");
    listing("dir", "../ ./ one.txt sub/ two.txt ");
    listing("dir/sub/", "../ ./ deep.txt ");
    listing_in_pieces();
    paths();
    refusals();
    beneath();
    descriptors();
    return check_end(&c);
}
