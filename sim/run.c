/* run.c - one point of an experiment: machine, progress, run directory. */
#include "sim/run.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "memhier/policy_load.h"
#include "sim/beside.h"
#include "sim/checkpoint.h"
#include "sim/dump.h"
#include "sim/error.h"
#include "sim/memside.h"
#include "sim/outputs.h"
#include "sim/pmcheck.h"
#include "sim/power.h"
#include "sim/quantity.h"
#include "sim/rundir.h"
#include "sim/series.h"
#include "sim/suspend.h"

#define STEP_INSTRUCTIONS 200000u
#define MAX_INPUTS        8u

/* The files of a run that is under way. */
struct recording {
    struct rundir *dir;
    FILE *console;
    struct series *series;
};

static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

struct image *run_open_image(const struct config *cfg, char *err, size_t errlen)
{
    char path[PATH_MAX];
    if (*cfg->boot_image)
        return image_open(cfg->boot_image, err, errlen);
    if (beside_binary("boot.elf", path)) {
        fail(err, errlen, "boot.image: cannot find boot.elf beside the binary; name an image");
        return NULL;
    }
    return image_open(path, err, errlen);
}

/* ---- inputs and the run directory ---- */

static int collect_inputs(const struct config *cfg, const struct image *image, const char *from,
                          struct rundir_input *in, size_t *n, char *err, size_t errlen)
{
    *n = 0;
    in[*n].name = "boot image";
    in[*n].digest = image_digest(image, &in[*n].bytes);
    ++*n;
    in[*n].name = "binary";
    if (digest_file("/proc/self/exe", &in[*n].digest, &in[*n].bytes, err, errlen))
        return -1;
    ++*n;
    if (from) {
        in[*n].name = "checkpoint";
        if (digest_file(from, &in[*n].digest, &in[*n].bytes, err, errlen))
            return -1;
        ++*n;
    }
    if (*cfg->nvdimm_image) {
        in[*n].name = "nvdimm.image";
        if (digest_file(cfg->nvdimm_image, &in[*n].digest, &in[*n].bytes, err, errlen))
            return -1;
        ++*n;
    }
    const struct {
        const char *name, *path;
    } policies[] = {{"l1i.policy", cfg->l1i_policy},
                    {"l1d.policy", cfg->l1d_policy},
                    {"l2.policy", cfg->l2_policy},
                    {"llc.policy", cfg->llc_policy}};
    for (size_t i = 0; i < sizeof policies / sizeof policies[0]; i++) {
        if (!policy_is_path(policies[i].path))
            continue;
        in[*n].name = policies[i].name;
        if (digest_file(policies[i].path, &in[*n].digest, &in[*n].bytes, err, errlen))
            return -1;
        ++*n;
    }
    return 0;
}

static int begin_recording(struct recording *rec, const struct config *cfg,
                           const struct image *image, const struct run_options *opt, char *err,
                           size_t errlen)
{
    struct rundir_input inputs[MAX_INPUTS];
    size_t n;
    memset(rec, 0, sizeof *rec);
    if (!opt->root)
        return 0;
    if (collect_inputs(cfg, image, opt->from, inputs, &n, err, errlen))
        return -1;
    rec->dir = rundir_begin(opt->root, cfg, inputs, n, err, errlen);
    if (!rec->dir)
        return -1;
    rec->console = rundir_create(rec->dir, "console.txt", err, errlen);
    return rec->console ? 0 : -1;
}

static void abandon_recording(struct recording *rec)
{
    char ignored[64];
    if (rec->console)
        fclose(rec->console);
    if (rec->series)
        series_close(rec->series, ignored, sizeof ignored);
    rundir_abandon(rec->dir);
}

/* Frees the text; NULL: an empty file. */
static int write_text(struct recording *rec, const char *name, char *text, char *err, size_t errlen)
{
    FILE *f = rundir_create(rec->dir, name, err, errlen);
    if (f && text)
        fputs(text, f);
    free(text);
    return f ? rundir_close(rec->dir, f, err, errlen) : -1;
}

