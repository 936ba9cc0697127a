/* test_ui.c - the dashboard's picture by structure: what is drawn where, and what stays free. */
#include <math.h>

#include "tests/picture.h"
#include "ui/palette.h"

static SDL_Color over(SDL_Color top, SDL_Color below)
{
#define MIX(f) (Uint8)((top.f * top.a + below.f * (255 - top.a)) / 255)
    return (SDL_Color){MIX(r), MIX(g), MIX(b), 255};
#undef MIX
}

static int is_kernel(SDL_Color c, SDL_Color part)
{
    return near(c, over(palette.tint, part)) || near(c, over(palette.stripe, part));
}

/* Row of the CPI panel's pixels at a height, with an axis from 0 to top. */
static int cpi_row(const struct plot *p, double cpi, double top)
{
    return p->box.y + p->box.h - (int)lround(cpi / top * p->box.h);
}

static void check_columns(const struct canvas *c, const struct plot *p, enum sides sides,
                          size_t epochs, size_t nothing_at)
{
    const SDL_Color base = palette_part("base", 0), dram = palette_part("dram", 1),
                    boundary = palette_part("boundary", 2);
    for (size_t e = 0; e < epochs; e++) {
        int x = p->box.x + (int)((2 * e + 1) * (size_t)p->box.w / (2 * epochs)) + 2;
#define AT(cpi) pixel(c, x, cpi_row(p, cpi, p->y.top))
        if (e == nothing_at) {
            cr_expect(near(AT(0.2), palette.nothing) && near(AT(0.55), palette.nothing));
            continue;
        }
        if (e == 3) {
            cr_expect(near(AT(0.15), sides == SIDES_KERNEL ? palette.card : base));
            cr_expect(near(AT(sides == SIDES_KERNEL ? 0.55 : 1.4),
                           sides == SIDES_KERNEL ? palette.card : base));
            continue;
        }
        switch (sides) {
        case SIDES_APART:
            cr_expect(near(AT(0.25), base) && near(AT(0.45), base), "epoch %zu", e);
            cr_expect(near(AT(0.55), dram) && near(AT(0.85), dram), "epoch %zu", e);
            cr_expect(is_kernel(AT(0.95), base) && is_kernel(AT(1.15), base), "epoch %zu", e);
            cr_expect(is_kernel(AT(1.25), boundary) && is_kernel(AT(1.45), boundary));
            break;
        case SIDES_TOGETHER:
            cr_expect(near(AT(0.75), base) && near(AT(0.85), dram) && near(AT(1.3), boundary));
            break;
        case SIDES_USER:
            cr_expect(near(AT(0.45), base) && near(AT(0.85), dram) && near(AT(0.95), palette.card));
            break;
        default:
            cr_expect(is_kernel(AT(0.25), base) && is_kernel(AT(0.35), boundary));
            break;
        }
#undef AT
    }
}

/* Is there text in these pixels? Fainter text, of what is switched off, does not count. */
static int has_ink(const struct canvas *c, int x, int y, int w, int h)
{
    int dark = 0;
    for (int i = 0; i < w * h; i++) {
        SDL_Color p = pixel(c, x + i % w, y + i / w);
        dark += p.r + p.g + p.b < palette.soft.r + palette.soft.g + palette.soft.b + 60;
    }
    return dark > 3;
}

/* The legend has the parts in the order of the stack, each with the shares of the sides it has. */
static void check_legend(const struct canvas *c, const struct plot *p, enum sides sides)
{
    static const char *const names[] = {"boundary", "dram", "base"};
    static const int has_user[] = {0, 1, 1}, has_kernel[] = {1, 0, 1};
    int em = draw_em(c->draw), y = p->side.y + 2 * em;
    int right = p->side.x + p->side.w, second = right - 3 * em, first = second - 5 * em;
    for (size_t i = 0; i < COUNT(names); i++) {
        while (y < p->side.y + p->side.h &&
               !near(pixel(c, p->side.x + em * 2 / 5, y), palette_part(names[i], 0)))
            y++;
        cr_assert_lt(y, p->side.y + p->side.h, "%s is not in the legend", names[i]);
        int user = sides == SIDES_APART || sides == SIDES_USER ? has_user[i] : 0;
        int kernel = sides == SIDES_TOGETHER || (sides != SIDES_USER && has_kernel[i]);
        cr_expect(has_ink(c, p->side.x + em * 3 / 2, y, 3 * em, em * 3 / 4), "%s has a name",
                  names[i]);
        cr_expect_eq(has_ink(c, first, y, 3 * em, em * 3 / 4), user, "user, %s", names[i]);
        cr_expect_eq(has_ink(c, second, y, 3 * em, em * 3 / 4), kernel, "kernel, %s", names[i]);
    }
}

