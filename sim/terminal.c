/* terminal.c - the host's terminal as the guest's console: keys, lines, Ctrl-C. */
#include "sim/terminal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "guestos/include/machine.h"

struct terminal {
    int fd;
    struct termios found;
    struct sigaction old;
};

/* A signal handler has nothing else to write to. */
static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

struct terminal *terminal_new(int fd)
{
    struct terminal *t = calloc(1, sizeof *t);
    if (!t || tcgetattr(fd, &t->found)) {
        free(t);
        return NULL;
    }
    t->fd = fd;
    interrupted = 0;
    const struct sigaction act = {.sa_handler = on_interrupt}; /* no restart: it ends a poll */
    sigaction(SIGINT, &act, &t->old);
    return t;
}

void terminal_free(struct terminal *t)
{
    if (!t)
        return;
    tcsetattr(t->fd, TCSADRAIN, &t->found);
    sigaction(SIGINT, &t->old, NULL);
    free(t);
}

/* An interrupt may come just before the wait begins: so that is cut in pieces. */
#define PIECE_MS 100

int terminal_poll(struct terminal *t, int milliseconds)
{
    struct pollfd p = {.fd = t->fd, .events = POLLIN};
    int what = 0, left = milliseconds;
    do {
        const int piece = left < 0 || left > PIECE_MS ? PIECE_MS : left;
        if (poll(&p, 1, interrupted ? 0 : piece) > 0 && p.revents)
            what = MACHINE_CONSOLE_READABLE;
        if (left > 0)
            left -= piece;
    } while (left && !what && !interrupted);
    if (interrupted)
        what |= MACHINE_CONSOLE_INTERRUPT;
    interrupted = 0;
    return what;
}

void terminal_mode(struct terminal *t, int raw)
{
    struct termios now = t->found;
    if (raw) {
        now.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG | IEXTEN);
        now.c_iflag &= ~(tcflag_t)(ICRNL | IXON);
        now.c_cc[VMIN] = 1;
        now.c_cc[VTIME] = 0;
    }
    tcsetattr(t->fd, TCSADRAIN, &now);
}
