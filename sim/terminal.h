/* terminal.h - the host's terminal as the guest's console: keys, lines, Ctrl-C. */
#ifndef SIM_TERMINAL_H
#define SIM_TERMINAL_H

struct terminal;

/* Takes over a descriptor that is a terminal, in lines with echo; Ctrl-C is an interrupt for the
 * guest from now on. NULL: it is no terminal. One at a time. */
struct terminal *terminal_new(int fd);
/* Leaves it as it was found. NULL is fine. */
void terminal_free(struct terminal *t);

/* enum machine_console bits; waits for one so many milliseconds, negative: as long as it takes. An
 * interrupt is told once. */
int terminal_poll(struct terminal *t, int milliseconds);
/* raw: each key as it is pressed, Ctrl-C too; else lines with echo. */
void terminal_mode(struct terminal *t, int raw);

#endif
