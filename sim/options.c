/* options.c - command-line options of one command, as a table. */
#include "sim/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memhier/hostmem.h"
#include "sim/cmd.h"

#define MOST_OPTIONS 24
#define LONG_ONLY    256 /* getopt's value of an option without a letter: this plus its row */

void texts_add(struct texts *t, const char *text)
{
    t->v = hostmem_resize(t->v, t->n + 1, sizeof *t->v, "the command line");
    t->v[t->n++] = text;
}

int names_each(const char *text,
               int (*take)(void *self, const char *name, char *err, size_t errlen), void *self,
               char *err, size_t errlen)
{
    char *const copy = hostmem_text(text, "the command line");
    char *rest = copy;
    int bad = 0;
    while (!bad && rest)
        bad = take(self, strsep(&rest, ","), err, errlen);
    free(copy);
    return bad;
}

static void take(const struct option_row *row, const char *text)
{
    switch (row->kind) {
    case OPTION_FLAG:
        *(int *)row->to = 1;
        break;
    case OPTION_TEXT:
        *(const char **)row->to = text;
        break;
    case OPTION_PAIR:
        ((const char **)row->to)[0] = text;
        break; /* the second follows */
    case OPTION_LIST:
        texts_add(row->to, text);
        break;
    }
}

/* The table in getopt's two forms. Returns the number of rows. */
static int translate(const struct option_row *rows, struct option *longs, char *shorts)
{
    int n = 0;
    for (; n < MOST_OPTIONS && rows[n].name; n++) {
        const int has = rows[n].kind == OPTION_FLAG ? no_argument : required_argument;
        longs[n] = (struct option){rows[n].name, has, NULL, LONG_ONLY + n};
        if (rows[n].letter) {
            *shorts++ = rows[n].letter;
            if (has == required_argument)
                *shorts++ = ':';
        }
    }
    longs[n] = (struct option){"help", no_argument, NULL, 'h'};
    memcpy(shorts, "h", 2);
    return n;
}

static const struct option_row *row_of(const struct option_row *rows, int n, int opt)
{
    if (opt >= LONG_ONLY)
        return &rows[opt - LONG_ONLY];
    for (int i = 0; i < n; i++)
        if (rows[i].letter == opt)
            return &rows[i];
    return NULL;
}

int options_parse(int argc, char **argv, const struct option_row *rows, const char *help,
                  int operands_last)
{
    struct option longs[MOST_OPTIONS + 2] = {0};
    char shorts[2 * MOST_OPTIONS + 5] = "+:"; /* ':' tells a missing value from a wrong option */
    char *const first = operands_last ? shorts : shorts + 1;
    const int n = translate(rows, longs, shorts + 2);
    int opt;
    optind = 1;
    opterr = 0;
    while ((opt = getopt_long(argc, argv, first, longs, NULL)) != -1) {
        const struct option_row *row = row_of(rows, n, opt);
        if (row && row->kind == OPTION_PAIR && optind == argc) {
            cmd_complain("%s: --%s needs two values; `pwsim %s --help` lists the options", argv[0],
                         row->name, argv[0]);
            return OPTIONS_BAD;
        }
        if (row) {
            take(row, optarg);
            if (row->kind == OPTION_PAIR)
                ((const char **)row->to)[1] = argv[optind++];
        } else if (opt == 'h') {
            fputs(help, stdout);
            return OPTIONS_HELP;
        } else {
            cmd_complain("%s: %s %s; `pwsim %s --help` lists the options", argv[0],
                         argv[optind - 1], opt == ':' ? "needs a value" : "is no option of it",
                         argv[0]);
            return OPTIONS_BAD;
        }
    }
    return optind;
}
