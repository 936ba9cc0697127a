/* calls.c - a program that makes the kernel calls that its input says, and one that looks after it.
 */
/*
 * The first process is the warden: it has a secret in its memory, one in a file and one in a shared
 * memory object, and starts the prisoner with a directory of its own, a pipe and no more. The
 * prisoner reads bytes from the pipe and makes calls of all kinds with what they say: arguments
 * that are good, at the edge, or mad. When it has ended, or had its time, everything that it left
 * is ended, and the warden looks whether anything of its own is other than it was.
 *
 * Exit code of the warden: 0, or what is wrong (enum breach). With arguments, numbers FROM TO, it
 * does so for inputs that are drawn from each of these seeds; without, for its standard input.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pwk.h"
#include "tests/guest/rawpwk.h"
#include "tests/guest/rawwasi.h"

#define MOST_INPUT 4096u
#define ARENA      8192u
#define PATIENCE   20 /* times 5 ms */

enum breach {
    BREACH_START = 40,  /* the prisoner could not be started */
    BREACH_SURVIVORS,   /* what it started cannot be ended */
    BREACH_MEMORY,      /* the warden's memory is not as it was */
    BREACH_SHARED,      /* nor the memory that it shares with nobody */
    BREACH_FILE,        /* nor its file */
    BREACH_NAMES,       /* names have come or gone beside the prisoner's directory */
    BREACH_DESCRIPTORS, /* the warden's descriptors are others */
    BREACH_FIRST        /* the first process is known by other numbers */
};

/* ---- the prisoner ---- */

struct prisoner {
    uint8_t input[MOST_INPUT];
    uint32_t n, at;
};

static struct prisoner me;
static _Alignas(16) uint8_t arena[ARENA];

static uint32_t byte(void)
{
    return me.at < me.n ? me.input[me.at++] : 0;
}

static uint32_t descriptor(void)
{
    static const uint32_t mad[] = {0xffffffffu, 0x80000000u, 1023, 1024, 4096, 77};
    const uint32_t b = byte();
    return b < 220 ? b % 14 : mad[b % 6];
}

static uint32_t address(void)
{
    const uint32_t b = byte(), pages = (uint32_t)__builtin_wasm_memory_size(0);
    switch (b & 7) {
    case 0:
        return pages * 65536u - (b >> 3);
    case 1:
        return b & 8 ? 0xffffffffu - (b >> 4) : b >> 4;
    case 2:
        return 0xfffff000u >> (b >> 6);
    default:
        return (uint32_t)(uintptr_t)arena + byte() * 16;
    }
}

static uint32_t number(void)
{
    static const uint32_t some[] = {0,    1,     2,          3,          4,          7,
                                    8,    16,    24,         48,         64,         255,
                                    256,  4095,  4096,       65535,      65536,      131072,
                                    1024, 65537, 0x7fffffff, 0x80000000, 0xffffffff, 0x10000000};
    const uint32_t b = byte();
    return b < 96 ? some[b % 24] : b - 96;
}

static uint64_t wide(void)
{
    static const uint64_t some[] = {UINT64_MAX,     INT64_MAX,           1ull << 63, 1ull << 32,
                                    0x7fffffffull,  0x80000000ull,       1ull << 40, 1ull << 41,
                                    ~0ull << 16,    0x1fffffff,          1ull << 30, 65536,
                                    1000000 * 2ull, 0xffffffff00000000u, 3 * 65536u, 5};
    const uint32_t b = byte();
    return b < 64 ? some[b % 16] : b < 160 ? number() : b - 160;
}

/* A path goes to the end of the arena: where it lies, and its length. */
static uint32_t path(uint32_t *len)
{
    static const char *const some[] = {"a",
                                       "b",
                                       "c/d",
                                       "dir",
                                       "dir/x",
                                       "..",
                                       "../secret",
                                       "/secret",
                                       "link",
                                       "link/a",
                                       ".",
                                       "a/../b",
                                       "dir/../../secret",
                                       "a/",
                                       "\xff",
                                       "",
                                       "calls",
                                       "hello",
                                       "/sandbox/../secret",
                                       "./../sandbox/b"};
    const uint32_t b = byte();
    char *to = (char *)arena + ARENA - 512;
    const char *text = some[b % 20];
    *len = (uint32_t)strlen(text);
    if (b >= 240) {
        *len = number();
        return address();
    }
    memcpy(to, text, *len + 1);
    return (uint32_t)(uintptr_t)to;
}

