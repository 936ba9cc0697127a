/* panel_cpi.c - CPI stack over time, user and kernel apart, with a legend of shares. */
/*
 * Each column of pixels is the sum of the epochs under it: cycles of each part over instructions of
 * all. So heights add up to cycles per instruction, and what is hidden (user or kernel alone)
 * leaves the rest at its size. Columns in which nothing was executed have no CPI and are greyed.
 *
 * A few columns of nearly no instructions must not flatten all others: when the highest column is
 * more than CLIP times the one that 98 % stay below, the axis ends above those, and what is cut off
 * is marked and its height said.
 */
#include "ui/panel.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ui/palette.h"

#define CLIP 4.0

static bool shows_user(const struct scene *v)
{
    return v->sides != SIDES_KERNEL;
}

static bool shows_kernel(const struct scene *v)
{
    return v->sides != SIDES_USER;
}

static double shown_cpi(const struct scene *v, const struct snapshot_epoch *e)
{
    double cycles = 0;
    if (shows_user(v))
        cycles += (double)snapshot_user(v->snap, e);
    if (shows_kernel(v))
        cycles += (double)snapshot_kernel(v->snap, e);
    return e->instructions ? cycles / (double)e->instructions : 0;
}

/* ---- the stack ---- */

struct heights {
    double top;     /* of the axis, at least */
    double highest; /* above top: columns are cut off */
};

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static struct heights find_heights(const struct scene *v, const struct plot *p)
{
    double cpi[PLOT_WIDTH];
    size_t n = 0;
    struct bin bin = {.x1 = p->box.x};
    while (n < PLOT_WIDTH && plot_bin(p, v->snap, bin.x1, &bin)) {
        struct snapshot_epoch e = snapshot_sum(v->snap, bin.first, bin.last);
        if (e.instructions)
            cpi[n++] = shown_cpi(v, &e);
    }
    if (n == 0)
        return (struct heights){1, 1};
    qsort(cpi, n, sizeof *cpi, by_value);
    double most = cpi[(n - 1) * 98 / 100], highest = cpi[n - 1];
    bool clip = most > 0 && highest > CLIP * most;
    return (struct heights){clip ? most * 1.5 : highest, highest};
}

/* One side's parts from *cpi up; the height where they end. */
static double draw_side(struct draw *d, const struct scene *v, const struct plot *p,
                        const struct bin *bin, const uint64_t *cycles, uint64_t instructions,
                        double cpi)
{
    for (uint32_t i = 0; i < v->snap->parts; i++) {
        int low = plot_y(p, cpi);
        cpi += (double)cycles[i] / (double)instructions;
        int high = plot_y(p, cpi);
        draw_fill(d, (SDL_Rect){bin->x0, high, bin->x1 - bin->x0, low - high},
                  palette_part(v->snap->part[i], i));
    }
    return cpi;
}

static void draw_apart(struct draw *d, const struct scene *v, const struct plot *p,
                       const struct bin *bin, const struct snapshot_epoch *e)
{
    double cpi = 0;
    int width = bin->x1 - bin->x0;
    if (shows_user(v))
        cpi = draw_side(d, v, p, bin, e->user, e->instructions, cpi);
    int border = plot_y(p, cpi);
    if (!shows_kernel(v))
        return;
    cpi = draw_side(d, v, p, bin, e->kernel, e->instructions, cpi);
    int top = plot_y(p, cpi);
    if (top == border)
        return;
    draw_hatch(d, (SDL_Rect){bin->x0, top, width, border - top});
    if (shows_user(v))
        draw_fill(d, (SDL_Rect){bin->x0, border, width, 1}, palette.axis);
}

static void draw_together(struct draw *d, const struct scene *v, const struct plot *p,
                          const struct bin *bin, const struct snapshot_epoch *e)
{
    double cpi = 0;
    for (uint32_t i = 0; i < v->snap->parts; i++) {
        int low = plot_y(p, cpi);
        cpi += ((double)e->user[i] + (double)e->kernel[i]) / (double)e->instructions;
        int high = plot_y(p, cpi);
        draw_fill(d, (SDL_Rect){bin->x0, high, bin->x1 - bin->x0, low - high},
                  palette_part(v->snap->part[i], i));
    }
}

static void draw_column(struct draw *d, const struct scene *v, const struct plot *p,
                        const struct bin *bin)
{
    struct snapshot_epoch e = snapshot_sum(v->snap, bin->first, bin->last);
    int width = bin->x1 - bin->x0;
    if (e.instructions == 0) {
        draw_fill(d, (SDL_Rect){bin->x0, p->box.y, width, p->box.h}, palette.nothing);
        return;
    }
    if (v->sides == SIDES_TOGETHER)
        draw_together(d, v, p, bin, &e);
    else
        draw_apart(d, v, p, bin, &e);
    double cpi = shown_cpi(v, &e);
    int top = plot_y(p, cpi);
    if (top < p->box.y + p->box.h)
        draw_fill(d, (SDL_Rect){bin->x0, top, width, 1}, palette.edge);
    if (cpi > p->y.top)
        draw_fill(d, (SDL_Rect){bin->x0, p->box.y - draw_em(d) / 4, width, draw_em(d) / 4},
                  palette.alert);
}

