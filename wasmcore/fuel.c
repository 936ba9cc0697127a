/* fuel.c - threads that stop at an exact count of operators. */
/*
 * With a limit on its fuel a thread runs in the metered builds of exec.inc, which look at each
 * block before they enter it and leave when it holds more operators than there are left. That block
 * is then entered in step mode: the instruction that belongs to the first operator too many is
 * replaced by IN_STOP, and put back when the engine has come there. A block is straight on, so
 * nothing else can meet it in between.
 *
 * Steps always run the observed build, with a log of their own. What a block has logged up to the
 * stop is kept, and comes before the rest when the thread goes on in observed mode: so a log has no
 * halves of blocks, and both modes stop in the same state.
 */
#include <stdlib.h>
#include <string.h>

#include "wasmcore/state.h"

struct step {
    uint32_t block; /* number in the code of the IN_BLOCK under way */
    uint32_t rest;  /* operators of it that are still to come */
    uint32_t kept;  /* words */
    uint64_t words[LOG_SLACK];
    uint64_t log_words[2 * LOG_SLACK];
};

int thread_fuel(struct thread *t, uint64_t count)
{
    if (count != UINT64_MAX && !t->step && !(t->step = calloc(1, sizeof(*t->step))))
        return -1;
    t->fuel = count;
    return 0;
}

const uint64_t *step_kept(const struct thread *t, uint32_t *n)
{
    *n = t->step->kept;
    return t->step->words;
}

void thread_log_kept(const struct thread *t, struct log *log)
{
    if (t->state != THREAD_WITHIN)
        return;
    memcpy(log->words + log->n, t->step->words, t->step->kept * sizeof(*log->words));
    log->n += t->step->kept;
}

static int has_room(const struct log *log)
{
    return !log || log->cap - log->n >= LOG_SLACK;
}

/* The engine has come to IN_STOP, with all of the block counted. */
static void keep(struct thread *t, const struct log *log, uint32_t rest)
{
    struct step *s = t->step;
    s->kept = log->n - (uint32_t)(t->block_word - log->words);
    memcpy(s->words, t->block_word, s->kept * sizeof(*s->words));
    s->rest = rest;
    t->count -= rest;
}

/* Run the next `left` operators of a block that has more. */
static enum run_reason step(struct thread *t, struct log *log, uint32_t left)
{
    struct step *s = t->step;
    const struct code *code = t->rec->code;
    const struct insn_pos *pos = code_positions(t->store, code);
    struct log own = {s->log_words, 0, 2 * LOG_SLACK};
    uint32_t at = (uint32_t)(t->ip - code->insns), until = left;
    if (t->state == THREAD_WITHIN) {
        until += code->insns[s->block].dst - s->rest;
        t->count += s->rest;
    } else {
        s->block = at++;
    }
    while (code->insns[at].op != IN_BLOCK && pos[at].ops <= until)
        at++;
    const uint16_t op = code->insns[at].op;
    code->insns[at].op = IN_STOP;
    enum run_reason r = thread_execute(t, &own, exec_observed);
    code->insns[at].op = op;
    if (r == RUN_FUEL) {
        keep(t, &own, code->insns[s->block].dst - until);
    } else if (log) { /* it trapped; the first word says the instance once more */
        memcpy(log->words + log->n, own.words, own.n * sizeof(*log->words));
        log->n += own.n;
    }
    return r;
}

enum run_reason fuel_run(struct thread *t, struct log *log)
{
    enum run_reason r;
    if (t->count > t->fuel)
        return RUN_FUEL;
    if (!has_room(log))
        return RUN_LOG;
    if (t->state == THREAD_WITHIN) {
        if (t->fuel == t->count)
            return RUN_FUEL;
        if (t->fuel - t->count < t->step->rest)
            return step(t, log, (uint32_t)(t->fuel - t->count));
        t->count += t->step->rest;
    }
    r = thread_execute(t, log, log ? exec_observed_metered : exec_functional_metered);
    if (r != RUN_FUEL || t->count == t->fuel)
        return r;
    if (!has_room(log))
        return RUN_LOG;
    return step(t, log, (uint32_t)(t->fuel - t->count));
}
