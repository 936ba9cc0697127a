/* spectest.c - runs the official WebAssembly test scripts, converted to JSON, through the engine.
 */

/*
 * spectest [--quiet] [--observed] DIR|FILE.json...
 *
 * A script is what wabt's wast2json makes: an object whose "commands" load modules (.wasm files
 * beside it), call their exports and say what must come out. Values are decimal strings of their
 * bits; "nan:canonical" and "nan:arithmetic" are patterns; an externref is a number or "null"; a
 * v128 is an array of its lanes. Where an instruction leaves a choice, "either" lists all results.
 *
 * Each script gets a machine of its own: physical memory, a store, one thread, and the host module
 * "spectest". With --observed every call runs with a log, which is thrown away when it is full.
 * One line for each command that fails, then "N passed, N failed, N skipped": assertions, and
 * modules and actions where they fail. Modules in text format are skipped. Exit 1 when any failed.
 *
 * Scripts from before a proposal was merged say that what it allows is invalid. So the sets of some
 * folders run with the limits of their time: see spec_dialect.h.
 */
#include <dirent.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/spec_dialect.h"
#include "tests/spec_value.h"
#include "wasmcore/engine.h"

#define DRAM_BYTES (UINT64_C(8) << 30)
#define LOG_WORDS  65536u
#define MAX_VALUES 64u
#define MAX_NAMED  64u
#define MAX_HOST   16u
#define TEXT_BYTES 256u

struct named {
    const char *name; /* the script's */
    struct instance *instance;
};

/* An export of the module "spectest". */
struct host_export {
    const char *name;
    struct external what;
};

struct totals {
    uint64_t passed, failed, skipped;
};

struct script {
    const char *path;
    json_t *command; /* under way */
    struct wasm_limits limits;
    struct physmem *pm;
    struct store *store;
    struct thread *thread;
    struct instance *current;
    struct named names[MAX_NAMED];   /* "$M" */
    struct named modules[MAX_NAMED]; /* registered for import */
    unsigned nnames, nmodules;
    struct host_export host[MAX_HOST];
    unsigned nhost;
    int observed, quiet;
    struct log log;
    struct totals n;
};

/* What a command came to. */
enum outcome { OK, WRONG, SKIP };

__attribute__((format(printf, 2, 3))) static enum outcome wrong(const struct script *s,
                                                                const char *format, ...)
{
    va_list args;
    const char *slash = strrchr(s->path, '/');
    printf("%s:%" JSON_INTEGER_FORMAT ": %s: ", slash ? slash + 1 : s->path,
           json_integer_value(json_object_get(s->command, "line")),
           json_string_value(json_object_get(s->command, "type")));
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    return WRONG;
}

/* The scripts give the beginning of a message, or more of it than we say. */
static int same_text(const char *expected, const char *got)
{
    size_t n = strlen(expected), m = strlen(got);
    return strncmp(expected, got, n < m ? n : m) == 0 && m > 0;
}

/* ---- the host module ---- */

static void add_host(struct script *s, const char *name, struct external what)
{
    if (s->nhost < MAX_HOST)
        s->host[s->nhost++] = (struct host_export){name, what};
}

static void add_host_func(struct script *s, const char *name, const uint8_t *types, uint32_t n)
{
    struct functype type = {n, 0, types};
    struct func *f = store_host_func(s->store, s->nhost, &type);
    add_host(s, name, (struct external){.kind = EXT_FUNC, .func = f});
}

static void add_host_global(struct script *s, const char *name, uint8_t type, uint64_t bits)
{
    struct gcell *g = store_host_global(s->store, (struct global_type){type, 0}, bits);
    add_host(s, name, (struct external){.kind = EXT_GLOBAL, .global = g});
}

