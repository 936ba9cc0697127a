/* shparse.h - a line of the shell, taken apart. */
#ifndef GUEST_SHPARSE_H
#define GUEST_SHPARSE_H

/*
 *   line:      pipeline { (";" | "&" | "&&" | "||") pipeline }
 *   pipeline:  command { "|" command }
 *   command:   { word | "<" word | ">" word | ">>" word | "2>" word }
 *
 * Words: '...' takes everything as it is, "..." all but \ and $; \ takes the next character as it
 * is. $? is the last status, $NAME a variable of the environment. # begins a comment.
 */
#define SH_WORDS    64
#define SH_COMMANDS 16
#define SH_TEXT     8192

struct sh_command {
    char *argv[SH_WORDS + 1]; /* NULL behind the last */
    int argc;
    char *in, *out, *err; /* NULL: none */
    int append;           /* out: >> */
};

enum sh_join { SH_END, SH_THEN, SH_BACKGROUND, SH_AND, SH_OR }; /* what comes behind */

struct sh_pipeline {
    struct sh_command commands[SH_COMMANDS];
    int n;
    enum sh_join join;
    char text[SH_TEXT]; /* what the words are in */
};

/*
 * Take one pipeline off the text at *at: 1; 0 when there is none left; -1 with *wrong. An empty
 * pipeline (n == 0) is only possible before the end.
 */
int sh_parse(const char **at, int status, struct sh_pipeline *out, const char **wrong);

#endif