/* Every epoch's parts are where cycles over instructions put them, in all four ways of showing. */
Test(ui, stack_by_structure)
{
    static const int sizes[][2] = {{1280, 800}, {800, 600}, {640, 480}};
    for (size_t i = 0; i < COUNT(sizes) * SIDES; i++) {
        const int *size = sizes[i / SIDES];
        struct snapshot *s = small_run(8);
        struct canvas c = canvas_new(size[0], size[1]);
        struct scene scene = whole(s);
        scene.sides = (enum sides)(i % SIDES);
        frame_draw(c.draw, &scene, size[0], size[1]);
        struct frame_layout l = frame_place(c.draw, size[0], size[1], 0);
        struct plot p = plot_place(c.draw, l.panel[0], scene.range);
        plot_values(&p, c.draw, scene.sides == SIDES_KERNEL ? 0.6 : 1.5); /* the highest column */
        check_columns(&c, &p, scene.sides, 8, 5);
        check_legend(&c, &p, scene.sides);
        canvas_free(&c);
        snapshot_free(s);
    }
}

/* Dashes are on somewhere in any 8 pixels; the grid may take the place of the bare card. */
static void expect_line(const struct canvas *c, int x, int y, SDL_Color want, const char *level,
                        int epoch)
{
    int found = 0, line = !near(want, palette.card);
    for (int i = 0; i < 8; i++) {
        SDL_Color p = pixel(c, x + i, y);
        found += line ? near(p, want) : near(p, palette.card) || near(p, palette.grid);
    }
    cr_expect(line ? found > 0 : found == 8, "%s in epoch %d", level, epoch);
}

/* Lines stand at misses over accesses: 10 % and 50 %, but not where nothing was accessed. */
Test(ui, lines_by_structure)
{
    for (int decades = 0; decades < 2; decades++) {
        struct snapshot *s = small_run(8);
        struct canvas c = canvas_new(1280, 800);
        struct scene scene = whole(s);
        scene.decades = decades;
        frame_draw(c.draw, &scene, 1280, 800);
        struct frame_layout l = frame_place(c.draw, 1280, 800, 0);
        struct plot p = plot_place(c.draw, l.panel[1], scene.range);
        plot_values(&p, c.draw, 50 * 1.05);
        for (int e = 0; e < 8; e++) {
            int x = p.box.x + (2 * e + 1) * p.box.w / 16;
            int bottom = p.box.y + p.box.h;
            double ten = decades ? 0.75 : 10 / p.y.top;
            int y = bottom - (int)lround(ten * p.box.h);
            SDL_Color want = e == 5 ? palette.card : palette_level("l1d", 0);
            expect_line(&c, x, y - 1, want, "L1D", e);
            double fifty = decades ? (log10(50) + 2) / 4 : 50 / p.y.top;
            y = bottom - (int)lround(fifty * p.box.h);
            expect_line(&c, x, y - 1, e == 5 ? palette.card : palette_level("llc", 1), "LLC", e);
        }
        canvas_free(&c);
        snapshot_free(s);
    }
}