static const char *outcome(const struct run_result *r, char *buf, size_t n)
{
    static const char *const words[] = {
        [STATE_RUNNING] = "stopped",         [STATE_HALTED] = "exit",
        [STATE_TRAPPED] = "program trapped", [STATE_REFUSED] = "program refused",
        [STATE_FAULT] = "kernel trapped",    [STATE_FUEL] = "out of fuel",
        [STATE_CUT] = "power failed"};
    if (r->state == STATE_HALTED)
        snprintf(buf, n, "exit %d", r->exit_code);
    else
        snprintf(buf, n, "%s", words[r->state]);
    return buf;
}

/* What the checker found: for people on the log, as JSON where the config says. */
static int report_check(const struct run_options *opt, const struct config *cfg,
                        const struct machine *m, char *err, size_t errlen)
{
    if (!cfg->pmem_check)
        return 0;
    if (opt->log)
        pmcheck_print(m, opt->log);
    if (!*cfg->pmem_report)
        return 0;
    FILE *f = fopen(cfg->pmem_report, "w");
    if (!f)
        return fail(err, errlen, "pmem.report: %s: %s", cfg->pmem_report, strerror(errno));
    pmcheck_print_json(m, f);
    const int bad = ferror(f);
    if (fclose(f) || bad)
        return fail(err, errlen, "pmem.report: %s: cannot be written", cfg->pmem_report);
    return 0;
}

static int end_recording(struct recording *rec, const char *label, const struct run_options *opt,
                         struct run_result *r, char *err, size_t errlen)
{
    char text[64];
    const struct rundir_facts facts = {.command = opt->command,
                                       .arguments = opt->arguments,
                                       .n_arguments = opt->n_arguments,
                                       .label = label,
                                       .version = PWSIM_VERSION,
                                       .compiler = __VERSION__,
                                       .outcome = outcome(r, text, sizeof text)};
    if (!rec->dir)
        return 0;
    struct series *series = rec->series;
    FILE *console = rec->console;
    rec->series = NULL;
    rec->console = NULL;
    if (series_close(series, err, errlen) | rundir_close(rec->dir, console, err, errlen))
        return -1;
    if (rundir_write_stats(rec->dir, machine_stats(r->machine), err, errlen) ||
        write_text(rec, "flame.folded", machine_folded(r->machine), err, errlen) ||
        write_text(rec, "functions.csv", machine_functions(r->machine), err, errlen))
        return -1;
    snprintf(r->path, sizeof r->path, "%s", rundir_path(rec->dir));
    struct rundir *dir = rec->dir;
    rec->dir = NULL;
    return rundir_commit(dir, &facts, err, errlen);
}

/* ---- running ---- */

static int drain(const struct run_options *opt, int *enough, char *err, size_t errlen)
{
    const int said = opt->drain(opt->drain_arg, opt->tap);
    *enough = said > 0;
    return said < 0 ? fail(err, errlen, "the trace could not be written") : 0;
}

/* 0, or -1 with a message. */
static int run_loop(struct machine *m, const char *label, const struct run_options *opt,
                    int *enough, char *err, size_t errlen)
{
    struct progress p;
    int bad = 0;
    progress_begin(&p, opt->progress, label);
    int written = opt->point.kind == POINT_NONE;
    const int suspends = machine_suspends(m);
    if (suspends && !written)
        return fail(err, errlen, "power.restore: not together with a checkpoint");
    if (machine_is_past(m, opt->point))
        return fail(err, errlen, "%s: no checkpoint: %s=%llu is behind where the run begins",
                    opt->checkpoint, opt->point.kind == POINT_CYCLES ? "cycles" : "instructions",
                    (unsigned long long)opt->point.n);
    machine_stop_at(m, suspends ? machine_fail_point(m) : opt->point);
    while (!bad && !*enough && machine_step(m, STEP_INSTRUCTIONS) == STATE_RUNNING) {
        if (machine_at_point(m) && suspends) {
            bad = suspend_machine(m, err, errlen) < 0;
        } else if (machine_at_point(m)) {
            bad = checkpoint_write(m, opt->kind, opt->checkpoint, err, errlen);
            written = 1;
        }
        progress_update(&p, machine_instructions(m), 0, 0);
        if (opt->tap && opt->tap->n)
            bad |= drain(opt, enough, err, errlen);
    }
    progress_end(&p);
    if (!bad && !written)
        return fail(err, errlen, "%s: no checkpoint: the program ended before that point",
                    opt->checkpoint);
    return bad;
}

