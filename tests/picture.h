/* picture.h - for tests of the dashboard: a folder, PNG files decoded, a canvas, a small run. */
#ifndef TESTS_PICTURE_H
#define TESTS_PICTURE_H

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include <SDL2/SDL.h>

#include "ui/frame.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- a directory of the test's own ---- */

static char dir[64]; /* each test runs in a process of its own */

static inline void make_dir(void)
{
    snprintf(dir, sizeof dir, "/tmp/pwsim-ui-XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
}

static inline void remove_dir(void)
{
    DIR *d = opendir(dir);
    for (struct dirent *e; d && (e = readdir(d));) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        if (e->d_name[0] != '.')
            unlink(path);
    }
    if (d)
        closedir(d);
    rmdir(dir);
}

static inline const char *in_dir(const char *name)
{
    static char path[4][256];
    static unsigned n;
    char *p = path[n++ % 4];
    snprintf(p, sizeof path[0], "%s/%s", dir, name);
    return p;
}

/* ---- PNG files, decoded ---- */

struct picture {
    uint32_t width, height;
    uint8_t *rgb;
};

static inline uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint8_t *read_file(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    cr_assert_not_null(f, "%s", path);
    cr_assert_eq(fseek(f, 0, SEEK_END), 0);
    *n = (size_t)ftell(f);
    rewind(f);
    uint8_t *bytes = malloc(*n + 1);
    cr_assert_not_null(bytes);
    cr_assert_eq(fread(bytes, 1, *n, f), *n);
    fclose(f);
    return bytes;
}

/* The data of the chunk at *at, which must be of that type with a right CRC; *at moves behind it.
 */
static inline const uint8_t *chunk(const uint8_t *file, size_t n, size_t *at, const char *type,
                                   uint32_t *len)
{
    cr_assert_leq(*at + 12, n);
    *len = get32(file + *at);
    cr_assert_leq(*at + 12 + *len, n);
    cr_assert_eq(memcmp(file + *at + 4, type, 4), 0, "want chunk %s", type);
    uint32_t crc = (uint32_t)crc32(0, file + *at + 4, *len + 4);
    cr_assert_eq(get32(file + *at + 8 + *len), crc, "CRC of %s", type);
    const uint8_t *data = file + *at + 8;
    *at += 12 + *len;
    return data;
}

static inline void unfilter(struct picture *p, const uint8_t *raw)
{
    size_t row = p->width * (size_t)3;
    for (size_t y = 0; y < p->height; y++) {
        const uint8_t *from = raw + y * (row + 1);
        uint8_t *to = p->rgb + y * row;
        cr_assert_leq(from[0], 2, "filter type");
        for (size_t x = 0; x < row; x++) {
            uint8_t left = x >= 3 ? to[x - 3] : 0, above = y ? to[x - row] : 0;
            to[x] = (uint8_t)(from[x + 1] + (from[0] == 1 ? left : from[0] == 2 ? above : 0));
        }
    }
}

static inline struct picture decode(const char *path)
{
    size_t n, at = 8;
    uint32_t len;
    uint8_t *file = read_file(path, &n);
    cr_assert_eq(memcmp(file, "\x89PNG\r\n\x1a\n", 8), 0);
    const uint8_t *head = chunk(file, n, &at, "IHDR", &len);
    cr_assert_eq(len, 13);
    cr_assert_eq(memcmp(head + 8, "\x08\x02\0\0\0", 5), 0, "8 bits, RGB, not interlaced");
    struct picture p = {get32(head), get32(head + 4), NULL};
    uLongf raw_len = (p.width * (uLongf)3 + 1) * p.height;
    uint8_t *raw = malloc(raw_len);
    p.rgb = malloc(p.width * (size_t)3 * p.height);
    cr_assert(raw && p.rgb);
    const uint8_t *data = chunk(file, n, &at, "IDAT", &len);
    uLongf got = raw_len;
    cr_assert_eq(uncompress(raw, &got, data, len), Z_OK);
    cr_assert_eq(got, raw_len);
    chunk(file, n, &at, "IEND", &len);
    cr_assert(len == 0 && at == n);
    unfilter(&p, raw);
    free(raw);
    free(file);
    return p;
}

static inline int same_files(const char *a, const char *b)
{
    size_t n, m;
    uint8_t *x = read_file(a, &n), *y = read_file(b, &m);
    int same = n == m && memcmp(x, y, n) == 0;
    free(x);
    free(y);
    return same;
}

/* ---- pictures ---- */

struct canvas {
    SDL_Surface *surface;
    SDL_Renderer *renderer;
    struct draw *draw;
};

static inline struct canvas canvas_new(int width, int height)
{
    char err[256] = "";
    struct canvas c;
    c.surface = SDL_CreateRGBSurfaceWithFormat(0, width, height, 32, SDL_PIXELFORMAT_ARGB8888);
    c.renderer = SDL_CreateSoftwareRenderer(c.surface);
    cr_assert_not_null(c.renderer);
    c.draw = draw_new(c.renderer, err, sizeof err);
    cr_assert_not_null(c.draw, "%s", err);
    cr_assert_eq(draw_fit(c.draw, width, height, err, sizeof err), 0);
    return c;
}

static inline void canvas_free(struct canvas *c)
{
    draw_free(c->draw);
    SDL_DestroyRenderer(c->renderer);
    SDL_FreeSurface(c->surface);
}

static inline SDL_Color pixel(const struct canvas *c, int x, int y)
{
    SDL_Color p;
    cr_assert(x >= 0 && y >= 0 && x < c->surface->w && y < c->surface->h);
    const Uint8 *row = (const Uint8 *)c->surface->pixels + y * c->surface->pitch;
    Uint32 v;
    memcpy(&v, row + 4 * x, 4);
    SDL_GetRGBA(v, c->surface->format, &p.r, &p.g, &p.b, &p.a);
    return p;
}

static inline int near(SDL_Color a, SDL_Color b)
{
    return abs(a.r - b.r) <= 3 && abs(a.g - b.g) <= 3 && abs(a.b - b.b) <= 3;
}

#define EPOCH_PS UINT64_C(100000000)

/* base, dram and boundary; L1D and LLC. Epoch 3 has user base only, in epoch 5 nothing executes. */
static inline struct snapshot *small_run(size_t epochs)
{
    static const char *const names[] = {
        "ps",
        "hart0.instructions",
        "hart0.cycles",
        "hart0.cpi.user.base",
        "hart0.cpi.user.dram",
        "hart0.cpi.kernel.base",
        "hart0.cpi.kernel.boundary",
        "hart0.l1d.accesses.load",
        "hart0.l1d.misses.load",
        "llc.accesses.load",
        "llc.misses.load",
    };
    struct snapshot *s = snapshot_new("small", "one hart");
    cr_assert_not_null(s);
    for (size_t i = 0; i < COUNT(names); i++)
        cr_assert_eq(snapshot_add_column(s, names[i], NULL), 0);
    for (size_t e = 0; e < epochs; e++) {
        uint64_t row[] = {(e + 1) * EPOCH_PS, 1000, 1500, 500, 400, 300, 300, 400, 40, 40, 20};
        if (e == 3)
            memcpy(row + 2, (uint64_t[]){1500, 1500, 0, 0, 0}, 5 * sizeof *row);
        if (e == 5)
            row[1] = row[7] = row[9] = 0;
        cr_assert_eq(snapshot_add_row(s, row, COUNT(row)), 0);
    }
    return s;
}

static inline struct scene whole(const struct snapshot *s)
{
    return (struct scene){.snap = s, .range = {0, snapshot_end(s)}, .state = ""};
}

#endif
