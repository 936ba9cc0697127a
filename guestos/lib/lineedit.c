/* lineedit.c - one line from a terminal that sends each key: editing and history. */
#include "lineedit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum key { KEY_UP = 256, KEY_DOWN, KEY_RIGHT, KEY_LEFT, KEY_HOME, KEY_END, KEY_DELETE, KEY_OTHER };
#define CTRL(c) ((c)&0x1f)

/* A line under way. */
struct edit {
    struct lineedit *e;
    const char *prompt;
    unsigned len, at;
    unsigned shown; /* line of the history that is being edited; e->lines: a new one */
};

static int byte(void)
{
    unsigned char b;
    return read(0, &b, 1) == 1 ? b : -1;
}

/* What follows ESC [ or ESC O. */
static int escape(void)
{
    static const struct {
        char c;
        int key;
    } keys[] = {{'A', KEY_UP},   {'B', KEY_DOWN}, {'C', KEY_RIGHT},
                {'D', KEY_LEFT}, {'H', KEY_HOME}, {'F', KEY_END}};
    int b = byte(), number = 0;
    if (b != '[' && b != 'O')
        return KEY_OTHER;
    b = byte();
    for (; b >= '0' && b <= '9'; b = byte())
        number = number * 10 + (b - '0');
    if (b == '~')
        return number == 1 || number == 7   ? KEY_HOME
               : number == 4 || number == 8 ? KEY_END
               : number == 3                ? KEY_DELETE
                                            : KEY_OTHER;
    for (unsigned i = 0; i < sizeof keys / sizeof *keys; i++)
        if (b == keys[i].c)
            return keys[i].key;
    return KEY_OTHER;
}

static int key(void)
{
    int b = byte();
    return b == 27 ? escape() : b;
}

static void draw(const struct edit *d)
{
    char back[16];
    int n = 0;
    write(1, "\r", 1);
    write(1, d->prompt, strlen(d->prompt));
    write(1, d->e->line, d->len);
    write(1, "\x1b[K", 3);
    if (d->at < d->len)
        n = snprintf(back, sizeof back, "\x1b[%uD", d->len - d->at);
    write(1, back, (size_t)n);
}

static void insert(struct edit *d, char c)
{
    char *line = d->e->line;
    if (d->len >= LINE_MOST - 1)
        return;
    memmove(line + d->at + 1, line + d->at, d->len - d->at);
    line[d->at++] = c;
    d->len++;
    if (d->at == d->len)
        write(1, &c, 1);
    else
        draw(d);
}

/* Cut [from, to) out. */
static void cut(struct edit *d, unsigned from, unsigned to)
{
    char *line = d->e->line;
    memmove(line + from, line + to, d->len - to);
    d->len -= to - from;
    d->at = from;
    draw(d);
}

static unsigned word_start(const struct edit *d)
{
    unsigned at = d->at;
    while (at && d->e->line[at - 1] == ' ')
        at--;
    while (at && d->e->line[at - 1] != ' ')
        at--;
    return at;
}

static void show_history(struct edit *d, int step)
{
    struct lineedit *e = d->e;
    unsigned oldest = e->lines > HISTORY_MOST ? e->lines - HISTORY_MOST : 0;
    if (step < 0 ? d->shown == oldest : d->shown == e->lines)
        return;
    d->shown += (unsigned)step;
    d->len = 0;
    if (d->shown < e->lines) {
        d->len = (unsigned)strlen(e->history[d->shown % HISTORY_MOST]);
        memcpy(e->line, e->history[d->shown % HISTORY_MOST], d->len);
    }
    d->at = d->len;
    draw(d);
}

static void move_to(struct edit *d, unsigned at)
{
    d->at = at;
    draw(d);
}

/* A key that moves or cuts. */
static void command(struct edit *d, int k)
{
    switch (k) {
    case KEY_LEFT:
    case CTRL('b'):
        move_to(d, d->at ? d->at - 1 : 0);
        break;
    case KEY_RIGHT:
    case CTRL('f'):
        move_to(d, d->at < d->len ? d->at + 1 : d->len);
        break;
    case KEY_HOME:
    case CTRL('a'):
        move_to(d, 0);
        break;
    case KEY_END:
    case CTRL('e'):
        move_to(d, d->len);
        break;
    case KEY_UP:
    case CTRL('p'):
        show_history(d, -1);
        break;
    case KEY_DOWN:
    case CTRL('n'):
        show_history(d, 1);
        break;
    case 127:
    case CTRL('h'):
        if (d->at)
            cut(d, d->at - 1, d->at);
        break;
    case KEY_DELETE:
    case CTRL('d'):
        if (d->at < d->len)
            cut(d, d->at, d->at + 1);
        break;
    case CTRL('u'):
        cut(d, 0, d->at);
        break;
    case CTRL('k'):
        cut(d, d->at, d->len);
        d->at = d->len;
        break;
    case CTRL('w'):
        cut(d, word_start(d), d->at);
        break;
    case CTRL('l'):
        write(1, "\x1b[H\x1b[2J", 7);
        draw(d);
        break;
    default:
        break;
    }
}

static void remember(struct lineedit *e)
{
    const char *last = e->history[(e->lines - 1) % HISTORY_MOST];
    if (!*e->line || (e->lines && strcmp(last, e->line) == 0))
        return;
    strcpy(e->history[e->lines++ % HISTORY_MOST], e->line);
}

enum lineedit_end lineedit_read(struct lineedit *e, const char *prompt)
{
    struct edit d = {.e = e, .prompt = prompt, .shown = e->lines};
    draw(&d);
    for (;;) {
        int k = key();
        if (k < 0 || (k == CTRL('d') && d.len == 0)) {
            write(1, "\n", 1);
            return LINE_END;
        }
        if (k == CTRL('c')) {
            write(1, "^C\n", 3);
            return LINE_DROPPED;
        }
        if (k == '\r' || k == '\n') {
            write(1, "\n", 1);
            e->line[d.len] = 0;
            remember(e);
            return LINE_READY;
        }
        if (k >= 32 && k != 127 && k < 256)
            insert(&d, (char)k);
        else
            command(&d, k);
    }
}
