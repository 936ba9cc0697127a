/* shparse.c - a line of the shell, taken apart. */
#include "shparse.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct parser {
    const char *at;
    struct sh_pipeline *p;
    size_t used; /* of p->text */
    int status;
    const char *wrong;
};

static void put(struct parser *ps, char c)
{
    if (ps->used < SH_TEXT - 1)
        ps->p->text[ps->used++] = c;
    else
        ps->wrong = "line too long";
}

static void put_text(struct parser *ps, const char *text)
{
    while (text && *text)
        put(ps, *text++);
}

/* Behind a $. */
static void variable(struct parser *ps)
{
    char name[64];
    size_t n = 0;
    if (*ps->at == '?') {
        snprintf(name, sizeof name, "%d", ps->status);
        ps->at++;
        put_text(ps, name);
        return;
    }
    while ((isalnum((unsigned char)*ps->at) || *ps->at == '_') && n < sizeof name - 1)
        name[n++] = *ps->at++;
    name[n] = 0;
    if (n)
        put_text(ps, getenv(name));
    else
        put(ps, '$');
}

static void quoted(struct parser *ps, char quote)
{
    while (*ps->at && *ps->at != quote) {
        if (quote == '"' && *ps->at == '$') {
            ps->at++;
            variable(ps);
            continue;
        }
        if (quote == '"' && *ps->at == '\\' && ps->at[1])
            ps->at++;
        put(ps, *ps->at++);
    }
    if (!*ps->at) {
        ps->wrong = "a quote is not closed";
        return;
    }
    ps->at++;
}

static int ends_word(char c)
{
    return !c || strchr(" \t\n|&;<>", c) != NULL;
}

/* The next word, or NULL when there is none. */
static char *word(struct parser *ps)
{
    char *start = ps->p->text + ps->used;
    int any = 0;
    while (*ps->at == ' ' || *ps->at == '\t')
        ps->at++;
    for (; !ps->wrong && !ends_word(*ps->at); any = 1) {
        char c = *ps->at++;
        if (c == '\'' || c == '"')
            quoted(ps, c);
        else if (c == '$')
            variable(ps);
        else if (c == '\\' && *ps->at)
            put(ps, *ps->at++);
        else
            put(ps, c);
    }
    if (!any)
        return NULL;
    put(ps, 0);
    return start;
}

static void redirection(struct parser *ps, struct sh_command *c)
{
    char **to = &c->in;
    if (ps->at[0] == '2') {
        ps->at++;
        to = &c->err;
    } else if (ps->at[0] == '>') {
        to = &c->out;
    }
    ps->at++;
    if (to == &c->out && *ps->at == '>') {
        c->append = 1;
        ps->at++;
    }
    *to = word(ps);
    if (!*to)
        ps->wrong = "a file name is missing";
}

static void skip_space(struct parser *ps)
{
    while (*ps->at == ' ' || *ps->at == '\t')
        ps->at++;
    if (*ps->at == '#')
        while (*ps->at && *ps->at != '\n')
            ps->at++;
}

static void command(struct parser *ps, struct sh_command *c)
{
    memset(c, 0, sizeof *c);
    for (;;) {
        char *w;
        skip_space(ps);
        if (ps->wrong)
            return;
        if (*ps->at == '<' || *ps->at == '>' || (ps->at[0] == '2' && ps->at[1] == '>')) {
            redirection(ps, c);
            continue;
        }
        w = word(ps);
        if (!w)
            return;
        if (c->argc == SH_WORDS) {
            ps->wrong = "too many words";
            return;
        }
        c->argv[c->argc++] = w;
    }
}

static enum sh_join join(struct parser *ps)
{
    const char c = *ps->at;
    if (!c)
        return SH_END;
    ps->at++;
    if (c == '&' && *ps->at == '&') {
        ps->at++;
        return SH_AND;
    }
    if (c == '|' && *ps->at == '|') {
        ps->at++;
        return SH_OR;
    }
    return c == '&' ? SH_BACKGROUND : SH_THEN;
}

static void pipeline(struct parser *ps)
{
    struct sh_pipeline *p = ps->p;
    for (;;) {
        if (p->n == SH_COMMANDS) {
            ps->wrong = "too many commands in a pipeline";
            return;
        }
        command(ps, &p->commands[p->n]);
        if (ps->wrong)
            return;
        const int more = ps->at[0] == '|' && ps->at[1] != '|';
        const struct sh_command *c = &p->commands[p->n];
        const int empty = c->argc == 0;
        if (empty && (more || p->n || c->in || c->out || c->err)) {
            ps->wrong = "a command is missing";
            return;
        }
        p->n += !empty;
        if (!more)
            break;
        ps->at++;
    }
    p->join = join(ps);
    if (p->n == 0 && p->join != SH_END && p->join != SH_THEN)
        ps->wrong = "a command is missing";
}

int sh_parse(const char **at, int status, struct sh_pipeline *out, const char **wrong)
{
    struct parser ps = {.at = *at, .p = out, .status = status};
    out->n = 0;
    if (!**at)
        return 0;
    pipeline(&ps);
    *at = ps.at;
    *wrong = ps.wrong;
    return ps.wrong ? -1 : 1;
}
