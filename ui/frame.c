/* frame.c - one whole picture of the dashboard: title, panels, and the read-out under the mouse. */
#include "ui/frame.h"

#include <stdio.h>

#include "ui/palette.h"

const struct panel_ops *const frame_panels[] = {&panel_cpi, &panel_miss, NULL};

static const char keys_text[] = "space pause    u user/kernel    l log    ← → pan    + − zoom    0 "
                                "whole run    s screenshot    "
                                "q quit";

struct frame_layout frame_place(const struct draw *d, int width, int height, int keys)
{
    int em = draw_em(d), gap = em * 2 / 3, wide = width - 2 * gap;
    struct frame_layout l = {0};
    l.title = (SDL_Rect){gap, gap / 2, wide,
                         draw_height(d, FONT_TITLE) + draw_height(d, FONT_BODY) + gap / 2};
    int foot = keys ? draw_height(d, FONT_SMALL) : 0;
    l.foot = (SDL_Rect){gap, height - foot - gap / 2, wide, foot};
    int top = l.title.y + l.title.h + gap / 2, bottom = l.foot.y - gap / 2;
    int weights = 0, room = bottom - top - gap * (FRAME_PANELS - 1);
    for (int i = 0; i < FRAME_PANELS; i++)
        weights += frame_panels[i]->weight;
    for (int i = 0; i < FRAME_PANELS; i++) {
        int h = SDL_max(0, room * frame_panels[i]->weight / weights);
        l.panel[i] = (SDL_Rect){gap, top, wide, h};
        top += h + gap;
    }
    return l;
}

static void draw_title(struct draw *d, const struct scene *v, SDL_Rect box)
{
    const struct snapshot *s = v->snap;
    char time[SCALE_TEXT], rows[SCALE_TEXT], text[3 * SCALE_TEXT];
    int em = draw_em(d), x = box.x + em / 3, right = box.x + box.w - em / 3;
    text_time(time, snapshot_end(s), 3);
    text_count(rows, s->rows);
    snprintf(text, sizeof text, "%s simulated, %s epoch%s", time, rows, s->rows == 1 ? "" : "s");
    int width = draw_width(d, FONT_BODY, text);
    int base = box.y + draw_height(d, FONT_TITLE) - draw_height(d, FONT_BODY);
    draw_text(d, FONT_BODY, palette.soft, right, base, ALIGN_RIGHT, text);
    draw_text_in(d, FONT_TITLE, palette.ink, x, box.y, right - width - em - x,
                 *s->name ? s->name : "unnamed run");
    int y = box.y + draw_height(d, FONT_TITLE);
    int state = SDL_min(draw_width(d, FONT_HEAD, v->state), right - x);
    draw_text_in(d, FONT_HEAD, palette.alert, right - state, y, state, v->state);
    draw_text_in(d, FONT_BODY, palette.soft, x, y, right - state - (state ? em : 0) - x,
                 s->machine);
}

/* ---- the read-out ---- */

static void read_time(const struct scene *v, const struct bin *bin, struct readout *out)
{
    char from[SCALE_TEXT], to[SCALE_TEXT], count[SCALE_TEXT];
    text_time(from, snapshot_start(v->snap, bin->first), 6);
    text_time(to, v->snap->epoch[bin->last].end_ps, 6);
    readout_add(out, "from", "", from);
    readout_add(out, "to", "", to);
    if (v->snap->rows > v->snap->epochs || bin->last > bin->first) {
        /* Every epoch but the run's last one holds `fold` rows. */
        uint64_t rows = (bin->last - bin->first + 1) * v->snap->fold;
        if (bin->last + 1 == v->snap->epochs)
            rows -= v->snap->fold - v->snap->in_last;
        text_count(count, rows);
        readout_add(out, "epochs", "", count);
    }
}

static int column_width(const struct draw *d, const struct readout *r, int column)
{
    int max = 0;
    for (size_t i = 0; i < r->rows; i++)
        max = SDL_max(max, draw_width(d, FONT_SMALL, r->row[i].value[column]));
    return max;
}

