/* format.c - the bytes of a trace file; the layout is written down in format.h. */
#include "traces/format.h"

#include <libdeflate.h>
#include <string.h>

#define HEADER_MAGIC  "pwsimtrc"
#define TRAILER_MAGIC "pwsimend"

uint32_t format_crc(uint32_t crc, const void *bytes, size_t n)
{
    return libdeflate_crc32(crc, bytes, n);
}

void format_put32(uint8_t *p, uint32_t x)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(x >> 8 * i);
}

uint32_t format_get32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void put64(uint8_t *p, uint64_t x)
{
    format_put32(p, (uint32_t)x);
    format_put32(p + 4, (uint32_t)(x >> 32));
}

static uint64_t get64(const uint8_t *p)
{
    return format_get32(p) | (uint64_t)format_get32(p + 4) << 32;
}

/* ---- empty members ---- */

/* What stands before and after the field. */
static void empty_frame(uint8_t before[FIELD_AT], uint8_t after[10], char id, uint32_t bytes)
{
    static const uint8_t start[10] = {0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff};
    memcpy(before, start, sizeof start);
    before[10] = (uint8_t)(bytes + 4);
    before[11] = (uint8_t)((bytes + 4) >> 8);
    before[12] = 'P';
    before[13] = (uint8_t)id;
    before[14] = (uint8_t)bytes;
    before[15] = (uint8_t)(bytes >> 8);
    memset(after, 0, 10);
    after[0] = 3;
}

size_t format_empty_member(uint8_t *member, char id, uint32_t bytes)
{
    empty_frame(member, member + FIELD_AT + bytes, id, bytes);
    return EMPTY_MEMBER_BYTES + bytes;
}

int format_is_empty_member(const uint8_t *member, char id, uint32_t bytes)
{
    uint8_t before[FIELD_AT], after[10];
    empty_frame(before, after, id, bytes);
    return !memcmp(member, before, sizeof before) &&
           !memcmp(member + FIELD_AT + bytes, after, sizeof after);
}

/* ---- fields ---- */

void format_put_header(uint8_t *field, const struct trace_header *hdr)
{
    memset(field, 0, HEADER_BYTES);
    memcpy(field, HEADER_MAGIC, 8);
    format_put32(field + 8, TRACE_VERSION);
    format_put32(field + 12, TRACE_BLOCK);
    put64(field + 16, hdr->period_ps);
    memcpy(field + 24, hdr->machine, strnlen(hdr->machine, sizeof hdr->machine - 1));
    format_put32(field + 88, format_crc(0, field, 88));
}

const char *format_get_header(const uint8_t *field, struct trace_header *hdr)
{
    if (memcmp(field, HEADER_MAGIC, 8))
        return "not a memory trace";
    if (format_get32(field + 88) != format_crc(0, field, 88))
        return "the checksum of the header is wrong";
    if (format_get32(field + 8) != TRACE_VERSION || format_get32(field + 12) != TRACE_BLOCK)
        return "a version of the format that this program does not know";
    if (field[24 + sizeof hdr->machine - 1])
        return "the machine's name has no end";
    hdr->period_ps = get64(field + 16);
    memcpy(hdr->machine, field + 24, sizeof hdr->machine);
    return NULL;
}

void format_put_entry(uint8_t *field, const struct trace_entry *e)
{
    put64(field, e->offset);
    put64(field + 8, e->first);
    format_put32(field + 16, e->bytes);
    format_put32(field + 20, e->crc);
}

void format_get_entry(const uint8_t *field, struct trace_entry *e)
{
    e->offset = get64(field);
    e->first = get64(field + 8);
    e->bytes = format_get32(field + 16);
    e->crc = format_get32(field + 20);
}

void format_put_trailer(uint8_t *field, const struct trace_trailer *t)
{
    memcpy(field, TRAILER_MAGIC, 8);
    put64(field + 8, t->index);
    put64(field + 16, t->entries);
    put64(field + 24, t->records);
    put64(field + 32, t->instructions);
    format_put32(field + 40, t->index_crc);
    format_put32(field + 44, format_crc(0, field, 44));
}

const char *format_get_trailer(const uint8_t *field, struct trace_trailer *t)
{
    if (memcmp(field, TRAILER_MAGIC, 8))
        return "the file does not end as a trace does: truncated, or longer than it was";
    if (format_get32(field + 44) != format_crc(0, field, 44))
        return "the checksum of the trailer is wrong";
    t->index = get64(field + 8);
    t->entries = get64(field + 16);
    t->records = get64(field + 24);
    t->instructions = get64(field + 32);
    t->index_crc = format_get32(field + 40);
    return NULL;
}

uint64_t format_index_bytes(uint64_t entries)
{
    uint64_t members = (entries + TRACE_INDEX_ENTRIES - 1) / TRACE_INDEX_ENTRIES;
    return members * EMPTY_MEMBER_BYTES + entries * ENTRY_BYTES;
}
