/* power.c - power cuts: when the power goes, and what runs when it is back. */
#include "sim/power.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/error.h"
#include "sim/machine.h"
#include "sim/unfinished.h"

#define STEP 1000000u

const char *power_micro(uint64_t millionths, char buf[POWER_TEXT])
{
    snprintf(buf, POWER_TEXT, "%" PRIu64 ".%03u", millionths / 1000000,
             (unsigned)(millionths / 1000 % 1000));
    return buf;
}

int power_cut_parse(const char *text, struct power_cut *out, char *err, size_t errlen)
{
    static const struct {
        const char *word;
        enum cut_kind kind;
        uint64_t least;
    } kinds[] = {{"cycles=", CUT_CYCLES, 1},
                 {"instructions=", CUT_INSTRUCTIONS, 1},
                 {"fence=", CUT_FENCE, 1},
                 {"mark=", CUT_MARK, 0}};
    *out = (struct power_cut){CUT_NONE, 0};
    for (size_t i = 0; *text && i < sizeof kinds / sizeof kinds[0]; i++) {
        const size_t len = strlen(kinds[i].word);
        char *end;
        if (strncmp(text, kinds[i].word, len) != 0)
            continue;
        errno = 0;
        const uint64_t n = strtoull(text + len, &end, 10);
        if (text[len] < '0' || text[len] > '9' || *end || errno || n < kinds[i].least ||
            n > INT64_MAX)
            break;
        *out = (struct power_cut){kinds[i].kind, n};
        return 0;
    }
    return *text ? fail(err, errlen,
                        "power.fail_at: \"%.60s\": expected cycles=N, instructions=N, fence=N or "
                        "mark=N with a decimal number",
                        text)
                 : 0;
}

static int add_word(struct strs *list, const char *word)
{
    char **more = realloc(list->v, (list->n + 2) * sizeof *more);
    if (!more)
        return -1;
    list->v = more;
    more[list->n] = strdup(word);
    if (!more[list->n])
        return -1;
    more[++list->n] = NULL;
    return 0;
}

int power_set_program(struct config *cfg, const char *text, char *err, size_t errlen)
{
    char *copy = strdup(text), *rest = copy, *word;
    int bad = !copy || config_assign(cfg, "program.args=", err, errlen), words = 0;
    while (!bad && (word = strsep(&rest, " "))) {
        if (!*word)
            continue;
        if (words++) {
            bad = add_word(&cfg->args, word);
            continue;
        }
        free(cfg->program);
        cfg->program = strdup(word);
        bad = !cfg->program;
    }
    free(copy);
    if (bad)
        return fail(err, errlen, "power.recovery: \"%.200s\": out of memory", text);
    return words ? 0 : fail(err, errlen, "power.recovery: a program has no name");
}

/* A file name for the contents between two boots. */
static int temporary(char *path, size_t n, char *err, size_t errlen)
{
    const char *dir = getenv("TMPDIR");
    snprintf(path, n, "%s/pwsim-XXXXXX", dir && *dir ? dir : "/tmp");
    const int fd = mkstemp(path);
    if (fd < 0)
        return fail(err, errlen, "%s: %s", path, strerror(errno));
    close(fd);
    return 0;
}

/* "" is none. */
static void drop_temporary(const char *path, int unfinished)
{
    if (*path)
        unlink(path);
    unfinished_done(unfinished);
}

static struct config *config_of(const struct config *cfg, const char *program, const char *nvdimm,
                                char *err, size_t errlen)
{
    struct config *c = config_copy(cfg);
    if (!c || config_assign(c, "nvdimm.commit=false", err, errlen) ||
        config_assign(c, "power.fail_at=", err, errlen) ||
        power_set_program(c, program, err, errlen)) {
        config_free(c);
        return NULL;
    }
    free(c->nvdimm_image);
    c->nvdimm_image = strdup(nvdimm);
    return c;
}

/* 0, 1 or -1, as power_recover. What it leaves durable goes to `out`. */
static int recover_one(const struct config *c, const struct image *image, FILE *const console[2],
                       FILE *log, const char *name, const char *out, char *err, size_t errlen)
{
    const struct machine_ports ports = {.image = image,
                                        .console = {console[0], console[1]},
                                        .input = -1,
                                        .log = log,
                                        .nvdimm_out = out};
    struct machine *m = machine_new(c, &ports, err, errlen);
    if (!m)
        return -1;
    enum machine_state state;
    while ((state = machine_step(m, STEP)) == STATE_RUNNING)
        ;
    const int bad = machine_finish(m, err, errlen);
    const int code = machine_exit_code(m);
    machine_free(m);
    if (bad)
        return -1;
    if (log && state == STATE_HALTED)
        fprintf(log, "pwsim: recovery \"%s\" ended with exit code %d\n", name, code);
    else if (log)
        fprintf(log, "pwsim: recovery \"%s\" trapped or could not be started\n", name);
    return state != STATE_HALTED || code != 0;
}

int power_recover(const struct config *cfg, const struct image *image, const char *nvdimm,
                  FILE *const console[2], FILE *log, char *err, size_t errlen)
{
    char from[4096] = "", to[4096];
    int status = 0, old = -1;
    for (size_t i = 0; status == 0 && i < cfg->recovery.n; i++) {
        const char *name = cfg->recovery.v[i];
        struct config *c = config_of(cfg, name, *from ? from : nvdimm, err, errlen);
        if (!c || temporary(to, sizeof to, err, errlen)) {
            config_free(c);
            status = -1;
            break;
        }
        const int new = unfinished_add(to, "");
        status = recover_one(c, image, console, log, name, to, err, errlen);
        config_free(c);
        drop_temporary(from, old);
        memcpy(from, to, sizeof from);
        old = new;
    }
    drop_temporary(from, old);
    return status;
}
