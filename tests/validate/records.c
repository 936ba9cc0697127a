/* records.c - reads a text of SIZE thousand records, {"name":123,"x":[1,2,3]}: a parser by
 * recursive descent, byte by byte. */
#include "tests/validate/kernel.h"

static char *text, *at;
static uint32_t length, strings, depth;

static void put(const char *s)
{
    while (*s)
        text[length++] = *s++;
}

static void put_number(uint32_t x)
{
    char digits[10];
    uint32_t k = 0;
    do
        digits[k++] = (char)('0' + x % 10);
    while (x /= 10);
    while (k)
        text[length++] = digits[--k];
}

void prepare(uint32_t size)
{
    uint64_t random = 31;
    text = kernel_memory(size * 1000 * 80 + 16);
    put("[");
    for (uint32_t i = 0; i < size * 1000; i++) {
        put(i ? ",\n {\"name\": " : "{\"name\": ");
        put_number((uint32_t)(random_next(&random) >> (40 + (i & 15))));
        put(", \"list\": [");
        for (uint32_t k = (uint32_t)(random_next(&random) >> 62); k < 4; k++) {
            put_number((uint32_t)(random_next(&random) >> 50));
            put(k < 3 ? "," : "");
        }
        put(random_next(&random) >> 63 ? "], \"good\": true}" : "], \"text\": \"some words\"}");
    }
    put("]");
    text[length] = 0;
}

static void skip(void)
{
    while (*at == ' ' || *at == '\n')
        at++;
}

static uint32_t value(void);

static uint32_t string(void)
{
    uint32_t h = 0;
    for (at++; *at != '"'; at++)
        h = h * 31 + (uint8_t)*at;
    at++;
    strings++;
    return h;
}

/* Members or elements up to `end`. */
static uint32_t items(char end)
{
    uint32_t sum = 0;
    depth++;
    for (at++; skip(), *at != end;) {
        if (end == '}') {
            sum += string();
            skip();
            at++;
        }
        sum = sum * 7 + value();
        skip();
        at += *at == ',';
    }
    at++;
    depth--;
    return sum;
}

static uint32_t value(void)
{
    uint32_t x = 0;
    skip();
    switch (*at) {
    case '{':
        return items('}');
    case '[':
        return items(']');
    case '"':
        return string();
    case 't':
        at += 4;
        return 1;
    default:
        while (*at >= '0' && *at <= '9')
            x = x * 10 + (uint32_t)(*at++ - '0');
        return x;
    }
}

uint32_t run(uint32_t rounds)
{
    uint32_t sum = 0;
    for (uint32_t r = 0; r < rounds; r++) {
        at = text;
        strings = 0;
        sum += value() + strings + depth;
    }
    return sum;
}
