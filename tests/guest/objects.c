/* objects.c - named objects and mappings: making, growing, refusals, private copies of files. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "pmem.h"
#include "pwk.h"

static struct checks c;

static int32_t open_object(const char *name, int64_t bytes)
{
    return pwk_pmem_open(name, (uint32_t)strlen(name), bytes);
}

static int64_t size_of(int32_t fd)
{
    struct stat st;
    CHECK_EQ(&c, fstat(fd, &st), 0);
    return st.st_size;
}

static uint8_t *map(int32_t fd, int64_t offset, uint32_t bytes, int32_t flags)
{
    int32_t at = pwk_map(fd, offset, bytes, flags);
    CHECK(&c, !pwk_failed(at));
    return pwk_failed(at) ? NULL : pwk_pointer(at);
}

static int all_are(const uint8_t *p, uint32_t n, uint8_t value)
{
    uint32_t i = 0;
    while (i < n && p[i] == value)
        i++;
    return i == n;
}

static void making(void)
{
    int32_t a, b, again;
    uint8_t *p;
    char buf[4];
    CHECK_EQ(&c, open_object("objects.a", 0), -ENOENT);
    a = open_object("objects.a", 100000);
    b = open_object("objects.b", 1);
    CHECK(&c, a > 3 && b > a);
    CHECK_EQ(&c, size_of(a), 100000);
    CHECK_EQ(&c, size_of(b), 1);
    again = open_object("objects.a", 0);
    CHECK(&c, again > b);
    CHECK_EQ(&c, size_of(again), 100000);
    p = map(a, 0, 100000, 0);
    CHECK(&c, p && all_are(p, 2 * PWK_PAGE, 0));
    if (p) {
        p[99999] = 7;
        pmem_persist(p + 99999, 1);
    }
    CHECK_EQ(&c, read(a, buf, 4), -1);
    CHECK_EQ(&c, lseek(a, 0, SEEK_SET), -1);
    CHECK_EQ(&c, close(again), 0);
    CHECK_EQ(&c, close(a), 0);
    CHECK(&c, p && p[99999] == 7); /* a mapping stays when the descriptor is closed */
    a = open_object("objects.a", 99999);
    CHECK_EQ(&c, size_of(a), 100000);
    p = map(a, PWK_PAGE, 1, 0);
    CHECK(&c, p && p[99999 - PWK_PAGE] == 7);
    close(a);
    close(b);
}

static void refusals(void)
{
    char name[100];
    int32_t fd = open_object("objects.a", 0), dir = open("/", O_RDONLY | O_DIRECTORY);
    memset(name, 'n', sizeof name);
    CHECK_EQ(&c, pwk_pmem_open(name, 97, 10), -ENAMETOOLONG);
    CHECK_EQ(&c, pwk_pmem_open(name, UINT32_MAX, 10), -ENAMETOOLONG);
    CHECK_EQ(&c, pwk_pmem_open(name, 0, 10), -EINVAL);
    CHECK_EQ(&c, pwk_pmem_open("a\0b", 3, 10), -EILSEQ);
    CHECK_EQ(&c, pwk_pmem_open("\xff", 1, 10), -EILSEQ);
    CHECK_EQ(&c, pwk_pmem_open((const char *)0xfffffff0u, 4, 10), -EFAULT);
    CHECK_EQ(&c, pwk_pmem_open("x", 1, -1), -EINVAL);
    CHECK_EQ(&c, pwk_pmem_open("x", 1, INT64_MAX), -EINVAL);
    CHECK(&c, pwk_pmem_open("x", 1, 1ll << 40) < 0); /* more than there is */
    CHECK_EQ(&c, open_object("x", 0), -ENOENT);      /* and nothing was made */
    CHECK_EQ(&c, open_object("objects.a", 1ll << 30), -ENOSPC);
    CHECK_EQ(&c, pwk_map(fd, 0, 0, 0), -EINVAL);
    CHECK_EQ(&c, pwk_map(fd, 1, 1, 0), -EINVAL);
    CHECK_EQ(&c, pwk_map(fd, -65536, 1, 0), -EINVAL);
    CHECK_EQ(&c, pwk_map(fd, 2 * PWK_PAGE, 1, 0), -EINVAL);
    CHECK_EQ(&c, pwk_map(fd, INT64_MAX - 65535, 1, 0), -EINVAL);
    CHECK_EQ(&c, pwk_map(fd, PWK_PAGE, PWK_PAGE + 1, 0), -EINVAL);
    CHECK_EQ(&c, pwk_map(fd, 0, UINT32_MAX, 0), -EINVAL);
    CHECK_EQ(&c, pwk_map(fd, 0, 1, 2), -EINVAL);
    CHECK_EQ(&c, pwk_map(fd, 0, 1, PWK_MAP_PRIVATE), -ENOTSUP);
    CHECK_EQ(&c, pwk_map(-1, 0, 1, 0), -EBADF);
    CHECK_EQ(&c, pwk_map(1, 0, 1, 0), -ENODEV);
    CHECK_EQ(&c, pwk_map(dir, 0, 1, 0), -ENODEV);
    CHECK_EQ(&c, pwk_spawn("nonesuch", 8, NULL, NULL), -ENOENT);
    close(fd);
    close(dir);
}

