/* boot.c - the kernel's entry: set up, start the first program, run until nothing is left. */
#include "console.h"
#include "heap.h"
#include "kstring.h"
#include "machine_import.h"
#include "objects.h"
#include "param.h"
#include "proc.h"
#include "sched.h"
#include "tree.h"

#define EXPORT(name) __attribute__((export_name(name)))

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

static struct process *first_process(void)
{
    char *name, *copy;
    struct strings args = strings_param(PARAM_ARGV);
    int32_t len = param_get(PARAM_PROGRAM, &name);
    if (len <= 0)
        kernel_refuse_text("boot parameter program is missing: which program shall run?");
    if (args.count == 0) {
        copy = kalloc_boot((uint32_t)len + 1);
        memcpy(copy, name, (uint32_t)len);
        args = (struct strings){copy, (uint32_t)len + 1, 1};
    }
    return process_start(name, (uint32_t)len, args, strings_param(PARAM_ENV));
}

EXPORT("boot") void boot(void)
{
    struct process *p;
    objects_init();
    tree_init();
    p = first_process();
    if (!p)
        machine_halt(MACHINE_HALT_REFUSED);
    sched_run();
    if (p->state == PROCESS_TRAPPED)
        machine_halt(MACHINE_HALT_TRAPPED);
    machine_halt(p->exit_code & INT32_MAX);
}
