/* cmd_exec.c - `pwsim exec`: boot, run one WASI program of the host, pass its output through. */
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guestos/include/machine.h"
#include "memhier/hostmem.h"
#include "sim/cmd.h"
#include "sim/error.h"
#include "sim/file.h"
#include "sim/hosttree.h"
#include "sim/machine.h"
#include "sim/options.h"
#include "sim/run.h"
#include "wasmcore/module.h"

#define MAX_PROGRAM (256u << 20)

static const char help[] =
    "pwsim exec [-m MACHINE.cfg] [-s key=value]... [--dir HOST[::GUEST]]... APP.wasm [ARG]...\n"
    "\n"
    "Boots the kernel, runs the program and passes its output and exit code through. Without -m\n"
    "nothing is timed (core.model = \"functional\").\n"
    "  -m, --machine FILE    configuration of the machine\n"
    "  -s, --set KEY=VALUE   a configuration key; repeatable\n"
    "      --dir HOST[::AT]  a host folder, copied into the guest at boot: as its root, / and ., "
    "or at AT,\n"
    "                        which the program is given as a directory of that name; repeatable\n"
    "      --sync-out        copy these folders back when the program has ended\n"
    "      --env NAME=VALUE  for the program's environment; repeatable\n"
    "      --fuel N          stop when N wasm operators have been executed, the kernel's included\n"
    "  -v, --verbose         say on standard error what ran and what it took\n"
    "Exit: the program's own code; 124 out of fuel; 125 bad usage or input; 126 the guest\n"
    "trapped.\n";

struct exec_command {
    struct texts set, dirs, env;
    const char *machine;
    uint64_t fuel; /* 0: no limit */
    int sync_out, verbose;
    struct hosttree_place *places; /* one for each of dirs */
    char **app;                    /* APP.wasm and its arguments, NULL at the end */
};

/* The number after --fuel; 0, or -1 with the message printed. */
static int parse_fuel(const char *text, uint64_t *fuel)
{
    char *end;
    errno = 0;
    *fuel = strtoull(text, &end, 10);
    if (*text >= '0' && *text <= '9' && !*end && !errno && *fuel > 0 && *fuel < INT64_MAX)
        return 0;
    cmd_complain("exec: --fuel %s: expected a number of wasm operators, 1 or more", text);
    return -1;
}

/* Each is NAME=VALUE; 0, or -1 with the message printed. */
static int check_env(const struct texts *env)
{
    for (size_t i = 0; i < env->n; i++) {
        const char *equals = strchr(env->v[i], '=');
        if (!equals || equals == env->v[i]) {
            cmd_complain("exec: --env %s: expected NAME=VALUE", env->v[i]);
            return -1;
        }
    }
    return 0;
}

/* 0, or what options_parse said. */
static int parse(struct exec_command *c, int argc, char **argv)
{
    const char *fuel = NULL;
    const struct option_row rows[] = {
        {"machine", 'm', OPTION_TEXT, &c->machine}, {"set", 's', OPTION_LIST, &c->set},
        {"dir", 0, OPTION_LIST, &c->dirs},          {"env", 0, OPTION_LIST, &c->env},
        {"sync-out", 0, OPTION_FLAG, &c->sync_out}, {"fuel", 0, OPTION_TEXT, &fuel},
        {"verbose", 'v', OPTION_FLAG, &c->verbose}, {0}};
    const int at = options_parse(argc, argv, rows, help, 1);
    if (at < 0)
        return at;
    if ((fuel && parse_fuel(fuel, &c->fuel)) || check_env(&c->env))
        return OPTIONS_BAD;
    c->app = argv + at;
    if (*c->app)
        return 0;
    cmd_complain("exec: expected APP.wasm; `pwsim exec --help` says more");
    return OPTIONS_BAD;
}

/* Append n strings to a list of a config. */
static int append_strs(struct strs *list, const char *const *v, size_t n)
{
    char **more = realloc(list->v, (list->n + n + 1) * sizeof *more);
    if (!more)
        return -1;
    list->v = more;
    for (size_t i = 0; i < n; i++) {
        if (!(more[list->n] = strdup(v[i])))
            return -1;
        more[++list->n] = NULL;
    }
    return 0;
}

static void empty_strs(struct strs *list)
{
    for (size_t i = 0; i < list->n; i++)
        free(list->v[i]);
    list->n = 0;
}

