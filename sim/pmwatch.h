/* pmwatch.h - turns what the engine logs into events on persistent memory, with call stacks. */
#ifndef SIM_PMWATCH_H
#define SIM_PMWATCH_H

#include <stdint.h>

#include "nvdimm/pmevent.h"
#include "wasmcore/engine.h"

/*
 * Reads the log of each hart (wasmcore/block.h) and makes struct pm_event of what touches the
 * NVDIMM, or tries to. A place in the guest is a number, `site`: function and block with all its
 * callers; sites are few and are kept for the life of the watch. Blocks that neither flush nor
 * fence nor store to the NVDIMM are passed over.
 */
struct watch;

/* loads: make PM_LOAD of all loads from the NVDIMM; else only where another thread has written. */
struct watch *watch_new(struct store *store, uint32_t kernel_instance, uint32_t nharts, int loads);
void watch_free(struct watch *w);

/* Words of a hart's log, one piece behind the other, cut between blocks or in a bulk operation. The
 * events that they hold are appended to the batch. */
void watch_scan(struct watch *w, uint32_t hart, const uint64_t *words, uint32_t n);
/* A word that a device has written to the NVDIMM. */
void watch_device(struct watch *w, uint64_t addr, uint64_t old_bytes, uint64_t new_bytes);

/* The batch: events since the last watch_clear. */
struct pm_event *watch_events(struct watch *w, size_t *n);
void watch_clear(struct watch *w);

/* Pieces of the words last scanned that end with a block that flushes or fences, or with a mark: up
 * to which word, and its last flush, fence or mark in the batch. */
struct watch_cut {
    uint32_t words, event;
};
const struct watch_cut *watch_cuts(const struct watch *w, uint32_t *n);

/* Innermost first: fills up to n frames, returns how many there are. */
struct watch_frame {
    const char *module, *func; /* owned by the store */
    uint32_t offset;           /* of the code in the module's bytes */
};
uint32_t watch_backtrace(const struct watch *w, uint32_t site, struct watch_frame *out, uint32_t n);

#endif
