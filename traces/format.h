/* format.h - the bytes of a trace file, shared by its writer and its reader. */
#ifndef TRACES_FORMAT_H
#define TRACES_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#include "traces/codec.h"

/*
 * A trace is a gzip file of several members (RFC 1952), all numbers little-endian:
 *
 *   header    1 member, empty, with an extra field
 *   blocks    0 or more members, each with the coding of up to 65,536 records
 *   index     0 or more members, empty, each with an extra field of up to 2,048 entries
 *   trailer   1 member, empty, with an extra field
 *
 * So `zcat` gives the blocks' contents and nothing else, and `gzip -t` passes. What is not inside a
 * compressed block is in extra fields, whose bytes are fully determined:
 *
 *   empty member   1f 8b 08 04  00 00 00 00  00 ff   gzip, deflate, FEXTRA; no time; unknown system
 *                  u16 xlen = length of the field + 4
 *                  'P' id u16 length, then the field
 *                  03 00                             no data
 *                  u32 0, u32 0                      CRC-32 and length of no data
 *
 *   header         id 'H', 92 bytes: 8 "pwsimtrc"; u32 version = 1; u32 65536, records of a full
 *                  block; u64 period_ps; 64 machine, padded with NULs, the last one a NUL;
 *                  u32 CRC-32 of the 88 bytes before
 *   index          id 'I', 24 bytes an entry: u64 offset of the block's member in the file;
 *                  u64 number of its first record; u32 bytes of the member; u32 CRC-32 of those
 *                  bytes. Every index member but the last has 2,048 entries
 *   trailer        id 'E', 48 bytes: 8 "pwsimend"; u64 offset of the first index member (or of the
 *                  trailer); u64 entries; u64 records; u64 instructions; u32 CRC-32 of all index
 *                  members; u32 CRC-32 of the 44 bytes before
 *
 *   block          u32 n records; u32 m bytes of data; n control bytes; m data bytes (codec.h).
 *                  Every block but the last has 65,536 records
 *
 * The members follow one another without gaps, and the trailer ends the file. Every byte of the
 * file is under a checksum or must have one certain value, so no changed, missing or added byte
 * goes unnoticed: those outside blocks at open, a block's when it is read.
 */
#define TRACE_VERSION       1u
#define TRACE_BLOCK         65536u
#define TRACE_INDEX_ENTRIES 2048u

#define EMPTY_MEMBER_BYTES  26u /* with a field of no bytes */
#define HEADER_BYTES        92u
#define ENTRY_BYTES         24u
#define TRAILER_BYTES       48u
#define MEMBER_LIMIT        (EMPTY_MEMBER_BYTES + TRACE_INDEX_ENTRIES * ENTRY_BYTES)

#define BLOCK_HEAD          8u
#define BLOCK_LIMIT         (BLOCK_HEAD + TRACE_BLOCK * (1u + CODEC_MAX_BYTES))

struct trace_entry {
    uint64_t offset, first;
    uint32_t bytes, crc;
};

/* Complete an empty member whose field of `bytes` bytes is already at member + FIELD_AT. Returns
 * the member's length. */
#define FIELD_AT 16u
size_t format_empty_member(uint8_t *member, char id, uint32_t bytes);

/* Whether these are exactly an empty member with that id and a field of `bytes` bytes. */
int format_is_empty_member(const uint8_t *member, char id, uint32_t bytes);

void format_put_header(uint8_t *field, const struct trace_header *hdr);
/* NULL, or what is wrong with the field. */
const char *format_get_header(const uint8_t *field, struct trace_header *hdr);

void format_put_entry(uint8_t *field, const struct trace_entry *e);
void format_get_entry(const uint8_t *field, struct trace_entry *e);

struct trace_trailer {
    uint64_t index, entries, records, instructions;
    uint32_t index_crc;
};
void format_put_trailer(uint8_t *field, const struct trace_trailer *t);
const char *format_get_trailer(const uint8_t *field, struct trace_trailer *t);

/* Bytes of all index members together. */
uint64_t format_index_bytes(uint64_t entries);

uint32_t format_crc(uint32_t crc, const void *bytes, size_t n);
void format_put32(uint8_t *p, uint32_t x);
uint32_t format_get32(const uint8_t *p);

#endif