static void add_host_module(struct script *s)
{
    static const uint8_t types[] = {VT_I32, VT_I64, VT_F32, VT_F64, VT_F64, VT_I32, VT_F32};
    float f32 = 666.6f;
    double f64 = 666.6;
    uint32_t f32_bits;
    uint64_t f64_bits;
    memcpy(&f32_bits, &f32, sizeof f32_bits);
    memcpy(&f64_bits, &f64, sizeof f64_bits);
    add_host_func(s, "print", types, 0);
    add_host_func(s, "print_i32", types, 1);
    add_host_func(s, "print_i64", types + 1, 1);
    add_host_func(s, "print_f32", types + 2, 1);
    add_host_func(s, "print_f64", types + 3, 1);
    add_host_func(s, "print_f64_f64", types + 3, 2);
    add_host_func(s, "print_i32_f32", types + 5, 2);
    add_host_global(s, "global_i32", VT_I32, 666);
    add_host_global(s, "global_i64", VT_I64, 666);
    add_host_global(s, "global_f32", VT_F32, f32_bits);
    add_host_global(s, "global_f64", VT_F64, f64_bits);
    struct table_type table = {{10, 20, 1, 0, 0}, VT_FUNCREF};
    struct external what = {.kind = EXT_TABLE, .table = store_host_table(s->store, table)};
    add_host(s, "table", what);
    what.kind = EXT_MEMORY;
    what.memory = store_host_memory(s->store, (struct limits){1, 2, 1, 0, 0});
    add_host(s, "memory", what);
    what.memory = store_host_memory(s->store, (struct limits){1, 2, 1, 1, 0});
    add_host(s, "shared_memory", what);
}

/* ---- modules ---- */

static struct instance *named(const struct named *list, unsigned n, const char *name, size_t len)
{
    for (unsigned i = n; i-- > 0;) /* the last one of that name */
        if (strlen(list[i].name) == len && memcmp(list[i].name, name, len) == 0)
            return list[i].instance;
    return NULL;
}

static int find_import(const struct script *s, const struct import *im, struct external *out)
{
    struct instance *from = named(s->modules, s->nmodules, im->module.text, im->module.len);
    if (from)
        return instance_export_name(from, im->field, out);
    if (!name_is(im->module, "spectest"))
        return -1;
    for (unsigned i = 0; i < s->nhost; i++)
        if (name_is(im->field, s->host[i].name)) {
            *out = s->host[i].what;
            return 0;
        }
    return -1;
}

/* All of a module file's bytes, or NULL. */
static uint8_t *read_file(const char *beside, const char *name, size_t *n)
{
    char path[4096];
    const char *slash = strrchr(beside, '/');
    snprintf(path, sizeof path, "%.*s%s", slash ? (int)(slash - beside + 1) : 0, beside, name);
    FILE *f = fopen(path, "rb");
    uint8_t *bytes = NULL;
    *n = 0;
    if (!f)
        return NULL;
    for (size_t cap = 4096, got = 1; got > 0; *n += got, cap = 2 * *n + 4096) {
        uint8_t *more = realloc(bytes, cap);
        if (!more) {
            free(bytes);
            bytes = NULL;
            break;
        }
        bytes = more;
        got = fread(bytes + *n, 1, cap - *n, f);
    }
    fclose(f);
    return bytes;
}

/* The module's number, or -1 with the error's text. */
static int load(struct script *s, char *text)
{
    struct wasm_error err = {0, ""};
    const char *name = string_of(s->command, "filename");
    size_t n;
    uint8_t *bytes = read_file(s->path, name, &n);
    int module = -1;
    if (bytes)
        module = store_load(s->store, name, bytes, n, &err);
    if (module < 0)
        snprintf(text, TEXT_BYTES, "%s", bytes ? err.text : "the file cannot be read");
    free(bytes);
    return module;
}

/* What the machine does for the host module and for instructions. */
static void serve(struct thread *t)
{
    uint64_t *slots = thread_host_slots(t);
    if (thread_host(t) == HOST_WAIT && (int64_t)slots[2] < 0)
        thread_fail(t, TRAP_DEADLOCK);
    else if (thread_host(t) == HOST_WAIT)
        slots[0] = 2; /* timed out */
    else if (thread_host(t) == HOST_NOTIFY)
        slots[0] = 0;
}

