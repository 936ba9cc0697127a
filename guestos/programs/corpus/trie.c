/* trie.c - an index of words: a trie that words are put into, and queries by prefix. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guestos/lib/hash.h"
#include "guestos/lib/number.h"

/*
 *   trie QUERIES
 *
 * 120,000 made-up words go into a trie whose nodes hold their children as a list in order of
 * letters. A query takes a word, some much more often than others, counts it, and every fourth
 * looks for the most counted word among all that begin with its first letters. Prints a checksum.
 */
#define WORDS 120000u
#define NODES 1200000u
#define LONG  14u

struct node {
    uint32_t child, next; /* first child; next one of the same parent; 0: none */
    uint32_t count;
    char letter;
};

struct trie {
    struct node *node;
    uint32_t used;
    char (*word)[LONG];
};

/* The child by a letter; put in order if it is not there. */
static uint32_t step(struct trie *t, uint32_t at, char letter)
{
    uint32_t *from = &t->node[at].child;
    while (*from && t->node[*from].letter < letter)
        from = &t->node[*from].next;
    if (*from && t->node[*from].letter == letter)
        return *from;
    if (t->used == NODES) {
        fprintf(stderr, "trie: too many nodes\n");
        exit(1);
    }
    t->node[t->used] = (struct node){.next = *from, .letter = letter};
    *from = t->used;
    return t->used++;
}

static uint32_t walk(struct trie *t, const char *word, uint32_t letters)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < letters && word[i]; i++)
        at = step(t, at, word[i]);
    return at;
}

static uint32_t most_counted(const struct trie *t, uint32_t at)
{
    uint32_t best = t->node[at].count;
    for (uint32_t c = t->node[at].child; c; c = t->node[c].next) {
        const uint32_t below = most_counted(t, c);
        best = below > best ? below : best;
    }
    return best;
}

/* Consonants and vowels in turn, so that words share their beginnings. */
static void make_word(char *word, uint64_t *random)
{
    static const char consonants[] = "bcdfghjklmnprstvwz", vowels[] = "aeiou";
    const uint32_t n = 4 + (uint32_t)random_next(random) % (LONG - 5);
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t r = (uint32_t)random_next(random);
        word[i] = i % 2 ? vowels[r % 5] : consonants[r % 324 / 18 * (r % 3 > 0)];
    }
    word[n] = 0;
}

int main(int argc, char **argv)
{
    const uint32_t queries = number_argument_or(argc, argv, 1, "trie: QUERIES", 10000, 1,
                                                100000000);
    struct trie t = {malloc(NODES * sizeof *t.node), 1, malloc(WORDS * sizeof *t.word)};
    uint64_t random = 1, sum = 0;
    if (!t.node || !t.word) {
        fprintf(stderr, "trie: out of memory\n");
        return 1;
    }
    t.node[0] = (struct node){0};
    for (uint32_t i = 0; i < WORDS; i++) {
        make_word(t.word[i], &random);
        (void)walk(&t, t.word[i], LONG);
    }
    for (uint32_t q = 0; q < queries; q++) {
        const uint64_t r = random_next(&random);
        const char *word = t.word[r >> 40 & 1 ? r % WORDS : r % (WORDS / 16)];
        t.node[walk(&t, word, LONG)].count++;
        if (q % 4 == 0)
            sum += most_counted(&t, walk(&t, word, 5));
    }
    printf("trie: %u nodes, checksum %llu\n", t.used, (unsigned long long)sum);
    return 0;
}
