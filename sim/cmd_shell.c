/* cmd_shell.c - `pwsim shell`: boot the image's shell, with the host's terminal as the console. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/cmd.h"
#include "sim/error.h"
#include "sim/options.h"
#include "sim/run.h"
#include "sim/terminal.h"

static const char help[] =
    "pwsim shell [-m MACHINE.cfg] [-s key=value]... [-c COMMANDS]\n"
    "\n"
    "Boots the kernel and its shell. Without -m nothing is timed (core.model = \"functional\").\n"
    "Where standard input is no terminal, it is a script: commands are read from it and run.\n"
    "  -m, --machine FILE    configuration of the machine\n"
    "  -s, --set KEY=VALUE   a configuration key; repeatable\n"
    "  -c, --command TEXT    run these commands and nothing else\n"
    "  -v, --verbose         say on standard error what ran and what it took\n"
    "Exit: the code given to `exit`, or of the last command; 125 bad usage or input; 126 the "
    "shell\n"
    "trapped.\n";

struct shell_command {
    struct texts set;
    const char *machine, *text;
    int verbose;
};

static int configure(const struct shell_command *c, struct config **cfg, char *err, size_t errlen)
{
    struct texts all = {0};
    if (!c->machine)
        texts_add(&all, "core.model=functional");
    texts_add(&all, "program.name=sh");
    texts_add(&all, c->text ? "program.args=-c" : "program.args=");
    for (size_t i = 0; i < c->set.n; i++)
        texts_add(&all, c->set.v[i]);
    const int bad = config_load(c->machine, all.v, all.n, cfg, err, errlen);
    free(all.v);
    if (bad || !c->text)
        return bad;
    struct strs *args = &(*cfg)->args;
    char **more = realloc(args->v, (args->n + 2) * sizeof *more);
    if (!more)
        return fail(err, errlen, "out of memory");
    args->v = more;
    if (!(more[args->n] = strdup(c->text)))
        return fail(err, errlen, "out of memory");
    more[++args->n] = NULL;
    return 0;
}

static int status_of(const struct run_result *r)
{
    if (r->state == STATE_HALTED)
        return r->exit_code & 0xff;
    return r->state == STATE_REFUSED ? EXIT_EXEC_INPUT : EXIT_EXEC_TRAP;
}

static int run(const struct shell_command *c, char *err, size_t errlen)
{
    struct config *cfg = NULL;
    struct image *image = NULL;
    struct run_result r;
    struct run_options opt = {.command = "shell",
                              .console = {stdout, stderr},
                              .input = STDIN_FILENO,
                              .log = stderr,
                              .progress = PROGRESS_OFF};
    int status = -1;
    if (configure(c, &cfg, err, errlen) == 0 && (image = run_open_image(cfg, err, errlen))) {
        opt.terminal = terminal_new(STDIN_FILENO);
        if (c->verbose)
            run_describe(cfg, stderr);
        if (opt.terminal)
            setvbuf(stdout, NULL, _IONBF, 0);
        if (run_point(cfg, cfg->program, image, &opt, &r, err, errlen) == 0) {
            fflush(stdout);
            status = status_of(&r);
            if (c->verbose)
                run_summary(&r, stderr);
            machine_free(r.machine);
        }
        terminal_free(opt.terminal);
    }
    image_free(image);
    config_free(cfg);
    return status;
}

int cmd_shell(int argc, char **argv)
{
    struct shell_command c = {0};
    const struct option_row rows[] = {{"machine", 'm', OPTION_TEXT, &c.machine},
                                      {"set", 's', OPTION_LIST, &c.set},
                                      {"command", 'c', OPTION_TEXT, &c.text},
                                      {"verbose", 'v', OPTION_FLAG, &c.verbose},
                                      {0}};
    char err[1024];
    int status = EXIT_GOOD;
    const int at = options_parse(argc, argv, rows, help, 0);
    if (at >= 0 && argv[at]) {
        status = EXIT_EXEC_INPUT;
        cmd_complain("shell: unexpected operand %s; `pwsim shell --help` says more", argv[at]);
    } else if (at >= 0) {
        status = run(&c, err, sizeof err);
        if (status < 0)
            cmd_complain("%s", err);
    }
    free(c.set.v);
    return at == OPTIONS_BAD || status < 0 ? EXIT_EXEC_INPUT : status;
}
