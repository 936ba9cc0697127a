/* hostile.c - hands every WASI call bad pointers, lengths and flags: each must only be an error. */
#include <string.h>

#include "check.h"
#include "rawwasi.h"

#define ROOT   3u          /* the preopened directory */
#define BEYOND 0xfffff000u /* outside any memory that this program will have */
#define LAST   0xffffffffu
/* fd_read, fd_seek, fd_fdstat_set_flags, fd_tell, fd_advise, fd_filestat_get */
#define READ (1ull << 1 | 1ull << 2 | 1ull << 3 | 1ull << 5 | 1ull << 7 | 1ull << 21)

static struct checks c;
static uint32_t out; /* a good place for results */
static char buf[64];

static uint32_t edge_page; /* the last page of memory, which nobody else uses */

/* Where anything of n bytes sticks out of memory by one. */
static uint32_t at_the_edge(uint32_t n)
{
    return edge_page + 65536u - n + 1;
}

static uint32_t open_file(const char *path)
{
    uint32_t fd = 0;
    CHECK_EQ(&c,
             raw_path_open(ROOT, 1, ADDR(path), (uint32_t)strlen(path), 0, READ, 0, 0, ADDR(&fd)),
             W_SUCCESS);
    return fd;
}

static void bad_result_pointers(uint32_t file)
{
    const uint32_t bad[] = {BEYOND, LAST, at_the_edge(4)};
    for (int i = 0; i < 3; i++) {
        uint32_t p = bad[i];
        CHECK_EQ(&c, raw_args_sizes_get(p, ADDR(&out)), W_FAULT);
        CHECK_EQ(&c, raw_args_sizes_get(ADDR(&out), p), W_FAULT);
        CHECK_EQ(&c, raw_args_get(p, ADDR(buf)), W_FAULT);
        CHECK_EQ(&c, raw_environ_sizes_get(p, p), W_FAULT);
        CHECK_EQ(&c, raw_clock_res_get(0, p), W_FAULT);
        CHECK_EQ(&c, raw_clock_time_get(1, 0, p), W_FAULT);
        CHECK_EQ(&c, raw_fd_fdstat_get(1, p), W_FAULT);
        CHECK_EQ(&c, raw_fd_filestat_get(file, p), W_FAULT);
        CHECK_EQ(&c, raw_fd_prestat_get(ROOT, p), W_FAULT);
        CHECK_EQ(&c, raw_fd_seek(file, 0, 1, p), W_FAULT);
        CHECK_EQ(&c, raw_fd_tell(file, p), W_FAULT);
        CHECK_EQ(&c, raw_fd_read(file, p, 1, ADDR(&out)), W_FAULT);
        CHECK_EQ(&c, raw_fd_write(1, p, 1, ADDR(&out)), W_FAULT);
        CHECK_EQ(&c, raw_fd_readdir(ROOT, ADDR(buf), sizeof buf, 0, p), W_FAULT);
        CHECK_EQ(&c, raw_path_open(ROOT, 0, p, 5, 0, READ, 0, 0, ADDR(&out)), W_FAULT);
        CHECK_EQ(&c, raw_path_open(ROOT, 0, ADDR("hello.txt"), 9, 0, READ, 0, 0, p), W_FAULT);
        CHECK_EQ(&c, raw_path_filestat_get(ROOT, 0, ADDR("hello.txt"), 9, p), W_FAULT);
        CHECK_EQ(&c, raw_poll_oneoff(p, ADDR(buf), 1, ADDR(&out)), W_FAULT);
    }
    CHECK_EQ(&c, raw_args_get(ADDR(buf), BEYOND), W_FAULT);
    CHECK_EQ(&c, raw_fd_prestat_dir_name(ROOT, BEYOND, 1), W_FAULT);
    CHECK_EQ(&c, raw_random_get(BEYOND, 1), W_FAULT);
    CHECK_EQ(&c, raw_random_get(at_the_edge(1000), 1000), W_FAULT);
    CHECK_EQ(&c, raw_random_get(edge_page, LAST), W_FAULT);
}

