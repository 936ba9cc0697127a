/* kvpair.c - a key-value server and its client, two processes joined by pipes. */
/*
 * A request is 64 bytes, an answer 64 bytes; one of four requests stores. The server keeps an
 * open-addressed table in its memory; the client checks every answer against what it has stored.
 */
#include <string.h>
#include <unistd.h>

#include "guestos/lib/number.h"
#include "op.h"

#define KEYS  256u
#define SLOTS 1024u /* power of two */

enum { GET, SET };

struct message {
    uint32_t what, key;
    char value[56];
};

/* ---- server ---- */

static struct slot {
    uint32_t key, used;
    char value[56];
} slots[SLOTS];

static struct slot *find(uint32_t key)
{
    uint32_t i = key * 2654435761u >> 22;
    while (slots[i].used && slots[i].key != key)
        i = (i + 1) & (SLOTS - 1);
    return &slots[i];
}

static void serve(void)
{
    struct message m;
    while (read(0, &m, sizeof m) == (ssize_t)sizeof m) {
        struct slot *s = find(m.key);
        if (m.what == SET) {
            s->key = m.key;
            s->used = 1;
            memcpy(s->value, m.value, sizeof s->value);
        } else {
            memcpy(m.value, s->value, sizeof m.value);
        }
        op_check(write(1, &m, sizeof m) == (ssize_t)sizeof m, "write");
    }
}

/* ---- client ---- */

static uint32_t stored[KEYS]; /* what each key was given last */

static void ask(int out, int in, uint32_t what, uint32_t key, uint32_t value)
{
    struct message m = {.what = what, .key = key * 7919u};
    memcpy(m.value, &value, sizeof value);
    op_check(write(out, &m, sizeof m) == (ssize_t)sizeof m, "a request");
    op_check(read(in, &m, sizeof m) == (ssize_t)sizeof m, "an answer");
    if (what == SET)
        stored[key] = value;
    memcpy(&value, m.value, sizeof value);
    op_check(value == stored[key], "the right answer");
}

static void request(int out, int in, uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    ask(out, in, *seed >> 30 ? GET : SET, *seed >> 10 & (KEYS - 1), *seed);
}

static void talk(const char *self, uint32_t n)
{
    int32_t there[2], back[2];
    uint32_t seed = 1;
    op_check(pwk_pipe(there) == 0 && pwk_pipe(back) == 0, "pipe");
    const int32_t fds[] = {there[0], back[1], 2, PWK_FD_END};
    const char *argv[] = {self, "serve", NULL};
    const int32_t pid = pwk_spawn(self, (uint32_t)strlen(self), argv, fds);
    op_check(pid > 0, "spawn");
    close(there[0]);
    close(back[1]);
    for (uint32_t key = 0; key < KEYS; key++)
        ask(there[1], back[0], SET, key, key);
    OP_TIMES(n, request(there[1], back[0], &seed));
    close(there[1]);
    op_check(pwk_wait((uint32_t)pid, NULL, 0) == pid, "wait");
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "serve") == 0)
        serve();
    else
        talk(argv[0], number_argument_or(argc, argv, 1, "N", 1000, 1, UINT32_MAX));
    return 0;
}
