/* ramfs.c - files that are written: contents, names, links, times, rights. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "rawwasi.h"

#define ROOT 3u

static struct checks c;

static void refused(int result, int want)
{
    int got = errno;
    CHECK_EQ(&c, result, -1);
    CHECK_EQ(&c, got, want);
}

static int make(const char *path, const char *text)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0666);
    CHECK(&c, fd > 2);
    CHECK_EQ(&c, write(fd, text, strlen(text)), strlen(text));
    return fd;
}

static int reads(const char *path, const char *want)
{
    char buf[256];
    int fd = open(path, O_RDONLY);
    ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof buf);
    if (fd >= 0)
        close(fd);
    return n == (ssize_t)strlen(want) && memcmp(buf, want, (size_t)n) == 0;
}

static void writing(void)
{
    char buf[64];
    struct stat st;
    int fd = make("new.txt", "first line\n"), again;
    CHECK_EQ(&c, lseek(fd, 6, SEEK_SET), 6);
    CHECK_EQ(&c, write(fd, "word", 4), 4);
    CHECK_EQ(&c, pwrite(fd, "F", 1, 0), 1);
    CHECK_EQ(&c, pread(fd, buf, sizeof buf, 0), 11);
    CHECK(&c, memcmp(buf, "First word\n", 11) == 0);
    CHECK_EQ(&c, lseek(fd, 0, SEEK_CUR), 10);
    again = open("new.txt", O_WRONLY | O_APPEND);
    CHECK_EQ(&c, write(again, "more", 4), 4);
    CHECK_EQ(&c, fstat(fd, &st), 0);
    CHECK_EQ(&c, st.st_size, 15);
    close(again);
    refused(open("new.txt", O_WRONLY | O_CREAT | O_EXCL, 0666), EEXIST);
    again = open("new.txt", O_WRONLY | O_TRUNC);
    CHECK_EQ(&c, fstat(fd, &st), 0);
    CHECK_EQ(&c, st.st_size, 0);
    close(again);
    again = open("new.txt", O_RDONLY);
    refused((int)write(again, "x", 1), EBADF);
    close(again);
    close(fd);
    CHECK_EQ(&c, unlink("new.txt"), 0);
    refused(open("new.txt", O_RDONLY), ENOENT);
}

/* A hole reads as zeros, whatever the memory held before. */
static void holes(void)
{
    static char page[70000];
    int fd;
    struct stat st;
    memset(page, 0xaa, sizeof page);
    for (int round = 0; round < 3; round++) {
        static const off_t at[] = {10, 5000, 300000};
        long wrong = 0;
        fd = make("holes", "");
        for (int i = 0; i < 5; i++)
            CHECK_EQ(&c, write(fd, page, sizeof page), sizeof page);
        CHECK_EQ(&c, ftruncate(fd, 3), 0);
        CHECK_EQ(&c, pwrite(fd, "end", 3, at[round]), 3);
        CHECK_EQ(&c, fstat(fd, &st), 0);
        CHECK_EQ(&c, st.st_size, at[round] + 3);
        for (off_t i = 3; i < at[round]; i += 1000) {
            char b[1000];
            ssize_t n = pread(fd, b, at[round] - i < 1000 ? (size_t)(at[round] - i) : 1000, i);
            for (ssize_t k = 0; k < n; k++)
                wrong += b[k] != 0;
        }
        CHECK_EQ(&c, wrong, 0);
        CHECK_EQ(&c, ftruncate(fd, at[round] + 100), 0);
        CHECK_EQ(&c, pread(fd, page, 200, at[round] + 1), 99);
        CHECK(&c, page[0] == 'n' && page[1] == 'd' && page[2] == 0 && page[98] == 0);
        memset(page, 0xaa, sizeof page);
        close(fd);
        CHECK_EQ(&c, unlink("holes"), 0);
    }
    fd = make("room", "abc");
    CHECK_EQ(&c, posix_fallocate(fd, 0, 2), 0);
    CHECK_EQ(&c, fstat(fd, &st), 0);
    CHECK_EQ(&c, st.st_size, 3);
    CHECK_EQ(&c, posix_fallocate(fd, 1, 100000), 0);
    CHECK_EQ(&c, fstat(fd, &st), 0);
    CHECK_EQ(&c, st.st_size, 100001);
    refused(ftruncate(fd, (off_t)1 << 40), EFBIG);
    close(fd);
    unlink("room");
}