static void growing(void)
{
    int32_t fd = open_object("objects.grows", 5000);
    uint8_t *p = map(fd, 0, 5000, 0);
    if (p)
        memset(p, 9, 5000);
    close(fd);
    fd = open_object("objects.grows", 60000); /* in the same page */
    CHECK_EQ(&c, size_of(fd), 60000);
    p = map(fd, 0, 60000, 0);
    CHECK(&c, p && all_are(p, 5000, 9) && all_are(p + 5000, 55000, 0));
    close(fd);
}

static void unmapping(void)
{
    int32_t fd = open_object("objects.a", 0), at;
    uint8_t *p = map(fd, 0, 2 * PWK_PAGE, 0);
    at = (int32_t)(uintptr_t)p;
    close(fd);
    if (!p)
        return;
    CHECK_EQ(&c, pwk_unmap(at + 1, PWK_PAGE), -EINVAL);
    CHECK_EQ(&c, pwk_unmap(at, 0), -EINVAL);
    CHECK_EQ(&c, pwk_unmap(at, 3 * PWK_PAGE), -EINVAL);
    CHECK_EQ(&c, pwk_unmap(0, PWK_PAGE), -EINVAL); /* the program's own memory */
    CHECK_EQ(&c, pwk_unmap(at + (int32_t)PWK_PAGE, 100), 0);
    CHECK(&c, all_are(p + PWK_PAGE, PWK_PAGE, 0));
    CHECK_EQ(&c, pwk_unmap(at + (int32_t)PWK_PAGE, PWK_PAGE), -EINVAL);
    CHECK_EQ(&c, pwk_unmap(at, PWK_PAGE), 0);
    CHECK_EQ(&c, pwk_unmap(at, PWK_PAGE), -EINVAL);
    memset(p, 1, 2 * PWK_PAGE); /* ordinary memory now */
    CHECK(&c, all_are(p, 2 * PWK_PAGE, 1));
}

/* numbers.txt is what `seq 1 13000` writes, 66,894 bytes. */
static void private_copies(void)
{
    int32_t fd = open("numbers.txt", O_RDONLY), at;
    uint8_t *p = map(fd, 0, 66894, PWK_MAP_PRIVATE), *q, *r;
    char buf[4];
    CHECK(&c, p && memcmp(p, "1\n2\n", 4) == 0 && memcmp(p + 66888, "13000\n", 6) == 0);
    CHECK(&c, p && all_are(p + 66894, 2 * PWK_PAGE - 66894, 0));
    if (p)
        memcpy(p, "XXXX", 4);
    q = map(fd, PWK_PAGE, 1, PWK_MAP_PRIVATE);
    CHECK(&c, q && memcmp(q + 66888 - PWK_PAGE, "13000\n", 6) == 0);
    CHECK_EQ(&c, pread(fd, buf, 4, 0), 4);
    CHECK(&c, memcmp(buf, "1\n2\n", 4) == 0);
    r = map(fd, 0, 10, PWK_MAP_SHARED);
    CHECK(&c, r && memcmp(r, "1\n2\n", 4) == 0);
    at = (int32_t)(uintptr_t)p;
    CHECK_EQ(&c, pwk_unmap(at, PWK_PAGE), 0);
    CHECK_EQ(&c, pwk_unmap(at + (int32_t)PWK_PAGE, PWK_PAGE), 0);
    close(fd);
}

/* Making, using and undoing mappings does not use up physical memory, only addresses. */
static void many_private_copies(void)
{
    int32_t fd = open("numbers.txt", O_RDONLY), bad = 0;
    for (int i = 0; i < 500 && !bad; i++) {
        int32_t at = pwk_map(fd, 0, 10, PWK_MAP_PRIVATE);
        bad = pwk_failed(at) || pwk_unmap(at, PWK_PAGE) != 0;
    }
    CHECK_EQ(&c, bad, 0);
    close(fd);
}

int main(void)
{
    making();
    refusals();
    growing();
    unmapping();
    private_copies();
    many_private_copies();
    return check_end(&c);
}