static int run_machine(const struct config *cfg, const char *label, const struct run_options *opt,
                       struct recording *rec, struct run_result *r, char *err, size_t errlen)
{
    if (rec->dir) {
        rec->series = series_open(rundir_file(rec->dir, "series.csv.gz"), machine_stats(r->machine),
                                  err, errlen);
        if (!rec->series)
            return -1;
        if (machine_sample(r->machine, rec->series))
            return fail(err, errlen, "%s: damaged: its series", opt->from);
    }
    const uint64_t began = cpu_ns();
    if (run_loop(r->machine, label, opt, &r->enough, err, errlen))
        return -1;
    if (!r->enough && machine_finish(r->machine, err, errlen))
        return -1;
    if (opt->tap && opt->tap->n && !r->enough && drain(opt, &r->enough, err, errlen))
        return -1;
    r->host_ns = cpu_ns() - began;
    r->state = r->enough ? STATE_RUNNING : machine_step(r->machine, 0);
    r->exit_code = machine_exit_code(r->machine);
    r->instructions = machine_instructions(r->machine);
    r->cycles = machine_cycles(r->machine);
    /* the run directory is there even if the report cannot be written */
    return end_recording(rec, label, opt, r, err, errlen) ||
                   report_check(opt, cfg, r->machine, err, errlen)
               ? -1
               : 0;
}

/* The machine was suspended: go on from what the module holds, and from nothing else. The rest of
 * the run has a run directory of its own, and is what *r tells of then. */
static int restore_after(const struct config *cfg, const char *label, const struct image *image,
                         const struct run_options *opt, struct run_result *r, const char *nvdimm,
                         char *err, size_t errlen)
{
    struct run_result rest = {0};
    struct run_options again = *opt;
    struct config *c = config_copy(cfg);
    again.from = NULL;
    int bad = !c || config_assign(c, "power.fail_at=", err, errlen);
    if (!bad) {
        free(c->nvdimm_image);
        c->nvdimm_image = strdup(nvdimm);
        bad = !c->nvdimm_image || run_point(c, label, image, &again, &rest, err, errlen);
    }
    if (!bad) {
        rest.instructions += r->instructions;
        rest.cycles += r->cycles;
        rest.host_ns += r->host_ns;
        machine_free(r->machine);
        *r = rest;
        machine_own_config(r->machine, c);
        return rest.recovery;
    }
    config_free(c);
    return -1;
}

/* Is there something to do after a power cut? */
static int goes_on(const struct config *cfg)
{
    return cfg->recovery.n || *cfg->power_core || cfg->power_restore;
}

/* After a power cut: boot again from what the module held. */
static int recover_after(const struct config *cfg, const char *label, const struct image *image,
                         const struct run_options *opt, struct run_result *r, char *err,
                         size_t errlen)
{
    char nvdimm[PATH_MAX];
    if (r->state != STATE_CUT)
        return 0;
    if (opt->log)
        fprintf(opt->log, "pwsim: the power failed at cycle %" PRIu64 "\n",
                machine_cut_cycle(r->machine));
    if (opt->log)
        suspend_print(r->machine, opt->log);
    if (!goes_on(cfg))
        return 0;
    snprintf(nvdimm, sizeof nvdimm, "%s/nvdimm.img", r->path);
    const struct dump_nvdimm held = {.path = nvdimm};
    if (*cfg->power_core &&
        dump_write(r->machine, &held, "power.core", cfg->power_core, err, errlen))
        return -1;
    if (cfg->power_restore && suspend_is_whole(r->machine))
        return restore_after(cfg, label, image, opt, r, nvdimm, err, errlen);
    const int code = power_recover(cfg, image, nvdimm, opt->console, opt->log, err, errlen);
    return code == 0 && cfg->power_restore ? 1 : code; /* what was under way is lost */
}

