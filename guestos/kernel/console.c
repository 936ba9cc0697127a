/* console.c - the console: kernel messages, and the streams that programs read and write. */
#include "console.h"
#include "param.h"
#include "poll.h"
#include "sched.h"
#include "wasi.h"
#include "machine_import.h"

#define INPUT_BYTES      4096
#define EXIT_INTERRUPTED 130 /* as shells say it */
#define PACE_MS          10  /* between looks at the terminal */
#define NAME_SHOWN       100 /* bytes of a name in a message */

/* Static: there is one console and one kernel in a machine. Invariant: at <= len <= INPUT_BYTES. */
static struct {
    uint32_t at, len;
    uint8_t terminal;          /* input comes when somebody types it */
    uint8_t shown;             /* streams that programs are told are terminals, 1 << n */
    struct wait_queue readers; /* of a terminal */
    char bytes[INPUT_BYTES];
} input;

struct line line_new(void)
{
    struct line l = {.len = 0};
    line_text(&l, "kernel: ");
    return l;
}

/* One byte always stays free for the newline. */
static void line_char(struct line *l, char c)
{
    if (l->len < LINE_BYTES - 1)
        l->text[l->len++] = c;
}

void line_text(struct line *l, const char *text)
{
    while (*text)
        line_char(l, *text++);
}

void line_name(struct line *l, const char *name, uint32_t len)
{
    uint32_t shown = len < NAME_SHOWN ? len : NAME_SHOWN;
    line_char(l, '\'');
    for (uint32_t i = 0; i < shown; i++) {
        uint8_t c = (uint8_t)name[i];
        line_char(l, c < 0x20 || c == 0x7f ? '?' : name[i]);
    }
    line_text(l, shown < len ? "...'" : "'");
}

void line_number(struct line *l, uint64_t n)
{
    char digits[20];
    uint32_t count = 0;
    do {
        digits[count++] = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    while (count)
        line_char(l, digits[--count]);
}

void line_say(struct line *l)
{
    l->text[l->len++] = '\n';
    machine_console_write(CONSOLE_ERR, l->text, l->len);
    l->len = 0;
}

void kernel_say(const char *text)
{
    struct line l = line_new();
    line_text(&l, text);
    line_say(&l);
}

void kernel_refuse(struct line *l)
{
    line_say(l);
    machine_halt(MACHINE_HALT_REFUSED);
}

void kernel_refuse_text(const char *text)
{
    struct line l = line_new();
    line_text(&l, text);
    kernel_refuse(&l);
}

void console_init(void)
{
    input.terminal = (machine_console_poll(0) & MACHINE_CONSOLE_TERMINAL) != 0;
    input.shown = (uint8_t)param_number(PARAM_TERMINALS, 7, 0, 7);
}

int console_shows_terminal(enum console_stream stream)
{
    return input.shown >> stream & 1;
}

int console_is_terminal(void)
{
    return input.terminal;
}

void console_set_raw(int raw)
{
    machine_console_mode(raw);
}

int32_t console_peek(const char **data)
{
    if (input.at == input.len) {
        int32_t n;
        if (input.terminal && !(machine_console_poll(0) & MACHINE_CONSOLE_READABLE))
            return -EAGAIN;
        n = machine_console_read(input.bytes, INPUT_BYTES);
        if (n < 0)
            return n;
        input.at = 0;
        input.len = (uint32_t)n;
    }
    *data = input.bytes + input.at;
    return (int32_t)(input.len - input.at);
}

void console_take(uint32_t n)
{
    input.at += n;
}

void console_read_wait(void)
{
    sched_block(&input.readers, SCHED_FOREVER);
}

/* ---- the terminal's own wishes ---- */

/* Whoever runs in the foreground ends. */
static void interrupt(void)
{
    struct process *p;
    for (uint32_t pid = 0; (p = process_from(pid));) {
        pid = p->pid + 1;
        if (p->foreground && p->state == PROCESS_ALIVE)
            process_end(p, PROCESS_KILLED, EXIT_INTERRUPTED);
    }
}

static void heed(int32_t what)
{
    if (what & MACHINE_CONSOLE_INTERRUPT)
        interrupt();
    if (what & MACHINE_CONSOLE_READABLE) {
        sched_wake_all(&input.readers);
        poll_changed();
    }
}

int console_wants_look(void)
{
    return input.terminal;
}

void console_look(void)
{
    if (input.terminal)
        heed(machine_console_poll(0));
}

int console_wait(void)
{
    if (!input.terminal || (!input.readers.head && !poll_waits()))
        return 0;
    heed(machine_console_poll(-1));
    return 1;
}

uint64_t console_pace(uint64_t ns)
{
    uint64_t ms = ns / 1000000;
    int32_t what;
    if (!input.terminal || ms == 0)
        return ns;
    ms = ms < PACE_MS ? ms : PACE_MS;
    what = machine_console_poll((int32_t)ms) &
           (MACHINE_CONSOLE_READABLE | MACHINE_CONSOLE_INTERRUPT);
    heed(what);
    return what ? 0 : ms * 1000000;
}