/* Run until the function that the thread began with returns or traps. */
static enum run_reason run(struct script *s)
{
    for (;;) {
        enum run_reason why = s->observed ? engine_run_observed(s->thread, &s->log)
                                          : engine_run_functional(s->thread);
        s->log.n = 0;
        if (why == RUN_HOST)
            serve(s->thread);
        if (why == RUN_DONE || why == RUN_TRAP)
            return why;
    }
}

enum made { MADE, MADE_NOT_LOADED, MADE_NOT_LINKED, MADE_TRAPPED };

/* Load, link and start the command's module. Unless it is MADE, text says what went wrong. */
static enum made make(struct script *s, struct instance **out, char *text)
{
    static const char *const reasons[] = {
        [LINK_TYPE] = "incompatible import type", [LINK_MEMORY] = "out of memory"};
    struct instance_options options = {0, 0};
    struct wasm_error err = {0, ""};
    int module = load(s, text);
    if (module < 0)
        return MADE_NOT_LOADED;
    const struct module *m = store_module(s->store, module);
    struct external *imports = calloc(m->nimports + 1u, sizeof *imports);
    for (uint32_t i = 0; i < m->nimports; i++)
        if (!imports || find_import(s, &m->imports[i], &imports[i])) {
            snprintf(text, TEXT_BYTES, "unknown import %.*s", (int)m->imports[i].field.len,
                     m->imports[i].field.text);
            free(imports);
            return MADE_NOT_LINKED;
        }
    enum link_error e = instance_new(s->store, module, imports, &options, out, &err);
    free(imports);
    if (e != LINK_OK) {
        snprintf(text, TEXT_BYTES, "%s", e == LINK_TRAP ? err.text : reasons[e]);
        return e == LINK_TRAP ? MADE_TRAPPED : MADE_NOT_LINKED;
    }
    struct func *start = instance_start(*out);
    if (!start)
        return MADE;
    thread_call(s->thread, start, NULL);
    if (run(s) == RUN_DONE)
        return MADE;
    snprintf(text, TEXT_BYTES, "%s", trap_text(thread_trap(s->thread)));
    return MADE_TRAPPED;
}

static enum outcome add_name(struct script *s, struct named *list, unsigned *n, const char *name,
                             struct instance *in)
{
    if (*n == MAX_NAMED)
        return wrong(s, "more than %u named modules", MAX_NAMED);
    list[(*n)++] = (struct named){name, in};
    return OK;
}

static enum outcome do_module(struct script *s)
{
    char text[TEXT_BYTES] = "";
    const char *name = string_of(s->command, "name");
    struct instance *in = NULL;
    s->current = NULL;
    if (make(s, &in, text) != MADE)
        return wrong(s, "%s: %s", string_of(s->command, "filename"), text);
    s->current = in;
    return *name ? add_name(s, s->names, &s->nnames, name, in) : OK;
}

static struct instance *instance_of(const struct script *s, const json_t *object, const char *key)
{
    const char *name = string_of(object, key);
    return *name ? named(s->names, s->nnames, name, strlen(name)) : s->current;
}

static enum outcome do_register(struct script *s)
{
    struct instance *in = instance_of(s, s->command, "name");
    if (!in)
        return wrong(s, "no such module");
    return add_name(s, s->modules, &s->nmodules, string_of(s->command, "as"), in);
}

/* ---- actions ---- */

struct result {
    const struct functype *type; /* of the function; NULL: `get` */
    uint8_t global_type;
    uint64_t slots[2 * MAX_VALUES];
    uint32_t n; /* values */
    enum trap_kind trap;
};

static enum outcome find_export(struct script *s, const json_t *action, struct external *out)
{
    const json_t *field = json_object_get(action, "field");
    struct name name = {json_string_value(field), (uint32_t)json_string_length(field)};
    struct instance *in = instance_of(s, action, "module");
    if (!in)
        return wrong(s, "no module to act on");
    if (instance_export_name(in, name, out))
        return wrong(s, "no export \"%s\"", json_string_value(field));
    return OK;
}

