/* wordcount.c - counts the lines, words and bytes of a file, and shows its most frequent words. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lib/number.h"

/*
 *   wordcount FILE [BYTES]
 *
 * A word is a run of ASCII letters and digits; capitals count as small letters. The file is read by
 * read() in pieces of BYTES bytes (1 to 65536; 512): the smaller, the more kernel calls for the
 * same work. Words of the same frequency are shown in alphabetical order.
 */
#define READ_USUAL 512
#define READ_MOST  65536
#define SHOWN      10
#define WORD_MAX   255 /* bytes of a word that are kept; the rest of a longer one is passed over */

struct word {
    char *text; /* NUL at the end */
    uint64_t count;
    uint32_t hash;
    uint32_t len;
};

/* Open addressing, linear probing. Invariant: less than 3/4 of the slots are used, so each search
 * ends at an empty one. */
struct table {
    struct word *slots;
    uint32_t mask, used;
};

struct counts {
    uint64_t lines, words, bytes;
    struct table table;
    char word[WORD_MAX + 1];
    uint32_t len;    /* of the word that is being read; 0: between words */
    uint32_t hash;   /* of its bytes so far: FNV-1a */
    char small[256]; /* the small letter or digit that a byte stands for; 0: not part of a word */
};

#define HASH_START 2166136261u
#define HASH_STEP  16777619u

static void out_of_memory(void)
{
    fputs("wordcount: out of memory\n", stderr);
    exit(1);
}

static void table_init(struct table *t, uint32_t slots)
{
    t->slots = calloc(slots, sizeof *t->slots);
    if (!t->slots)
        out_of_memory();
    t->mask = slots - 1;
    t->used = 0;
}

static struct word *table_slot(const struct table *t, const char *text, uint32_t len, uint32_t hash)
{
    uint32_t i = hash & t->mask;
    for (;; i = (i + 1) & t->mask) {
        struct word *w = &t->slots[i];
        if (!w->text || (w->hash == hash && w->len == len && memcmp(w->text, text, len) == 0))
            return w;
    }
}

static void table_double(struct table *t)
{
    struct table old = *t;
    table_init(t, (old.mask + 1) * 2);
    t->used = old.used;
    for (uint32_t i = 0; i <= old.mask; i++) {
        const struct word *w = &old.slots[i];
        if (w->text)
            *table_slot(t, w->text, w->len, w->hash) = *w;
    }
    free(old.slots);
}

static void table_count(struct table *t, const char *text, uint32_t len, uint32_t hash)
{
    struct word *w = table_slot(t, text, len, hash);
    if (!w->text) {
        w->text = malloc(len + 1);
        if (!w->text)
            out_of_memory();
        memcpy(w->text, text, len);
        w->text[len] = 0;
        w->hash = hash;
        w->len = len;
        w->count = 1;
        if (++t->used > (t->mask + 1) / 4 * 3)
            table_double(t);
        return;
    }
    w->count++;
}

static void counts_init(struct counts *c)
{
    table_init(&c->table, 1024);
    c->hash = HASH_START;
    for (int i = '0'; i <= '9'; i++)
        c->small[i] = (char)i;
    for (int i = 'a'; i <= 'z'; i++)
        c->small[i] = c->small[i - 'a' + 'A'] = (char)i;
}

static void end_word(struct counts *c)
{
    c->words++;
    table_count(&c->table, c->word, c->len, c->hash);
    c->len = 0;
    c->hash = HASH_START;
}

static void count_bytes(struct counts *c, const char *bytes, size_t n)
{
    c->bytes += n;
    for (size_t i = 0; i < n; i++) {
        char letter = c->small[(uint8_t)bytes[i]];
        if (letter == 0) {
            c->lines += bytes[i] == '\n';
            if (c->len)
                end_word(c);
        } else if (c->len < WORD_MAX) {
            c->word[c->len++] = letter;
            c->hash = (c->hash ^ (uint8_t)letter) * HASH_STEP;
        }
    }
}

/* qsort: most frequent first, then by alphabet. */
static int compare(const void *a, const void *b)
{
    const struct word *x = a, *y = b;
    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    return strcmp(x->text, y->text);
}

static void show(struct counts *c)
{
    struct word *slots = c->table.slots;
    uint32_t n = 0;
    printf("%llu lines, %llu words, %llu bytes, %u different words\n", (unsigned long long)c->lines,
           (unsigned long long)c->words, (unsigned long long)c->bytes, (unsigned)c->table.used);
    for (uint32_t i = 0; i <= c->table.mask; i++) {
        if (slots[i].text)
            slots[n++] = slots[i];
    }
    qsort(slots, n, sizeof *slots, compare);
    for (uint32_t i = 0; i < n && i < SHOWN; i++)
        printf("%8llu %s\n", (unsigned long long)slots[i].count, slots[i].text);
}

int main(int argc, char **argv)
{
    static struct counts c;
    static char buf[READ_MOST];
    ssize_t n;
    int fd;
    if (argc != 2 && argc != 3) {
        fputs("usage: wordcount FILE [BYTES]\n", stderr);
        return 2;
    }
    const uint32_t piece = number_argument_or(argc, argv, 2, "BYTES", READ_USUAL, 1, READ_MOST);
    fd = open(argv[1], O_RDONLY);
    if (fd < 0) {
        fprintf(stderr, "wordcount: %s: %s\n", argv[1], strerror(errno));
        return 1;
    }
    counts_init(&c);
    while ((n = read(fd, buf, piece)) > 0)
        count_bytes(&c, buf, (size_t)n);
    if (n < 0) {
        fprintf(stderr, "wordcount: %s: %s\n", argv[1], strerror(errno));
        return 1;
    }
    if (c.len)
        end_word(&c);
    show(&c);
    return 0;
}
