/* trap.c - guest traps: their words, and how a fault of the host becomes one. */
#include "wasmcore/trap.h"

#include <pthread.h>
#include <signal.h>
#include <stddef.h>

/*
 * The one piece of global state of the engine, and why: a signal handler gets no argument of ours,
 * so what it may jump to, and whom to ask when the fault is not a guest's, cannot be found any
 * other way.
 */
static _Thread_local struct trap_guard *innermost;
static struct sigaction before;
static pthread_once_t install_once = PTHREAD_ONCE_INIT;
static int install_result;

static void pass_on(int sig, siginfo_t *info, void *context)
{
    if (before.sa_flags & SA_SIGINFO) {
        before.sa_sigaction(sig, info, context);
    } else if (before.sa_handler == SIG_DFL || before.sa_handler == SIG_IGN) {
        signal(sig, SIG_DFL); /* the instruction faults again, and that ends the process */
    } else {
        before.sa_handler(sig);
    }
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
    struct trap_guard *g = innermost;
    if (info->si_code > 0 && space_fault(info->si_addr))
        return;
    if (g && info->si_code > 0 && space_owns_host_address(info->si_addr))
        siglongjmp(g->env, 1);
    pass_on(sig, info, context);
}

static void install(void)
{
    struct sigaction sa = {0};
    sa.sa_sigaction = on_fault;
    sa.sa_flags = SA_SIGINFO |
                  SA_NODEFER; /* nothing to unblock when the handler is jumped out of */
    sigemptyset(&sa.sa_mask);
    if (sigaction(SIGSEGV, &sa, &before))
        install_result = -1;
}

int trap_install(void)
{
    pthread_once(&install_once, install);
    return install_result;
}

void trap_enter(struct trap_guard *g)
{
    g->outer = innermost;
    innermost = g;
}

void trap_leave(struct trap_guard *g)
{
    innermost = g->outer;
}

const char *trap_text(enum trap_kind kind)
{
    static const char *const texts[TRAP_KINDS] = {
        [TRAP_NONE] = "no trap",
        [TRAP_UNREACHABLE] = "unreachable",
        [TRAP_MEMORY] = "out of bounds memory access",
        [TRAP_TABLE] = "out of bounds table access",
        [TRAP_UNDEFINED] = "undefined element",
        [TRAP_NULL] = "uninitialized element",
        [TRAP_SIGNATURE] = "indirect call type mismatch",
        [TRAP_DIVIDE] = "integer divide by zero",
        [TRAP_OVERFLOW] = "integer overflow",
        [TRAP_CONVERSION] = "invalid conversion to integer",
        [TRAP_STACK] = "call stack exhausted",
        [TRAP_UNALIGNED] = "unaligned atomic",
        [TRAP_SHARED] = "expected shared memory",
        [TRAP_DEADLOCK] = "deadlock: an endless wait that nothing can end",
    };
    return (unsigned)kind < TRAP_KINDS ? texts[kind] : "unknown trap";
}
