/* hostmem.c - when the host cannot give the memory that it has promised. */
#include "sim/hostmem.h"

#include <signal.h>
#include <unistd.h>

/* Global, because a signal handler gets no argument of ours. */
static volatile sig_atomic_t exit_status;

static void on_bus_error(int sig)
{
    static const char text[] =
        "pwsim: the host has no memory left to give, or a file in use was cut short\n";
    (void)sig;
    const ssize_t written = write(STDERR_FILENO, text, sizeof text - 1);
    (void)written; /* there is nobody else to tell */
    _exit(exit_status);
}

void hostmem_watch(int status)
{
    struct sigaction sa = {.sa_handler = on_bus_error};
    exit_status = status;
    sigemptyset(&sa.sa_mask);
    sigaction(SIGBUS, &sa, NULL);
}
