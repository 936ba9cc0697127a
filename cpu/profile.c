/* profile.c - cycles by guest call stack: a tree of calls for each thread, folded into text. */
#include "cpu/profile.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memhier/archive.h"

#define ROOT    0u
#define BUCKETS (2 * PROFILE_NODES)

/* A node is a function called from the stack that its parent is. */
struct node {
    uint32_t func, parent;
    uint32_t recent; /* child that was called last, 0: none */
    uint32_t depth;  /* of the root: 0 */
    uint64_t cycles;
};

/* The frames up to a node, and how many more there are that have none. */
struct stack {
    uint32_t node, folded;
};

struct profile {
    struct stack now;
    uint32_t thread;
    uint64_t since;
    struct node *nodes; /* [0] is the root: no function */
    uint32_t nnodes, cap;
    uint32_t *buckets; /* open addressing by (parent, func); 0: free */
    struct stack *stacks;
    uint32_t nstacks;
    uint8_t stopped;
};

struct profile *profile_new(void)
{
    struct profile *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->cap = 256;
    p->nodes = calloc(p->cap, sizeof *p->nodes);
    p->buckets = calloc(BUCKETS, sizeof *p->buckets);
    p->nnodes = 1;
    if (p->nodes && p->buckets)
        return p;
    profile_free(p);
    return NULL;
}

void profile_free(struct profile *p)
{
    if (!p)
        return;
    free(p->nodes);
    free(p->buckets);
    free(p->stacks);
    free(p);
}

/* Cycles so far belong to the stack so far. */
void profile_stop(struct profile *p)
{
    p->stopped = 1;
}

static void settle(struct profile *p, uint64_t cycle)
{
    p->nodes[p->now.node].cycles += cycle - p->since;
    p->since = cycle;
}

static uint32_t *bucket_of(struct profile *p, uint32_t parent, uint32_t func)
{
    uint64_t h = ((uint64_t)parent << 32 | func) * UINT64_C(0x9e3779b97f4a7c15);
    uint32_t i = (uint32_t)(h >> 40) % BUCKETS;
    while (p->buckets[i]) {
        const struct node *n = &p->nodes[p->buckets[i]];
        if (n->parent == parent && n->func == func)
            break;
        i = (i + 1) % BUCKETS;
    }
    return &p->buckets[i];
}

static uint32_t new_node(struct profile *p, uint32_t parent, uint32_t func)
{
    if (p->nnodes == PROFILE_NODES)
        return 0;
    if (p->nnodes == p->cap) {
        struct node *more = realloc(p->nodes, 2 * p->cap * sizeof *more);
        if (!more)
            return 0;
        p->nodes = more;
        p->cap *= 2;
    }
    p->nodes[p->nnodes] = (struct node){
        .func = func, .parent = parent, .depth = p->nodes[parent].depth + 1};
    return p->nnodes++;
}

/* The node of func called from parent, 0 when there is no room for it. */
static uint32_t child(struct profile *p, uint32_t parent, uint32_t func)
{
    const uint32_t recent = p->nodes[parent].recent;
    if (recent && p->nodes[recent].func == func)
        return recent;
    uint32_t *bucket = bucket_of(p, parent, func);
    if (!*bucket)
        *bucket = new_node(p, parent, func);
    p->nodes[parent].recent = *bucket;
    return *bucket;
}

static void push(struct profile *p, uint32_t func)
{
    uint32_t node = 0;
    if (!p->now.folded && p->nodes[p->now.node].depth < PROFILE_DEPTH)
        node = child(p, p->now.node, func);
    if (node)
        p->now.node = node;
    else
        p->now.folded++;
}

void profile_start(struct profile *p, uint32_t func, uint64_t cycle)
{
    if (p->stopped)
        return;
    settle(p, cycle);
    p->now = (struct stack){ROOT, 0};
    push(p, func);
}

void profile_call(struct profile *p, uint32_t func, uint64_t cycle)
{
    if (p->stopped)
        return;
    settle(p, cycle);
    push(p, func);
}

void profile_tail(struct profile *p, uint32_t func, uint64_t cycle)
{
    if (p->stopped)
        return;
    settle(p, cycle);
    if (p->now.folded)
        return; /* the time counts for the frame at the greatest depth anyway */
    p->now.node = p->nodes[p->now.node].parent;
    push(p, func);
}

void profile_return(struct profile *p, uint32_t func, uint64_t cycle)
{
    if (p->stopped)
        return;
    settle(p, cycle);
    if (p->now.folded)
        p->now.folded--;
    else
        p->now.node = p->nodes[p->now.node].parent;
    if (!p->now.folded && (p->now.node == ROOT || p->nodes[p->now.node].func != func))
        profile_start(p, func, cycle);
}

static struct stack *stack_of(struct profile *p, uint32_t thread)
{
    const uint32_t i = thread < PROFILE_THREADS ? thread : PROFILE_THREADS;
    if (i >= p->nstacks) {
        uint32_t n = p->nstacks ? p->nstacks : 16;
        while (n <= i)
            n *= 2;
        struct stack *more = realloc(p->stacks, n * sizeof *more);
        if (!more)
            return NULL;
        memset(more + p->nstacks, 0, (n - p->nstacks) * sizeof *more);
        p->stacks = more;
        p->nstacks = n;
    }
    return &p->stacks[i];
}

void profile_thread(struct profile *p, uint32_t thread, uint64_t cycle)
{
    if (p->stopped)
        return;
    settle(p, cycle);
    struct stack *old = stack_of(p, p->thread);
    if (old)
        *old = p->now;
    const struct stack *next = stack_of(p, thread);
    p->now = next ? *next : (struct stack){ROOT, 0};
    p->thread = thread;
}

/* ---- checkpoints ---- */

