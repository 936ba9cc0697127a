/* profile.h - cycles by guest call stack: a tree of calls for each thread, folded into text. */
#ifndef CPU_PROFILE_H
#define CPU_PROFILE_H

#include <stdint.h>

/*
 * The core says when a function is called, when one returns and when the thread changes, each with
 * the cycle; the cycles since then belong to the stack that was current. User and kernel frames of
 * a thread are on one stack. Bounds: frames deeper than PROFILE_DEPTH count for the one at that
 * depth; when the tree has PROFILE_NODES nodes, calls not seen before count for their caller, as
 * does whatever they call.
 */
#define PROFILE_DEPTH   128u
#define PROFILE_NODES   32768u
#define PROFILE_THREADS (1u << 20) /* higher numbers share one record */
#define PROFILE_NAME    96u        /* bytes of a name that are printed */

struct profile;

struct profile *profile_new(void); /* NULL: no memory */
void profile_free(struct profile *p);
/* From now on nothing is told apart. */
void profile_stop(struct profile *p);

void profile_call(struct profile *p, uint32_t func, uint64_t cycle);
/* Back into func: a level up when that fits; otherwise the stack begins anew with func. */
void profile_return(struct profile *p, uint32_t func, uint64_t cycle);
/* func runs in place of the function on top, which called it as its last act. */
void profile_tail(struct profile *p, uint32_t func, uint64_t cycle);
/* func runs now and was not called: the first of a thread, or one started over. */
void profile_start(struct profile *p, uint32_t func, uint64_t cycle);
/* Thread numbers start at any value; a new one begins with an empty stack. */
void profile_thread(struct profile *p, uint32_t thread, uint64_t cycle);

/* To or from a checkpoint (memhier/archive.h); what is read goes into a new profile. */
struct archive;
void profile_archive(struct profile *p, struct archive *a);

/*
 * "main;f;g 123" lines, sorted, one for each stack that has cycles; time before any function is
 * "(none)". Semicolons, white space and control characters in names become '_'. The caller frees;
 * NULL: no memory. cycle: now.
 */
char *profile_folded(struct profile *p, uint64_t cycle, char *const *names, uint32_t n);

#endif