/* A run that fills everything: 24 parts, 8 levels, long names, large numbers, one high epoch. */
static struct snapshot *crowded_run(size_t epochs)
{
    char long_text[600], name[64];
    memset(long_text, 'W', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = 0;
    struct snapshot *s = snapshot_new(long_text, long_text);
    cr_assert_not_null(s);
    snapshot_add_column(s, "ps", "ps");
    snapshot_add_column(s, "hart0.instructions", "");
    for (int i = 0; i < 24; i++) {
        snprintf(name, sizeof name, "hart0.cpi.%s.translation%d", i % 2 ? "user" : "kernel", i);
        snapshot_add_column(s, name, "cycles");
    }
    for (int i = 0; i < 8; i++) {
        snprintf(name, sizeof name, "level%d.accesses.load", i);
        snapshot_add_column(s, name, "");
        snprintf(name, sizeof name, "level%d.misses.load", i);
        snapshot_add_column(s, name, "");
    }
    cr_assert_eq(s->columns, 42);
    for (size_t e = 0; e < epochs; e++) {
        uint64_t row[42];
        for (size_t i = 0; i < 42; i++)
            row[i] = UINT64_C(123456789012) * (i + 1);
        row[0] = (e + 1) * UINT64_C(98765432109);
        row[1] = e == epochs / 2 ? 1 : UINT64_C(98765432109);
        cr_assert_eq(snapshot_add_row(s, row, 42), 0, "%s", snapshot_error(s));
    }
    return s;
}

static void expect_plain(const struct canvas *c, SDL_Rect box, SDL_Color want, const char *where)
{
    for (int y = box.y; y < box.y + box.h; y++)
        for (int x = box.x; x < box.x + box.w; x++)
            cr_assert(near(pixel(c, x, y), want), "%s: %dx%d, something at %d,%d", where,
                      c->surface->w, c->surface->h, x, y);
}

/* What lies between the cards, and between plot and legend, stays free at all sizes. */
Test(ui, nothing_overlaps)
{
    static const int sizes[][2] = {{640, 480}, {800, 600}, {1280, 800}, {1920, 1080}, {700, 1400}};
    for (size_t i = 0; i < COUNT(sizes) * 2; i++) {
        int w = sizes[i / 2][0], h = sizes[i / 2][1], keys = (int)(i % 2);
        struct snapshot *s = crowded_run(100);
        struct canvas c = canvas_new(w, h);
        struct scene scene = whole(s);
        scene.keys = keys;
        scene.state = keys ? "saved /a/rather/long/path/of/a/screenshot-of-a-long-run-12.png" : "";
        frame_draw(c.draw, &scene, w, h);
        struct frame_layout l = frame_place(c.draw, w, h, keys);
        int em = draw_em(c.draw);
        SDL_Rect gap = {0, l.panel[0].y + l.panel[0].h, w, 0};
        gap.h = l.panel[1].y - gap.y;
        cr_assert_gt(gap.h, 0);
        expect_plain(&c, gap, palette.page, "between the cards");
        expect_plain(&c, (SDL_Rect){0, 0, l.panel[0].x, h}, palette.page, "left margin");
        int right = l.panel[0].x + l.panel[0].w;
        expect_plain(&c, (SDL_Rect){right, 0, w - right, h}, palette.page, "right margin");
        for (int k = 0; k < FRAME_PANELS; k++) {
            SDL_Rect card = l.panel[k];
            struct plot p = plot_place(c.draw, card, scene.range);
            cr_assert(p.box.w > w / 3 && p.box.h > card.h / 3, "room for data");
            SDL_Rect strip = {p.box.x + p.box.w + em / 2, card.y + 1, 0, 0};
            strip.w = p.side.x - em / 4 - strip.x;
            strip.h = p.box.y + p.box.h - em - strip.y;
            cr_assert_gt(strip.w, 0);
            expect_plain(&c, strip, palette.card, "between plot and legend");
            SDL_Rect low = {card.x + 1, card.y + card.h - 3, card.w - 2, 2};
            expect_plain(&c, low, palette.card, "bottom of the card");
            SDL_Rect edge = {card.x + card.w - 4, card.y + 1, 2, card.h - 2};
            expect_plain(&c, edge, palette.card, "right edge of the card");
        }
        canvas_free(&c);
        snapshot_free(s);
    }
}

/* The read-out says what the epoch holds: seen by what changes when the epoch changes. */
Test(ui, hover_shows_the_epoch_under_the_mouse)
{
    struct snapshot *s = small_run(8);
    struct canvas c = canvas_new(1280, 800);
    struct scene scene = whole(s);
    struct frame_layout l = frame_place(c.draw, 1280, 800, 0);
    for (int panel = 0; panel < FRAME_PANELS; panel++) {
        struct plot p = plot_place(c.draw, l.panel[panel], scene.range);
        for (int e = 0; e < 8; e++) {
            struct bin bin;
            cr_assert(plot_bin(&p, s, p.box.x + (2 * e + 1) * p.box.w / 16, &bin));
            cr_expect(bin.first == (size_t)e && bin.last == (size_t)e);
            struct readout out = {0};
            frame_panels[panel]->read(&scene, bin.first, bin.last, &out);
            cr_assert_gt(out.rows, 0);
            if (panel == 0)
                cr_expect_str_eq(out.row[0].value[1], e == 5 ? "0" : "1,000");
            else
                cr_expect_str_eq(out.row[1].value[1], e == 5 ? "–" : "10.00%");
        }
        /* A line through both plots, and a box beside the mouse that stays in the picture. */
        scene.hover = 1;
        scene.mouse_x = p.box.x + p.box.w - 3;
        scene.mouse_y = p.box.y + p.box.h - 3;
        frame_draw(c.draw, &scene, 1280, 800);
        for (int k = 0; k < FRAME_PANELS; k++)
            cr_expect(near(pixel(&c, scene.mouse_x, l.panel[k].y + 60), palette.ink));
    }
    struct scene user = whole(s);
    struct readout out = {0};
    panel_cpi.read(&user, 0, 0, &out);
    static const char *const want[][3] = {
        {"instructions", "", "1,000"}, {"cycles", "", "1,500"},    {"CPI", "", "1.500"},
        {"", "user", "kernel"},        {"boundary", "", "0.3000"}, {"dram", "0.4000", ""},
        {"base", "0.5000", "0.3000"},
    };
    cr_assert_eq(out.rows, COUNT(want));
    for (size_t i = 0; i < COUNT(want); i++) {
        cr_expect_str_eq(out.row[i].name, want[i][0]);
        cr_expect_str_eq(out.row[i].value[0], want[i][1]);
        cr_expect_str_eq(out.row[i].value[1], want[i][2]);
    }
    canvas_free(&c);
    snapshot_free(s);
}