/* ---- the legend ---- */

struct legend {
    struct draw *d;
    const struct scene *v;
    struct snapshot_epoch sum; /* of what is in view */
    double all;                /* its cycles */
    int x, user, kernel;       /* left end of the swatch, right ends of the numbers */
    int y, line;
};

static double share(const struct legend *l, uint64_t cycles)
{
    return l->all > 0 ? (double)cycles / l->all : 0;
}

static void legend_number(const struct legend *l, int x, bool on, uint64_t cycles)
{
    char text[SCALE_TEXT] = "–";
    if (cycles)
        text_percent(text, share(l, cycles));
    draw_text(l->d, FONT_SMALL, on && cycles ? palette.ink : palette.faint, x, l->y, ALIGN_RIGHT,
              text);
}

static void legend_numbers(const struct legend *l, uint64_t user, uint64_t kernel)
{
    if (l->v->sides == SIDES_TOGETHER) {
        uint64_t both;
        if (__builtin_add_overflow(user, kernel, &both))
            both = UINT64_MAX;
        legend_number(l, l->kernel, true, both);
        return;
    }
    legend_number(l, l->user, shows_user(l->v), user);
    legend_number(l, l->kernel, shows_kernel(l->v), kernel);
}

static void legend_head(struct legend *l)
{
    struct draw *d = l->d;
    const SDL_Color grey = palette_part("base", 0);
    int em = draw_em(d), size = em * 4 / 5 + em / 3;
    draw_text(d, FONT_SMALL, palette.soft, l->x, l->y, ALIGN_LEFT, "share of cycles");
    if (l->v->sides == SIDES_TOGETHER) {
        draw_text(d, FONT_SMALL, palette.soft, l->kernel, l->y, ALIGN_RIGHT, "user + kernel");
    } else {
        int user = l->user - draw_width(d, FONT_SMALL, "user") - size;
        int kernel = l->kernel - draw_width(d, FONT_SMALL, "kernel") - size;
        draw_swatch(d, FONT_SMALL, user, l->y, grey, 0);
        draw_swatch(d, FONT_SMALL, kernel, l->y, grey, 1);
        draw_text(d, FONT_SMALL, palette.soft, l->user, l->y, ALIGN_RIGHT, "user");
        draw_text(d, FONT_SMALL, palette.soft, l->kernel, l->y, ALIGN_RIGHT, "kernel");
    }
    l->y += l->line + em / 6;
    draw_fill(d, (SDL_Rect){l->x, l->y, l->kernel - l->x, 1}, palette.rim);
    l->y += em / 4;
}

/* Parts that never had a cycle in the whole run take no line. */
static bool part_used(const struct snapshot *s, uint32_t i)
{
    return s->total.user[i] || s->total.kernel[i];
}

/* Returns how many lines are left over for parts that found no room. */
static void legend_parts(struct legend *l, int bottom)
{
    const struct snapshot *s = l->v->snap;
    uint64_t user = 0, kernel = 0;
    int hidden = 0;
    uint32_t left = 0;
    for (uint32_t i = 0; i < s->parts; i++)
        left += part_used(s, i);
    for (uint32_t i = s->parts; i-- > 0;) {
        if (!part_used(s, i))
            continue;
        bool last_line = l->y + 2 * l->line > bottom;
        if (hidden || (last_line && left > 1)) {
            user += l->sum.user[i];
            kernel += l->sum.kernel[i];
            hidden++;
            continue;
        }
        draw_swatch(l->d, FONT_SMALL, l->x, l->y, palette_part(s->part[i], i), 0);
        draw_text(l->d, FONT_SMALL, palette.ink, l->x + draw_em(l->d) * 5 / 4, l->y, ALIGN_LEFT,
                  s->part[i]);
        legend_numbers(l, l->sum.user[i], l->sum.kernel[i]);
        l->y += l->line;
        left--;
    }
    if (!hidden)
        return;
    char text[SCALE_TEXT];
    snprintf(text, sizeof text, "%d more", hidden);
    draw_text(l->d, FONT_SMALL, palette.soft, l->x + draw_em(l->d) * 5 / 4, l->y, ALIGN_LEFT, text);
    legend_numbers(l, user, kernel);
    l->y += l->line;
}