/* The last of all that a run writes: the given NVDIMM image. */
static int commit_nvdimm(const struct run_result *r, char *err, size_t errlen)
{
    char nvdimm[PATH_MAX];
    if (!*r->path || r->enough)
        return 0;
    snprintf(nvdimm, sizeof nvdimm, "%s/nvdimm.img", r->path);
    return machine_commit(r->machine, nvdimm, err, errlen);
}

static struct machine *make_machine(const struct config *cfg, const struct machine_ports *ports,
                                    const char *from, char *err, size_t errlen)
{
    if (from)
        return checkpoint_read(cfg, ports, from, err, errlen);
    if (cfg->power_restore && !*cfg->power_fail_at)
        return suspend_resume(cfg, ports, err, errlen);
    return machine_new(cfg, ports, err, errlen);
}

int run_point(const struct config *cfg, const char *label, const struct image *image,
              const struct run_options *opt, struct run_result *out, char *err, size_t errlen)
{
    struct recording rec;
    struct machine_ports ports = {.image = image,
                                  .fuel = opt->fuel,
                                  .program_valid = opt->program_valid,
                                  .console = {opt->console[0], opt->console[1]},
                                  .input = opt->input,
                                  .terminal = opt->terminal,
                                  .tree = opt->tree,
                                  .exports = opt->exports,
                                  .log = opt->log,
                                  .tap = opt->tap};

    memset(out, 0, sizeof *out);
    if (outputs_check(cfg, err, errlen))
        return -1;
    if (!opt->root && *cfg->power_fail_at && goes_on(cfg))
        return fail(err, errlen,
                    "power.recovery, power.core, power.restore: only with a run directory");
    if (begin_recording(&rec, cfg, image, opt, err, errlen)) {
        abandon_recording(&rec);
        return -1;
    }
    ports.transcript = rec.console;
    char dir[PATH_MAX];
    if (rec.dir) {
        snprintf(dir, sizeof dir, "%s", rundir_file(rec.dir, "nvdimm.img"));
        ports.nvdimm_out = dir;
    }
    out->machine = make_machine(cfg, &ports, opt->from, err, errlen);
    if (out->machine && opt->log)
        suspend_print(out->machine, opt->log);
    if (out->machine && run_machine(cfg, label, opt, &rec, out, err, errlen) == 0) {
        out->recovery = recover_after(cfg, label, image, opt, out, err, errlen);
        if (out->recovery >= 0 && commit_nvdimm(out, err, errlen) == 0)
            return 0;
    }
    machine_free(out->machine);
    out->machine = NULL;
    abandon_recording(&rec);
    return -1;
}

/* ---- what people read ---- */

static void describe_cache(FILE *to, const char *name, uint64_t bytes, uint64_t ways,
                           uint64_t cycles, const char *policy)
{
    char q[QUANTITY_TEXT];
    fprintf(to, "  %-8s %s, %" PRIu64 " ways, %" PRIu64 " cycles, %s\n", name,
            quantity_format(QUANTITY_BYTES, bytes, q), ways, cycles, policy);
}

