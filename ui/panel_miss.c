/* panel_miss.c - miss rates of the cache levels over time, with a table that sums up the run. */
/*
 * A level's miss rate in a column of pixels is its demand misses over its demand accesses (fetches,
 * loads and stores, as they arrive at that level) in all epochs under the column; a column without
 * accesses leaves a gap. MPKI are demand misses per 1,000 instructions of user and kernel together.
 * Lines differ by colour and by dashes.
 */
#include "ui/panel.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "ui/palette.h"

/* ---- lines ---- */

static const struct dash {
    int on, period, thick; /* pixels */
} dashes[] = {{3, 6, 2}, {1, 1, 2}, {10, 14, 2}, {1, 1, 3}};

static const struct dash *dash_of(uint32_t level)
{
    return &dashes[level % (sizeof dashes / sizeof *dashes)];
}

/* Columns x0 to x1 - 1 of a box, as far as the dashes are on. */
static void draw_dashed(struct draw *d, SDL_Rect box, const struct dash *dash, SDL_Color c)
{
    if (dash->period == 1) {
        draw_fill(d, box, c);
        return;
    }
    for (int x = box.x; x < box.x + box.w;) {
        int phase = x % dash->period;
        int n = SDL_min(dash->period - phase, box.x + box.w - x);
        if (phase < dash->on)
            draw_fill(d, (SDL_Rect){x, box.y, SDL_min(dash->on - phase, n), box.h}, c);
        x += n;
    }
}

static bool miss_percent(const struct snapshot_epoch *e, uint32_t level, double *percent)
{
    if (e->accesses[level] == 0)
        return false;
    *percent = 100 * (double)e->misses[level] / (double)e->accesses[level];
    return true;
}

static double highest(const struct scene *v, const struct plot *p)
{
    double max = 0, percent;
    struct bin bin = {.x1 = p->box.x};
    while (plot_bin(p, v->snap, bin.x1, &bin)) {
        struct snapshot_epoch e = snapshot_sum(v->snap, bin.first, bin.last);
        for (uint32_t i = 0; i < v->snap->levels; i++)
            if (snapshot_level_shown(v->snap, i) && miss_percent(&e, i, &percent))
                max = SDL_max(max, percent);
    }
    return max;
}

/* Where each level's line ended in the column to the left; -1: nowhere. */
struct pens {
    int y[SNAPSHOT_LEVELS];
};

static void draw_step(struct draw *d, const struct scene *v, const struct plot *p,
                      const struct bin *bin, struct pens *pens)
{
    struct snapshot_epoch e = snapshot_sum(v->snap, bin->first, bin->last);
    for (uint32_t i = 0; i < v->snap->levels; i++) {
        double percent;
        if (!snapshot_level_shown(v->snap, i))
            continue;
        int *pen = &pens->y[i], was = *pen;
        *pen = -1;
        if (!miss_percent(&e, i, &percent))
            continue;
        const struct dash *dash = dash_of(i);
        SDL_Color c = palette_level(v->snap->level[i].name, i);
        int y = plot_y(p, percent) - dash->thick / 2;
        *pen = y;
        if (was >= 0 && was != y) {
            SDL_Rect rise = {bin->x0, SDL_min(was, y), 1, SDL_max(was, y) - SDL_min(was, y)};
            rise.w = SDL_min(dash->thick, bin->x1 - bin->x0);
            rise.h += dash->thick;
            draw_dashed(d, rise, dash, c);
        }
        draw_dashed(d, (SDL_Rect){bin->x0, y, bin->x1 - bin->x0, dash->thick}, dash, c);
    }
}

/* ---- the table ---- */

static void table_row(struct draw *d, SDL_Rect side, int *y, const char *name, const char *value)
{
    draw_text(d, FONT_SMALL, palette.soft, side.x, *y, ALIGN_LEFT, name);
    draw_text(d, FONT_SMALL, palette.ink, side.x + side.w, *y, ALIGN_RIGHT, value);
    *y += draw_height(d, FONT_SMALL) + draw_em(d) / 7;
}

static void table_ratio(struct draw *d, SDL_Rect side, int *y, const char *name, uint64_t num,
                        uint64_t den)
{
    char text[SCALE_TEXT] = "–";
    if (den)
        text_ratio(text, (double)num / (double)den);
    table_row(d, side, y, name, text);
}

static void rule(struct draw *d, SDL_Rect side, int *y)
{
    *y += draw_em(d) / 6;
    draw_fill(d, (SDL_Rect){side.x, *y, side.w, 1}, palette.rim);
    *y += draw_em(d) / 4;
}

static void level_name(char text[SNAPSHOT_NAME], const char *name)
{
    size_t i = 0;
    for (; i < SNAPSHOT_NAME - 1 && name[i]; i++)
        text[i] = (char)toupper((unsigned char)name[i]);
    text[i] = 0;
}

static void level_row(struct draw *d, const struct scene *v, const struct snapshot_epoch *e,
                      uint32_t i, SDL_Rect side, int y)
{
    char name[SNAPSHOT_NAME], rate[SCALE_TEXT] = "–", mpki[SCALE_TEXT] = "–";
    int em = draw_em(d), right = side.x + side.w;
    const struct dash *dash = dash_of(i);
    SDL_Rect line = {side.x, y + draw_height(d, FONT_SMALL) / 2, em * 2, dash->thick};
    double percent;
    level_name(name, v->snap->level[i].name);
    if (miss_percent(e, i, &percent))
        snprintf(rate, sizeof rate, "%.2f%%", percent);
    if (e->instructions)
        text_ratio(mpki, 1000 * (double)e->misses[i] / (double)e->instructions);
    draw_dashed(d, line, dash, palette_level(v->snap->level[i].name, i));
    draw_text_in(d, FONT_SMALL, palette.ink, line.x + line.w + em / 2, y, em * 6, name);
    draw_text(d, FONT_SMALL, palette.ink, right - em * 5, y, ALIGN_RIGHT, rate);
    draw_text(d, FONT_SMALL, palette.ink, right, y, ALIGN_RIGHT, mpki);
}