/* An array of buffers, or of any pairs of words. */
static uint32_t pairs(uint32_t *count)
{
    uint32_t *to = (uint32_t *)(void *)(arena + ARENA - 1024);
    *count = byte();
    if (*count >= 240) {
        *count = number();
        return address();
    }
    *count %= 5;
    for (uint32_t i = 0; i < *count; i++) {
        to[2 * i] = address();
        to[2 * i + 1] = number();
    }
    return (uint32_t)(uintptr_t)to;
}

/* Words somewhere in the arena: structures, lists of descriptors, arguments. */
static void scribble(void)
{
    const uint32_t at = byte() * 16, n = byte() % 12;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t b = byte();
        const uint32_t v = b < 100 ? b % 16 : b < 180 ? number() : b < 240 ? address() : -(b & 3);
        memcpy(arena + (at + 4 * i) % (ARENA - 4), &v, 4);
    }
}

/* Its letters: f descriptor, p address, n number, l 64 bits, s path and length, v pairs and count.
 */
#define F    descriptor()
#define P    address()
#define N    number()
#define L    wide()
#define S(k) where[k], len[k]
#define CALL(x)                                                                                    \
    (void)(x);                                                                                     \
    break;

/* A call a line. */
/* clang-format off */
static void call_descriptors(uint32_t which, uint32_t more)
{
    uint32_t len[1];
    const uint32_t where[] = {pairs(&len[0])};
    switch (which) {
    case 0: CALL(raw_args_get(P, P))
    case 1: CALL(raw_args_sizes_get(P, P))
    case 2: CALL(raw_environ_get(P, P))
    case 3: CALL(raw_environ_sizes_get(P, P))
    case 4: CALL(raw_clock_res_get(N, P))
    case 5: CALL(raw_clock_time_get(N, L, P))
    case 6: CALL(raw_fd_advise(F, L, L, N))
    case 7: CALL(raw_fd_allocate(F, L, L))
    case 8: CALL(raw_fd_close(F))
    case 9: CALL(raw_fd_datasync(F))
    case 10: CALL(raw_fd_fdstat_get(F, P))
    case 11: CALL(raw_fd_fdstat_set_flags(F, more & 7 ? more : N))
    case 12: CALL(raw_fd_fdstat_set_rights(F, L, L))
    case 13: CALL(raw_fd_filestat_get(F, P))
    case 14: CALL(raw_fd_filestat_set_size(F, L))
    case 15: CALL(raw_fd_filestat_set_times(F, L, L, N))
    case 16: CALL(raw_fd_pread(F, S(0), L, P))
    case 17: CALL(raw_fd_prestat_get(F, P))
    case 18: CALL(raw_fd_prestat_dir_name(F, P, N))
    case 19: CALL(raw_fd_pwrite(F, S(0), L, P))
    case 20: CALL(raw_fd_read(F, S(0), P))
    case 21: CALL(raw_fd_readdir(F, P, N, L, P))
    case 22: CALL(raw_fd_renumber(F, F))
    case 23: CALL(raw_fd_seek(F, (int64_t)L, N, P))
    case 24: CALL(raw_fd_sync(F))
    case 25: CALL(raw_fd_tell(F, P))
    case 26: CALL(raw_fd_write(F, S(0), P))
    case 27: CALL(raw_poll_oneoff(P, P, more & 3, P))
    case 28: CALL(raw_random_get(P, N))
    case 29: CALL(raw_sched_yield())
    }
}

static void call_paths(uint32_t which, uint32_t more)
{
    uint32_t len[2];
    const uint32_t first = path(&len[0]), where[] = {first, path(&len[1])};
    switch (which) {
    case 30: CALL(raw_path_create_directory(F, S(0)))
    case 31: CALL(raw_path_filestat_get(F, N, S(0), P))
    case 32: CALL(raw_path_filestat_set_times(F, N, S(0), L, L, N))
    case 33: CALL(raw_path_link(F, N, S(0), F, S(1)))
    case 34: CALL(raw_path_open(F, N, S(0), N, L, L, N, P))
    case 35: CALL(raw_path_readlink(F, S(0), P, N, P))
    case 36: CALL(raw_path_remove_directory(F, S(0)))
    case 37: CALL(raw_path_rename(F, S(0), F, S(1)))
    case 38: CALL(raw_path_symlink(S(0), F, S(1)))
    case 39: CALL(raw_path_unlink_file(F, S(0)))
    case 40: case 41: case 42: case 43: CALL(raw_path_open(3, more & 1, S(0), more >> 1 & 15, ~0ull, ~0ull, more >> 5, P))
    case 44: CALL(rawpwk_pmem_open(S(0), (int64_t)L))
    case 45: CALL(rawpwk_spawn(S(0), P, P))
    case 46: CALL(rawpwk_spawn(S(0), 0, 0))
    case 47: CALL(rawpwk_spawn(S(0), 0, P))
    case 48: CALL(raw_path_rename(3, S(0), 3, S(1)))
    case 49: CALL(raw_path_link(3, 0, S(0), 3, S(1)))
    case 50: CALL(raw_path_symlink(S(0), 3, S(1)))
    case 51: CALL(rawpwk_affinity(N, (int32_t)N))
    case 52: CALL(rawpwk_thread_spawn(N))
    case 53: CALL(raw_sock_accept(F, N, P))
    case 54: CALL(raw_sock_recv(F, P, N, N, P, P))
    case 55: CALL(raw_sock_send(F, P, N, N, P))
    case 56: CALL(raw_sock_shutdown(F, N))
    case 57: CALL(more > 250 ? raw_proc_raise(N) : 0)
    default: scribble();
    }
}