static void names(void)
{
    struct stat st;
    ino_t ino;
    int fd;
    CHECK_EQ(&c, mkdir("a", 0777), 0);
    CHECK_EQ(&c, mkdir("a/b", 0777), 0);
    close(make("a/b/f", "text"));
    refused(rmdir("a/b"), ENOTEMPTY);
    CHECK_EQ(&c, link("a/b/f", "a/g"), 0);
    CHECK_EQ(&c, stat("a/g", &st), 0);
    CHECK_EQ(&c, st.st_nlink, 2);
    ino = st.st_ino;
    CHECK_EQ(&c, unlink("a/b/f"), 0);
    CHECK(&c, reads("a/g", "text"));
    CHECK_EQ(&c, rename("a/g", "a/b/h"), 0);
    CHECK_EQ(&c, stat("a/b/h", &st), 0);
    CHECK(&c, st.st_nlink == 1 && st.st_ino == ino);
    close(make("a/b/i", "other"));
    CHECK_EQ(&c, rename("a/b/h", "a/b/i"), 0); /* over a file */
    CHECK(&c, reads("a/b/i", "text"));
    CHECK_EQ(&c, rename("a/b", "c"), 0); /* a directory with what is in it */
    CHECK(&c, reads("c/i", "text"));
    CHECK_EQ(&c, stat("c/..", &st), 0);
    CHECK_EQ(&c, mkdir("d", 0777), 0);
    CHECK_EQ(&c, rename("c", "d"), 0); /* over an empty directory */
    refused(rename("d", "d/e"), EINVAL);
    refused(rename("a", "d"), ENOTEMPTY);
    CHECK_EQ(&c, rename("d/i", "d/i"), 0);
    /* a file without a name lives as long as it is open */
    fd = open("d/i", O_RDWR);
    CHECK_EQ(&c, unlink("d/i"), 0);
    CHECK_EQ(&c, fstat(fd, &st), 0);
    CHECK_EQ(&c, st.st_nlink, 0);
    CHECK_EQ(&c, write(fd, "TEXT!", 5), 5);
    CHECK_EQ(&c, pread(fd, &st, 5, 0), 5);
    CHECK(&c, memcmp(&st, "TEXT!", 5) == 0);
    close(fd);
    CHECK_EQ(&c, rmdir("d"), 0);
    CHECK_EQ(&c, rmdir("a"), 0);
    refused(rmdir("a"), ENOENT);
    refused(rmdir("."), EINVAL);
}

/* In a directory that was removed nothing can be made. */
static void removed_directory(void)
{
    int dir;
    CHECK_EQ(&c, mkdir("gone", 0777), 0);
    dir = open("gone", O_RDONLY | O_DIRECTORY);
    CHECK_EQ(&c, rmdir("gone"), 0);
    refused(openat(dir, "x", O_WRONLY | O_CREAT, 0666), ENOENT);
    refused(mkdirat(dir, "x", 0777), ENOENT);
    refused(openat(dir, "../hello.txt", O_RDONLY), ENOTCAPABLE);
    close(dir);
}

