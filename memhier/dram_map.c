/* dram_map.c - where an address lies in DRAM: reading an order of fields, and laying it out. */
#include "memhier/dram_map.h"

#include <stdio.h>
#include <string.h>

#include "memhier/port.h"

static const char *const words[DRAM_FIELDS] = {
    [DRAM_ROW] = "row",     [DRAM_RANK] = "rank",     [DRAM_BANK] = "bank",
    [DRAM_GROUP] = "group", [DRAM_COLUMN] = "column", [DRAM_CHANNEL] = "channel"};

static int refuse(const char *text, char *err, size_t errlen)
{
    snprintf(err, errlen,
             "dram.mapping: \"%.80s\"; expected the words row, rank, bank, group, column and "
             "channel, each once, from the highest address bits to the lowest, with commas between",
             text);
    return -1;
}

static int find_word(const char *at, size_t n)
{
    for (int f = 0; f < DRAM_FIELDS; f++)
        if (strlen(words[f]) == n && memcmp(words[f], at, n) == 0)
            return f;
    return -1;
}

int dram_order_parse(const char *text, struct dram_order *out, char *err, size_t errlen)
{
    unsigned seen = 0;
    const char *at = text;
    for (unsigned i = 0; i < DRAM_FIELDS; i++) {
        at += strspn(at, " ");
        const size_t n = strcspn(at, ", ");
        const int f = find_word(at, n);
        if (f < 0 || seen >> f & 1)
            return refuse(text, err, errlen);
        seen |= 1u << f;
        out->field[i] = (uint8_t)f;
        at += n;
        at += strspn(at, " ");
        if (*at != (i + 1 < DRAM_FIELDS ? ',' : 0))
            return refuse(text, err, errlen);
        at++;
    }
    return 0;
}

static int log2_of(uint64_t n)
{
    return n && !(n & (n - 1)) ? __builtin_ctzll(n) : -1;
}

int dram_map_init(struct dram_map *m, const struct dram_order *order,
                  const struct dram_shape *shape, char *err, size_t errlen)
{
    const int interleave = log2_of(order->interleave), row = log2_of(shape->row_bytes);
    const int bits[DRAM_FIELDS] = {[DRAM_ROW] = log2_of(order->rows),
                                   [DRAM_RANK] = log2_of(shape->ranks),
                                   [DRAM_BANK] = log2_of(shape->banks) - log2_of(shape->groups),
                                   [DRAM_GROUP] = log2_of(shape->groups),
                                   [DRAM_COLUMN] = row - interleave,
                                   [DRAM_CHANNEL] = log2_of(shape->channels)};
    if (interleave < (int)LINE_SHIFT || interleave > row) {
        snprintf(err, errlen,
                 "dram: %u bytes of interleaving; powers of two from 64 to the bytes of a row, %u, "
                 "are possible",
                 order->interleave, shape->row_bytes);
        return -1;
    }
    if (bits[DRAM_ROW] < 1) {
        snprintf(err, errlen, "dram: %u rows; powers of two from 2 are possible", order->rows);
        return -1;
    }
    if (bits[DRAM_BANK] < 0) {
        snprintf(err, errlen, "dram: %u bank groups of %u banks; there must be a bank in each",
                 shape->groups, shape->banks);
        return -1;
    }
    int shift = interleave;
    for (int i = DRAM_FIELDS - 1; i >= 0; i--) {
        const unsigned f = order->field[i];
        m->shift[f] = (uint8_t)shift;
        m->mask[f] = (UINT64_C(1) << bits[f]) - 1;
        shift += bits[f];
    }
    m->mask[order->field[0]] = order->field[0] == DRAM_ROW ? UINT64_MAX : m->mask[order->field[0]];
    m->group_bits = (uint8_t)bits[DRAM_GROUP];
    m->bank_bits = (uint8_t)bits[DRAM_BANK];
    m->rank_bits = (uint8_t)bits[DRAM_RANK];
    m->hash = order->hash;
    return 0;
}