/* The files opened with a bad place for their number must have been closed again. */
static void no_descriptor_is_lost(uint32_t file)
{
    uint32_t next = open_file("hello.txt");
    CHECK_EQ(&c, next, file + 1);
    CHECK_EQ(&c, raw_fd_close(next), W_SUCCESS);
}

static void bad_iovecs(uint32_t file)
{
    uint32_t iov[6] = {BEYOND, 4, ADDR(buf), 4, 0, 0};
    CHECK_EQ(&c, raw_fd_read(file, ADDR(iov), 1, ADDR(&out)), W_FAULT);
    CHECK_EQ(&c, raw_fd_write(1, ADDR(iov), 1, ADDR(&out)), W_FAULT);
    CHECK_EQ(&c, raw_fd_pread(file, ADDR(iov), 1, 0, ADDR(&out)), W_FAULT);
    iov[0] = ADDR(buf), iov[1] = LAST; /* the sum of lengths does not fit */
    CHECK_EQ(&c, raw_fd_read(file, ADDR(iov), 2, ADDR(&out)), W_INVAL);
    CHECK_EQ(&c, raw_fd_write(1, ADDR(iov), 2, ADDR(&out)), W_INVAL);
    CHECK_EQ(&c, raw_fd_read(file, ADDR(iov), LAST, ADDR(&out)), W_INVAL);
    CHECK_EQ(&c, raw_fd_write(1, ADDR(iov), 0x20000001u, ADDR(&out)), W_INVAL);
    CHECK_EQ(&c, raw_fd_read(file, LAST - 7, 1, ADDR(&out)), W_FAULT);
    CHECK_EQ(&c, raw_fd_read(file, LAST - 6, 1, ADDR(&out)), W_FAULT);
    CHECK_EQ(&c, raw_fd_read(file, BEYOND, 0, ADDR(&out)), W_SUCCESS);
    /* What was read before the bad buffer is reported; nothing of it is lost. */
    iov[0] = ADDR(buf), iov[1] = 3, iov[2] = BEYOND, iov[3] = 3;
    CHECK_EQ(&c, raw_fd_read(file, ADDR(iov), 2, ADDR(&out)), W_SUCCESS);
    CHECK(&c, out == 3 && memcmp(buf, "hel", 3) == 0);
    iov[1] = 64;
    CHECK_EQ(&c, raw_fd_read(file, ADDR(iov), 1, ADDR(&out)), W_SUCCESS);
    CHECK(&c, out == 3 && memcmp(buf, "lo\n", 3) == 0);
}