static void symlinks(void)
{
    char buf[64], name[16], target[16];
    struct stat st;
    int dir;
    CHECK_EQ(&c, mkdir("s", 0777), 0);
    CHECK_EQ(&c, mkdir("s/in", 0777), 0);
    close(make("s/file", "linked"));
    CHECK_EQ(&c, symlink("file", "s/link"), 0);
    CHECK_EQ(&c, readlink("s/link", buf, sizeof buf), 4);
    CHECK(&c, memcmp(buf, "file", 4) == 0);
    CHECK_EQ(&c, readlink("s/link", buf, 2), 2);
    CHECK(&c, reads("s/link", "linked"));
    CHECK_EQ(&c, lstat("s/link", &st), 0);
    CHECK(&c, S_ISLNK(st.st_mode) && st.st_size == 4);
    CHECK_EQ(&c, stat("s/link", &st), 0);
    CHECK(&c, S_ISREG(st.st_mode));
    refused(open("s/link", O_RDONLY | O_NOFOLLOW), ELOOP);
    refused(open("s/link", O_WRONLY | O_CREAT | O_EXCL, 0666), EEXIST);
    CHECK_EQ(&c, symlink("../file", "s/in/up"), 0);
    CHECK(&c, reads("s/in/up", "linked"));
    CHECK_EQ(&c, symlink("in", "s/dir"), 0);
    CHECK(&c, reads("s/dir/up", "linked"));
    CHECK_EQ(&c, stat("s/dir/", &st), 0);
    CHECK(&c, S_ISDIR(st.st_mode));
    refused(stat("s/link/", &st), ENOTDIR);
    refused(rmdir("s/dir"), ENOTDIR);
    /* through a dangling link a file can be made */
    CHECK_EQ(&c, symlink("made", "s/dangling"), 0);
    refused(open("s/dangling", O_RDONLY), ENOENT);
    close(make("s/dangling", "by link"));
    CHECK(&c, reads("s/made", "by link"));
    /* out of the directory that is held: never */
    dir = open("s", O_RDONLY | O_DIRECTORY);
    CHECK_EQ(&c, symlink("../hello.txt", "s/out"), 0);
    CHECK(&c, reads("s/out", "hello\n"));
    refused(openat(dir, "out", O_RDONLY), ENOTCAPABLE);
    CHECK_EQ(&c, symlink("in/../../hello.txt", "s/out2"), 0);
    refused(openat(dir, "out2", O_RDONLY), ENOTCAPABLE);
    refused(symlink("/hello.txt", "s/absolute"), ENOTCAPABLE);
    close(dir);
    /* circles and long chains end */
    CHECK_EQ(&c, symlink("loop2", "s/loop1"), 0);
    CHECK_EQ(&c, symlink("loop1", "s/loop2"), 0);
    refused(open("s/loop1", O_RDONLY), ELOOP);
    refused(stat("s/loop1/x", &st), ELOOP);
    for (int i = 1; i <= 40; i++) {
        snprintf(name, sizeof name, "s/chain%d", i);
        snprintf(target, sizeof target, i == 1 ? "file" : "chain%d", i - 1);
        CHECK_EQ(&c, symlink(target, name), 0);
    }
    CHECK(&c, reads("s/chain32", "linked"));
    refused(open("s/chain33", O_RDONLY), ELOOP);
    refused(symlink("", "s/empty"), ENOENT);
    CHECK_EQ(&c, unlink("s/link"), 0); /* the link, not its target */
    CHECK(&c, reads("s/file", "linked"));
    CHECK_EQ(&c, rename("s/dir", "s/dir2"), 0);
    CHECK_EQ(&c, lstat("s/dir2", &st), 0);
    CHECK(&c, S_ISLNK(st.st_mode));
}