static enum outcome invoke(struct script *s, const json_t *action, struct func *f,
                           struct result *out)
{
    const json_t *args = json_object_get(action, "args");
    uint64_t slots[2 * MAX_VALUES];
    uint32_t n = 0;
    out->type = func_type(f);
    if (json_array_size(args) != out->type->nparams || out->type->nparams > MAX_VALUES ||
        out->type->nresults > MAX_VALUES)
        return wrong(s, "%s: %zu arguments for %u parameters", string_of(action, "field"),
                     json_array_size(args), out->type->nparams);
    for (uint32_t i = 0; i < out->type->nparams; i++) {
        const json_t *arg = json_array_get(args, i);
        if (type_of(arg) != out->type->types[i])
            return wrong(s, "argument %u is %s, the parameter %s", i, string_of(arg, "type"),
                         valtype_name(out->type->types[i]));
        n += put_value(arg, slots + n);
    }
    thread_call(s->thread, f, slots);
    if (run(s) == RUN_TRAP) {
        out->trap = thread_trap(s->thread);
        return OK;
    }
    out->n = out->type->nresults;
    n = out->n;
    for (uint32_t i = 0; i < out->n; i++)
        n += out->type->types[out->type->nparams + i] == VT_V128;
    memcpy(out->slots, thread_results(s->thread), n * sizeof out->slots[0]);
    return OK;
}

static enum outcome act(struct script *s, struct result *out)
{
    const json_t *action = json_object_get(s->command, "action");
    struct external what;
    enum outcome found;
    memset(out, 0, sizeof *out);
    found = find_export(s, action, &what);
    if (found != OK)
        return found;
    if (strcmp(string_of(action, "type"), "invoke") == 0 && what.kind == EXT_FUNC)
        return invoke(s, action, what.func, out);
    if (strcmp(string_of(action, "type"), "get") != 0 || what.kind != EXT_GLOBAL)
        return wrong(s, "%s of an export of another kind", string_of(action, "type"));
    out->n = 1;
    out->global_type = gcell_type(what.global).type;
    out->slots[0] = gcell_get(what.global);
    out->slots[1] = gcell_get_high(what.global);
    return OK;
}

static uint8_t result_type(const struct result *r, uint32_t i)
{
    return r->type ? r->type->types[r->type->nparams + i] : r->global_type;
}

static enum outcome do_action(struct script *s)
{
    struct result r;
    enum outcome o = act(s, &r);
    if (o == OK && r.trap)
        return wrong(s, "trapped: %s", trap_text(r.trap));
    return o;
}

/* Result i, in slots from `at` on, is not what it should be. */
static enum outcome wrong_result(const struct script *s, const json_t *e, const struct result *r,
                                 uint32_t i, uint32_t at)
{
    char want[80], got[80];
    uint64_t slots[2];
    describe(got, sizeof got, result_type(r, i), r->slots + at);
    put_value(e, slots);
    if (string_of(e, "value")[0] == 'n')
        snprintf(want, sizeof want, "%s:%s", string_of(e, "type"), string_of(e, "value"));
    else
        describe(want, sizeof want, type_of(e), slots);
    return wrong(s, "%s: result %u: expected %s, got %s",
                 string_of(json_object_get(s->command, "action"), "field"), i, want, got);
}

/* One result, which is any of the list. */
static enum outcome do_either(const struct script *s, const json_t *either, const struct result *r)
{
    const json_t *e = NULL;
    size_t i;
    json_array_foreach(either, i, e)
    {
        if (r->n == 1 && result_type(r, 0) == type_of(e) && is_value(e, r->slots))
            return OK;
    }
    return wrong_result(s, e, r, 0, 0);
}