static void call_processes(uint32_t which, uint32_t more)
{
    uint32_t len[1];
    const uint32_t where[] = {pairs(&len[0])};
    switch (which) {
    case 60: CALL(rawpwk_map(F, (int64_t)L, N, N))
    case 61: CALL(rawpwk_map(F, 0, 65536u << (more & 3), more >> 7))
    case 62: CALL(rawpwk_unmap(more & 1 ? N * 65536u : P, N * 65536u))
    case 63: CALL(rawpwk_memory((int64_t)L))
    case 64: CALL(rawpwk_spawn_module(P, P, P))
    case 65: CALL(rawpwk_wait(N, P, N))
    case 66: CALL(rawpwk_kill(more, (int32_t)N))
    case 67: CALL(rawpwk_priority(more & 1 ? (uint32_t)rawpwk_self() : N, N))
    case 68: CALL(rawpwk_limit(N, N))
    case 69: CALL(rawpwk_process(N, P))
    case 70: CALL(more & 1 ? rawpwk_system(P) : rawpwk_console(N, N))
    case 71: CALL(more & 1 ? rawpwk_pipe(P) : rawpwk_channel(P))
    case 72: CALL(raw_fd_pwrite(F, S(0), L, P))
    case 73: CALL(raw_fd_write(F, S(0), P))
    case 74: CALL(rawpwk_send(F, P))
    case 75: CALL(rawpwk_receive(F, P))
    }
}
/* clang-format on */

static void call(void)
{
    const uint32_t which = byte() % 76, more = byte();
    if (which < 30)
        call_descriptors(which, more);
    else if (which < 60)
        call_paths(which, more);
    else
        call_processes(which, more);
}

static int prisoner(void)
{
    ssize_t n;
    while (me.n < MOST_INPUT && (n = read(0, me.input + me.n, MOST_INPUT - me.n)) > 0)
        me.n += (uint32_t)n;
    while (me.at < me.n)
        call();
    return 0;
}

/* ---- the warden ---- */

struct warden {
    uint8_t *secret, *shared;
    uint32_t names, descriptors;
    const char *program;
};

#define SECRET_BYTES (2 * 65536u)
#define SECRET_STEP  61u /* bytes between those that are looked at: the fuzzer's engine is slow */

static uint8_t secret_at(uint32_t i)
{
    return (uint8_t)(i * 37 + (i >> 8) + 11);
}

static int is_secret(const uint8_t *p, uint32_t n)
{
    for (uint32_t i = 0; i < n; i += SECRET_STEP)
        if (p[i] != secret_at(i))
            return 0;
    return 1;
}

static void make_secret(uint8_t *p, uint32_t n)
{
    for (uint32_t i = 0; i < n; i += SECRET_STEP)
        p[i] = secret_at(i);
}

static uint32_t descriptors(void)
{
    struct pwk_process p = {0};
    return pwk_process(1, &p) == 1 ? p.descriptors : 0;
}

/* Bytes of the entries of the root directory, the prisoner's among them. */
static uint32_t names(void)
{
    static uint8_t entries[4096];
    uint32_t used = 0;
    return raw_fd_readdir(3, (uint32_t)(uintptr_t)entries, sizeof entries, 0,
                          (uint32_t)(uintptr_t)&used)
               ? 0
               : used;
}

