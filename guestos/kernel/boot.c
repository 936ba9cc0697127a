/* boot.c - the kernel's entry: set up, start the first program, run until it is over. */
#include "bootfs.h"
#include "console.h"
#include "hart.h"
#include "heap.h"
#include "kstring.h"
#include "machine_import.h"
#include "param.h"
#include "program.h"
#include "sched.h"
#include "store.h"
#include "tier.h"

#define EXPORT(name)  __attribute__((export_name(name)))

#define HANDLES_USUAL 1024u

static uint32_t count_strings(const char *bytes, uint32_t len)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < len; i++)
        n += bytes[i] == 0;
    return n;
}

/* A parameter that holds strings, each with its NUL; the last one's may be missing. */
static struct strings strings_param(const char *name)
{
    struct strings s = {0};
    int32_t len = param_get(name, &s.bytes);
    if (len <= 0)
        return s;
    s.len = (uint32_t)len;
    if (s.bytes[s.len - 1] != 0)
        s.len++;
    s.count = count_strings(s.bytes, s.len);
    return s;
}

/* ---- what the first program holds ---- */

static void install(struct handle_table *t, struct handle *h, uint64_t rights, const char *preopen)
{
    int32_t fd = h ? handle_install(t, h, rights, RIGHTS_ALL) : -ENOMEM;
    if (fd < 0)
        kernel_refuse_text("no room for the descriptors of the first program");
    t->slots[fd].preopen = preopen;
    t->slots[fd].preopen_len = preopen ? (uint32_t)strlen(preopen) : 0;
}

static void install_directory(struct handle_table *t, const char *name)
{
    struct handle *h = handle_new(HANDLE_DIRECTORY);
    char *scratch = kalloc_boot(PATH_BYTES);
    struct place place = {.node = vfs_root()};
    const char *path = name;
    uint32_t len;
    while (*path == '/')
        path++;
    len = (uint32_t)strlen(path);
    if (len && (len > PATH_BYTES || vfs_walk(vfs_root(), path, len, 1, scratch, &place) < 0 ||
                !place.node || !inode_is_directory(place.node))) {
        struct line l = line_new();
        line_text(&l, "there is no directory ");
        line_name(&l, name, (uint32_t)strlen(name));
        line_text(&l, " to give to the program");
        kernel_refuse(&l);
    }
    kfree(scratch);
    if (h)
        h->node = inode_hold(place.node);
    install(t, h, RIGHTS_ALL, name);
}

static struct handle_table first_handles(void)
{
    struct handle_table t = {.limit = param_number(PARAM_HANDLES, HANDLES_USUAL, 8, HANDLES_MOST)};
    struct strings preopens = strings_param(PARAM_PREOPENS);
    for (uint8_t stream = CONSOLE_IN; stream <= CONSOLE_ERR; stream++) {
        struct handle *h = handle_new(HANDLE_CONSOLE);
        uint64_t not = stream == CONSOLE_IN ? RIGHT_FD_WRITE : RIGHT_FD_READ;
        if (h)
            h->stream = stream;
        install(&t, h, RIGHTS_ALL & ~not, NULL);
    }
    for (uint32_t at = 0; at < preopens.len; at += (uint32_t)strlen(preopens.bytes + at) + 1)
        install_directory(&t, preopens.bytes + at);
    if (preopens.count == 0)
        install_directory(&t, "/");
    return t;
}

/* ---- the first program ---- */

static const char *reason(int err)
{
    switch (err) {
    case -ENOENT:
        return " is not in the boot image";
    case -ENOMEM:
        return " cannot be started: out of memory";
    default:
        return NULL; /* the machine has said what is wrong with the module */
    }
}

static void refuse_program(const char *name, uint32_t len, int err)
{
    struct line l = line_new();
    if (!reason(err))
        machine_halt(MACHINE_HALT_REFUSED);
    line_text(&l, "program ");
    line_name(&l, name, len);
    line_text(&l, reason(err));
    kernel_refuse(&l);
}

static void first_process(void)
{
    struct process_start s = {.control = 1};
    char *name, *copy;
    int32_t len = param_get(PARAM_PROGRAM, &name);
    int err = 0;
    if (len <= 0)
        kernel_refuse_text("boot parameter program is missing: which program shall run?");
    s.args = strings_param(PARAM_ARGV);
    if (s.args.count == 0) {
        copy = kalloc_boot((uint32_t)len + 1);
        memcpy(copy, name, (uint32_t)len);
        s.args = (struct strings){copy, (uint32_t)len + 1, 1};
    }
    s.env = strings_param(PARAM_ENV);
    s.name = name;
    s.name_len = (uint32_t)len;
    s.handles = first_handles();
    s.module = program_boot(name, (uint32_t)len);
    if (s.module < 0)
        refuse_program(name, (uint32_t)len, s.module);
    if (!process_start(&s, &err))
        refuse_program(name, (uint32_t)len, err);
}

/* By the hart that found it over; it has the lock, and keeps it. */
static _Noreturn void power_off(void)
{
    const struct process *p = process_first();
    bootfs_export();
    if (p->state == PROCESS_TRAPPED)
        machine_halt(MACHINE_HALT_TRAPPED);
    machine_halt(p->exit_code & INT32_MAX);
}

EXPORT("boot") void boot(void)
{
    harts_init();
    store_init();
    sched_init();
    tier_init();
    console_init();
    bootfs_init();
    first_process();
    harts_start();
    sched_run();
    power_off();
}

/* All harts but the first begin here. */
EXPORT("boot_hart") void boot_hart(void)
{
    kernel_lock();
    sched_run();
    power_off();
}