static enum outcome do_return(struct script *s)
{
    const json_t *expected = json_object_get(s->command, "expected");
    const json_t *either = json_object_get(s->command, "either");
    struct result r;
    enum outcome o = act(s, &r);
    if (o != OK)
        return o;
    if (r.trap)
        return wrong(s, "%s trapped: %s", string_of(json_object_get(s->command, "action"), "field"),
                     trap_text(r.trap));
    if (either)
        return do_either(s, either, &r);
    if (r.n != json_array_size(expected))
        return wrong(s, "expected %zu results, got %u", json_array_size(expected), r.n);
    for (uint32_t i = 0, at = 0; i < r.n; i++, at++) {
        const json_t *e = json_array_get(expected, i);
        if (result_type(&r, i) != type_of(e) || !is_value(e, r.slots + at))
            return wrong_result(s, e, &r, i, at);
        at += type_of(e) == VT_V128;
    }
    return OK;
}

/* assert_trap and assert_exhaustion */
static enum outcome do_trap(struct script *s)
{
    struct result r;
    const char *expected = string_of(s->command, "text");
    enum outcome o = act(s, &r);
    if (o != OK)
        return o;
    if (!r.trap)
        return wrong(s, "%s: expected the trap \"%s\", it returned",
                     string_of(json_object_get(s->command, "action"), "field"), expected);
    if (!same_text(expected, trap_text(r.trap)))
        return wrong(s, "%s: expected the trap \"%s\", got \"%s\"",
                     string_of(json_object_get(s->command, "action"), "field"), expected,
                     trap_text(r.trap));
    return OK;
}

/* assert_malformed and assert_invalid; what the message says is not compared. */
static enum outcome do_refused(struct script *s)
{
    char text[TEXT_BYTES] = "";
    if (load(s, text) >= 0)
        return wrong(s, "%s was accepted, expected \"%s\"", string_of(s->command, "filename"),
                     string_of(s->command, "text"));
    return OK;
}

/* assert_unlinkable and assert_uninstantiable */
static enum outcome do_not_made(struct script *s)
{
    char text[TEXT_BYTES] = "";
    struct instance *in = NULL;
    const char *expected = string_of(s->command, "text");
    int unlinkable = strcmp(string_of(s->command, "type"), "assert_unlinkable") == 0;
    enum made want = unlinkable ? MADE_NOT_LINKED : MADE_TRAPPED, got = make(s, &in, text);
    if (got == MADE)
        return wrong(s, "%s was accepted, expected \"%s\"", string_of(s->command, "filename"),
                     expected);
    if (got != want || !same_text(expected, text))
        return wrong(s, "expected \"%s\", got \"%s\"", expected, text);
    return OK;
}

/* ---- scripts ---- */

struct verb {
    const char *type;
    enum outcome (*run)(struct script *);
    int counts; /* is an assertion: counts when it passes */
};

