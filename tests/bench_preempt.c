/* bench_preempt.c - what the engine's check for preemption costs. */
/*
 *     bench_preempt BUILD
 *
 *   preempt.PROGRAM   how much longer a program of BUILD/alone takes, in percent, with the check
 *                     at taken branches and calls than without
 *   preempt.cost      the same, the geometric mean over the programs
 *   preempt.null      the same of two that are both without: what the measure makes up
 *
 * The difference is far smaller than what else moves the time of a program: where the loop's code
 * lies (5 % and more), where the guest's data lie, and the host, whose speed changes by a tenth
 * from one tenth of a second to the next. So
 *
 * - the loop is the same code at the same place, in which the checks are rewritten (look.c);
 * - two guests of the same program go through it side by side, one with the check and one without,
 *   in short slices that take turns. A slice ends by a timer, in both alike (LOOK_STOP). The two of
 *   a pair aim at the same count of operators, which has a part by chance, so that nothing periodic
 *   falls in with them;
 * - four pairs are a group: each guest is once the one with the check and first, once that and
 *   second, and twice the other one. Host CPU time for an operator with the check is divided by
 *   that without; of a group the geometric mean is taken, of GROUPS the median.
 */
#include <math.h>
#include <signal.h>
#include <sys/time.h>

#include "tests/bench_guest.h"
#include "tests/look.h"

#define SLICE_NS UINT64_C(2000000) /* in the mean */
#define GROUPS   100u
#define PAIRS    4u /* of a group */

static volatile uint64_t cut_ns; /* when the timer ended the slice under way; 0: not yet */

static void end_slice(int signal)
{
    (void)signal;
    if (!cut_ns) {
        cut_ns = bench_ns();
        look_set(LOOK_STOP);
    }
}

static void set_timer(uint64_t ns)
{
    const struct itimerval t = {.it_value.tv_sec = (time_t)(ns / 1000000000),
                                .it_value.tv_usec = (suseconds_t)(ns / 1000 % 1000000)};
    setitimer(ITIMER_REAL, &t, NULL);
}

struct slice {
    uint64_t ns, operators;
    int ended; /* the program */
};

/* Runs a guest for about so long. */
static struct slice run_slice(struct thread *t, enum look how, uint64_t ns)
{
    const uint64_t from = thread_instructions(t);
    look_set(how);
    cut_ns = 0;
    const uint64_t began = bench_ns();
    set_timer(ns);
    enum run_reason why = thread_execute(t, NULL, exec_look);
    set_timer(0);
    if (why != RUN_DONE && (why != RUN_PREEMPT || !cut_ns))
        die("a program did not go on well");
    return (struct slice){cut_ns - began, thread_instructions(t) - from, why == RUN_DONE};
}

/* Two guests of one program on their way, and the group of pairs under way. */
struct race {
    struct guest guests[2];
    enum look how[2];
    double op_ns; /* of late */
    unsigned pair;
    double log_sum;
    uint64_t chance;
};

static uint32_t by_chance(struct race *r)
{
    r->chance = r->chance * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(r->chance >> 33);
}

/* How long a guest will take to have so many operators, within reason. */
static uint64_t time_to(const struct race *r, const struct guest *g, uint64_t operators)
{
    const uint64_t at = thread_instructions(g->thread);
    const double ns = operators > at ? (double)(operators - at) * r->op_ns : 0;
    if (ns < SLICE_NS / 8)
        return SLICE_NS / 8;
    return ns > SLICE_NS * 4 ? SLICE_NS * 4 : (uint64_t)ns;
}

/* One slice of each. 0, or 1 if the program has ended in one of them. */
static int run_pair(struct race *r)
{
    const unsigned swapped = r->pair >> 1, first = (r->pair ^ r->pair >> 1) & 1;
    const uint64_t ns = SLICE_NS / 2 + by_chance(r) % SLICE_NS;
    uint64_t goal = 0;
    double took[2]; /* for an operator */
    for (unsigned i = 0; i < 2; i++) {
        uint64_t at = thread_instructions(r->guests[i].thread);
        goal = at > goal ? at : goal;
    }
    goal += (uint64_t)((double)ns / r->op_ns);
    for (unsigned i = 0; i < 2; i++) {
        unsigned role = i ^ first;
        const struct guest *g = &r->guests[role ^ swapped];
        struct slice s = run_slice(g->thread, r->how[role], time_to(r, g, goal));
        if (s.ended)
            return 1;
        if (!s.ns || !s.operators) /* another process had all the time: once more */
            return 0;
        took[role] = (double)s.ns / (double)s.operators;
    }
    r->op_ns = (took[0] + took[1]) / 2;
    r->log_sum += log(took[0] / took[1]);
    r->pair++;
    return 0;
}

/* Of time with the checks as `a` to time with the checks as `b`: the logarithm. */
static double compare(struct bytes wasm, enum look a, enum look b)
{
    double v[GROUPS];
    struct race r = {.how = {a, b}, .op_ns = 1, .chance = 1};
    for (unsigned n = 0; n < GROUPS;) {
        r.guests[0] = guest_new(wasm);
        r.guests[1] = guest_new(wasm);
        unsigned pairs = 0;
        for (; n < GROUPS && !run_pair(&r); pairs++) {
            if (r.pair == PAIRS) {
                v[n++] = r.log_sum / PAIRS;
                r.log_sum = 0;
                r.pair = 0;
            }
        }
        guest_free(&r.guests[0]);
        guest_free(&r.guests[1]);
        if (!pairs)
            die("a program is too short");
    }
    return bench_median(v, GROUPS);
}

static double percent(double log)
{
    return (exp(log) - 1) * 100;
}

int main(int argc, char **argv)
{
    const struct sigaction action = {.sa_handler = end_slice, .sa_flags = SA_RESTART};
    double cost = 0, null = 0;
    unsigned n = 0;
    if (argc != 2)
        die("usage: bench_preempt BUILD");
    if (look_init())
        die("the engine's code cannot be rewritten");
    sigaction(SIGALRM, &action, NULL);
    for (size_t p = 0; p < PROGRAMS; p++) {
        struct bytes wasm = read_program(argv[1], p);
        if (!wasm.at)
            continue;
        double with = compare(wasm, LOOK_ON, LOOK_OFF);
        bench_print("preempt", programs[p], percent(with), "%");
        cost += with;
        null += compare(wasm, LOOK_OFF, LOOK_OFF);
        n++;
        free(wasm.at);
    }
    bench_print("preempt", "cost", percent(cost / n), "%");
    bench_print("preempt", "null", percent(null / n), "%");
    return 0;
}