/* The guest's name for the program: the file's name without folder and ".wasm". */
static char *program_name(const char *path)
{
    char *copy = strdup(path);
    char *name = copy ? strdup(basename(copy)) : NULL;
    free(copy);
    const size_t n = name ? strlen(name) : 0;
    if (n > 5 && strcmp(name + n - 5, ".wasm") == 0)
        name[n - 5] = 0;
    return name;
}

/* ---- folders of the host ---- */

/* Where a folder goes, relative to the guest's root: without ".", and slashes at either end. The
 * caller frees. */
static char *guest_path(const char *at)
{
    while (*at == '/' || (at[0] == '.' && (at[1] == '/' || !at[1])))
        at++;
    char *path = strdup(at);
    size_t n = path ? strlen(path) : 0;
    while (n && path[n - 1] == '/')
        path[--n] = 0;
    return path;
}

/* --dir HOST[::AT]: the place, and the name by which the program is given it. */
static int parse_dir(struct exec_command *c, size_t i, struct config *cfg, char *err, size_t errlen)
{
    const char *text = c->dirs.v[i], *at = strstr(text, "::");
    const size_t n = at ? (size_t)(at - text) : strlen(text);
    if (n == 0 || (at && !at[2]))
        return fail(err, errlen, "--dir %s: expected HOST or HOST::GUEST", text);
    /* What older C libraries call relative is looked for in a directory that is called so. */
    const char *const names[] = {at ? at + 2 : "/", "."};
    c->places[i].host = strndup(text, n);
    c->places[i].guest = guest_path(names[0]);
    if (!c->places[i].host || !c->places[i].guest || append_strs(&cfg->preopens, names, at ? 1 : 2))
        return fail(err, errlen, "out of memory");
    return 0;
}

static int parse_dirs(struct exec_command *c, struct config *cfg, char *err, size_t errlen)
{
    const char *const root = "/";
    int has_root = 0;
    c->places = calloc(c->dirs.n + 1, sizeof *c->places);
    if (!c->places)
        return fail(err, errlen, "out of memory");
    for (size_t i = 0; i < c->dirs.n; i++) {
        if (parse_dir(c, i, cfg, err, errlen))
            return -1;
    }
    for (size_t i = 0; i < cfg->preopens.n; i++)
        has_root |= strcmp(cfg->preopens.v[i], root) == 0;
    if (!has_root && append_strs(&cfg->preopens, &root, 1))
        return fail(err, errlen, "out of memory");
    return 0;
}

static void drop_dirs(struct exec_command *c)
{
    for (size_t i = 0; c->places && i < c->dirs.n; i++) {
        free((char *)(uintptr_t)c->places[i].host);
        free((char *)(uintptr_t)c->places[i].guest);
    }
    free(c->places);
}

static int write_back(const struct exec_command *c, const struct hosttree *tree,
                      const struct image *image, char *err, size_t errlen)
{
    for (size_t i = 0; i < c->dirs.n; i++)
        if (hosttree_write(tree, image, c->places, c->dirs.n, i, err, errlen))
            return -1;
    return 0;
}

static int configure(struct exec_command *c, struct config **cfg, char *err, size_t errlen)
{
    struct texts all = {0};
    size_t args = 0;
    if (!c->machine)
        texts_add(&all, "core.model=functional");
    for (size_t i = 0; i < c->set.n; i++)
        texts_add(&all, c->set.v[i]);
    const int bad = config_load(c->machine, all.v, all.n, cfg, err, errlen);
    free(all.v);
    if (bad)
        return -1;
    if ((*cfg)->terminals == TERMINALS_HOST)
        (*cfg)->terminals = 1u + (unsigned)(isatty(STDIN_FILENO) | isatty(STDOUT_FILENO) << 1 |
                                            isatty(STDERR_FILENO) << 2);
    while (c->app[1 + args])
        args++;
    free((*cfg)->program);
    (*cfg)->program = program_name(c->app[0]);
    empty_strs(&(*cfg)->args);
    if (!(*cfg)->program || append_strs(&(*cfg)->args, (const char *const *)c->app + 1, args) ||
        append_strs(&(*cfg)->env, c->env.v, c->env.n))
        return fail(err, errlen, "out of memory");
    return parse_dirs(c, *cfg, err, errlen);
}

/* The program's file, if it is a module: what is wrong with it is said under the name it has here.
 */