/* Entries come and go while a directory is read: those that stay are told exactly once. */
static void cookies(void)
{
    char name[32];
    uint8_t buf[100];
    uint8_t seen[200] = {0};
    uint32_t used, total = 0, fd;
    uint64_t cookie = 0;
    CHECK_EQ(&c, mkdir("many", 0777), 0);
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "many/%d", i);
        close(open(name, O_WRONLY | O_CREAT, 0666));
    }
    fd = (uint32_t)open("many", O_RDONLY | O_DIRECTORY);
    for (int round = 0; round < 1000; round++) {
        uint32_t len;
        CHECK_EQ(&c, raw_fd_readdir(fd, ADDR(buf), sizeof buf, cookie, ADDR(&used)), 0);
        if (used < 24)
            break;
        memcpy(&cookie, buf, 8);
        memcpy(&len, buf + 16, 4);
        memcpy(name, buf + 24, len);
        name[len] = 0;
        if (name[0] != '.') {
            int n = atoi(name);
            seen[n]++;
            total++;
            if (n % 3 == 0) { /* itself goes, and one is made */
                snprintf(name, sizeof name, "many/%d", n);
                unlink(name);
                if (n < 100) {
                    snprintf(name, sizeof name, "many/%d", n + 100);
                    close(open(name, O_WRONLY | O_CREAT, 0666));
                }
            }
        }
    }
    for (int i = 0; i < 100; i++)
        CHECK_EQ(&c, seen[i], 1);
    CHECK(&c, total >= 100 && total <= 140);
    close((int)fd);
}

static void times(void)
{
    struct timespec t[2] = {{.tv_sec = 1000, .tv_nsec = 5}, {.tv_sec = 2000, .tv_nsec = 7}}, now;
    struct stat st;
    int fd = make("timed", "x");
    clock_gettime(CLOCK_REALTIME, &now);
    CHECK_EQ(&c, fstat(fd, &st), 0);
    CHECK(&c, st.st_mtim.tv_sec == now.tv_sec && st.st_mtim.tv_nsec <= now.tv_nsec);
    CHECK_EQ(&c, futimens(fd, t), 0);
    CHECK_EQ(&c, stat("timed", &st), 0);
    CHECK(&c, st.st_atim.tv_sec == 1000 && st.st_atim.tv_nsec == 5);
    CHECK(&c, st.st_mtim.tv_sec == 2000 && st.st_mtim.tv_nsec == 7);
    CHECK_EQ(&c, raw_path_filestat_set_times(ROOT, 1, ADDR("timed"), 5, 9, 9, 8), 0); /* now */
    CHECK_EQ(&c, stat("timed", &st), 0);
    CHECK(&c, st.st_atim.tv_sec == 1000 && st.st_mtim.tv_sec == now.tv_sec);
    CHECK_EQ(&c, raw_fd_filestat_set_times((uint32_t)fd, 0, 0, 3), W_INVAL);
    close(fd);
}

static uint32_t open_with(uint32_t dir, const char *path, uint32_t oflags, uint64_t rights,
                          uint64_t inheriting, uint32_t want)
{
    uint32_t fd = 0;
    CHECK_EQ(&c,
             raw_path_open(dir, 0, ADDR(path), (uint32_t)strlen(path), oflags, rights, inheriting,
                           0, ADDR(&fd)),
             want);
    return fd;
}

