/* rawwasi.h - WASI calls with numbers for pointers, so that tests can pass any of them. */
#ifndef GUEST_RAWWASI_H
#define GUEST_RAWWASI_H

#include <stdint.h>

#define RAW(field, ...)                                                                            \
    __attribute__((import_module("wasi_snapshot_preview1"), import_name(#field)))                  \
    uint32_t raw_##field(__VA_ARGS__)

RAW(args_get, uint32_t argv, uint32_t buf);
RAW(args_sizes_get, uint32_t count, uint32_t bytes);
RAW(environ_get, uint32_t environ, uint32_t buf);
RAW(environ_sizes_get, uint32_t count, uint32_t bytes);
RAW(clock_res_get, uint32_t id, uint32_t out);
RAW(clock_time_get, uint32_t id, uint64_t precision, uint32_t out);
RAW(fd_advise, uint32_t fd, uint64_t offset, uint64_t len, uint32_t advice);
RAW(fd_allocate, uint32_t fd, uint64_t offset, uint64_t len);
RAW(fd_close, uint32_t fd);
RAW(fd_datasync, uint32_t fd);
RAW(fd_fdstat_get, uint32_t fd, uint32_t out);
RAW(fd_fdstat_set_flags, uint32_t fd, uint32_t flags);
RAW(fd_fdstat_set_rights, uint32_t fd, uint64_t base, uint64_t inheriting);
RAW(fd_filestat_get, uint32_t fd, uint32_t out);
RAW(fd_filestat_set_size, uint32_t fd, uint64_t size);
RAW(fd_filestat_set_times, uint32_t fd, uint64_t atim, uint64_t mtim, uint32_t flags);
RAW(fd_pread, uint32_t fd, uint32_t iovs, uint32_t count, uint64_t offset, uint32_t out);
RAW(fd_prestat_get, uint32_t fd, uint32_t out);
RAW(fd_prestat_dir_name, uint32_t fd, uint32_t path, uint32_t len);
RAW(fd_pwrite, uint32_t fd, uint32_t iovs, uint32_t count, uint64_t offset, uint32_t out);
RAW(fd_read, uint32_t fd, uint32_t iovs, uint32_t count, uint32_t out);
RAW(fd_readdir, uint32_t fd, uint32_t buf, uint32_t len, uint64_t cookie, uint32_t out);
RAW(fd_renumber, uint32_t fd, uint32_t to);
RAW(fd_seek, uint32_t fd, int64_t offset, uint32_t whence, uint32_t out);
RAW(fd_sync, uint32_t fd);
RAW(fd_tell, uint32_t fd, uint32_t out);
RAW(fd_write, uint32_t fd, uint32_t iovs, uint32_t count, uint32_t out);
RAW(path_create_directory, uint32_t fd, uint32_t path, uint32_t len);
RAW(path_filestat_get, uint32_t fd, uint32_t flags, uint32_t path, uint32_t len, uint32_t out);
RAW(path_filestat_set_times, uint32_t fd, uint32_t flags, uint32_t path, uint32_t len,
    uint64_t atim, uint64_t mtim, uint32_t fst_flags);
RAW(path_link, uint32_t fd, uint32_t flags, uint32_t path, uint32_t len, uint32_t new_fd,
    uint32_t new_path, uint32_t new_len);
RAW(path_open, uint32_t fd, uint32_t flags, uint32_t path, uint32_t len, uint32_t oflags,
    uint64_t base, uint64_t inheriting, uint32_t fdflags, uint32_t out);
RAW(path_readlink, uint32_t fd, uint32_t path, uint32_t len, uint32_t buf, uint32_t buf_len,
    uint32_t out);
RAW(path_remove_directory, uint32_t fd, uint32_t path, uint32_t len);
RAW(path_rename, uint32_t fd, uint32_t path, uint32_t len, uint32_t new_fd, uint32_t new_path,
    uint32_t new_len);
RAW(path_symlink, uint32_t old, uint32_t old_len, uint32_t fd, uint32_t path, uint32_t len);
RAW(path_unlink_file, uint32_t fd, uint32_t path, uint32_t len);
RAW(poll_oneoff, uint32_t in, uint32_t out, uint32_t n, uint32_t nevents);
RAW(proc_raise, uint32_t signal);
RAW(random_get, uint32_t buf, uint32_t len);
RAW(sched_yield, void);
RAW(sock_accept, uint32_t fd, uint32_t flags, uint32_t out);
RAW(sock_recv, uint32_t fd, uint32_t iovs, uint32_t count, uint32_t flags, uint32_t out,
    uint32_t roflags);
RAW(sock_send, uint32_t fd, uint32_t iovs, uint32_t count, uint32_t flags, uint32_t out);
RAW(sock_shutdown, uint32_t fd, uint32_t how);

/* Numbers of the specification (witx), not taken from the kernel's header. */
enum {
    W_SUCCESS = 0,
    W_BADF = 8,
    W_EXIST = 20,
    W_FAULT = 21,
    W_ILSEQ = 25,
    W_INVAL = 28,
    W_ISDIR = 31,
    W_MFILE = 33,
    W_NAMETOOLONG = 37,
    W_NOENT = 44,
    W_NOTDIR = 54,
    W_NOTSOCK = 57,
    W_NOTSUP = 58,
    W_OVERFLOW = 61,
    W_ROFS = 69,
    W_SPIPE = 70,
    W_LOOP = 32,
    W_NOTEMPTY = 55,
    W_PERM = 63,
    W_AGAIN = 6,
    W_PIPE = 64,
    W_NOTCAPABLE = 76
};

#define ADDR(p) ((uint32_t)(uintptr_t)(p))

#endif