static void bad_descriptors(void)
{
    const uint32_t bad[] = {4096, 77, 256, LAST, 0x80000000u};
    for (int i = 0; i < 5; i++) {
        uint32_t fd = bad[i], iov[2] = {ADDR(buf), 1};
        CHECK_EQ(&c, raw_fd_read(fd, ADDR(iov), 1, ADDR(&out)), W_BADF);
        CHECK_EQ(&c, raw_fd_write(fd, ADDR(iov), 1, ADDR(&out)), W_BADF);
        CHECK_EQ(&c, raw_fd_pread(fd, ADDR(iov), 1, 0, ADDR(&out)), W_BADF);
        CHECK_EQ(&c, raw_fd_pwrite(fd, ADDR(iov), 1, 0, ADDR(&out)), W_BADF);
        CHECK_EQ(&c, raw_fd_close(fd), W_BADF);
        CHECK_EQ(&c, raw_fd_renumber(fd, 1), W_BADF);
        CHECK_EQ(&c, raw_fd_renumber(1, fd), W_BADF);
        CHECK_EQ(&c, raw_fd_seek(fd, 0, 0, ADDR(&out)), W_BADF);
        CHECK_EQ(&c, raw_fd_fdstat_get(fd, ADDR(buf)), W_BADF);
        CHECK_EQ(&c, raw_fd_fdstat_set_flags(fd, 0), W_BADF);
        CHECK_EQ(&c, raw_fd_fdstat_set_rights(fd, 0, 0), W_BADF);
        CHECK_EQ(&c, raw_fd_filestat_get(fd, ADDR(buf)), W_BADF);
        CHECK_EQ(&c, raw_fd_readdir(fd, ADDR(buf), 64, 0, ADDR(&out)), W_BADF);
        CHECK_EQ(&c, raw_fd_prestat_get(fd, ADDR(buf)), W_BADF);
        CHECK_EQ(&c, raw_fd_sync(fd), W_BADF);
        CHECK_EQ(&c, raw_fd_datasync(fd), W_BADF);
        CHECK_EQ(&c, raw_fd_advise(fd, 0, 0, 0), W_BADF);
        CHECK_EQ(&c, raw_fd_allocate(fd, 0, 0), W_BADF);
        CHECK_EQ(&c, raw_fd_filestat_set_size(fd, 0), W_BADF);
        CHECK_EQ(&c, raw_fd_filestat_set_times(fd, 0, 0, 0), W_BADF);
        CHECK_EQ(&c, raw_path_open(fd, 0, ADDR("x"), 1, 0, READ, 0, 0, ADDR(&out)), W_BADF);
        CHECK_EQ(&c, raw_sock_shutdown(fd, 0), W_BADF);
        CHECK_EQ(&c, raw_sock_accept(fd, 0, ADDR(&out)), W_BADF);
    }
}

static void bad_numbers(uint32_t file)
{
    CHECK_EQ(&c, raw_clock_res_get(4, ADDR(buf)), W_INVAL);
    CHECK_EQ(&c, raw_clock_time_get(LAST, 0, ADDR(buf)), W_INVAL);
    CHECK_EQ(&c, raw_fd_seek(file, 0, 3, ADDR(buf)), W_INVAL);
    CHECK_EQ(&c, raw_fd_seek(file, -1, 0, ADDR(buf)), W_INVAL);
    CHECK_EQ(&c, raw_fd_seek(file, INT64_MIN, 0, ADDR(buf)), W_INVAL);
    CHECK_EQ(&c, raw_fd_seek(file, INT64_MAX, 2, ADDR(buf)), W_OVERFLOW);
    CHECK_EQ(&c, raw_fd_advise(file, 0, 0, 6), W_INVAL);
    CHECK_EQ(&c, raw_fd_fdstat_set_flags(file, 0x20), W_INVAL);
    CHECK_EQ(&c, raw_fd_filestat_set_times(file, 0, 0, 0x10), W_INVAL);
    CHECK_EQ(&c, raw_path_open(ROOT, 2, ADDR("x"), 1, 0, READ, 0, 0, ADDR(&out)), W_INVAL);
    CHECK_EQ(&c, raw_path_open(ROOT, 0, ADDR("x"), 1, 16, READ, 0, 0, ADDR(&out)), W_INVAL);
    CHECK_EQ(&c, raw_path_open(ROOT, 0, ADDR("x"), 1, 0, READ, 0, 32, ADDR(&out)), W_INVAL);
    CHECK_EQ(&c, raw_poll_oneoff(ADDR(buf), ADDR(buf), 0, ADDR(&out)), W_INVAL);
    memset((void *)(uintptr_t)edge_page, 0, 65536);
    CHECK_EQ(&c, raw_poll_oneoff(edge_page, ADDR(buf), LAST, ADDR(&out)), W_FAULT);
    CHECK_EQ(&c, raw_fd_prestat_dir_name(ROOT, ADDR(buf), 0), W_NAMETOOLONG);
    CHECK_EQ(&c, raw_fd_readdir(ROOT, ADDR(buf), 64, UINT64_MAX, ADDR(&out)), W_SUCCESS);
    CHECK_EQ(&c, out, 0);
    CHECK_EQ(&c, raw_proc_raise(99), W_INVAL);
}

