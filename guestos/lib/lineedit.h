/* lineedit.h - one line from a terminal that sends each key: editing and history. */
#ifndef GUEST_LINEEDIT_H
#define GUEST_LINEEDIT_H

#define LINE_MOST    1024
#define HISTORY_MOST 64

struct lineedit {
    char history[HISTORY_MOST][LINE_MOST];
    unsigned lines; /* ever put into the history; the last HISTORY_MOST are there */
    char line[LINE_MOST];
};

enum lineedit_end { LINE_READY, LINE_END, LINE_DROPPED };

/*
 * Show the prompt, read keys from descriptor 0 and draw on 1 until the line is finished. READY:
 * e->line is it, without newline, and in the history unless it is empty. END: no more input.
 * DROPPED: Ctrl-C.
 *
 * Keys: arrows, Home, End, Delete, Backspace; Ctrl-A, E, B, F, P, N, D, U, K, W, L. What is longer
 * than LINE_MOST - 1 bytes is not taken.
 */
enum lineedit_end lineedit_read(struct lineedit *e, const char *prompt);

#endif