static void draw_levels(struct draw *d, const struct scene *v, const struct snapshot_epoch *e,
                        SDL_Rect side, int y)
{
    int em = draw_em(d), line = draw_height(d, FONT_SMALL) + em / 7, right = side.x + side.w;
    draw_text(d, FONT_SMALL, palette.soft, side.x, y, ALIGN_LEFT, "demand misses");
    draw_text(d, FONT_SMALL, palette.soft, right - em * 5, y, ALIGN_RIGHT, "rate");
    draw_text(d, FONT_SMALL, palette.soft, right, y, ALIGN_RIGHT, "MPKI");
    y += line;
    rule(d, side, &y);
    for (uint32_t i = 0; i < v->snap->levels && y + line <= side.y + side.h + em / 2; i++) {
        if (!snapshot_level_shown(v->snap, i))
            continue;
        level_row(d, v, e, i, side, y);
        y += line;
    }
}

static void draw_table(struct draw *d, const struct scene *v, SDL_Rect side)
{
    struct snapshot_epoch e = scene_sum(v);
    bool whole = v->range.from == 0 && v->range.to >= snapshot_end(v->snap);
    char text[SCALE_TEXT];
    int y = side.y;
    draw_text(d, FONT_HEAD, palette.ink, side.x, y, ALIGN_LEFT, "Summary");
    draw_text(d, FONT_SMALL, palette.soft, side.x + side.w,
              y + draw_height(d, FONT_HEAD) - draw_height(d, FONT_SMALL), ALIGN_RIGHT,
              whole ? "whole run" : "part in view");
    y += draw_height(d, FONT_HEAD);
    rule(d, side, &y);
    text_count(text, e.instructions);
    table_row(d, side, &y, "instructions", text);
    text_count(text, e.cycles);
    table_row(d, side, &y, "cycles", text);
    table_ratio(d, side, &y, "CPI", e.cycles, e.instructions);
    table_ratio(d, side, &y, "IPC", e.instructions, e.cycles);
    y += draw_em(d) / 2;
    draw_levels(d, v, &e, side, y);
}

/* ---- the panel ---- */

static const char *nothing_to_show(const struct snapshot *s)
{
    if (s->epochs == 0)
        return "No epochs so far";
    if (snapshot_end(s) == 0)
        return "No simulated time has passed";
    for (uint32_t i = 0; i < s->levels; i++)
        if (snapshot_level_shown(s, i))
            return NULL;
    return "No caches were simulated";
}

static void draw_title(struct draw *d, const struct scene *v, SDL_Rect area)
{
    int em = draw_em(d), x = area.x + em, y = area.y + em * 3 / 4;
    const char *title = "Miss rates";
    draw_text(d, FONT_HEAD, palette.ink, x, y, ALIGN_LEFT, title);
    x += draw_width(d, FONT_HEAD, title) + em;
    draw_text(d, FONT_BODY, palette.soft, x, y, ALIGN_LEFT,
              v->decades ? "misses per fetch, load or store, log axis"
                         : "misses per fetch, load or store");
}

static void miss_draw(struct draw *d, const struct scene *v, SDL_Rect area)
{
    struct plot p = plot_place(d, area, v->range);
    if (p.box.w <= 0 || p.box.h <= 0)
        return;
    const char *message = nothing_to_show(v->snap);
    /* Some room above the highest line, but none above 100 %. */
    double max = message ? 0 : highest(v, &p);
    plot_values(&p, d, max <= 100 ? SDL_min(max * 1.05, 100) : max);
    if (v->decades)
        p.y = value_decades(0.01, 100);
    if (!message)
        plot_grid(d, &p);
    struct pens pens;
    memset(&pens, -1, sizeof pens);
    struct bin bin = {.x1 = p.box.x};
    while (!message && plot_bin(&p, v->snap, bin.x1, &bin))
        draw_step(d, v, &p, &bin, &pens);
    if (message)
        plot_message(d, &p, message);
    plot_axes(d, &p, "%");
    draw_title(d, v, area);
    draw_table(d, v, p.side);
}

static void miss_read(const struct scene *v, size_t first, size_t last, struct readout *out)
{
    struct snapshot_epoch e = snapshot_sum(v->snap, first, last);
    readout_add(out, "", "accesses", "miss rate");
    for (uint32_t i = 0; i < v->snap->levels; i++) {
        char name[SNAPSHOT_NAME], accesses[SCALE_TEXT], rate[SCALE_TEXT] = "–";
        double percent;
        if (!snapshot_level_shown(v->snap, i))
            continue;
        level_name(name, v->snap->level[i].name);
        text_count(accesses, e.accesses[i]);
        if (miss_percent(&e, i, &percent))
            snprintf(rate, sizeof rate, "%.2f%%", percent);
        struct readout_row *row = readout_add(out, name, accesses, rate);
        if (row) {
            row->swatch = 1;
            row->colour = palette_level(v->snap->level[i].name, i);
        }
    }
}

const struct panel_ops panel_miss = {
    .name = "miss",
    .weight = 40,
    .draw = miss_draw,
    .read = miss_read,
};
