/* txlog.h - a small undo log with annotations for the checker. */
#ifndef PERSISTENCY_TXLOG_H
#define PERSISTENCY_TXLOG_H

#include "pm.h"

#define TX_ENTRIES 15u

/*
 * Entries [0, n) hold words of the object before the transaction; n is 0 when none is under way. An
 * entry is durable before n counts it, n is durable before the word is changed, all words are
 * durable before n becomes 0. So after a power cut the entries restore the words, newest first, as
 * often as one likes.
 */
struct txlog {
    volatile uint64_t n;
    uint64_t unused[7];
    struct {
        volatile uint64_t offset, old;
    } entry[TX_ENTRIES];
};

static inline void tx_word(volatile uint64_t *at, uint64_t value)
{
    *at = value;
    pmem_persist((void *)at, sizeof *at);
}

static inline void tx_begin(struct txlog *log)
{
    (void)log;
    pwk_tx(PWK_TX_BEGIN, NULL, 0);
}

/* Save one word of the object that begins at base. */
static inline void tx_save(struct txlog *log, const void *base, volatile uint64_t *at)
{
    const uint64_t i = log->n;
    log->entry[i].offset = (uint64_t)((uintptr_t)at - (uintptr_t)base);
    log->entry[i].old = *at;
    pmem_persist((void *)&log->entry[i], sizeof log->entry[i]);
    tx_word(&log->n, i + 1);
    pwk_tx(PWK_TX_LOGGED, (void *)at, sizeof *at);
}

static inline void tx_flush_saved(struct txlog *log, uint8_t *base)
{
    for (uint64_t i = 0; i < log->n; i++) {
        const uint64_t line = log->entry[i].offset & ~(uint64_t)(PMEM_LINE - 1);
        uint64_t k = 0;
        while (k < i && (log->entry[k].offset & ~(uint64_t)(PMEM_LINE - 1)) != line)
            k++;
        if (k == i)
            pmem_clwb(base + line);
    }
    if (log->n)
        pmem_sfence();
}

static inline void tx_commit(struct txlog *log, void *base)
{
    tx_flush_saved(log, base);
    tx_word(&log->n, 0);
    pwk_tx(PWK_TX_COMMIT, NULL, 0);
}

/* Put the saved words back: an abort, or recovery. */
static inline void tx_undo(struct txlog *log, uint8_t *base, int flush)
{
    for (uint64_t i = log->n <= TX_ENTRIES ? log->n : 0; i-- > 0;)
        *(volatile uint64_t *)(void *)(base + log->entry[i].offset) = log->entry[i].old;
    if (flush)
        tx_flush_saved(log, base);
    if (log->n)
        tx_word(&log->n, 0);
}

#endif
