/* window.c - `pwsim view`: the dashboard as a PNG file or in a window. */
/*
 * The window draws with SDL's software renderer, so that it and the screenshots have the same
 * pixels. A live run is stepped between events; the picture follows ten times a second, which
 * leaves most of the host's time to the simulation.
 */
#include "ui/window.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <SDL2/SDL.h>

#include "ui/frame.h"
#include "ui/png.h"

#define STEP_MS   30  /* of stepping between two looks at the events */
#define REDRAW_MS 100 /* between pictures of a live run */
#define IDLE_MS   250 /* between looks at the clock when nothing runs */
#define MAX_SHOTS 999

/* ---- screenshots ---- */

static int save_pixels(SDL_Renderer *r, const char *path, int width, int height, char *err,
                       size_t errlen)
{
    uint8_t *rgb = malloc((size_t)width * (size_t)height * 3);
    if (!rgb) {
        snprintf(err, errlen, "out of memory");
        return -1;
    }
    int rc = SDL_RenderReadPixels(r, NULL, SDL_PIXELFORMAT_RGB24, rgb, width * 3);
    if (rc)
        snprintf(err, errlen, "SDL2: %s", SDL_GetError());
    else
        rc = png_write(path, rgb, width, height, err, errlen);
    free(rgb);
    return rc ? -1 : 0;
}

static int shoot(const struct scene *scene, const char *path, int width, int height, char *err,
                 size_t errlen)
{
    int rc = -1;
    struct draw *d = NULL;
    SDL_Renderer *r = NULL;
    SDL_Surface *s = SDL_CreateRGBSurfaceWithFormat(0, width, height, 32, SDL_PIXELFORMAT_ARGB8888);
    if (s)
        r = SDL_CreateSoftwareRenderer(s);
    if (!r) {
        snprintf(err, errlen, "SDL2: %s", SDL_GetError());
        goto out;
    }
    d = draw_new(r, err, errlen);
    if (!d || draw_fit(d, width, height, err, errlen))
        goto out;
    frame_draw(d, scene, width, height);
    rc = save_pixels(r, path, width, height, err, errlen);
out:
    draw_free(d);
    if (r)
        SDL_DestroyRenderer(r);
    SDL_FreeSurface(s);
    return rc;
}

int view_screenshot(const struct snapshot *s, const char *png_path, int width, int height,
                    char *err, size_t errlen)
{
    if (width < VIEW_MIN_WIDTH || height < VIEW_MIN_HEIGHT || width > VIEW_MAX_WIDTH ||
        height > VIEW_MAX_HEIGHT) {
        snprintf(err, errlen, "a picture of %dx%d pixels: want %dx%d to %dx%d", width, height,
                 VIEW_MIN_WIDTH, VIEW_MIN_HEIGHT, VIEW_MAX_WIDTH, VIEW_MAX_HEIGHT);
        return -1;
    }
    struct scene scene = {.snap = s, .range = {0, snapshot_end(s)}, .state = ""};
    return shoot(&scene, png_path, width, height, err, errlen);
}

/* ---- the window ---- */

struct window {
    SDL_Window *window;
    SDL_Renderer *renderer;
    struct draw *draw;
    struct view_source *source;
    const char *shots;
    struct scene scene;
    char state[128];
    int width, height;
    bool whole; /* the picture shows the whole run, however long it grows */
    bool paused, running, failed;
    bool dirty, quit;
};

static int window_open(struct window *w, const struct view_options *opt, char *err, size_t errlen)
{
    bool asked = getenv("SDL_VIDEODRIVER") != NULL;
    if (SDL_InitSubSystem(SDL_INIT_VIDEO)) {
        snprintf(err, errlen, "no window: %s; a screenshot needs no display", SDL_GetError());
        return -1;
    }
    const char *driver = SDL_GetCurrentVideoDriver();
    if (!asked && (strcmp(driver, "dummy") == 0 || strcmp(driver, "offscreen") == 0)) {
        snprintf(err, errlen, "no window: there is no display; a screenshot needs none");
        return -1;
    }
    w->width = opt && opt->width ? opt->width : 1280;
    w->height = opt && opt->height ? opt->height : 800;
    w->shots = opt && opt->shots ? opt->shots : "pwsim";
    char title[256];
    snprintf(title, sizeof title, "%s - pwsim", *w->scene.snap->name ? w->scene.snap->name : "run");
    w->window = SDL_CreateWindow(title, SDL_WINDOWPOS_UNDEFINED, SDL_WINDOWPOS_UNDEFINED, w->width,
                                 w->height, SDL_WINDOW_RESIZABLE);
    if (w->window)
        w->renderer = SDL_CreateRenderer(w->window, -1, SDL_RENDERER_SOFTWARE);
    if (!w->renderer) {
        snprintf(err, errlen, "no window: %s", SDL_GetError());
        return -1;
    }
    SDL_SetWindowMinimumSize(w->window, VIEW_MIN_WIDTH, VIEW_MIN_HEIGHT);
    SDL_EnableScreenSaver();
    w->draw = draw_new(w->renderer, err, errlen);
    return w->draw ? 0 : -1;
}

