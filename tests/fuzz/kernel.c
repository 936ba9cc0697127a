/* kernel.c - fuzz target: whatever calls a program makes, the kernel lives and others are safe. */
/*
 * An input is what the prisoner of tests/fuzz/guest/calls.c does, behind one byte: its lowest bit
 * says whether the machine has one hart or two. A finding is a kernel that traps or never comes to
 * an end, or a warden that misses something. Messages about the prisoner's own end are not shown.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sim/config.h"
#include "sim/file.h"
#include "sim/image.h"
#include "sim/machine.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerInitialize(int *argc, char ***argv);

#define FUEL 3000000000u /* operators, the kernel's too; a run takes a few million */

struct rig {
    struct config *cfg[2];
    struct image *image;
    int input;
};

static struct rig *rig(void)
{
    static struct rig r;
    return &r;
}

static void die(const char *why)
{
    fprintf(stderr, "%s\n", why);
    exit(1);
}

static void configure(struct rig *r, unsigned i)
{
    const char *const sets[] = {
        "core.model=functional",       "program.name=calls",
        "program.preopens=/,/sandbox", "machine.dram=64 MiB",
        "nvdimm.size=4 MiB",           "program.pages=256",
        "program.handles=40",          i ? "machine.harts=2" : "machine.harts=1"};
    char err[1000];
    if (config_load(NULL, sets, sizeof sets / sizeof sets[0], &r->cfg[i], err, sizeof err))
        die(err);
}

static void add(struct image *to, const char *name, const void *bytes, size_t n)
{
    char err[1000];
    if (image_add(to, name, bytes, n, err, sizeof err))
        die(err);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const char *const b = getenv("B");
    struct rig *r = rig();
    char path[300], err[1000];
    size_t n;
    (void)argc;
    (void)argv;
    snprintf(path, sizeof path, "%s/boot.elf", b ? b : "build");
    struct image *boot = image_open(path, err, sizeof err);
    if (!boot)
        die(err);
    const struct image_section *kernel = image_find(boot, ".kernel"),
                               *hello = image_find(boot, ".prog/hello");
    snprintf(path, sizeof path, "%s/guest/fuzz/calls.wasm", b ? b : "build");
    uint8_t *calls = file_read(path, 1u << 24, &n, err, sizeof err);
    r->image = image_new();
    if (!calls || !r->image || !kernel || !hello)
        die(calls ? "the boot image lacks the kernel or hello" : err);
    add(r->image, ".kernel", kernel->bytes, kernel->n);
    add(r->image, ".prog/calls", calls, n);
    add(r->image, ".prog/hello", hello->bytes, hello->n);
    add(r->image, ".file/sandbox/a", "one\n", 4);
    free(calls);
    image_free(boot);
    configure(r, 0);
    configure(r, 1);
    r->input = memfd_create("input", 0);
    return r->input < 0;
}

static void set_input(int fd, const uint8_t *bytes, size_t n)
{
    if (ftruncate(fd, 0) || pwrite(fd, bytes, n, 0) != (ssize_t)n || lseek(fd, 0, SEEK_SET))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    const struct rig *r = rig();
    const struct machine_ports ports = {.image = r->image, .input = r->input, .fuel = FUEL};
    char err[1000];
    enum machine_state state;
    if (n == 0)
        return 0;
    set_input(r->input, bytes + 1, n - 1);
    struct machine *m = machine_new(r->cfg[bytes[0] & 1], &ports, err, sizeof err);
    if (!m)
        die(err);
    while ((state = machine_step(m, 1000000)) == STATE_RUNNING)
        ;
    if (state != STATE_HALTED || machine_exit_code(m)) {
        fprintf(stderr,
                "the machine ended in state %d, the warden with %d (tests/fuzz/guest/calls.c)\n",
                (int)state, machine_exit_code(m));
        __builtin_trap();
    }
    (void)machine_finish(m, err, sizeof err);
    machine_free(m);
    return 0;
}