static void draw_legend(struct draw *d, const struct scene *v, SDL_Rect side)
{
    int em = draw_em(d);
    struct legend l = {.d = d, .v = v, .sum = scene_sum(v)};
    l.all = (double)snapshot_user(v->snap, &l.sum) + (double)snapshot_kernel(v->snap, &l.sum);
    l.x = side.x;
    l.kernel = side.x + side.w;
    l.user = l.kernel - em * 5;
    l.y = side.y;
    l.line = draw_height(d, FONT_SMALL) + em / 7;
    legend_head(&l);
    int total = l.line + em / 2;
    legend_parts(&l, side.y + side.h - total);
    l.y += em / 6;
    draw_fill(d, (SDL_Rect){l.x, l.y, l.kernel - l.x, 1}, palette.rim);
    l.y += em / 4;
    draw_text(d, FONT_SMALL, palette.ink, l.x + em * 5 / 4, l.y, ALIGN_LEFT, "all");
    legend_numbers(&l, snapshot_user(v->snap, &l.sum), snapshot_kernel(v->snap, &l.sum));
}

/* ---- the panel ---- */

static void draw_title(struct draw *d, const struct plot *p, SDL_Rect area, double highest)
{
    int em = draw_em(d), x = area.x + em, y = area.y + em * 3 / 4;
    const char *title = "CPI stack";
    draw_text(d, FONT_HEAD, palette.ink, x, y, ALIGN_LEFT, title);
    x += draw_width(d, FONT_HEAD, title) + em;
    const char *unit = "cycles per instruction";
    draw_text(d, FONT_BODY, palette.soft, x, y, ALIGN_LEFT, unit);
    x += draw_width(d, FONT_BODY, unit) + em;
    if (highest <= p->y.top)
        return;
    char cpi[SCALE_TEXT], text[SCALE_TEXT + 16];
    text_ratio(cpi, highest);
    snprintf(text, sizeof text, "cut off: up to %s", cpi);
    draw_swatch(d, FONT_BODY, x, y, palette.alert, 0);
    draw_text(d, FONT_BODY, palette.alert, x + em * 5 / 4, y, ALIGN_LEFT, text);
}

static const char *nothing_to_show(const struct snapshot *s)
{
    if (s->epochs == 0)
        return "No epochs so far";
    if (s->parts == 0)
        return "No core was simulated, so there are no cycles to show";
    if (snapshot_end(s) == 0)
        return "No simulated time has passed";
    return NULL;
}

static void cpi_draw(struct draw *d, const struct scene *v, SDL_Rect area)
{
    struct plot p = plot_place(d, area, v->range);
    if (p.box.w <= 0 || p.box.h <= 0)
        return;
    const char *message = nothing_to_show(v->snap);
    struct heights h = find_heights(v, &p);
    plot_values(&p, d, h.top);
    if (!message)
        plot_grid(d, &p);
    struct bin bin = {.x1 = p.box.x};
    while (!message && plot_bin(&p, v->snap, bin.x1, &bin))
        draw_column(d, v, &p, &bin);
    if (message)
        plot_message(d, &p, message);
    plot_axes(d, &p, "");
    draw_title(d, &p, area, message ? 0 : h.highest);
    if (v->snap->parts)
        draw_legend(d, v, p.side);
}

static void ratio_of(char text[SCALE_TEXT], uint64_t cycles, uint64_t instructions)
{
    *text = 0;
    if (cycles)
        text_ratio(text, (double)cycles / (double)instructions);
}

static void read_parts(const struct scene *v, const struct snapshot_epoch *e, struct readout *out)
{
    bool together = v->sides == SIDES_TOGETHER;
    if (!together)
        readout_add(out, "", shows_user(v) ? "user" : "", shows_kernel(v) ? "kernel" : "");
    for (uint32_t i = v->snap->parts; i-- > 0;) {
        uint64_t user = shows_user(v) ? e->user[i] : 0, kernel = shows_kernel(v) ? e->kernel[i] : 0;
        char first[SCALE_TEXT] = "", second[SCALE_TEXT];
        if (user == 0 && kernel == 0)
            continue;
        if (together)
            kernel = __builtin_add_overflow(user, kernel, &kernel) ? UINT64_MAX : kernel;
        else
            ratio_of(first, user, e->instructions);
        ratio_of(second, kernel, e->instructions);
        struct readout_row *row = readout_add(out, v->snap->part[i], first, second);
        if (row) {
            row->swatch = 1;
            row->colour = palette_part(v->snap->part[i], i);
        }
    }
}

static void cpi_read(const struct scene *v, size_t first, size_t last, struct readout *out)
{
    struct snapshot_epoch e = snapshot_sum(v->snap, first, last);
    char text[SCALE_TEXT];
    text_count(text, e.instructions);
    readout_add(out, "instructions", "", text);
    text_count(text, e.cycles);
    readout_add(out, "cycles", "", text);
    if (e.instructions == 0)
        return;
    text_ratio(text, (double)e.cycles / (double)e.instructions);
    readout_add(out, "CPI", "", text);
    if (v->snap->parts)
        read_parts(v, &e, out);
}

const struct panel_ops panel_cpi = {
    .name = "cpi",
    .weight = 60,
    .draw = cpi_draw,
    .read = cpi_read,
};
