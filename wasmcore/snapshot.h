/* snapshot.h - the state of a store, in wasm's own terms: written to bytes, read from bytes. */
#ifndef WASMCORE_SNAPSHOT_H
#define WASMCORE_SNAPSHOT_H

#include "memhier/archive.h"
#include "wasmcore/engine.h"

/*
 * What is written says nothing of how code is lowered: for each activation there are the function,
 * the offset of the operator that is next, the locals, and the operands. Everything has the number
 * that it had, so references, handles and addresses stay what they are. What memories hold is not
 * here but in physmem_archive: here is only which frames they consist of.
 *
 * "Values" below are u8 type, u64 bits (i32 and f32: high half zero; funcref: func_ref()). A v128
 * is two values: the low half, then, with type VT_HIGH, the high half; in a global 16 bytes.
 *
 *   "STOR"
 *   u32 n, then n modules: u32 length, name; u64 bytes, 16 bytes XXH3-128 of the module;
 *       u64 physical address of its code
 *   u32 host functions; u32 instance numbers, function numbers, memory numbers given out
 *   u32 n, then n host globals: u64 bits
 *   u32 n, then n host tables: u32 entries
 *   u32 n, then n host memories: u32 pages, u8 1: some are, or were, not its own, then for
 *       each u64 frame address | 1 if its own
 *   u32 n, then n instances by number, dropped ones are not there:
 *       u32 number, module, number of its first own function + 1 (0: none), number of its memory
 *           + 1 (0: not its own), u32 the memory's maximum; u8 privileged
 *       for each import that is not an instruction: function: u32 number; memory: u32 owner;
 *           table, global: u32 owner, u32 which of the owner's own. (owner: instance + 1, 0: host)
 *       own globals: u64 bits each; own tables: u32 entries each; a byte for each data segment, and
 *           for each element segment: 1 dropped; own memory, as above
 *   contents of tables, host tables first, then by instance: u64 reference for each entry
 *   "THRD", u32 thread numbers given out, u32 n, then n threads:
 *       u32 number; u64 physical address of its frames; u64 operators executed; u8 state, trap;
 *       u32 number of the function that it began with + 1 (0: gone); u32 slots of its stack
 *       empty: nothing. Begun with a host function, or done: u32 n, n x u64 arguments or results
 *       trapped: u32 n, then n activations, outermost first: u32 instance, function, offset
 *       else: u32 n, then n activations, outermost first:
 *           u32 instance, function, offset of the operator that is next (in the code of an import
 *           that is an instruction: 0 before it, 1 after it)
 *           u32 n, n values: locals; u32 n, n values: operands, the lowest first; in callers
 *           without what the call takes or gives
 *       in a host call, too: u32 number of the function + 1 (0: one of the engine's own, then u32
 *           which), u32 n, n x u64: its arguments, or its results if they are there already
 */

/* The bytes of a module with that digest (XXH3-128, most significant byte first), which live until
 * snapshot_read returns, or NULL. */
struct snapshot_source {
    const uint8_t *(*module)(void *arg, const char *name, uint64_t n, const uint8_t digest[16]);
    void *arg;
};

/* Can this thread be written as it stands? If not it is in the midst of a bulk operation, or of a
 * branch that moves values; it can be after a few more blocks (thread_preempt, then run it). */
int thread_at_point(const struct thread *t);
/* Append the store's state. 0, or -1 with the archive failed: a thread is not at a point; an
 * instance that was dropped is still in use by another. The store is as it was. */
int snapshot_write(struct store *st, struct archive *a);
/*
 * Read it into a store that has no modules, instances and threads, and as many host-made functions,
 * globals, tables and memories as the other had, made in the same order. After that, read the
 * contents of memory (physmem_archive). 0, or -1 with the archive failed: the store can only be
 * freed then. Any bytes may be given.
 */
int snapshot_read(struct store *st, struct archive *a, const struct snapshot_source *source);

#endif