/* An offset beyond any file is no error by itself; there is only nothing to read. */
static void far_offsets(uint32_t file)
{
    uint32_t iov[2] = {ADDR(buf), 8};
    CHECK_EQ(&c, raw_fd_pread(file, ADDR(iov), 1, UINT64_MAX, ADDR(&out)), W_SUCCESS);
    CHECK_EQ(&c, out, 0);
    CHECK_EQ(&c, raw_fd_seek(file, INT64_MAX, 0, ADDR(buf)), W_SUCCESS);
    CHECK_EQ(&c, raw_fd_read(file, ADDR(iov), 1, ADDR(&out)), W_SUCCESS);
    CHECK_EQ(&c, out, 0);
}

static void bad_paths(void)
{
    static char path[8192];
    static const struct {
        const char *text;
        uint32_t len;
        int want;
    } paths[] = {
        {"", 0, W_NOENT},
        {"hello.txt\0", 10, W_ILSEQ},
        {"hello\xff", 6, W_ILSEQ},
        {"\xc0\xaf", 2, W_ILSEQ},     /* overlong */
        {"\xed\xa0\x80", 3, W_ILSEQ}, /* surrogate */
        {"\xe2\x82", 2, W_ILSEQ},     /* cut short */
        {"/hello.txt", 10, W_NOTCAPABLE},
        {"..", 2, W_NOTCAPABLE},
        {"dir/../..", 9, W_NOTCAPABLE},
        {"dir/../../etc", 13, W_NOTCAPABLE},
        {"hello.txt/", 10, W_NOTDIR},
        {"hello.txt/x", 11, W_NOTDIR},
        {"hello.txt/..", 12, W_NOTDIR},
        {"nowhere/../hello.txt", 20, W_NOENT},
    };
    for (unsigned i = 0; i < sizeof paths / sizeof *paths; i++)
        CHECK_EQ(
            &c,
            raw_path_open(ROOT, 0, ADDR(paths[i].text), paths[i].len, 0, READ, 0, 0, ADDR(&out)),
            paths[i].want);
    memset(path, 'a', sizeof path);
    CHECK_EQ(&c, raw_path_open(ROOT, 0, ADDR(path), sizeof path, 0, READ, 0, 0, ADDR(&out)),
             W_NAMETOOLONG);
    CHECK_EQ(&c, raw_path_open(ROOT, 0, ADDR(path), 256, 0, READ, 0, 0, ADDR(&out)), W_NAMETOOLONG);
    CHECK_EQ(&c, raw_path_open(ROOT, 0, ADDR(path), 255, 0, READ, 0, 0, ADDR(&out)), W_NOENT);
    CHECK_EQ(&c, raw_path_open(ROOT, 0, ADDR(path), LAST, 0, READ, 0, 0, ADDR(&out)),
             W_NAMETOOLONG);
}

static void descriptors_run_out(void)
{
    uint32_t fd = 0, opened = 0, err;
    while ((err = raw_path_open(ROOT, 0, ADDR("hello.txt"), 9, 0, READ, 0, 0, ADDR(&fd))) == 0 &&
           opened < 2000)
        opened++;
    CHECK_EQ(&c, err, W_MFILE);
    while (opened--)
        CHECK_EQ(&c, raw_fd_close(fd--), W_SUCCESS);
}

int main(void)
{
    uint32_t file = open_file("hello.txt");
    edge_page = (uint32_t)__builtin_wasm_memory_grow(0, 1) * 65536u;
    bad_result_pointers(file);
    no_descriptor_is_lost(file);
    bad_iovecs(file);
    bad_descriptors();
    bad_numbers(file);
    far_offsets(file);
    bad_paths();
    descriptors_run_out();
    return check_end(&c);
}