static int prepare(struct warden *w)
{
    const int32_t object = pwk_memory(SECRET_BYTES);
    int fd = open("/secret", O_CREAT | O_TRUNC | O_WRONLY, 0600);
    w->secret = malloc(SECRET_BYTES);
    if (object < 0 || fd < 0 || !w->secret)
        return -1;
    make_secret(w->secret, SECRET_BYTES);
    if (write(fd, w->secret, 5000) != 5000 || close(fd))
        return -1;
    const int32_t at = pwk_map(object, 0, SECRET_BYTES, PWK_MAP_SHARED);
    if (pwk_failed(at))
        return -1;
    w->shared = pwk_pointer(at);
    make_secret(w->shared, SECRET_BYTES);
    w->names = names();
    w->descriptors = descriptors();
    return 0;
}

static void pause_ms(long ms)
{
    const struct timespec t = {0, ms * 1000000};
    nanosleep(&t, NULL);
}

static int start(const struct warden *w, const uint8_t *input, uint32_t n)
{
    int32_t fds[2], toy[2];
    const char *const argv[] = {w->program, NULL};
    if (pwk_pipe(fds) || pwk_pipe(toy))
        return -1;
    const int32_t pid = pwk_spawn(w->program, (uint32_t)strlen(w->program), argv,
                                  (int32_t[]){fds[0], toy[1], toy[0], 4, PWK_FD_END});
    /* what does not fit the pipe is read meanwhile: a prisoner reads all of it first */
    close(fds[0]);
    close(toy[0]);
    close(toy[1]);
    while (pid > 0 && n) {
        const ssize_t k = write(fds[1], input, n);
        if (k <= 0)
            break;
        input += k, n -= (uint32_t)k;
    }
    close(fds[1]);
    return pid;
}

/* Everybody but the warden ends. */
static int clean(void)
{
    struct pwk_system s = {0};
    struct pwk_process p;
    for (int tries = 0; tries < 100; tries++) {
        for (uint32_t pid = 2; pwk_process(pid, &p) > 0; pid = p.pid + 1)
            if (p.state == 0)
                pwk_kill(p.pid, 9);
        while (pwk_wait(0, NULL, PWK_WAIT_NOT) > 0)
            ;
        if (pwk_system(&s) == 0 && s.processes == 1)
            return 0;
        pause_ms(1);
    }
    return -1;
}

static int file_is_whole(void)
{
    static uint8_t buf[8192];
    const int fd = open("/secret", O_RDONLY);
    const ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof buf);
    if (fd >= 0)
        close(fd);
    return n == 5000 && is_secret(buf, 5000);
}

static int look(const struct warden *w)
{
    if (pwk_self() != 1)
        return BREACH_FIRST;
    if (!is_secret(w->secret, SECRET_BYTES))
        return BREACH_MEMORY;
    if (!is_secret(w->shared, SECRET_BYTES))
        return BREACH_SHARED;
    if (!file_is_whole())
        return BREACH_FILE;
    if (names() != w->names)
        return BREACH_NAMES;
    return descriptors() == w->descriptors ? 0 : BREACH_DESCRIPTORS;
}

static int watch(const struct warden *w, const uint8_t *input, uint32_t n)
{
    const int pid = start(w, input, n);
    if (pid < 0)
        return BREACH_START;
    for (int i = 0; i < PATIENCE && pwk_wait((uint32_t)pid, NULL, PWK_WAIT_NOT) == 0; i++)
        pause_ms(5);
    return clean() ? BREACH_SURVIVORS : look(w);
}

static uint32_t drawn(uint8_t *input, uint64_t seed)
{
    uint64_t x = seed * 0x9e3779b97f4a7c15u + 1;
    for (uint32_t i = 0; i < MOST_INPUT; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        input[i] = (uint8_t)(x >> 32);
    }
    return MOST_INPUT;
}

int main(int argc, char **argv)
{
    static uint8_t input[MOST_INPUT];
    struct warden w = {.program = "calls"};
    uint32_t n = 0;
    ssize_t k;
    if (pwk_self() != 1)
        return prisoner();
    if (prepare(&w))
        return BREACH_START;
    pwk_priority(1, 7);
    if (argc == 3) {
        for (long seed = atol(argv[1]); seed < atol(argv[2]); seed++) {
            const int bad = watch(&w, input, drawn(input, (uint64_t)seed));
            if (bad) {
                printf("seed %ld: breach %d\n", seed, bad);
                return bad;
            }
        }
        return 0;
    }
    while (n < MOST_INPUT && (k = read(0, input + n, MOST_INPUT - n)) > 0)
        n += (uint32_t)k;
    return watch(&w, input, n);
}
