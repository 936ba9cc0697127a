/* cmd_regress.c - `pwsim regress` and `pwsim replacement`: tables over the corpus of traces. */
#include <stdio.h>
#include <unistd.h>

#include "sim/cmd.h"
#include "sim/cmd_trace.h"
#include "sim/file.h"
#include "sim/options.h"
#include "sim/quantity.h"
#include "sim/regress.h"
#include "sim/replacement.h"

static const char help[] =
    "pwsim regress GOLDEN [--write] [-j N]\n"
    "\n"
    "Replays every (trace, machine, policy) of a golden file and compares what they count, "
    "exactly.\n"
    "What moved is printed as a table; exit 1 then. sim/regress.h describes the file.\n"
    "      --write     put the new values into the file; the table shows old and new\n"
    "  -j, --jobs N    threads; as many as there are processors if not given\n";

static int tell(const struct regress *r, const char *path, size_t moved, int write)
{
    char a[QUANTITY_TEXT], err[512];
    if (write && regress_write(r, path, err, sizeof err))
        return cmd_complain("%s", err);
    printf("%s: %s points", path, quantity_group(r->n, a));
    printf(", %s values moved%s\n", quantity_group(moved, a), write ? ", written" : "");
    return moved && !write ? EXIT_FAILED : EXIT_GOOD;
}

int cmd_regress(int argc, char **argv)
{
    const char *jobs = NULL;
    char err[1200];
    int write = 0;
    uint64_t workers = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN);
    struct regress r;
    const struct option_row rows[] = {
        {"write", 0, OPTION_FLAG, &write}, {"jobs", 'j', OPTION_TEXT, &jobs}, {0}};
    const int at = options_parse(argc, argv, rows, help, 0);
    if (at < 0)
        return at == OPTIONS_HELP ? EXIT_GOOD : EXIT_BAD_INPUT;
    if (argc - at != 1)
        return cmd_complain("regress: expected a golden file; `pwsim regress --help` says more");
    if (count_parse("jobs", jobs, &workers, err, sizeof err) ||
        regress_read(&r, argv[at], err, sizeof err))
        return cmd_complain("%s", err);
    const int bad = (write && file_may_write(argv[at], FILE_BY_RENAME, err, sizeof err)) ||
                    regress_run(&r, (unsigned)(workers < 64 ? workers : 64), err, sizeof err);
    const int status = bad ? cmd_complain("%s", err) : tell(&r, argv[at], regress_moved(&r), write);
    regress_free(&r);
    return status;
}

/* ---- the table of policies ---- */

static const char replacement_help[] =
    "pwsim replacement FILE.cfg [-j N] [--untimed]\n"
    "\n"
    "Every replacement policy on every trace of one split of the corpus, for several sizes of "
    "LLC:\n"
    "misses, write-backs and the share of the gap from LRU to OPT that is closed; IPC with all\n"
    "memory in DRAM and in NVDIMM, and what the NVDIMM's media write; all with intervals.\n"
    "sim/configs/replacement.cfg is such a file, sim/replacement.h says what is printed.\n"
    "  -j, --jobs N    threads; as many as there are processors if not given\n"
    "      --untimed   only misses and write-backs\n";

int cmd_replacement(int argc, char **argv)
{
    const char *jobs = NULL;
    int untimed = 0;
    char err[1200];
    uint64_t workers = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN);
    const struct option_row rows[] = {
        {"jobs", 'j', OPTION_TEXT, &jobs}, {"untimed", 0, OPTION_FLAG, &untimed}, {0}};
    const int at = options_parse(argc, argv, rows, replacement_help, 0);
    if (at < 0)
        return at == OPTIONS_HELP ? EXIT_GOOD : EXIT_BAD_INPUT;
    if (argc - at != 1)
        return cmd_complain("replacement: expected one config file");
    if (count_parse("jobs", jobs, &workers, err, sizeof err) ||
        replacement_table(argv[at], (unsigned)(workers < 64 ? workers : 64), !untimed, err,
                          sizeof err))
        return cmd_complain("%s", err);
    return EXIT_GOOD;
}
