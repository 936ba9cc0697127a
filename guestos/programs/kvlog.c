/* kvlog.c - appends records to a log in persistent memory, each one durable before the next. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guestos/lib/hash.h"
#include "guestos/lib/number.h"
#include "pmem.h"
#include "pwk.h"

/*
 *   kvlog RECORDS BYTES
 *
 * The named object "kvlog" holds, all numbers little endian:
 *
 *   0..7      magic; the log is empty when it is not there
 *   64..71    head: bytes of records that are in the log, a multiple of 8
 *   128..     records one behind the other: length of the payload (4 bytes), its checksum and the
 *             key's (4), key (8), payload, zeros up to a multiple of 8
 *
 * A record is written behind the head, its lines are flushed and fenced; then the head moves over
 * it, one aligned word, flushed and fenced. So whenever the power goes, the head ends a whole
 * record. At its start the program walks what is there and checks every record, then it appends.
 * Points for stop and power cut: mark 1 after recovery, mark 2 after the last record.
 */
#define NAME      "kvlog"
#define MAGIC     0x31676f6c766bull /* "kvlog1" */
#define BYTES_MAX (1u << 20)
#define DATA      128u

struct record {
    uint32_t length, check;
    uint64_t key;
    uint8_t payload[];
};

struct log {
    uint8_t *base;
    uint64_t size;    /* of the object */
    uint64_t records; /* up to the head */
    uint64_t payload; /* bytes of payload up to the head */
    uint64_t check;   /* over all of them */
};

static uint64_t *magic(const struct log *l)
{
    return (uint64_t *)(void *)l->base;
}

static uint64_t *head(const struct log *l)
{
    return (uint64_t *)(void *)(l->base + 64);
}

static uint64_t record_bytes(uint32_t length)
{
    return (sizeof(struct record) + length + 7) & ~7ull;
}

static _Noreturn void fail(const char *what, int32_t error)
{
    fprintf(stderr, "kvlog: %s: %s\n", what, strerror(-error));
    exit(1);
}

static uint32_t record_check(uint64_t key, const uint8_t *payload, uint32_t length)
{
    return (uint32_t)hash_add(hash_add(HASH_START, &key, sizeof key), payload, length);
}

/* ---- opening ---- */

/* Open the object, for at least so many bytes (0: only if it is there), and map all of it. */
static int32_t log_map(struct log *l, uint64_t bytes)
{
    int32_t fd = pwk_pmem_open(NAME, sizeof NAME - 1, (int64_t)bytes), at;
    struct stat st;
    if (fd < 0)
        return fd;
    if (fstat(fd, &st) < 0)
        fail("size of the log", -errno);
    if (st.st_size > (off_t)UINT32_MAX - (off_t)PWK_PAGE)
        fail("map the log", -EFBIG);
    at = pwk_map(fd, 0, (uint32_t)st.st_size, PWK_MAP_SHARED);
    if (pwk_failed(at))
        fail("map the log", at);
    close(fd);
    l->base = pwk_pointer(at);
    l->size = (uint64_t)st.st_size;
    return 0;
}

static void log_format(struct log *l)
{
    *head(l) = 0;
    pmem_persist(head(l), sizeof(uint64_t));
    *magic(l) = MAGIC;
    pmem_persist(magic(l), sizeof(uint64_t));
}

/* Walk the records up to the head and check them; a wrong one ends the program. */
static void log_walk(struct log *l)
{
    uint64_t end = *head(l), at = 0;
    l->records = l->payload = 0;
    l->check = HASH_START;
    if (end > l->size - DATA) {
        fprintf(stderr, "kvlog: the head points behind the log\n");
        exit(1);
    }
    while (at < end) {
        const struct record *r = (const void *)(l->base + DATA + at);
        if (end - at < sizeof *r || r->length > BYTES_MAX || record_bytes(r->length) > end - at ||
            r->check != record_check(r->key, r->payload, r->length)) {
            fprintf(stderr, "kvlog: record %llu is damaged\n", (unsigned long long)l->records);
            exit(1);
        }
        l->check = hash_add(l->check, r, sizeof *r);
        l->records++;
        l->payload += r->length;
        at += record_bytes(r->length);
    }
}

/* The log with what it has, and with room for so many bytes more. */
static void log_open(struct log *l, uint64_t more)
{
    int32_t error = log_map(l, 0);
    if (error == -ENOENT)
        error = log_map(l, DATA + more);
    if (error < 0)
        fail("open the log", error);
    if (l->size < DATA)
        fail("the object is too small for a log", -EINVAL);
    if (*magic(l) != MAGIC)
        log_format(l);
    log_walk(l);
    if (*head(l) + more <= l->size - DATA)
        return;
    more += DATA + *head(l);
    if (pwk_unmap((int32_t)(uintptr_t)l->base, (uint32_t)l->size) < 0)
        fail("unmap the log", -EINVAL);
    error = log_map(l, more);
    if (error < 0)
        fail("make the log larger", error);
}

/* ---- appending ---- */

static void payload_fill(uint8_t *payload, uint32_t length, uint64_t key)
{
    uint64_t state = key;
    for (uint32_t i = 0; i < length; i += 8) {
        uint64_t word = random_next(&state);
        memcpy(payload + i, &word, length - i < 8 ? length - i : 8);
    }
}

static void log_append(struct log *l, uint64_t key, const uint8_t *payload, uint32_t length)
{
    uint64_t at = *head(l);
    struct record *r = (void *)(l->base + DATA + at);
    r->length = length;
    r->key = key;
    r->check = record_check(key, payload, length);
    memcpy(r->payload, payload, length);
    pmem_persist(r, sizeof *r + length);
    *head(l) = at + record_bytes(length);
    pmem_persist(head(l), sizeof(uint64_t));
}

int main(int argc, char **argv)
{
    struct log l = {0};
    uint32_t records, length;
    uint8_t *payload;
    if (argc != 3) {
        fputs("usage: kvlog RECORDS BYTES\n", stderr);
        return 2;
    }
    records = number_argument(argv[1], "RECORDS", 0, 10000000);
    length = number_argument(argv[2], "BYTES", 0, BYTES_MAX);
    if ((uint64_t)records * record_bytes(length) > 1u << 30)
        fail("so many bytes of records", -EFBIG);
    payload = malloc(length + 1);
    if (!payload)
        fail("payload", -ENOMEM);
    log_open(&l, records * record_bytes(length));
    printf("recovered %llu records, %llu bytes, checksum %016llx\n", (unsigned long long)l.records,
           (unsigned long long)l.payload, (unsigned long long)l.check);
    fflush(stdout);
    pwk_mark(1);
    pwk_roi(1);
    for (uint32_t i = 0; i < records; i++) {
        uint64_t key = l.records + i;
        payload_fill(payload, length, key);
        log_append(&l, key, payload, length);
    }
    pwk_roi(0);
    pwk_mark(2);
    log_walk(&l);
    printf("log holds %llu records, %llu bytes, checksum %016llx\n", (unsigned long long)l.records,
           (unsigned long long)l.payload, (unsigned long long)l.check);
    return 0;
}