static const struct verb *find_verb(const char *type)
{
    static const struct verb verbs[] = {
        {"assert_return", do_return, 1},
        {"assert_trap", do_trap, 1},
        {"assert_exhaustion", do_trap, 1},
        {"assert_invalid", do_refused, 1},
        {"assert_malformed", do_refused, 1},
        {"assert_unlinkable", do_not_made, 1},
        {"assert_uninstantiable", do_not_made, 1},
        {"module", do_module, 0},
        {"register", do_register, 0},
        {"action", do_action, 0},
    };
    for (unsigned i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (strcmp(verbs[i].type, type) == 0)
            return &verbs[i];
    return NULL;
}

static void do_command(struct script *s)
{
    const struct verb *verb = find_verb(string_of(s->command, "type"));
    enum outcome o;
    if (!verb)
        o = wrong(s, "unknown command");
    else if (strcmp(string_of(s->command, "module_type"), "text") == 0)
        o = SKIP;
    else
        o = verb->run(s);
    s->n.skipped += o == SKIP;
    s->n.failed += o == WRONG;
    s->n.passed += o == OK && verb && verb->counts;
}

static int boot(struct script *s)
{
    struct store_config config = store_default_config;
    uint64_t stack_bytes = (uint64_t)store_default_config.stack_slots * 8;
    s->pm = physmem_new(DRAM_BYTES, 0);
    if (!s->pm)
        return -1;
    s->limits = dialect_limits(s->path);
    config.limits = &s->limits;
    s->store = store_new(s->pm, &config);
    uint32_t frames = (uint32_t)((stack_bytes + FRAME_BYTES - 1) / FRAME_BYTES);
    uint32_t first = physmem_alloc(s->pm, frames);
    if (!s->store || first == FRAME_NONE)
        return -1;
    s->thread = thread_new(s->store, frame_addr(TIER_DRAM, first));
    if (!s->thread)
        return -1;
    add_host_module(s);
    return 0;
}

static void shut_down(struct script *s)
{
    if (s->thread)
        thread_drop(s->thread);
    if (s->store)
        store_free(s->store);
    if (s->pm)
        physmem_free(s->pm);
}

static void run_script(struct script *s, const char *path)
{
    json_error_t error;
    json_t *root = json_load_file(path, JSON_ALLOW_NUL, &error), *commands;
    size_t i;
    s->path = path;
    if (!root || boot(s)) {
        printf("%s: %s\n", path, root ? "no memory for a machine" : error.text);
        s->n.failed++;
    } else {
        commands = json_object_get(root, "commands");
        json_array_foreach(commands, i, s->command)
        {
            do_command(s);
        }
    }
    if (!s->quiet)
        printf("%s: %" PRIu64 " passed, %" PRIu64 " failed, %" PRIu64 " skipped\n", path,
               s->n.passed, s->n.failed, s->n.skipped);
    shut_down(s);
    json_decref(root);
}

struct options {
    int quiet, observed;
    uint64_t *log_words;
};

static void run_file(const struct options *opt, const char *path, struct totals *sum)
{
    struct script *s = calloc(1, sizeof *s);
    if (!s)
        abort();
    s->quiet = opt->quiet;
    s->observed = opt->observed;
    s->log = (struct log){opt->log_words, 0, LOG_WORDS};
    run_script(s, path);
    sum->passed += s->n.passed;
    sum->failed += s->n.failed;
    sum->skipped += s->n.skipped;
    free(s);
    fflush(stdout);
}

static int is_json(const struct dirent *e)
{
    size_t n = strlen(e->d_name);
    return n > 5 && strcmp(e->d_name + n - 5, ".json") == 0;
}

/* A script, or all those of a folder in the order of their names. */
static void run_path(const struct options *opt, const char *path, struct totals *sum)
{
    struct dirent **list;
    int n = scandir(path, &list, is_json, alphasort);
    if (n < 0) {
        run_file(opt, path, sum);
        return;
    }
    for (int i = 0; i < n; i++) {
        char file[4096];
        snprintf(file, sizeof file, "%s/%s", path, list[i]->d_name);
        run_file(opt, file, sum);
        free(list[i]);
    }
    free(list);
}

int main(int argc, char **argv)
{
    struct options opt = {0, 0, NULL};
    struct totals sum = {0, 0, 0};
    int paths = 0;
    opt.log_words = calloc(LOG_WORDS, sizeof *opt.log_words);
    for (int i = 1; i < argc && opt.log_words; i++) {
        if (strcmp(argv[i], "--quiet") == 0) {
            opt.quiet = 1;
        } else if (strcmp(argv[i], "--observed") == 0) {
            opt.observed = 1;
        } else {
            run_path(&opt, argv[i], &sum);
            paths++;
        }
    }
    free(opt.log_words);
    if (paths == 0) {
        fprintf(stderr, "usage: spectest [--quiet] [--observed] DIR|FILE.json...\n");
        return 2;
    }
    printf("%" PRIu64 " passed, %" PRIu64 " failed, %" PRIu64 " skipped\n", sum.passed, sum.failed,
           sum.skipped);
    return sum.failed > 0 || sum.passed == 0;
}
