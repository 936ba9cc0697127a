/* cmd_trace_make.c - `pwsim trace generate` and `pwsim trace export`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/cmd.h"
#include "sim/cmd_trace.h"
#include "sim/options.h"
#include "sim/quantity.h"
#include "traces/export.h"
#include "traces/generate.h"

#define PERIOD_PS 455u /* of 2.2 GHz: what core.frequency is by default */

static const char generate_help[] =
    "pwsim trace generate KIND -o OUT.trace [--lines N] [--records N] [--seed N]\n"
    "\n"
    "KIND is scan, chase, adversary, log, phases, zipf or btree (traces/generate.h describes "
    "them).\n"
    "  -o, --output FILE    the trace\n"
    "      --lines N        of 64 bytes that it touches, from 4 on; 65536 if not given\n"
    "      --records N      1000000 if not given\n"
    "      --capacity N     lines of a cache: what adversary is against, and for what the optimum "
    "is\n"
    "                       printed; 32768 if not given\n"
    "      --seed N         1 if not given\n"
    "      --nvdimm         in the NVDIMM\n";

static const char export_help[] =
    "pwsim trace export -f champsim|dinero -o OUT TRACE\n"
    "\n"
    "What the formats cannot hold is left out, and how much that was is said on standard error.\n"
    "OUT may be - for standard output: pwsim trace export -f champsim -o - A.trace | xz > A.xz\n";

static int generate(const struct generate_options *opt, const char *out, char *err, size_t errlen)
{
    struct trace_header hdr = {.period_ps = PERIOD_PS};
    uint64_t instructions = 0;
    snprintf(hdr.machine, sizeof hdr.machine, "generated: %s", generate_name(opt->kind));
    if (trace_output(out, err, errlen))
        return -1;
    struct trace_writer *w = trace_create(out, &hdr, err, errlen);
    if (!w)
        return -1;
    if (generate_run(opt, w, &instructions, err, errlen)) {
        trace_abandon(w);
        return -1;
    }
    return trace_close(w, instructions, err, errlen);
}

static void tell(const struct generate_options *opt, const char *out)
{
    char a[QUANTITY_TEXT];
    uint64_t misses;
    printf("%s: %s records\n", out, quantity_group(opt->records, a));
    for (int bypass = 0; bypass < 2; bypass++)
        if (generate_optimum(opt, opt->capacity, bypass, &misses)) {
            printf("  fewest misses of %s lines", quantity_group(opt->capacity, a));
            printf(", %s: %s\n", bypass ? "with bypass" : "every line taken in",
                   quantity_group(misses, a));
        }
}

int cmd_trace_generate(int argc, char **argv)
{
    struct generate_options opt = {
        .lines = 65536, .records = 1000000, .capacity = 32768, .seed = 1};
    const char *out = NULL, *lines = NULL, *records = NULL, *capacity = NULL, *seed = NULL;
    char err[512];
    const struct option_row rows[] = {{"output", 'o', OPTION_TEXT, &out},
                                      {"lines", 0, OPTION_TEXT, &lines},
                                      {"records", 0, OPTION_TEXT, &records},
                                      {"capacity", 0, OPTION_TEXT, &capacity},
                                      {"seed", 0, OPTION_TEXT, &seed},
                                      {"nvdimm", 0, OPTION_FLAG, &opt.nvdimm},
                                      {0}};
    const int at = options_parse(argc, argv, rows, generate_help, 0);
    if (at < 0)
        return at == OPTIONS_HELP ? EXIT_GOOD : EXIT_BAD_INPUT;
    opt.kind = argc - at == 1 ? generate_find(argv[at]) : GENERATE_KINDS;
    if (opt.kind == GENERATE_KINDS || !out)
        return cmd_complain("trace generate: expected KIND -o OUT.trace; `pwsim trace generate "
                            "--help` names the kinds");
    if (count_parse("lines", lines, &opt.lines, err, sizeof err) ||
        count_parse("records", records, &opt.records, err, sizeof err) ||
        count_parse("capacity", capacity, &opt.capacity, err, sizeof err) ||
        count_parse("seed", seed, &opt.seed, err, sizeof err) ||
        generate(&opt, out, err, sizeof err))
        return cmd_complain("%s", err);
    tell(&opt, out);
    return EXIT_GOOD;
}

int cmd_trace_export(int argc, char **argv)
{
    const char *out = NULL, *format = NULL;
    struct export_result r;
    char err[512], a[QUANTITY_TEXT];
    const struct option_row rows[] = {
        {"output", 'o', OPTION_TEXT, &out}, {"format", 'f', OPTION_TEXT, &format}, {0}};
    const int at = options_parse(argc, argv, rows, export_help, 0);
    if (at < 0)
        return at == OPTIONS_HELP ? EXIT_GOOD : EXIT_BAD_INPUT;
    const enum export_format f = format ? export_format_find(format) : EXPORT_FORMATS;
    if (argc - at != 1 || !out || f == EXPORT_FORMATS)
        return cmd_complain("trace export: expected -f champsim|dinero -o OUT TRACE");
    struct trace_reader *reader = trace_open(argv[at], err, sizeof err);
    const int bad = !reader || (strcmp(out, "-") && trace_output(out, err, sizeof err)) ||
                    export_run(reader, out, f, &r, err, sizeof err);
    trace_reader_free(reader);
    if (bad)
        return cmd_complain("%s", err);
    fprintf(stderr, "%s: %s accesses", argv[at], quantity_group(r.accesses, a));
    fprintf(stderr, " in %s %s", quantity_group(r.written, a),
            f == EXPORT_CHAMPSIM ? "instructions" : "lines");
    fprintf(stderr, ", %s records left out\n", quantity_group(r.left_out, a));
    return EXIT_GOOD;
}