static uint8_t *read_program(const char *path, const struct wasm_limits *limits, size_t *n,
                             char *err, size_t errlen)
{
    struct module *module;
    struct wasm_error we;
    uint8_t *app = file_read(path, MAX_PROGRAM, n, err, errlen);
    if (!app)
        return NULL;
    if (module_decode(app, *n, limits, &module, &we)) {
        fail(err, errlen, "%s: not a module that can run: offset %u: %s", path, we.offset, we.text);
        free(app);
        return NULL;
    }
    module_free(module);
    return app;
}

/* The boot image's own kernel, this program in place of any of the same name, these folders. */
static struct image *build_image(const struct exec_command *c, const struct config *cfg, char *err,
                                 size_t errlen)
{
    char section[300];
    size_t n;
    struct image *boot = run_open_image(cfg, err, errlen);
    if (!boot)
        return NULL;
    struct image *image = image_new();
    const struct image_section *kernel = image_find(boot, SECTION_KERNEL);
    const struct wasm_limits limits = machine_limits(cfg);
    uint8_t *app = read_program(c->app[0], &limits, &n, err, errlen);
    snprintf(section, sizeof section, SECTION_PROGRAM "%s", cfg->program);
    int bad = !app || !image ||
              image_add(image, kernel->name, kernel->bytes, kernel->n, err, errlen) ||
              image_add(image, section, app, n, err, errlen);
    for (size_t i = 0; !bad && i < c->dirs.n; i++)
        bad = hostdir_add(image, c->places[i].host, c->places[i].guest, err, errlen);
    free(app);
    image_free(boot);
    if (!bad)
        return image;
    image_free(image);
    return NULL;
}

static int exec_status(const struct run_result *r)
{
    switch (r->state) {
    case STATE_HALTED:
        return r->exit_code & 0xff;
    case STATE_CUT:
        return EXIT_GOOD;
    case STATE_REFUSED:
        return EXIT_EXEC_INPUT;
    case STATE_FUEL:
        return EXIT_EXEC_FUEL;
    default:
        return EXIT_EXEC_TRAP;
    }
}

static int run(struct exec_command *c, const struct config *cfg, const struct image *image,
               struct run_options *opt, char *err, size_t errlen)
{
    struct run_result r;
    if (c->verbose)
        run_describe(cfg, stderr);
    for (size_t i = 0; c->sync_out && i < c->dirs.n; i++)
        if (append_strs(&opt->exports, &c->places[i].guest, 1))
            return fail(err, errlen, "out of memory");
    if (run_point(cfg, cfg->program, image, opt, &r, err, errlen))
        return -1;
    fflush(stdout);
    if (c->verbose)
        run_summary(&r, stderr);
    const int status = exec_status(&r);
    machine_free(r.machine);
    return c->sync_out && write_back(c, opt->tree, image, err, errlen) ? -1 : status;
}

static int execute(struct exec_command *c, char *err, size_t errlen)
{
    struct config *cfg = NULL;
    struct image *image = NULL;
    struct run_options opt = {.command = "exec",
                              .console = {stdout, stderr},
                              .input = STDIN_FILENO,
                              .log = stderr,
                              .progress = PROGRESS_OFF,
                              .program_valid = 1, /* by build_image */
                              .tree = c->sync_out ? hosttree_new() : NULL,
                              .fuel = c->fuel};
    int status = -1;
    if (configure(c, &cfg, err, errlen) == 0 && (image = build_image(c, cfg, err, errlen)))
        status = run(c, cfg, image, &opt, err, errlen);
    hosttree_free(opt.tree);
    empty_strs(&opt.exports);
    free(opt.exports.v);
    image_free(image);
    config_free(cfg);
    return status;
}

int cmd_exec(int argc, char **argv)
{
    struct exec_command c = {0};
    char err[1024];
    hostmem_watch(EXIT_EXEC_INPUT);
    const int parsed = parse(&c, argc, argv);
    int status = EXIT_GOOD;
    if (parsed == 0) {
        status = execute(&c, err, sizeof err);
        if (status < 0)
            cmd_complain("%s", err);
    }
    drop_dirs(&c);
    free(c.set.v);
    free(c.dirs.v);
    free(c.env.v);
    return parsed == OPTIONS_BAD || status < 0 ? EXIT_EXEC_INPUT : status;
}
