/* benchcore.c - a mix of integer work: linked lists, small matrices, a state machine, checksums. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "guestos/lib/hash.h"
#include "guestos/lib/number.h"

/*
 *   benchcore [ITERATIONS]
 *
 * The mix is that of embedded-processor benchmarks: pointer chasing with unpredictable branches,
 * dense loops of multiplication, a switch driven by data, and bit-serial arithmetic. Each
 * iteration's input depends on the checksum of the one before, so nothing can be left out. The
 * printed checksum depends on ITERATIONS only.
 */
#define NODES            96
#define ORDER            12 /* of the matrices */
#define TEXT             512
#define ITERATIONS_USUAL 500

/* ---- checksum ---- */

/* CRC-16 (CCITT polynomial, reflected), a bit at a time: that is the work. */
static uint16_t crc16(uint16_t crc, uint32_t value)
{
    for (int bit = 0; bit < 32; bit++, value >>= 1) {
        uint16_t low = (uint16_t)((crc ^ value) & 1);
        crc >>= 1;
        if (low)
            crc ^= 0x8408;
    }
    return crc;
}

/* ---- lists ---- */

struct node {
    struct node *next;
    int32_t value;
    uint32_t tag;
};

static struct node *list_make(struct node *pool, uint64_t *state)
{
    struct node *head = NULL;
    for (uint32_t i = 0; i < NODES; i++) {
        struct node *n = &pool[(i * 41) % NODES]; /* 41 and 96 have no common factor */
        n->value = (int32_t)(random_next(state) & 0x3ff);
        n->tag = i;
        n->next = head;
        head = n;
    }
    return head;
}

static struct node *list_reverse(struct node *list)
{
    struct node *done = NULL;
    while (list) {
        struct node *next = list->next;
        list->next = done;
        done = list;
        list = next;
    }
    return done;
}

static const struct node *list_find(const struct node *list, int32_t value)
{
    while (list && list->value != value)
        list = list->next;
    return list;
}

static struct node *list_merge(struct node *a, struct node *b)
{
    struct node head = {0}, *tail = &head;
    while (a && b) {
        struct node **less = b->value < a->value ? &b : &a;
        tail->next = *less;
        tail = *less;
        *less = (*less)->next;
    }
    tail->next = a ? a : b;
    return head.next;
}

/* Stable merge sort; recursion is as deep as the logarithm of the length. */
static struct node *list_sort(struct node *list)
{
    struct node *slow = list, *fast, *half;
    if (!list || !list->next)
        return list;
    for (fast = list->next; fast && fast->next; fast = fast->next->next)
        slow = slow->next;
    half = slow->next;
    slow->next = NULL;
    return list_merge(list_sort(list), list_sort(half));
}

static uint16_t bench_list(uint64_t *state, uint16_t crc)
{
    static struct node pool[NODES];
    struct node *list = list_make(pool, state);
    uint32_t found = 0;
    for (int32_t v = 0; v < 64; v++) {
        const struct node *n = list_find(list, v * 16);
        found += n ? n->tag + 1 : 0;
        if ((v & 7) == 0)
            list = list_reverse(list);
    }
    list = list_sort(list);
    crc = crc16(crc, found);
    for (const struct node *n = list; n; n = n->next)
        crc = crc16(crc, (uint32_t)n->value << 16 ^ n->tag);
    return crc;
}

/* ---- matrices ---- */

static uint16_t bench_matrix(uint64_t *state, uint16_t crc)
{
    int32_t a[ORDER][ORDER], b[ORDER][ORDER], sum = 0;
    for (int i = 0; i < ORDER; i++) {
        for (int k = 0; k < ORDER; k++) {
            uint64_t r = random_next(state);
            a[i][k] = (int16_t)r;
            b[i][k] = (int16_t)(r >> 16);
        }
    }
    for (int i = 0; i < ORDER; i++) {
        for (int k = 0; k < ORDER; k++) {
            uint32_t dot = 0;
            for (int j = 0; j < ORDER; j++)
                dot += (uint32_t)(a[i][j] * b[j][k] >> 5);
            sum += (int32_t)dot > 0 ? 1 : -2;
            crc = crc16(crc, dot);
        }
    }
    return crc16(crc, (uint32_t)sum);
}

/* ---- a state machine: recognises numbers in text ---- */

enum number_state {
    START,
    SIGN,
    DIGITS,
    POINT,
    FRACTION,
    EXPONENT,
    EXPONENT_SIGN,
    POWER,
    BAD,
    STATES
};

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static enum number_state number_step(enum number_state s, char c)
{
    switch (s) {
    case START:
        return is_digit(c) ? DIGITS : c == '+' || c == '-' ? SIGN : c == '.' ? POINT : BAD;
    case SIGN:
        return is_digit(c) ? DIGITS : c == '.' ? POINT : BAD;
    case DIGITS:
        return is_digit(c) ? DIGITS : c == '.' ? FRACTION : c == 'e' ? EXPONENT : BAD;
    case POINT:
        return is_digit(c) ? FRACTION : BAD;
    case FRACTION:
        return is_digit(c) ? FRACTION : c == 'e' ? EXPONENT : BAD;
    case EXPONENT:
        return is_digit(c) ? POWER : c == '+' || c == '-' ? EXPONENT_SIGN : BAD;
    case EXPONENT_SIGN:
    case POWER:
        return is_digit(c) ? POWER : BAD;
    default:
        return BAD;
    }
}

static uint16_t bench_states(uint64_t *state, uint16_t crc)
{
    static const char alphabet[] = "0123456789+-.e,,";
    uint32_t ends[STATES] = {0}, steps[STATES] = {0};
    char text[TEXT];
    enum number_state s = START;
    for (int i = 0; i < TEXT; i += 16) {
        uint64_t r = random_next(state);
        for (int k = 0; k < 16; k++, r >>= 4)
            text[i + k] = alphabet[r & 15];
    }
    for (int i = 0; i < TEXT; i++) {
        if (text[i] == ',') {
            ends[s]++;
            s = START;
            continue;
        }
        s = number_step(s, text[i]);
        steps[s]++;
    }
    for (int i = 0; i < STATES; i++)
        crc = crc16(crc, ends[i] << 16 | steps[i]);
    return crc;
}

int main(int argc, char **argv)
{
    uint32_t n = number_argument_or(argc, argv, 1, "ITERATIONS", ITERATIONS_USUAL, 1, 100000000);
    uint64_t state = 1;
    uint16_t crc = 0xffff;
    for (uint32_t i = 0; i < n; i++) {
        state ^= crc;
        crc = bench_list(&state, crc);
        crc = bench_matrix(&state, crc);
        crc = bench_states(&state, crc);
    }
    printf("benchcore %u iterations, checksum %04x\n", (unsigned)n, crc);
    return 0;
}