/* A node whose number is the next; its parent has been read before it. */
static void read_node(struct profile *p, struct archive *a)
{
    const uint32_t func = archive_put32(a, 0), parent = archive_put32(a, 0);
    const uint64_t cycles = archive_put64(a, 0);
    if (a->failed)
        return;
    if (parent >= p->nnodes || p->nodes[parent].depth >= PROFILE_DEPTH ||
        *bucket_of(p, parent, func)) {
        archive_fail(a, "damaged: a profile");
        return;
    }
    uint32_t *bucket = bucket_of(p, parent, func);
    *bucket = new_node(p, parent, func);
    if (*bucket)
        p->nodes[*bucket].cycles = cycles;
    else
        archive_fail(a, "a profile that is too large");
}

static void nodes_archive(struct profile *p, struct archive *a)
{
    uint32_t n = p->nnodes;
    archive_time(a, &p->nodes[ROOT].cycles);
    archive_count(a, &n, PROFILE_NODES, 16);
    for (uint32_t i = 1; i < n && !a->failed; i++) {
        if (!a->writing) {
            read_node(p, a);
            continue;
        }
        archive_put32(a, p->nodes[i].func);
        archive_put32(a, p->nodes[i].parent);
        archive_put64(a, p->nodes[i].cycles);
    }
    for (uint32_t i = 0; i < n && !a->failed; i++) {
        uint32_t *recent = &p->nodes[i].recent;
        archive_u32_below(a, recent, p->nnodes);
        if (*recent && p->nodes[*recent].parent != i) {
            archive_fail(a, "damaged: a profile");
            *recent = 0;
        }
    }
}

static void stack_archive(struct profile *p, struct stack *s, struct archive *a)
{
    archive_u32_below(a, &s->node, p->nnodes);
    archive_u32(a, &s->folded);
}

void profile_archive(struct profile *p, struct archive *a)
{
    uint32_t n = p->nstacks;
    archive_section(a, "PROF", 1);
    nodes_archive(p, a);
    stack_archive(p, &p->now, a);
    archive_u32(a, &p->thread);
    archive_time(a, &p->since);
    archive_count(a, &n, 2 * PROFILE_THREADS, 8);
    if (!a->writing && n && !a->failed) {
        p->stacks = calloc(n, sizeof *p->stacks);
        p->nstacks = p->stacks ? n : 0;
        if (!p->stacks)
            archive_fail(a, "out of memory");
    }
    for (uint32_t i = 0; i < p->nstacks && !a->failed; i++)
        stack_archive(p, &p->stacks[i], a);
}

/* ---- text ---- */

static char clean(char c)
{
    const unsigned char u = (unsigned char)c;
    return u <= ' ' || u == 0x7f || c == ';' ? '_' : c;
}

static size_t put_name(char *to, const char *name)
{
    const size_t n = strnlen(name, PROFILE_NAME);
    for (size_t i = 0; i < n; i++)
        to[i] = clean(name[i]);
    if (n == 0)
        *to = '_';
    return n ? n : 1;
}

/* The stack of a node as text without its count, on the heap. */
static char *stack_text(const struct profile *p, uint32_t node, char *const *names, uint32_t n)
{
    uint32_t path[PROFILE_DEPTH], depth = 0;
    char *text = malloc((PROFILE_NAME + 1) * (p->nodes[node].depth + 1));
    if (!text)
        return NULL;
    for (uint32_t i = node; i != ROOT; i = p->nodes[i].parent)
        path[depth++] = p->nodes[i].func;
    size_t len = depth ? 0 : put_name(text, "(none)");
    while (depth--) {
        len += put_name(text + len, path[depth] < n ? names[path[depth]] : "?");
        text[len++] = ';';
    }
    text[len - (node != ROOT)] = 0;
    return text;
}

struct line {
    char *text;
    uint64_t cycles;
};

static int by_text(const void *a, const void *b)
{
    return strcmp(((const struct line *)a)->text, ((const struct line *)b)->text);
}

/* Sorted lines; those of the same text (names need not be unique) become one. */
static uint32_t merge_lines(struct line *lines, uint32_t n)
{
    uint32_t kept = 0;
    qsort(lines, n, sizeof *lines, by_text);
    for (uint32_t i = 0; i < n; i++) {
        if (kept && strcmp(lines[kept - 1].text, lines[i].text) == 0) {
            lines[kept - 1].cycles += lines[i].cycles;
            free(lines[i].text);
        } else {
            lines[kept++] = lines[i];
        }
    }
    return kept;
}

static char *join_lines(const struct line *lines, uint32_t n)
{
    size_t room = 1;
    for (uint32_t i = 0; i < n; i++)
        room += strlen(lines[i].text) + 24;
    char *text = malloc(room), *at = text;
    if (!text)
        return NULL;
    *at = 0;
    for (uint32_t i = 0; i < n; i++)
        at += sprintf(at, "%s %" PRIu64 "\n", lines[i].text, lines[i].cycles);
    return text;
}

char *profile_folded(struct profile *p, uint64_t cycle, char *const *names, uint32_t n)
{
    settle(p, cycle);
    struct line *lines = calloc(p->nnodes, sizeof *lines);
    uint32_t nlines = 0;
    char *out = NULL;
    if (!lines)
        return NULL;
    for (uint32_t i = 0; i < p->nnodes; i++) {
        if (!p->nodes[i].cycles)
            continue;
        lines[nlines] = (struct line){stack_text(p, i, names, n), p->nodes[i].cycles};
        if (!lines[nlines++].text)
            goto done;
    }
    nlines = merge_lines(lines, nlines);
    out = join_lines(lines, nlines);
done:
    for (uint32_t i = 0; i < nlines; i++)
        free(lines[i].text);
    free(lines);
    return out;
}
