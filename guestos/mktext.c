/* mktext.c - writes English-like text of a given size: the same bytes for the same arguments.
 *
 *   mktext BYTES SEED > text
 *
 * A host tool of the build; its text goes into the boot image for programs that read. A vocabulary
 * of made-up words (syllables; frequent words are short) is drawn once; words are then drawn by
 * Zipf's law, word of rank r with weight 1/r, as they stand in natural text. Sentences of 4 to 20
 * words, with commas, make paragraphs of 3 to 8; lines are filled to 72 columns. All is integer
 * arithmetic on a generator of its own. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS     4096
#define WORD_ROOM 24
#define COLUMNS   72

struct writer {
    uint64_t random; /* splitmix64 */
    uint64_t left;   /* bytes still to be written */
    unsigned column;
    char words[WORDS][WORD_ROOM];
    uint64_t weight[WORDS]; /* sums of the weights of ranks 0..i */
};

static uint64_t draw(struct writer *w)
{
    uint64_t z = w->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static unsigned draw_below(struct writer *w, unsigned n)
{
    return (unsigned)(draw(w) % n);
}

static void make_word(struct writer *w, char *word, unsigned syllables)
{
    static const char *const onsets[] = {"b", "c", "d", "f", "g",  "h",  "l",  "m",
                                         "n", "p", "r", "s", "t",  "v",  "w",  "th",
                                         "",  "",  "y", "k", "st", "tr", "pl", "gr"};
    static const char *const vowels[] = {"a", "e", "i", "o", "e", "ea", "ou", "ai"};
    static const char *const codas[] = {"", "", "", "n", "r", "s", "l", "d", "nd", "st", "m", "re"};
    size_t n = 0;
    for (unsigned i = 0; i < syllables; i++) {
        const char *onset = onsets[draw_below(w, sizeof onsets / sizeof *onsets)];
        const char *vowel = vowels[draw_below(w, sizeof vowels / sizeof *vowels)];
        const char *coda = codas[draw_below(w, sizeof codas / sizeof *codas)];
        n += (size_t)snprintf(word + n, WORD_ROOM - n, "%s%s%s", onset, vowel, coda);
    }
}

/* Longest word: 3 syllables of at most 2 + 2 + 2 characters. */
static void make_vocabulary(struct writer *w)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < WORDS; i++) {
        unsigned most = i < 64 ? 1 : i < 1024 ? 2 : 3;
        make_word(w, w->words[i], 1 + draw_below(w, most));
        sum += UINT64_C(1000000000) / (i + 1);
        w->weight[i] = sum;
    }
}

static const char *draw_word(struct writer *w)
{
    uint64_t at = draw(w) % w->weight[WORDS - 1];
    unsigned low = 0, high = WORDS - 1;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (w->weight[middle] > at) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return w->words[low];
}

static void put(struct writer *w, char c)
{
    if (w->left > 0) {
        w->left--;
        putchar(c);
        w->column = c == '\n' ? 0 : w->column + 1;
    }
}

static void put_word(struct writer *w, const char *word, int capital, char after)
{
    size_t n = strlen(word) + (after != '\0');
    if (w->column > 0) {
        put(w, w->column + 1 + n > COLUMNS ? '\n' : ' ');
    }
    for (; *word != '\0'; word++) {
        put(w, capital ? (char)(*word - 'a' + 'A') : *word);
        capital = 0;
    }
    if (after != '\0') {
        put(w, after);
    }
}

static void put_sentence(struct writer *w)
{
    static const char ends[] = "........?!";
    unsigned words = 4 + draw_below(w, 17);
    for (unsigned i = 0; i < words; i++) {
        char after = draw_below(w, 9) == 0 ? ',' : '\0';
        if (i + 1 == words) {
            after = ends[draw_below(w, sizeof ends - 1)];
        }
        put_word(w, draw_word(w), i == 0, after);
    }
}

static int parse(const char *text, uint64_t *out)
{
    char *end;
    errno = 0;
    *out = strtoull(text, &end, 10);
    return *text < '0' || *text > '9' || *end != '\0' || errno != 0 ? -1 : 0;
}

int main(int argc, char **argv)
{
    static struct writer w; /* static: too large for a stack */
    if (argc != 3 || parse(argv[1], &w.left) != 0 || parse(argv[2], &w.random) != 0) {
        fputs("usage: mktext BYTES SEED > text\n", stderr);
        return 2;
    }
    make_vocabulary(&w);
    while (w.left > 0) {
        for (unsigned n = 3 + draw_below(&w, 6); n > 0 && w.left > 2; n--) {
            put_sentence(&w);
        }
        if (w.left <= 2) { /* the text ends with a line */
            put(&w, w.left == 2 ? '.' : '\n');
            put(&w, '\n');
            continue;
        }
        put(&w, '\n');
        put(&w, '\n');
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("mktext");
        return 1;
    }
    return 0;
}
