/* palette.c - every colour of the dashboard; parts and levels have theirs by name. */
#include "ui/palette.h"

#include <string.h>

#define RGB(hex)                                                                                   \
    {                                                                                              \
        (hex) >> 16 & 0xff, (hex) >> 8 & 0xff, (hex)&0xff, 255                                     \
    }

const struct palette palette = {
    .page = RGB(0xeef1f5),
    .card = RGB(0xffffff),
    .rim = RGB(0xd3d9e2),
    .grid = RGB(0xe6eaf0),
    .axis = RGB(0x3c4858),
    .edge = {27, 37, 48, 110},
    .ink = RGB(0x1b2530),
    .soft = RGB(0x55626f),
    .faint = RGB(0xa9b3bf),
    .nothing = RGB(0xe3e7ec),
    .tint = {255, 255, 255, 84},
    .stripe = {255, 255, 255, 150},
    .alert = RGB(0xa3123a),
};

struct named {
    const char *name;
    SDL_Color colour;
};

static const struct named parts[] = {
    {"base", RGB(0x99a2be)},        {"frontend", RGB(0xfed62d)}, {"branch", RGB(0xa86900)},
    {"l1", RGB(0xd3f3ed)},          {"l2", RGB(0x55ccfd)},       {"llc", RGB(0x4972db)},
    {"dram", RGB(0x1c3460)},        {"nvdimm", RGB(0xf18a1f)},   {"store", RGB(0x5f3f00)},
    {"wpq", RGB(0xf9a8ae)},         {"flush", RGB(0xe13348)},    {"fence", RGB(0x61002b)},
    {"translation", RGB(0x04a974)}, {"boundary", RGB(0x5922b8)}, {"idle", RGB(0xf8f2c4)},
};

static const SDL_Color more_parts[] = {
    RGB(0x88ccee), RGB(0x332288), RGB(0xddcc77), RGB(0x117733),
    RGB(0xcc6677), RGB(0x882255), RGB(0x44aa99), RGB(0x999933),
};

static const struct named levels[] = {
    {"l1i", RGB(0xcc79a7)},
    {"l1d", RGB(0x0072b2)},
    {"l2", RGB(0xd98a00)},
    {"llc", RGB(0x009e73)},
};

static const SDL_Color more_levels[] = {
    RGB(0xd55e00),
    RGB(0x56b4e9),
    RGB(0x333333),
    RGB(0x8f7a00),
};

static const SDL_Color *find(const struct named *names, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i].name, name) == 0)
            return &names[i].colour;
    return NULL;
}

SDL_Color palette_part(const char *name, uint32_t index)
{
    const SDL_Color *c = find(parts, sizeof parts / sizeof *parts, name);
    return c ? *c : more_parts[index % (sizeof more_parts / sizeof *more_parts)];
}

SDL_Color palette_level(const char *name, uint32_t index)
{
    const SDL_Color *c = find(levels, sizeof levels / sizeof *levels, name);
    return c ? *c : more_levels[index % (sizeof more_levels / sizeof *more_levels)];
}