/* What a directory does not hand on, nobody below it gets; what is given up is gone. */
static void rights(void)
{
    enum {
        R_READ = 1 << 1,
        R_SEEK = 1 << 2,
        R_WRITE = 1 << 6,
        R_OPEN = 1 << 13,
        R_UNLINK = 1 << 26
    };
    struct {
        uint8_t type;
        uint16_t flags;
        uint64_t base, inheriting;
    } st;
    char b;
    uint32_t iov[2] = {ADDR(&b), 1}, n, dir, fd;
    mkdir("r", 0777);
    close(make("r/f", "secret"));
    dir = open_with(ROOT, "r", 2, R_OPEN, R_READ | R_OPEN, 0);
    fd = open_with(dir, "f", 0, R_READ, 0, 0);
    CHECK_EQ(&c, raw_fd_read(fd, ADDR(iov), 1, ADDR(&n)), 0);
    CHECK_EQ(&c, raw_fd_write(fd, ADDR(iov), 1, ADDR(&n)), W_NOTCAPABLE);
    CHECK_EQ(&c, raw_fd_pread(fd, ADDR(iov), 1, 0, ADDR(&n)), W_NOTCAPABLE); /* wants seek, too */
    CHECK_EQ(&c, raw_fd_filestat_set_size(fd, 0), W_NOTCAPABLE);
    raw_fd_close(fd);
    open_with(dir, "f", 0, R_WRITE, 0, W_NOTCAPABLE);
    open_with(dir, "f", 0, R_READ, R_WRITE, W_NOTCAPABLE);
    open_with(dir, "new", 1, R_READ, 0, W_NOTCAPABLE); /* it cannot make files */
    open_with(dir, "f", 8, R_READ, 0, W_NOTCAPABLE);   /* or cut them */
    CHECK_EQ(&c, raw_path_unlink_file(dir, ADDR("f"), 1), W_NOTCAPABLE);
    CHECK_EQ(&c, raw_path_create_directory(dir, ADDR("d"), 1), W_NOTCAPABLE);
    CHECK_EQ(&c, raw_path_symlink(ADDR("f"), 1, dir, ADDR("l"), 1), W_NOTCAPABLE);
    CHECK_EQ(&c, raw_path_rename(dir, ADDR("f"), 1, ROOT, ADDR("f"), 1), W_NOTCAPABLE);
    CHECK_EQ(&c, raw_path_link(dir, 0, ADDR("f"), 1, ROOT, ADDR("f"), 1), W_NOTCAPABLE);
    CHECK_EQ(&c, raw_path_filestat_get(dir, 0, ADDR("f"), 1, ADDR(&st)), W_NOTCAPABLE);
    CHECK_EQ(&c, raw_path_filestat_set_times(dir, 0, ADDR("f"), 1, 0, 0, 0), W_NOTCAPABLE);
    CHECK_EQ(&c, raw_fd_readdir(dir, ADDR(&st), 8, 0, ADDR(&n)), W_NOTCAPABLE);
    raw_fd_close(dir);
    dir = open_with(ROOT, "r", 2, R_OPEN | R_UNLINK, R_READ, 0);
    CHECK_EQ(&c, raw_fd_fdstat_get(dir, ADDR(&st)), 0);
    CHECK(&c, st.type == 3 && st.base == (R_OPEN | R_UNLINK) && st.inheriting == R_READ);
    CHECK_EQ(&c, raw_fd_fdstat_set_rights(dir, R_OPEN, R_READ), 0);
    CHECK_EQ(&c, raw_path_unlink_file(dir, ADDR("f"), 1), W_NOTCAPABLE);
    CHECK_EQ(&c, raw_fd_fdstat_set_rights(dir, R_OPEN | R_UNLINK, R_READ), W_NOTCAPABLE);
    raw_fd_close(dir);
}

/* Many files, removed and made again: memory is used again, and nothing is mixed up. */
static void many(void)
{
    char name[32], text[32], buf[32];
    long wrong = 0;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 500; i++) {
            snprintf(name, sizeof name, "m%d", i);
            snprintf(text, sizeof text, "%d of %d", i, round);
            int fd = open(name, O_RDWR | O_CREAT | O_EXCL, 0666);
            wrong += fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text);
            close(fd);
        }
        for (int i = 0; i < 500; i++) {
            snprintf(name, sizeof name, "m%d", i);
            snprintf(text, sizeof text, "%d of %d", i, round);
            int fd = open(name, O_RDONLY);
            ssize_t n = read(fd, buf, sizeof buf);
            wrong += n != (ssize_t)strlen(text) || memcmp(buf, text, (size_t)n) != 0;
            close(fd);
            wrong += unlink(name) != 0;
        }
    }
    CHECK_EQ(&c, wrong, 0);
}

int main(void)
{
    writing();
    holes();
    names();
    removed_directory();
    symlinks();
    cookies();
    times();
    rights();
    many();
    return check_end(&c);
}
