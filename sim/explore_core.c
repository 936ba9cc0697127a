/* explore_core.c - an ELF core for each distinct failure that an exploration has found. */
/*
 * Whoever finds a failure first keeps its image (lines that were ever stored to) in a file of the
 * folder of cores, KEY-EVENT.lines: magic, number of lines, lines. In the end the failures that
 * are reported become cores; the workload runs again to where the power failed, for DRAM and harts.
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/dump.h"
#include "sim/error.h"
#include "sim/explore_parts.h"

#define LINES_MAGIC UINT64_C(0x31656e696c6d7770)
#define SUFFIX      ".lines"

static void lines_path(const struct exploration *x, uint64_t key, uint32_t event, char *buf,
                       size_t n)
{
    snprintf(buf, n, "%s/%016" PRIx64 "-%u" SUFFIX, x->cores, key, event);
}

void cores_keep(const struct exploration *x, const struct failure *f,
                const struct crash_line *lines, size_t n)
{
    char path[4400];
    const uint64_t head[2] = {LINES_MAGIC, n};
    if (!x->cores)
        return;
    lines_path(x, f->key, f->event, path, sizeof path);
    FILE *to = fopen(path, "wb");
    if (!to)
        return; /* said when the core is to be made of it */
    const int bad = fwrite(head, sizeof head, 1, to) != 1 ||
                    fwrite(lines, sizeof *lines, n, to) != n;
    if (fclose(to) || bad)
        unlink(path);
    else
        __atomic_fetch_add(&x->shared->disk, sizeof head + n * sizeof *lines, __ATOMIC_RELAXED);
}

/* The lines of a failure; NULL: they are not there. */
static struct crash_line *lines_of(const struct exploration *x, const struct failure *f, size_t *n)
{
    char path[4400];
    uint64_t head[2];
    struct crash_line *v = NULL;
    lines_path(x, f->key, f->event, path, sizeof path);
    FILE *from = fopen(path, "rb");
    if (from && fread(head, sizeof head, 1, from) == 1 && head[0] == LINES_MAGIC &&
        head[1] < UINT32_MAX)
        v = calloc(head[1] + 1, sizeof *v);
    if (v && fread(v, sizeof *v, head[1], from) != head[1]) {
        free(v);
        v = NULL;
    }
    if (from)
        fclose(from);
    *n = v ? head[1] : 0;
    return v;
}

/* ---- the machine when the power failed ---- */

/* The workload after so many operators. NULL and a message. */
static struct machine *run_to(const struct exploration *x, uint64_t operators,
                              struct pm_record *record, char *err, size_t errlen)
{
    const struct machine_ports ports = {
        .image = x->image, .input = -1, .record = record, .fuel = operators};
    record->n = 0;
    struct machine *m = machine_new(x->cfg, &ports, err, errlen);
    if (!m)
        return NULL;
    while (machine_step(m, operators) == STATE_RUNNING)
        ;
    machine_consume(m);
    return m;
}

/* Before the event: the most operators that do not yet make it, by bisection. */
static struct machine *machine_before(const struct exploration *x, uint32_t event, char *err,
                                      size_t errlen)
{
    struct pm_record record = {0};
    uint64_t low = 1, high = machine_instructions(x->machine);
    struct machine *m = NULL;
    while (low < high) {
        const uint64_t at = low + (high - low + 1) / 2;
        if (!(m = run_to(x, at, &record, err, errlen)))
            break;
        machine_free(m);
        if (record.n > event)
            high = at - 1;
        else
            low = at;
    }
    if (low >= high)
        m = run_to(x, low, &record, err, errlen);
    if (m)
        m->ports.record = NULL;
    free(record.v);
    return m;
}

/* ---- cores ---- */

const char *cores_path(const struct exploration *x, uint32_t number, char *buf, size_t n)
{
    snprintf(buf, n, "%s/failure-%u.core", x->cores, number);
    return buf;
}

static int write_one(const struct exploration *x, struct failure *f, uint32_t number, char *err,
                     size_t errlen)
{
    char path[4400];
    size_t n;
    struct crash_line *lines = lines_of(x, f, &n);
    if (!lines)
        return 0; /* it was found by an exploration without cores */
    const int ended = f->event >= x->record.n;
    struct machine *m = ended ? x->machine : machine_before(x, f->event, err, errlen);
    const struct dump_nvdimm nv = {*x->cfg->nvdimm_image ? x->cfg->nvdimm_image : NULL, lines, n};
    cores_path(x, number, path, sizeof path);
    const int bad = !m || dump_write(m, &nv, "--cores", path, err, errlen);
    f->has_core = !bad;
    if (!ended)
        machine_free(m);
    free(lines);
    return bad ? -1 : 0;
}

static void drop_lines(const struct exploration *x)
{
    char path[4400];
    DIR *d = opendir(x->cores);
    for (struct dirent *e; d && (e = readdir(d));) {
        const size_t n = strlen(e->d_name);
        if (n < sizeof SUFFIX || strcmp(e->d_name + n - (sizeof SUFFIX - 1), SUFFIX) != 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", x->cores, e->d_name);
        unlink(path);
    }
    if (d)
        closedir(d);
}

int cores_begin(const struct exploration *x, char *err, size_t errlen)
{
    if (!x->cores)
        return 0;
    if (strlen(x->cores) > 4000)
        return fail(err, errlen, "--cores: the name is too long");
    struct stat st;
    int bad = (mkdir(x->cores, 0777) && errno != EEXIST) || stat(x->cores, &st);
    if (!bad && !S_ISDIR(st.st_mode)) {
        errno = ENOTDIR;
        bad = 1;
    }
    if (bad || access(x->cores, W_OK | X_OK))
        return fail(err, errlen, "--cores %s: %s", x->cores, strerror(errno));
    return 0;
}

int cores_write(const struct exploration *x, struct failure *f, uint32_t n, int whole, char *err,
                size_t errlen)
{
    for (uint32_t i = 0; x->cores && i < n; i++)
        if (write_one(x, &f[i], i + 1, err, errlen))
            return -1;
    if (x->cores && whole) /* else an exploration that goes on may need them */
        drop_lines(x);
    return 0;
}
