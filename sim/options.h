/* options.h - command-line options of one command, as a table. */
#ifndef SIM_OPTIONS_H
#define SIM_OPTIONS_H

#include <stddef.h>

/* Texts in the order given; borrowed from argv. free(v) when done. */
struct texts {
    const char **v;
    size_t n;
};

enum option_kind {
    OPTION_FLAG, /* to is an int *, set to 1 */
    OPTION_TEXT, /* to is a const char **, the last one given counts */
    OPTION_PAIR, /* two values: to is a const char *[2] */
    OPTION_LIST  /* to is a struct texts *, repeatable */
};

struct option_row {
    const char *name; /* long, without dashes; NULL ends the table */
    char letter;      /* short form, 0: none */
    enum option_kind kind;
    void *to;
};

#define OPTIONS_HELP (-1) /* --help was asked for and has been printed: exit 0 */
#define OPTIONS_BAD  (-2) /* said on standard error: bad usage */

/*
 * Take the options of argv (argv[0] is the command's name) by the table; --help and -h print
 * `help`. Options may stand between operands, unless `operands_last`: then everything from the
 * first operand on is left alone. Returns the index of the first operand, with all operands moved
 * to the end of argv, or one of the above.
 */
int options_parse(int argc, char **argv, const struct option_row *rows, const char *help,
                  int operands_last);

/* Append to a list; ends the process when memory runs out. */
void texts_add(struct texts *t, const char *text);

/* Each name of "A,B,…", the empty ones too, until one is refused: 0, or what `take` returned. */
int names_each(const char *text,
               int (*take)(void *self, const char *name, char *err, size_t errlen), void *self,
               char *err, size_t errlen);

#endif
