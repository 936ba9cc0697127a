/*
 * png.c - PNG writer. Source: W3C Portable Network Graphics, second edition.
 *
 *   file     89 "PNG" 0d 0a 1a 0a, then chunks IHDR, IDAT, IEND
 *   chunk    length (4 bytes, big endian), type (4), data, CRC-32 of type and data (4)
 *   IHDR     width (4), height (4), bit depth 8, colour type 2 (RGB), 0 deflate, 0, 0 no interlace
 *   IDAT     a zlib stream; each row is preceded by its filter type, here always 2 (each byte less
 *            the byte above it), which suits areas and lines of one colour
 */
#include "ui/png.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#define FILTER_UP 2

static void put32(uint8_t *to, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(v >> (24 - 8 * i));
}

static int put_chunk(FILE *f, const char *type, const uint8_t *data, size_t n)
{
    uint8_t head[8], tail[4];
    put32(head, (uint32_t)n);
    memcpy(head + 4, type, 4);
    uLong crc = crc32(0, head + 4, 4);
    if (n)
        crc = crc32(crc, data, (uInt)n);
    put32(tail, (uint32_t)crc);
    return fwrite(head, 1, 8, f) == 8 && fwrite(data, 1, n, f) == n && fwrite(tail, 1, 4, f) == 4
               ? 0
               : -1;
}

static uint8_t *filter_rows(const uint8_t *rgb, size_t row, size_t height)
{
    uint8_t *out = malloc((row + 1) * height);
    for (size_t y = 0; out && y < height; y++) {
        uint8_t *to = out + y * (row + 1);
        const uint8_t *from = rgb + y * row;
        *to++ = FILTER_UP;
        for (size_t x = 0; x < row; x++)
            to[x] = (uint8_t)(from[x] - (y ? from[x - row] : 0));
    }
    return out;
}

static int put_file(FILE *f, const uint8_t *header, const uint8_t *data, size_t n)
{
    static const uint8_t magic[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    if (fwrite(magic, 1, 8, f) != 8 || put_chunk(f, "IHDR", header, 13) ||
        put_chunk(f, "IDAT", data, n) || put_chunk(f, "IEND", header, 0))
        return -1;
    return 0;
}

/* Not a device or a pipe, which was there before and must stay. */
static void remove_file(const char *path)
{
    struct stat st;
    if (lstat(path, &st) == 0 && S_ISREG(st.st_mode))
        remove(path);
}

int png_write(const char *path, const uint8_t *rgb, int width, int height, char *err, size_t errlen)
{
    assert(width > 0 && height > 0 && width <= 16384 && height <= 16384);
    size_t row = (size_t)width * 3, raw = (row + 1) * (size_t)height;
    uLongf n = compressBound((uLong)raw);
    uint8_t header[13] = {[8] = 8, [9] = 2};
    uint8_t *rows = filter_rows(rgb, row, (size_t)height), *data = malloc(n);
    int rc = -1;
    if (!rows || !data || compress2(data, &n, rows, (uLong)raw, 9) != Z_OK) {
        snprintf(err, errlen, "%s: out of memory", path);
        goto out;
    }
    put32(header, (uint32_t)width);
    put32(header + 4, (uint32_t)height);
    FILE *f = fopen(path, "wb");
    if (!f) {
        snprintf(err, errlen, "%s: cannot write: %s", path, strerror(errno));
        goto out;
    }
    int bad = put_file(f, header, data, n);
    int why = errno;
    if (fclose(f)) {
        why = bad ? why : errno;
        bad = -1;
    }
    if (bad) {
        snprintf(err, errlen, "%s: cannot write: %s", path, strerror(why));
        remove_file(path);
        goto out;
    }
    rc = 0;
out:
    free(rows);
    free(data);
    return rc;
}
