/* log.h - reading the log (wasmcore/block.h): what all core models do with its words. */
#ifndef CPU_LOG_H
#define CPU_LOG_H

#include "cpu/hart.h"

/*
 * log_read takes the log apart; a model supplies what it does with a block and with a bulk
 * operation, as functions that the compiler puts in place. What a block's end led to is known from
 * the next block word, which may come in a later log. So may the rest of a block whose bulk
 * operation filled the log.
 */

/* The next word of the log, after marks, which may stand anywhere. */
static inline const uint64_t *log_past_marks(struct core *c, const uint64_t *p, const uint64_t *end)
{
    while (p < end && LOG_TAG(*p) == LOG_EVENT && LOG_EVENT_CODE(*p) >= EV_ROI)
        core_event(c, *p++);
    return p;
}

static inline int log_is_address(const uint64_t *p, const uint64_t *end)
{
    return p < end && LOG_TAG(*p) == LOG_ADDR && (!(*p & LOG_NV) || end - p >= 3);
}

static inline uint32_t log_address_words(uint64_t word)
{
    return word & LOG_NV ? 3 : 1;
}

/* To the address that comes next, if there is one behind marks. */
static inline const uint64_t *log_to_address(struct core *c, const uint64_t *p, const uint64_t *end)
{
    return likely(log_is_address(p, end)) ? p : log_past_marks(c, p, end);
}

/* Leave the current block before its micro-op `at`: where to go on reading. */
static inline const uint64_t *log_leave_block(struct core *c, const uint64_t *p,
                                              const uint64_t *end, uint32_t at)
{
    c->origin = 0;
    c->next_uop = at;
    if (p < end) { /* something else follows: the block trapped here */
        c->block = 0;
        c->ending.end = END_UNKNOWN;
    }
    return p;
}

/* All micro-ops of the current block are done. */
static inline void log_end_block(struct core *c, const struct block *b)
{
    c->n.uops += b->nuops;
    c->block = 0;
    c->ending = (struct ending){
        .pc = b->code_addr + b->code_bytes,
        .taken = b->taken,
        .next = b->next,
        .func = b->func,
        .end = b->end,
        .backward = (uint8_t)(b->taken <= (uint32_t)(b - c->code.blocks)),
        .kernel_side = c->kernel_side,
        .place = unlikely(c->layout.last != NULL) ? c->layout.last[b - c->code.blocks] : 0};
}

static inline uint64_t log_pc(const struct core *c, const struct block *b, uint32_t uop)
{
    return b->code_addr + (uint64_t)uop * c->uop_bytes;
}

struct log_reader {
    /* Block `id` begins: predictions and fetch. */
    void (*begin)(struct core *c, uint32_t id, const struct block *b);
    /* The micro-ops of the current block from next_uop on, with their addresses: what is left of
     * the log. If the log ends first, the block stays current. */
    const uint64_t *(*walk)(struct core *c, const uint64_t *p, const uint64_t *end);
    /* One LOG_BULK of which n words are there: how many it has, 0 when it is cut off. */
    uint32_t (*bulk)(struct core *c, const uint64_t *words, uint32_t n, uint64_t pc);
};

/* All pieces of the current micro-op's bulk operation that the log holds: where it ends, or `end`:
 * more of them may come. */
static inline const uint64_t *
log_bulk(struct core *c, const uint64_t *p, const uint64_t *end, uint64_t pc,
         uint32_t (*bulk)(struct core *c, const uint64_t *words, uint32_t n, uint64_t pc))
{
    for (;;) {
        p = log_past_marks(c, p, end);
        if (p == end || LOG_TAG(*p) != LOG_BULK)
            return p;
        const uint32_t n = bulk(c, p, (uint32_t)(end - p), pc);
        if (n == 0)
            return end;
        p += n;
    }
}

static inline __attribute__((always_inline)) const uint64_t *
log_start_block(struct core *c, const uint64_t *p, const uint64_t *end, struct log_reader r)
{
    const uint32_t id = LOG_BLOCK_ID(*p);
    if (id == 0 || id >= c->code.nblocks)
        return p + 1;
    const struct block *b = &c->code.blocks[id];
    r.begin(c, id, b);
    if (unlikely(b->func != c->func)) {
        if (unlikely(c->no_stack))
            c->func = b->func;
        else
            core_enter_function(c, b->func);
    }
    c->n.blocks++;
    c->n.instructions += b->nops;
    c->block = id;
    c->fp = LOG_BLOCK_FP(*p);
    c->next_uop = 0;
    return r.walk(c, p + 1, end);
}

static inline __attribute__((always_inline)) void log_read(struct core *c, const uint64_t *words,
                                                           uint32_t n, struct log_reader r)
{
    const uint64_t *p = words, *const end = words + n;
    core_look_at_code(c);
    if (c->block && n)
        p = r.walk(c, p, end);
    while (p < end) {
        switch (LOG_TAG(*p)) {
        case LOG_BLOCK:
            p = log_start_block(c, p, end, r);
            break;
        case LOG_EVENT:
            core_event(c, *p++);
            break;
        case LOG_BULK: { /* the machine's own copies */
            const uint32_t used = r.bulk(c, p, (uint32_t)(end - p), 0);
            p = used ? p + used : end;
            break;
        }
        default: /* an address that no micro-op asked for */
            p += *p & LOG_NV && end - p >= 3 ? 3 : 1;
            break;
        }
    }
    core_settle(c);
}

#endif