static void window_close(struct window *w)
{
    draw_free(w->draw);
    if (w->renderer)
        SDL_DestroyRenderer(w->renderer);
    if (w->window)
        SDL_DestroyWindow(w->window);
    SDL_QuitSubSystem(SDL_INIT_VIDEO);
}

static uint64_t run_end(const struct window *w)
{
    return snapshot_end(w->scene.snap);
}

static void show_whole(struct window *w)
{
    w->whole = true;
    w->scene.range = (struct range){0, run_end(w)};
}

/* The plot of the first panel; all panels have the same columns. */
static struct plot any_plot(const struct window *w)
{
    struct frame_layout l = frame_place(w->draw, w->width, w->height, w->scene.keys);
    return plot_place(w->draw, l.panel[0], w->scene.range);
}

static void zoom(struct window *w, unsigned num, unsigned den, uint64_t anchor)
{
    uint64_t end = run_end(w);
    /* Down to an eighth of a mean epoch. */
    uint64_t least = w->scene.snap->epochs ? end / w->scene.snap->epochs / 8 : 0;
    w->scene.range = range_zoom(w->scene.range, num, den, anchor, least ? least : 1, end);
    w->whole = w->scene.range.from == 0 && w->scene.range.to == end;
}

static uint64_t middle(const struct window *w)
{
    return w->scene.range.from + (w->scene.range.to - w->scene.range.from) / 2;
}

static void pan(struct window *w, int num, unsigned den)
{
    if (!w->whole)
        w->scene.range = range_pan(w->scene.range, num, den, run_end(w));
}

/* Claims the first name that is free, so that no file is written over. */
static int free_name(const struct window *w, char *path, size_t n)
{
    for (int i = 1; i <= MAX_SHOTS; i++) {
        int len = snprintf(path, n, "%s-%d.png", w->shots, i);
        if (len < 0 || (size_t)len >= n)
            return ENAMETOOLONG;
        int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
        if (fd >= 0) {
            close(fd);
            return 0;
        }
        if (errno != EEXIST)
            return errno;
    }
    return EEXIST;
}

static void save_shot(struct window *w)
{
    char path[1024], err[sizeof w->state];
    struct scene scene = w->scene;
    scene.keys = 0;
    scene.state = "";
    int bad = free_name(w, path, sizeof path);
    if (bad)
        snprintf(w->state, sizeof w->state, "no screenshot: %s", strerror(bad));
    else if (shoot(&scene, path, w->width, w->height, err, sizeof err))
        snprintf(w->state, sizeof w->state, "no screenshot: %.100s", err);
    else
        snprintf(w->state, sizeof w->state, "saved %.100s", path);
}

static void say_state(struct window *w)
{
    const char *state = "";
    if (w->failed)
        state = "the run failed";
    else if (w->running)
        state = w->paused ? "paused" : "running";
    else if (w->source->step)
        state = "finished";
    snprintf(w->state, sizeof w->state, "%s", state);
}

static void on_key(struct window *w, SDL_Keycode key)
{
    say_state(w);
    switch (key) {
    case SDLK_q:
    case SDLK_ESCAPE:
        w->quit = true;
        break;
    case SDLK_SPACE:
        w->paused = !w->paused;
        say_state(w);
        break;
    case SDLK_u:
        w->scene.sides = (w->scene.sides + 1) % SIDES;
        break;
    case SDLK_l:
        w->scene.decades = !w->scene.decades;
        break;
    case SDLK_s:
        save_shot(w);
        break;
    case SDLK_LEFT:
        pan(w, -1, 8);
        break;
    case SDLK_RIGHT:
        pan(w, 1, 8);
        break;
    case SDLK_PLUS:
    case SDLK_EQUALS:
    case SDLK_KP_PLUS:
        zoom(w, 2, 3, middle(w));
        break;
    case SDLK_MINUS:
    case SDLK_KP_MINUS:
        zoom(w, 3, 2, middle(w));
        break;
    case SDLK_0:
    case SDLK_KP_0:
    case SDLK_HOME:
        show_whole(w);
        break;
    default:
        break;
    }
}

