/* cmd_crash.c - `pwsim crash`: power-failure exploration of one workload. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guestos/include/machine.h"
#include "sim/cmd.h"
#include "sim/error.h"
#include "sim/explore.h"
#include "sim/file.h"
#include "sim/options.h"
#include "sim/run.h"

#define MOST_PROGRAM (256u << 20)

static const char help[] =
    "pwsim crash FILE.cfg [-s key=value]... [-a NAME=APP.wasm]... [-j N] [--state FILE] [--json]\n"
    "\n"
    "Runs the program of the config once, then tries what the NVDIMM could hold if the power "
    "failed\n"
    "at any moment: on each such image the programs of power.recovery run, one after the other, "
    "and\n"
    "each must end with exit code 0. Failures are reported once each, with the fewest lost "
    "stores.\n"
    "  -s, --set KEY=VALUE  a configuration key, after the file (`pwsim list keys`); repeatable\n"
    "  -a, --add NAME=FILE  a program that the boot image does not have; repeatable\n"
    "  -j, --jobs N         processes (as many as the host has cores)\n"
    "      --state FILE     what has been done is kept there; with the same config and programs, "
    "an\n"
    "                       exploration that was stopped goes on from it\n"
    "      --cores DIR      an ELF core of each distinct failure there: the NVDIMM's image that\n"
    "                       fails, DRAM and harts when the power failed (`readelf -a`)\n"
    "      --console        show what the workload prints\n"
    "      --json           the report as JSON\n"
    "      --progress       heartbeat even where standard error is no terminal\n"
    "Exit: 0 no failure; 1 failures; 2 bad usage or input.\n";

struct crash_command {
    struct texts set, add;
    const char *file, *state, *cores;
    uint32_t jobs;
    int json, progress, console;
};

/* 0, or what options_parse said. */
static int parse(struct crash_command *c, int argc, char **argv)
{
    const char *jobs = NULL;
    const struct option_row rows[] = {{"set", 's', OPTION_LIST, &c->set},
                                      {"add", 'a', OPTION_LIST, &c->add},
                                      {"jobs", 'j', OPTION_TEXT, &jobs},
                                      {"state", 0, OPTION_TEXT, &c->state},
                                      {"cores", 0, OPTION_TEXT, &c->cores},
                                      {"json", 0, OPTION_FLAG, &c->json},
                                      {"console", 0, OPTION_FLAG, &c->console},
                                      {"progress", 0, OPTION_FLAG, &c->progress},
                                      {0}};
    const int at = options_parse(argc, argv, rows, help, 0);
    if (at < 0)
        return at;
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    c->jobs = cores > 0 ? (uint32_t)cores : 1;
    if (jobs) {
        char *end;
        const unsigned long n = strtoul(jobs, &end, 10);
        if (*jobs < '0' || *jobs > '9' || *end || n < 1 || n > 256) {
            cmd_complain("crash: --jobs %s: expected a number from 1 to 256", jobs);
            return OPTIONS_BAD;
        }
        c->jobs = (uint32_t)n;
    }
    c->file = argv[at];
    if (argc - at == 1)
        return 0;
    cmd_complain("crash: expected one FILE.cfg; `pwsim crash --help` says more");
    return OPTIONS_BAD;
}

/* NAME=FILE as a section of the image. 0, or -1 with a message. */
static int add_program(struct image *image, const char *text, char *err, size_t errlen)
{
    char section[300];
    size_t n;
    const char *equals = strchr(text, '=');
    if (!equals || equals == text || equals - text > 200)
        return fail(err, errlen, "--add %s: expected NAME=FILE", text);
    uint8_t *bytes = file_read(equals + 1, MOST_PROGRAM, &n, err, errlen);
    if (!bytes)
        return -1;
    snprintf(section, sizeof section, SECTION_PROGRAM "%.*s", (int)(equals - text), text);
    const int bad = image_add(image, section, bytes, n, err, errlen);
    free(bytes);
    return bad;
}

static struct config *configure(const struct crash_command *c, char *err, size_t errlen)
{
    struct config *cfg = NULL;
    struct texts all = {0};
    for (size_t i = 0; i < c->set.n; i++)
        texts_add(&all, c->set.v[i]);
    texts_add(&all, "core.model=functional");
    texts_add(&all, "nvdimm.commit=false");
    texts_add(&all, "pmem.check=false");
    const int bad = config_load(c->file, all.v, all.n, &cfg, err, errlen);
    free(all.v);
    return bad ? NULL : cfg;
}

static int run(const struct crash_command *c, char *err, size_t errlen)
{
    int status = -1;
    struct config *cfg = configure(c, err, errlen);
    struct image *image = cfg ? run_open_image(cfg, err, errlen) : NULL;
    int bad = !image;
    for (size_t i = 0; !bad && i < c->add.n; i++)
        bad = add_program(image, c->add.v[i], err, errlen);
    if (!bad) {
        const struct explore_options opt = {
            .state = c->state,
            .cores = c->cores,
            .jobs = c->jobs,
            .progress = c->progress || isatty(STDERR_FILENO) ? stderr : NULL,
            .console = c->console ? stderr : NULL,
            .json = c->json};
        status = explore(cfg, image, &opt, stdout, err, errlen);
    }
    image_free(image);
    config_free(cfg);
    return status;
}

int cmd_crash(int argc, char **argv)
{
    struct crash_command c = {0};
    char err[1024] = "";
    const int parsed = parse(&c, argc, argv);
    int status = EXIT_GOOD;
    if (parsed == 0) {
        status = run(&c, err, sizeof err);
        status = status < 0 ? cmd_complain("%s", err) : status ? EXIT_FAILED : EXIT_GOOD;
    }
    free(c.set.v);
    free(c.add.v);
    return parsed == OPTIONS_BAD ? EXIT_BAD_INPUT : status;
}
