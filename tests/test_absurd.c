/* test_absurd.c - every key with values that make no sense: it is refused, with where it was set,
 * or the machine's memory side and cores work. */
#include <criterion/criterion.h>
#include <string.h>

#include "cpu/stream.h"
#include "sim/config.h"
#include "sim/coreside.h"
#include "sim/memside.h"

static const char *const numbers[] = {"0",
                                      "1",
                                      "2",
                                      "3",
                                      "7",
                                      "64",
                                      "65",
                                      "1000",
                                      "4096",
                                      "65536",
                                      "1048576",
                                      "4294967295",
                                      "18446744073709551615",
                                      "-1"};
static const char *const sizes[] = {"0",      "1 B",    "64 B",  "100 B", "4 KiB", "48 KiB",
                                    "99 KiB", "33 MiB", "1 GiB", "1 TiB", "-1"};
static const char *const times[] = {"0", "1 ps", "3 ps", "7 ns", "1 us", "1 s", "10000000 s", "-1"};
static const char *const rates[] = {"0", "1 Hz", "1 MHz", "7 GHz", "1 THz", "3 THz", "-1"};
static const char *const words[] = {"", "x", "f", "none", "/", "../nothing", "opt", "stream"};

#define MOST 16u

/* The values to try: how many. buf: for the choices of an ENUM. */
static size_t values_of(const struct config_key *key, char buf[256], const char *out[MOST])
{
#define ALL(list) (memcpy(out, list, sizeof list), sizeof list / sizeof *list)
    size_t n = 0;
    switch (key->type) {
    case CONFIG_INT:
        return ALL(numbers);
    case CONFIG_BYTES:
        return ALL(sizes);
    case CONFIG_TIME:
        return ALL(times);
    case CONFIG_FREQ:
        return ALL(rates);
    case CONFIG_BOOL:
        out[0] = "true";
        out[1] = "false";
        out[2] = "2";
        return 3;
    case CONFIG_ENUM:
        snprintf(buf, 256, "%s|x", key->choices);
        for (char *rest = buf, *c; n < MOST && (c = strsep(&rest, "|"));)
            out[n++] = c;
        return n;
    default:
        return ALL(words);
    }
#undef ALL
}

/* Requests of all kinds, here and there: each is over, and not before it began. */
static void use_memory(const struct memside *side, const struct config *cfg, const char *what)
{
    static const uint8_t kinds[] = {MEM_LOAD, MEM_STORE,      MEM_CLWB,    MEM_FETCH,
                                    MEM_WALK, MEM_CLFLUSHOPT, MEM_NTSTORE, MEM_PREFETCH};
    for (uint32_t i = 0; i < 400; i++) {
        const uint64_t line = i * UINT64_C(2654435761) % 5000 * LINE_BYTES;
        struct mem_req req = {.addr = i % 3 || !cfg->nvdimm_bytes ? line : NVDIMM_BASE + line,
                              .at = i * UINT64_C(700),
                              .pc = i % 5 * 4,
                              .bytes = 8,
                              .kind = kinds[i / 2 % 8]};
        if (req.addr % NVDIMM_BASE + LINE_BYTES >
            (req.addr < NVDIMM_BASE ? cfg->dram_bytes : cfg->nvdimm_bytes))
            continue;
        const struct mem_reply r = hierarchy_access(side->hierarchy, &req);
        cr_assert(r.done >= req.at && r.done < UINT64_MAX / 16, "%s: request %u: %lu", what, i,
                  (unsigned long)r.done);
    }
}

static int use_core(struct memside *side, const struct config *cfg, const char *what, char *err,
                    size_t errlen)
{
    struct core_config cc;
    const struct core_view view = {0};
    const struct core_env env = {
        .view = &view, .hierarchy = side->hierarchy, .kernel_instance = NO_INSTANCE};
    const struct core_ops *ops = core_model_of(cfg);
    if (!ops)
        return 0;
    struct core *core = core_config_of(cfg, &cc, err, errlen)
                            ? NULL
                            : core_make(cfg, &cc, &env, err, errlen);
    if (!core)
        return -1;
    if (ops->stream) {
        struct stream_op s[64];
        for (uint32_t i = 0; i < 64; i++)
            s[i] = (struct stream_op){.pc = 4096 + i * 4,
                                      .next = 4100 + i * 4,
                                      .load = {i * 4160},
                                      .loads = i % 3 == 0,
                                      .store = {i * 64},
                                      .stores = i % 5 == 0,
                                      .branch = i % 7 == 0 ? STREAM_COND : STREAM_NONE,
                                      .taken = i % 2};
        ops->stream(core, s, 64);
        ops->drain(core);
        const struct core_counters *n = ops->counters(core);
        uint64_t cycles = 0;
        for (unsigned i = 0; i < CPI_COUNT; i++)
            cycles += n->user_cycles[i] + n->kernel_cycles[i];
        cr_assert_eq(cycles * cc.period, ops->now(core), "%s: the CPI stack is not the time", what);
    }
    ops->drop(core);
    return 0;
}

/* Is it of the memory side or of the core? */
static int is_ours(const char *path)
{
    static const char *const groups[] = {"core.",   "isa.",         "tlb.",   "l1i.",
                                         "l1d.",    "l2.",          "llc.",   "dram.",
                                         "nvdimm.", "memory_mode.", "kernel."};
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
        if (!strncmp(path, groups[i], strlen(groups[i])))
            return strcmp(path, "nvdimm.image") != 0;
    return !strcmp(path, "machine.harts");
}

static void try_value(const char *base, const char *path, const char *value)
{
    char what[300], at[310], err[1000] = "";
    struct config *cfg;
    struct memside side;
    snprintf(what, sizeof what, "%s=%s", path, value);
    snprintf(at, sizeof at, "-s %s: ", what);
    const char *const sets[] = {"machine.dram=64 MiB",
                                "nvdimm.size=1 MiB",
                                "llc.size=256 KiB",
                                "l2.size=64 KiB",
                                base,
                                what};
    int bad = config_load(NULL, sets, sizeof sets / sizeof *sets, &cfg, err, sizeof err);
    if (!bad && is_ours(path) && !(bad = memside_make(&side, cfg, 1, err, sizeof err))) {
        use_memory(&side, cfg, what);
        bad = use_core(&side, cfg, what, err, sizeof err);
        memside_drop(&side);
    }
    cr_assert(!bad || !strncmp(err, at, strlen(at)), "%s is refused by: %s", what, err);
    config_free(cfg);
}

static void try_all(const char *base)
{
    for (size_t k = 0; k < config_key_count; k++) {
        const char *values[MOST];
        char buf[256];
        const size_t n = values_of(&config_keys[k], buf, values);
        for (size_t i = 0; i < n; i++)
            try_value(base, config_keys[k].path, values[i]);
    }
}

Test(absurd, in_order)
{
    try_all("core.model=inorder");
}

Test(absurd, out_of_order)
{
    try_all("core.model=ooo");
}

Test(absurd, behind_a_trap)
{
    try_all("kernel.boundary=trap");
}
