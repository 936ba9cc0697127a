/* plot.c - the frame that panels over time share: axes, and which epochs a column of pixels shows.
 */
#include "ui/plot.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "ui/palette.h"

typedef unsigned __int128 u128;

struct plot plot_place(const struct draw *d, SDL_Rect area, struct range range)
{
    int em = draw_em(d), pad = em * 3 / 4, small = draw_height(d, FONT_SMALL);
    int left = area.x + em * 4, top = area.y + pad + draw_height(d, FONT_HEAD) + pad;
    int side = em * 18, bottom = area.y + area.h - pad - 2 * small - em / 3;
    struct plot p = {.range = range};
    p.side = (SDL_Rect){area.x + area.w - pad - side, area.y + pad, side, area.h - 2 * pad};
    p.box = (SDL_Rect){left, top, p.side.x - em * 3 / 2 - left, bottom - top};
    p.box.w = SDL_min(p.box.w, PLOT_WIDTH);
    return p;
}

void plot_values(struct plot *p, const struct draw *d, double max)
{
    int rows = p->box.h / (draw_height(d, FONT_SMALL) * 2);
    p->y = value_ticks(max, (unsigned)SDL_clamp(rows, 1, 10));
}

uint64_t plot_time(const struct plot *p, int x)
{
    int column = SDL_clamp(x - p->box.x, 0, p->box.w);
    uint64_t length = p->range.to - p->range.from;
    return p->range.from + (uint64_t)((u128)length * (unsigned)column / (unsigned)p->box.w);
}

static int time_x(const struct plot *p, uint64_t ps)
{
    u128 length = p->range.to - p->range.from;
    if (length == 0)
        return p->box.x;
    return p->box.x + (int)((u128)(ps - p->range.from) * (unsigned)p->box.w / length);
}

/*
 * The epochs of column x alone: those that begin in it, or else the one that is under way. So no
 * epoch is lost and none leaks into a neighbour that it ends in.
 */
static void column_epochs(const struct plot *p, const struct snapshot *s, int x, struct bin *bin)
{
    uint64_t from = plot_time(p, x), to = plot_time(p, x + 1);
    bin->first = snapshot_at(s, from);
    bin->last = to > from ? snapshot_at(s, to - 1) : bin->first;
    if (bin->last > bin->first && snapshot_start(s, bin->first) < from)
        bin->first++;
}

int plot_bin(const struct plot *p, const struct snapshot *s, int x, struct bin *bin)
{
    int end = p->box.x + p->box.w;
    if (x < p->box.x || x >= end || s->epochs == 0 || p->range.from >= p->range.to)
        return 0;
    *bin = (struct bin){.x0 = x, .x1 = x + 1};
    column_epochs(p, s, x, bin);
    for (; bin->x1 < end; bin->x1++) {
        struct bin next;
        column_epochs(p, s, bin->x1, &next);
        if (next.first != bin->first || next.last != bin->last)
            break;
    }
    return 1;
}

int plot_y(const struct plot *p, double value)
{
    return p->box.y + p->box.h - (int)(value_place(&p->y, value) * p->box.h + 0.5);
}

static unsigned most_time_ticks(const struct draw *d, const struct plot *p)
{
    char text[SCALE_TEXT];
    unsigned most = (unsigned)SDL_max(p->box.w / (draw_em(d) * 5), 1);
    for (; most > 1; most--) {
        struct time_ticks t = time_ticks(p->range, most);
        time_tick_text(text, &t, p->range.to - p->range.to % t.step);
        if (draw_width(d, FONT_SMALL, text) + draw_em(d) <= p->box.w / (int)most)
            break;
    }
    return most;
}

/* Calls draw_tick for each tick of the time axis: the grid's line, or its mark and text. */
static void each_time_tick(struct draw *d, const struct plot *p, const struct time_ticks *t,
                           int is_grid)
{
    uint64_t first = p->range.from / t->step + (p->range.from % t->step != 0);
    int bottom = p->box.y + p->box.h;
    for (uint64_t i = first; i <= p->range.to / t->step; i++) {
        int x = time_x(p, i * t->step);
        if (is_grid) {
            draw_fill(d, (SDL_Rect){x, p->box.y, 1, p->box.h}, palette.grid);
            continue;
        }
        char text[SCALE_TEXT];
        time_tick_text(text, t, i * t->step);
        draw_fill(d, (SDL_Rect){x, bottom, 1, draw_em(d) / 3}, palette.axis);
        draw_text(d, FONT_SMALL, palette.soft, x, bottom + draw_em(d) / 3, ALIGN_CENTRE, text);
    }
}

void plot_grid(struct draw *d, const struct plot *p)
{
    struct time_ticks t = time_ticks(p->range, most_time_ticks(d, p));
    if (p->range.from < p->range.to)
        each_time_tick(d, p, &t, 1);
    for (unsigned i = 1; i < value_tick_count(&p->y); i++) {
        int y = plot_y(p, value_tick(&p->y, i));
        draw_fill(d, (SDL_Rect){p->box.x, y, p->box.w, 1}, palette.grid);
    }
}

void plot_axes(struct draw *d, const struct plot *p, const char *y_suffix)
{
    int em = draw_em(d), small = draw_height(d, FONT_SMALL), bottom = p->box.y + p->box.h;
    draw_fill(d, (SDL_Rect){p->box.x - 1, p->box.y, 1, p->box.h + 1}, palette.axis);
    draw_fill(d, (SDL_Rect){p->box.x - 1, bottom, p->box.w + 1, 1}, palette.axis);
    for (unsigned i = 0; i < value_tick_count(&p->y); i++) {
        char tick[SCALE_TEXT], text[SCALE_TEXT + 8];
        int y = plot_y(p, value_tick(&p->y, i));
        value_tick_text(tick, &p->y, i);
        snprintf(text, sizeof text, "%s%s", tick, y_suffix);
        draw_fill(d, (SDL_Rect){p->box.x - 1 - em / 3, y, em / 3, 1}, palette.axis);
        draw_text(d, FONT_SMALL, palette.soft, p->box.x - em * 2 / 3, y - small / 2, ALIGN_RIGHT,
                  text);
    }
    struct time_ticks t = time_ticks(p->range, most_time_ticks(d, p));
    char title[64] = "simulated time";
    if (p->range.from < p->range.to) {
        each_time_tick(d, p, &t, 0);
        snprintf(title, sizeof title, "simulated time (%s)", t.unit_name);
    }
    draw_text(d, FONT_SMALL, palette.soft, p->box.x + p->box.w / 2, bottom + em / 3 + small,
              ALIGN_CENTRE, title);
}

void plot_message(struct draw *d, const struct plot *p, const char *text)
{
    int width = draw_width(d, FONT_BODY, text);
    draw_text_in(d, FONT_BODY, palette.soft, p->box.x + SDL_max(0, p->box.w - width) / 2,
                 p->box.y + (p->box.h - draw_height(d, FONT_BODY)) / 2, p->box.w, text);
}