static void on_motion(struct window *w, const SDL_MouseMotionEvent *e)
{
    w->scene.hover = 1;
    w->scene.mouse_x = e->x;
    w->scene.mouse_y = e->y;
    int width = any_plot(w).box.w;
    if ((e->state & SDL_BUTTON_LMASK) && width > 0)
        pan(w, -e->xrel, (unsigned)width);
}

static void on_wheel(struct window *w, const SDL_MouseWheelEvent *e)
{
    struct plot p = any_plot(w);
    int up = e->direction == SDL_MOUSEWHEEL_FLIPPED ? -e->y : e->y;
    if (up == 0 || p.box.w <= 0)
        return;
    uint64_t anchor = w->scene.hover ? plot_time(&p, w->scene.mouse_x) : middle(w);
    zoom(w, up > 0 ? 4 : 5, up > 0 ? 5 : 4, anchor);
}

static void on_window(struct window *w, const SDL_WindowEvent *e)
{
    if (e->event == SDL_WINDOWEVENT_LEAVE)
        w->scene.hover = 0;
    else if (e->event == SDL_WINDOWEVENT_CLOSE)
        w->quit = true;
}

static void on_event(struct window *w, const SDL_Event *e)
{
    w->dirty = true;
    switch (e->type) {
    case SDL_QUIT:
        w->quit = true;
        break;
    case SDL_KEYDOWN:
        on_key(w, e->key.keysym.sym);
        break;
    case SDL_MOUSEMOTION:
        on_motion(w, &e->motion);
        break;
    case SDL_MOUSEWHEEL:
        on_wheel(w, &e->wheel);
        break;
    case SDL_WINDOWEVENT:
        on_window(w, &e->window);
        break;
    default:
        break;
    }
}

static int redraw(struct window *w, char *err, size_t errlen)
{
    if (w->whole)
        show_whole(w);
    if (SDL_GetRendererOutputSize(w->renderer, &w->width, &w->height)) {
        snprintf(err, errlen, "SDL2: %s", SDL_GetError());
        return -1;
    }
    if (draw_fit(w->draw, w->width, w->height, err, errlen))
        return -1;
    frame_draw(w->draw, &w->scene, w->width, w->height);
    SDL_RenderPresent(w->renderer);
    w->dirty = false;
    return 0;
}

static void run_steps(struct window *w)
{
    uint64_t begin = SDL_GetTicks64();
    int more = 1;
    while (more == 1 && SDL_GetTicks64() - begin < STEP_MS)
        more = w->source->step(w->source->self);
    if (more == 1)
        return;
    w->running = false;
    w->failed = more < 0;
    w->dirty = true;
    say_state(w);
}

static int window_loop(struct window *w, char *err, size_t errlen)
{
    uint64_t drawn = 0;
    while (!w->quit) {
        SDL_Event e;
        bool stepping = w->running && !w->paused;
        uint64_t now = SDL_GetTicks64();
        if (w->dirty || (stepping && now - drawn >= REDRAW_MS)) {
            if (redraw(w, err, errlen))
                return -1;
            drawn = now;
        }
        if (!stepping && SDL_WaitEventTimeout(&e, IDLE_MS))
            on_event(w, &e);
        while (!w->quit && SDL_PollEvent(&e))
            on_event(w, &e);
        if (!w->quit && w->running && !w->paused)
            run_steps(w);
    }
    return 0;
}

enum view_end view_window(struct view_source *source, const struct view_options *opt, char *err,
                          size_t errlen)
{
    struct window w = {.source = source, .whole = true, .dirty = true};
    w.running = source->step != NULL;
    w.scene = (struct scene){.snap = source->snap, .state = w.state, .keys = 1};
    show_whole(&w);
    say_state(&w);
    int rc = window_open(&w, opt, err, errlen);
    if (rc == 0)
        rc = window_loop(&w, err, errlen);
    window_close(&w);
    if (rc)
        return VIEW_ERROR;
    return w.failed ? VIEW_FAILED : VIEW_CLOSED;
}
