/* cmd_trace_import.c - `pwsim trace import`: traces of other tools into this project's format. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/cmd.h"
#include "sim/cmd_trace.h"
#include "sim/error.h"
#include "sim/options.h"
#include "sim/quantity.h"
#include "traces/import.h"

#define PERIOD_PS 455u /* of 2.2 GHz: what core.frequency is by default */

static const char help[] =
    "pwsim trace import -f FORMAT -o OUT.trace FILE|-\n"
    "\n"
    "The file or standard input (-) may be packed by gzip or xz.\n"
    "  -f, --format NAME    lackey, champsim, dinero, ramulator, ramulator-dram, oracle, csv\n"
    "                       (traces/import.h describes them)\n"
    "  -o, --output FILE    the trace\n"
    "      --columns A,B    csv: what the columns are: addr, kind, pc, bytes, gap, depends, hart, "
    "-\n"
    "      --map BYTES      pages of that size get frames in order of first touch; without it an\n"
    "                       address must lie in the physical memory. oracle: of an object, 4 KiB\n"
    "      --nvdimm         those frames are of the NVDIMM\n"
    "      --l1             record behind an L1I and an L1D of 32 KiB, 8 ways: misses, "
    "write-backs\n"
    "      --skip N         pass over the first N instructions\n"
    "      --records N      stop when the trace has N records\n"
    "      --misses N       with --l1: stop at N misses of an L2 of 512 KiB, 8 ways, behind it\n"
    "      --name TEXT      what it is, for `pwsim trace info`\n"
    "\n"
    "Programs on the host: valgrind --tool=lackey --trace-mem=yes --log-fd=9 PROGRAM 9>&1 "
    ">/dev/null"
    " |\n"
    "    pwsim trace import -f lackey --map 4KiB --l1 -o OUT.trace -\n";

struct import_command {
    const char *format, *out, *map, *skip, *records, *misses;
    int nvdimm;
    struct import_options opt;
};

int count_parse(const char *option, const char *text, uint64_t *n, char *err, size_t errlen)
{
    if (!text)
        return 0;
    errno = 0;
    const int digits = *text && strspn(text, "0123456789") == strlen(text);
    *n = digits ? strtoull(text, NULL, 10) : 0;
    if (!digits || errno)
        return fail(err, errlen, "--%s: \"%s\" is no number", option, text);
    return 0;
}

static int prepare(struct import_command *c, char *err, size_t errlen)
{
    struct import_options *o = &c->opt;
    char why[256];
    o->format = import_format_find(c->format);
    o->period = PERIOD_PS;
    if (o->format == IMPORT_FORMATS)
        return fail(err, errlen, "--format: \"%s\" is none; `pwsim trace import --help` lists them",
                    c->format);
    if (count_parse("skip", c->skip, &o->skip, err, errlen) ||
        count_parse("records", c->records, &o->records, err, errlen) ||
        count_parse("misses", c->misses, &o->misses, err, errlen))
        return -1;
    if (o->misses && !o->filter)
        return fail(err, errlen, "--misses counts behind an L1: it needs --l1");
    if (o->columns && o->format != IMPORT_CSV)
        return fail(err, errlen, "--columns describes csv only");
    o->nvdimm = c->nvdimm;
    if (c->map && quantity_parse(QUANTITY_BYTES, c->map, &o->page, why, sizeof why))
        return fail(err, errlen, "--map: %s", why);
    if (c->map && (o->page < 64 || o->page > 1 << 30 || (o->page & (o->page - 1))))
        return fail(err, errlen, "--map: \"%s\" is no power of two from 64 B to 1 GiB", c->map);
    if (c->nvdimm && !o->page && o->format != IMPORT_ORACLE)
        return fail(err, errlen, "--nvdimm chooses frames: it needs --map");
    return 0;
}

int cmd_trace_import(int argc, char **argv)
{
    struct import_command c = {0};
    struct import_result r;
    char err[1024], a[QUANTITY_TEXT];
    const struct option_row rows[] = {{"format", 'f', OPTION_TEXT, &c.format},
                                      {"output", 'o', OPTION_TEXT, &c.out},
                                      {"columns", 0, OPTION_TEXT, &c.opt.columns},
                                      {"map", 0, OPTION_TEXT, &c.map},
                                      {"nvdimm", 0, OPTION_FLAG, &c.nvdimm},
                                      {"l1", 0, OPTION_FLAG, &c.opt.filter},
                                      {"skip", 0, OPTION_TEXT, &c.skip},
                                      {"records", 0, OPTION_TEXT, &c.records},
                                      {"misses", 0, OPTION_TEXT, &c.misses},
                                      {"name", 0, OPTION_TEXT, &c.opt.name},
                                      {0}};
    const int at = options_parse(argc, argv, rows, help, 0);
    if (at < 0)
        return at == OPTIONS_HELP ? EXIT_GOOD : EXIT_BAD_INPUT;
    if (argc - at != 1 || !c.format || !c.out)
        return cmd_complain("trace import: expected -f FORMAT -o OUT.trace FILE; `pwsim trace "
                            "import --help` says more");
    if (prepare(&c, err, sizeof err) || trace_output(c.out, err, sizeof err) ||
        import_run(argv[at], c.out, &c.opt, &r, err, sizeof err))
        return cmd_complain("%s", err);
    printf("%s: %s records", c.out, quantity_group(r.records, a));
    printf(", %s instructions", quantity_group(r.instructions, a));
    if (c.opt.filter)
        printf(", %s misses of 512 KiB", quantity_group(r.misses, a));
    putchar('\n');
    return EXIT_GOOD;
}