void run_describe(const struct config *c, FILE *to)
{
    char a[QUANTITY_TEXT], b[QUANTITY_TEXT], d[QUANTITY_TEXT];
    char model[32], boundary[32], domain[32], tier[32];
    fprintf(to, "pwsim " PWSIM_VERSION ": %s, seed %" PRIu64 "\n", *c->name ? c->name : c->program,
            c->seed);
    fprintf(to, "  %-8s %s, %s, %" PRIu64 " wide, boundary %s%s, data in %s\n", "core",
            config_choice("core.model", c->core_model, model, sizeof model),
            quantity_format(QUANTITY_FREQUENCY, c->frequency, a), c->width,
            config_choice("kernel.boundary", c->boundary, boundary, sizeof boundary),
            c->boundary && c->kpti ? " with kpti" : "",
            config_choice("kernel.data_tier", c->data_tier, tier, sizeof tier));
    if (strcmp(model, "functional") == 0)
        return; /* no caches, no memories: nothing is timed */
    describe_cache(to, "L1I", c->l1i_bytes, c->l1i_ways, c->l1i_cycles, c->l1i_policy);
    describe_cache(to, "L1D", c->l1d_bytes, c->l1d_ways, c->l1d_cycles, c->l1d_policy);
    describe_cache(to, "L2", c->l2_bytes, c->l2_ways, c->l2_cycles, c->l2_policy);
    describe_cache(to, "LLC", c->llc_bytes, c->llc_ways, c->llc_cycles, c->llc_policy);
    fprintf(to, "  %-8s %s, %" PRIu64 " channels of %" PRIu64 " banks\n", "DRAM",
            quantity_format(QUANTITY_BYTES, c->dram_bytes, a), c->dram_channels, c->dram_banks);
    if (c->memory_mode_bytes)
        fprintf(to, "  %-8s caches the NVDIMM: %s, %" PRIu64 "-way\n", "",
                quantity_format(QUANTITY_BYTES, c->memory_mode_bytes, a), c->memory_mode_ways);
    if (c->nvdimm_bytes && c->nv_media)
        fprintf(to, "  %-8s %s, DRAM that is saved, %s\n", "NVDIMM",
                quantity_format(QUANTITY_BYTES, c->nvdimm_bytes, d),
                config_choice("nvdimm.domain", c->domain, domain, sizeof domain));
    else if (c->nvdimm_bytes)
        fprintf(to,
                "  %-8s %s, WPQ %" PRIu64 " lines, buffer %" PRIu64 " x 256 B, media %s/%s, %s\n",
                "NVDIMM", quantity_format(QUANTITY_BYTES, c->nvdimm_bytes, d), c->wpq_lines,
                c->buffer_lines, quantity_format(QUANTITY_TIME, c->media_read, a),
                quantity_format(QUANTITY_TIME, c->media_write, b),
                config_choice("nvdimm.domain", c->domain, domain, sizeof domain));
}

const char *run_machine_line(const struct config *c, char *buf, size_t n)
{
    char a[QUANTITY_TEXT], b[QUANTITY_TEXT], model[32], boundary[32], tier[32];
    snprintf(buf, n, "%s %s, boundary %s%s, data in %s, LLC %s %s",
             config_choice("core.model", c->core_model, model, sizeof model),
             quantity_format(QUANTITY_FREQUENCY, c->frequency, a),
             config_choice("kernel.boundary", c->boundary, boundary, sizeof boundary),
             c->boundary && c->kpti ? "+kpti" : "",
             config_choice("kernel.data_tier", c->data_tier, tier, sizeof tier),
             quantity_format(QUANTITY_BYTES, c->llc_bytes, b), c->llc_policy);
    return buf;
}

void run_summary(const struct run_result *r, FILE *to)
{
    char a[QUANTITY_TEXT], b[QUANTITY_TEXT];
    const uint64_t ipc = r->cycles ? r->instructions * 1000 / r->cycles : 0;
    const uint64_t mips = r->host_ns ? r->instructions * 10000 / r->host_ns : 0;
    fprintf(to,
            "%s instructions, %s cycles, IPC %" PRIu64 ".%03" PRIu64 ", %" PRIu64 ".%" PRIu64
            " host MIPS%s%s\n",
            quantity_group(r->instructions, a), quantity_group(r->cycles, b), ipc / 1000,
            ipc % 1000, mips / 10, mips % 10, *r->path ? ", " : "", r->path);
}
