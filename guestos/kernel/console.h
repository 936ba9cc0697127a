/* console.h - the console: kernel messages, and the streams that programs read and write. */
#ifndef KERNEL_CONSOLE_H
#define KERNEL_CONSOLE_H

#include <stdint.h>

enum console_stream { CONSOLE_IN, CONSOLE_OUT, CONSOLE_ERR };

/*
 * A message of the kernel is one line, made piece by piece and then written to stream 2:
 *
 *     struct line l = line_new();
 *     line_text(&l, "no program ");
 *     line_name(&l, name, len);
 *     line_say(&l);
 *
 * It starts with "kernel: "; what does not fit is cut. Names come from outside, so their control
 * characters are written as '?'.
 */
#define LINE_BYTES 240

struct line {
    uint32_t len;
    char text[LINE_BYTES];
};

struct line line_new(void);
void line_text(struct line *l, const char *text);
void line_name(struct line *l, const char *name, uint32_t len);
void line_number(struct line *l, uint64_t n);
void line_say(struct line *l);

/* All of a message in one call. */
void kernel_say(const char *text);
/* The machine cannot be booted as it was asked to: say why and power off. */
_Noreturn void kernel_refuse(struct line *l);
_Noreturn void kernel_refuse_text(const char *text);

void console_init(void);

/*
 * Input is read into the kernel and stays there until taken, so that nothing is lost when a
 * program's buffer is bad. console_peek: number of bytes at *data, 0 at the end of input, -EAGAIN
 * when there is none yet (only at a terminal), or another error. console_read_wait blocks the
 * calling thread until it is worth to look again.
 */
int32_t console_peek(const char **data);
void console_take(uint32_t n);
void console_read_wait(void);

/* For the scheduler: must it come back soon to look at the terminal? Look. Wait for the host; 0:
 * nobody wants anything of it. */
int console_wants_look(void);
void console_look(void);
int console_wait(void);
/* Everybody sleeps for so long. At a terminal that is as long for who sits there; else no time
 * passes outside. How much of it is over now. */
uint64_t console_pace(uint64_t ns);

/* Does somebody type the input, or is all of it there? */
int console_is_terminal(void);
/* Is a stream a terminal to programs? Else they cannot tell it from a pipe. */
int console_shows_terminal(enum console_stream stream);
/* Of a terminal: each key as it is pressed, or lines with echo. */
void console_set_raw(int raw);

#endif
