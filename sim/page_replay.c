/* page_replay.c - `pwsim replay --page`: page policies driven by the accesses of a trace. */
#include "sim/page_replay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "memhier/page_policy.h"
#include "sim/error.h"
#include "sim/options.h"
#include "sim/quantity.h"
#include "sim/table.h"
#include "traces/trace.h"

#define BATCH         4096u
#define MOST_POLICIES 64u
#define SMALLEST_PAGE 64u
#define LARGEST_PAGE  (1u << 30)

enum { TRACE, POLICY, REQUESTS, HITS, MISSES, RATIO, SPEED };

struct page_replay {
    const struct page_policy *policy[MOST_POLICIES];
    size_t policies;
    unsigned shift;
    uint32_t capacity;
    struct table *table;
    uint64_t *page; /* of the present trace */
    size_t requests, room;
};

/* ---- what was asked for ---- */

static int parse_page(struct page_replay *r, const char *text, char *err, size_t errlen)
{
    char why[256];
    uint64_t bytes;
    if (quantity_parse(QUANTITY_BYTES, text, &bytes, why, sizeof why))
        return fail(err, errlen, "--page: %s", why);
    if (bytes < SMALLEST_PAGE || bytes > LARGEST_PAGE || (bytes & (bytes - 1)))
        return fail(err, errlen, "--page: \"%s\" is no power of two from 64 B to 1 GiB", text);
    r->shift = (unsigned)__builtin_ctzll(bytes);
    return 0;
}

static int parse_capacity(struct page_replay *r, const char *text, char *err, size_t errlen)
{
    if (!text)
        return fail(err, errlen, "--page: needs --capacity PAGES too");
    errno = 0;
    const unsigned long long n = strspn(text, "0123456789") == strlen(text)
                                     ? strtoull(text, NULL, 10)
                                     : 0;
    if (errno || n < 1 || n > PAGE_CAPACITY_LIMIT)
        return fail(err, errlen, "--capacity: \"%s\" is no number of pages from 1 to %u", text,
                    PAGE_CAPACITY_LIMIT);
    r->capacity = (uint32_t)n;
    return 0;
}

static int add_policy(void *self, const char *name, char *err, size_t errlen)
{
    struct page_replay *r = self;
    if (r->policies == MOST_POLICIES)
        return fail(err, errlen, "--policy: more than %u policies", MOST_POLICIES);
    const struct page_policy *p = page_policy_find(name);
    if (!p)
        return fail(err, errlen,
                    "--policy: \"%s\" is no page policy; `pwsim list page-policies` lists them",
                    name);
    r->policy[r->policies++] = p;
    return 0;
}

static int parse_policies(struct page_replay *r, const char *text, char *err, size_t errlen)
{
    if (!text) {
        while (page_policy_table[r->policies]) {
            r->policy[r->policies] = page_policy_table[r->policies];
            r->policies++;
        }
        return 0;
    }
    return names_each(text, add_policy, r, err, errlen);
}

/* ---- one trace ---- */

static int is_request(const struct trace_record *t)
{
    const uint32_t kinds = 1u << MEM_FETCH | 1u << MEM_LOAD | 1u << MEM_STORE | 1u << MEM_NTSTORE |
                           1u << MEM_WALK;
    return kinds >> t->kind & 1;
}

static int keep(struct page_replay *r, uint64_t page)
{
    if (r->requests == r->room) {
        const size_t room = r->room ? 2 * r->room : BATCH;
        uint64_t *more = room <= PAGE_REQUESTS_LIMIT ? realloc(r->page, room * sizeof *more) : NULL;
        if (!more)
            return -1;
        r->page = more;
        r->room = room;
    }
    r->page[r->requests++] = page;
    return 0;
}

static int read_requests(struct page_replay *r, const char *path, char *err, size_t errlen)
{
    const struct trace_record *batch;
    struct trace_reader *reader = trace_open(path, err, errlen);
    int64_t n = reader ? 1 : -1;
    if (reader)
        (void)trace_read_ahead(reader, 0); /* slower without, else the same */
    r->requests = 0;
    while (n > 0) {
        n = trace_next(reader, &batch, BATCH, err, errlen);
        for (int64_t i = 0; i < n; i++)
            if (is_request(&batch[i]) && keep(r, batch[i].addr >> r->shift))
                n = fail(err, errlen, "%s: no memory for more than %zu requests", path,
                         r->requests);
    }
    trace_reader_free(reader);
    return n < 0 ? -1 : 0;
}

static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

static void put_row(struct page_replay *r, const char *path, const char *name, uint64_t misses,
                    uint64_t ns)
{
    const size_t row = table_row(r->table);
    table_text(r->table, row, TRACE, path);
    table_text(r->table, row, POLICY, name);
    table_fixed(r->table, row, REQUESTS, (int64_t)r->requests, 0, "");
    table_fixed(r->table, row, HITS, (int64_t)(r->requests - misses), 0, "");
    table_fixed(r->table, row, MISSES, (int64_t)misses, 0, "");
    if (r->requests)
        table_fixed(r->table, row, RATIO,
                    (int64_t)((misses * 10000 + r->requests / 2) / r->requests), 4, "");
    if (ns)
        table_fixed(r->table, row, SPEED, (int64_t)(r->requests * UINT64_C(1000000000) / ns), 0,
                    "");
}

static int run_policy(struct page_replay *r, const struct page_policy *p, const char *path,
                      char *err, size_t errlen)
{
    const struct page_config cfg = {
        .capacity = r->capacity, .future = r->page, .requests = r->requests, .seed = 1};
    const uint64_t began = cpu_ns();
    uint64_t misses = 0, victim;
    enum page_result result = PAGE_MISS;
    void *state = p->make(&cfg, err, errlen);
    if (!state)
        return -1;
    for (size_t i = 0; i < r->requests && result != PAGE_FAILED; i++) {
        result = p->access(state, r->page[i], &victim);
        misses += result != PAGE_HIT;
    }
    p->drop(state);
    if (result == PAGE_FAILED)
        return fail(err, errlen, "%s: out of memory", p->name);
    put_row(r, path, p->name, misses, cpu_ns() - began);
    return 0;
}

static int run_traces(struct page_replay *r, char **paths, int n, char *err, size_t errlen)
{
    static const char *const titles[] = {"requests", "hits", "misses", "miss ratio", "requests/s"};
    int bad = 0;
    table_column(r->table, "trace", TABLE_LEFT);
    table_column(r->table, "policy", TABLE_LEFT);
    for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++)
        table_column(r->table, titles[i], TABLE_RIGHT);
    for (int i = 0; i < n && !bad; i++) {
        bad = read_requests(r, paths[i], err, errlen);
        for (size_t p = 0; p < r->policies && !bad; p++)
            bad = run_policy(r, r->policy[p], paths[i], err, errlen);
        if (i && !bad)
            table_rule(r->table, (size_t)i * r->policies);
    }
    return bad;
}

int page_replay(const struct page_replay_options *opt, char **paths, int n, char *err,
                size_t errlen)
{
    struct page_replay r = {0};
    if (!opt->page)
        return fail(err, errlen, "replay: --capacity needs --page, --policy needs --page or --llc");
    if (parse_page(&r, opt->page, err, errlen) || parse_capacity(&r, opt->capacity, err, errlen) ||
        parse_policies(&r, opt->policies, err, errlen))
        return -1;
    r.table = table_new();
    const int bad = run_traces(&r, paths, n, err, errlen);
    if (!bad && opt->json)
        table_print_json(r.table, stdout);
    else if (!bad)
        table_print(r.table, stdout);
    table_free(r.table);
    free(r.page);
    return bad;
}
