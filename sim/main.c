/* main.c - the command line of pwsim: one table of commands. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/cmd.h"
#include "sim/image_cmd.h"
#include "sim/unfinished.h"

static const struct {
    const char *name, *usage, *does;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"run", "FILE.cfg [-s key=value]...", "run an experiment, all its points", cmd_run},
    {"exec", "[-m MACHINE.cfg] APP.wasm [ARG]...", "boot, run one WASI program", cmd_exec},
    {"crash", "FILE.cfg [-s key=value]...", "power-failure exploration with recovery", cmd_crash},
    {"shell", "[-m MACHINE.cfg] [-c COMMANDS]", "boot to an interactive shell", cmd_shell},
    {"replay", "TRACE [-m MACHINE.cfg]", "drive the memory side from a trace", cmd_replay},
    {"calibrate", "FILE.csv [-m MACHINE.cfg]", "the memory side against measurements",
     cmd_calibrate},
    {"trace", "record|import|export|info|verify ...", "make and inspect traces", cmd_trace},
    {"regress", "GOLDEN [--write]", "compare replays of traces with goldens", cmd_regress},
    {"replacement", "FILE.cfg", "replacement policies over a corpus of traces", cmd_replacement},
    {"view", "RUN|FILE.cfg", "dashboard of a run, finished or live", cmd_view},
    {"list", "keys|stats|policies|cores|programs", "what there is, one line each", cmd_list},
    {"image", "build|list ...", "boot images", cmd_image},
};
#define COMMANDS (sizeof commands / sizeof commands[0])

int cmd_image(int argc, char **argv)
{
    char err[1024];
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        puts("pwsim image build OUT SECTION=FILE...\n    write a boot image, sections in the order "
             "given\npwsim image list [--json] FILE\n    name, size and digest of each section");
        return EXIT_GOOD;
    }
    if (image_cmd(argc - 1, argv + 1, err, sizeof err) == 0)
        return EXIT_GOOD;
    return cmd_complain("%s", err);
}

/* What a command ends with when it fails itself: the codes of two are their guest's. */
static int own_failure(int (*run)(int argc, char **argv))
{
    return run == cmd_exec || run == cmd_shell ? EXIT_EXEC_INPUT : EXIT_BAD_INPUT;
}

static void usage(FILE *to)
{
    fputs("pwsim " PWSIM_VERSION ": a full-system simulator of a WebAssembly machine with "
          "persistent memory\n\nusage: pwsim COMMAND [ARGUMENT]...\n\n",
          to);
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(to, "  %-11s %-33s %s\n", commands[i].name, commands[i].usage, commands[i].does);
    fputs("\n`pwsim COMMAND --help` says more. Exit: 0 success, 1 something failed, 2 bad usage or "
          "input, or no host memory.\n",
          to);
}

int main(int argc, char **argv)
{
    cmd_begin();
    unfinished_watch();
    if (argc < 2) {
        usage(stderr);
        return EXIT_BAD_INPUT;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        usage(stdout);
        return cmd_end(EXIT_GOOD, EXIT_BAD_INPUT);
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("pwsim " PWSIM_VERSION);
        return cmd_end(EXIT_GOOD, EXIT_BAD_INPUT);
    }
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return cmd_end(commands[i].run(argc - 1, argv + 1), own_failure(commands[i].run));
    return cmd_complain("no command \"%s\"; `pwsim --help` lists them", argv[1]);
}
