/* dram_map.h - where an address lies in DRAM: which bits name channel, rank, group, bank, row. */
#ifndef MEMHIER_DRAM_MAP_H
#define MEMHIER_DRAM_MAP_H

#include <stddef.h>
#include <stdint.h>

enum dram_field {
    DRAM_ROW,
    DRAM_RANK,
    DRAM_BANK,  /* in its group */
    DRAM_GROUP, /* bank group */
    DRAM_COLUMN,
    DRAM_CHANNEL,
    DRAM_FIELDS
};

/*
 * The order of the fields in an address, from its highest bit to its lowest. Below all of them lie
 * `interleave` bytes of a row, which therefore stay together; COLUMN is the rest of the row. ROW
 * takes all bits that are left when it is highest, else log2(rows).
 */
struct dram_order {
    uint8_t field[DRAM_FIELDS]; /* enum dram_field, each once */
    uint8_t hash;        /* xor the lowest bits of the row into group and bank, so that strides by a
                            power of two do not all meet in one bank (Zhang et al., MICRO 2000) */
    uint32_t interleave; /* bytes, a power of two, 64 to row_bytes */
    uint32_t rows;       /* of a bank; power of two; used where ROW is not the highest */
};

/* The words row, rank, bank, group, column and channel, each once, with commas between. 0, or -1
 * and a message. */
int dram_order_parse(const char *text, struct dram_order *out, char *err, size_t errlen);

struct dram_shape {
    uint32_t channels, ranks, groups, banks; /* banks of a rank; all powers of two */
    uint32_t row_bytes;
};

struct dram_map {
    uint8_t shift[DRAM_FIELDS];
    uint64_t mask[DRAM_FIELDS]; /* after the shift */
    uint8_t group_bits, bank_bits, rank_bits;
    uint8_t hash;
};

struct dram_place {
    uint32_t channel;
    uint32_t rank;  /* counted over all channels */
    uint32_t group; /* counted over all ranks */
    uint32_t bank;  /* counted over all groups */
    uint64_t row;
};

/* 0, or -1 and a message when the order does not fit the shape. */
int dram_map_init(struct dram_map *m, const struct dram_order *order,
                  const struct dram_shape *shape, char *err, size_t errlen);

static inline struct dram_place dram_locate(const struct dram_map *m, uint64_t addr)
{
#define FIELD_OF(f) (addr >> m->shift[f] & m->mask[f])
    const uint64_t row = FIELD_OF(DRAM_ROW), fold = m->hash ? row : 0;
    const uint32_t channel = (uint32_t)FIELD_OF(DRAM_CHANNEL);
    const uint32_t rank = channel << m->rank_bits | (uint32_t)FIELD_OF(DRAM_RANK);
    const uint64_t in_rank = (FIELD_OF(DRAM_GROUP) ^ fold) & m->mask[DRAM_GROUP];
    const uint64_t in_group = (FIELD_OF(DRAM_BANK) ^ fold >> m->group_bits) & m->mask[DRAM_BANK];
#undef FIELD_OF
    const uint32_t group = rank << m->group_bits | (uint32_t)in_rank;
    return (struct dram_place){.channel = channel,
                               .rank = rank,
                               .group = group,
                               .bank = group << m->bank_bits | (uint32_t)in_group,
                               .row = row};
}

#endif