static int name_width(const struct draw *d, const struct readout *r)
{
    int max = 0;
    for (size_t i = 0; i < r->rows; i++)
        max = SDL_max(max, draw_width(d, FONT_SMALL, r->row[i].name));
    return max + draw_em(d) * 5 / 4;
}

/* Beside the mouse, on the side that has room, and inside the picture. */
static SDL_Rect readout_box(const struct draw *d, const struct scene *v, int w, int h, int width,
                            int height)
{
    int gap = draw_em(d), x = v->mouse_x + gap, y = v->mouse_y + gap;
    if (x + w > width)
        x = v->mouse_x - gap - w;
    if (y + h > height)
        y = height - h;
    return (SDL_Rect){SDL_max(x, 0), SDL_max(y, 0), w, h};
}

static void draw_readout(struct draw *d, const struct scene *v, const struct readout *r, int width,
                         int height)
{
    int em = draw_em(d), pad = em / 2, line = draw_height(d, FONT_SMALL) + em / 10;
    int first = column_width(d, r, 0), second = column_width(d, r, 1), names = name_width(d, r);
    int w = names + (first ? first + em : 0) + second + em + 2 * pad;
    SDL_Rect box = readout_box(d, v, w, (int)r->rows * line + 2 * pad, width, height);
    SDL_Rect shadow = {box.x + 3, box.y + 3, box.w, box.h};
    draw_fill(d, shadow, (SDL_Color){27, 37, 48, 50});
    draw_fill(d, box, palette.card);
    draw_outline(d, box, palette.axis);
    int x = box.x + pad, right = box.x + box.w - pad, y = box.y + pad;
    for (size_t i = 0; i < r->rows; i++, y += line) {
        const struct readout_row *row = &r->row[i];
        if (row->swatch)
            draw_swatch(d, FONT_SMALL, x, y, row->colour, 0);
        draw_text(d, FONT_SMALL, palette.soft, x + (row->swatch ? em * 5 / 4 : 0), y, ALIGN_LEFT,
                  row->name);
        draw_text(d, FONT_SMALL, palette.ink, right - second - em, y, ALIGN_RIGHT, row->value[0]);
        draw_text(d, FONT_SMALL, palette.ink, right, y, ALIGN_RIGHT, row->value[1]);
    }
}

/* A line through all panels at the bin under the mouse, and the values of the panel it is in. */
static void draw_hover(struct draw *d, const struct scene *v, const struct frame_layout *l,
                       int width, int height)
{
    SDL_Point mouse = {v->mouse_x, v->mouse_y};
    struct readout out = {0};
    for (int i = 0; i < FRAME_PANELS; i++) {
        struct plot p = plot_place(d, l->panel[i], v->range);
        struct bin bin;
        if (p.box.w <= 0 || p.box.h <= 0 || !plot_bin(&p, v->snap, mouse.x, &bin))
            return;
        draw_fill(d, (SDL_Rect){mouse.x, p.box.y, 1, p.box.h}, palette.ink);
        if (!SDL_PointInRect(&mouse, &p.box))
            continue;
        read_time(v, &bin, &out);
        frame_panels[i]->read(v, bin.first, bin.last, &out);
    }
    if (out.rows)
        draw_readout(d, v, &out, width, height);
}

void frame_draw(struct draw *d, const struct scene *scene, int width, int height)
{
    struct frame_layout l = frame_place(d, width, height, scene->keys);
    draw_clear(d, palette.page);
    draw_title(d, scene, l.title);
    for (int i = 0; i < FRAME_PANELS; i++) {
        draw_fill(d, l.panel[i], palette.card);
        draw_outline(d, l.panel[i], palette.rim);
        frame_panels[i]->draw(d, scene, l.panel[i]);
    }
    if (scene->keys)
        draw_text_in(d, FONT_SMALL, palette.soft, l.foot.x, l.foot.y, l.foot.w, keys_text);
    if (scene->hover)
        draw_hover(d, scene, &l, width, height);
}
