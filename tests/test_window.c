/* test_window.c - screenshots repeat; keys, mouse and live runs, by events on the dummy driver. */
#include <sys/stat.h>

#include "tests/picture.h"
#include "ui/window.h"

/* ---- screenshots ---- */

Test(window, screenshots_repeat_and_decode, .init = make_dir, .fini = remove_dir)
{
    char err[256] = "";
    static const size_t epochs[] = {0, 1, 8, 5000};
    for (size_t i = 0; i < COUNT(epochs); i++) {
        struct snapshot *s = small_run(epochs[i]);
        cr_assert_eq(view_screenshot(s, in_dir("a.png"), 800, 600, err, sizeof err), 0, "%s", err);
        cr_assert_eq(view_screenshot(s, in_dir("b.png"), 800, 600, err, sizeof err), 0, "%s", err);
        cr_expect(same_files(in_dir("a.png"), in_dir("b.png")));
        struct canvas c = canvas_new(800, 600);
        struct scene scene = whole(s);
        frame_draw(c.draw, &scene, 800, 600);
        struct picture p = decode(in_dir("a.png"));
        cr_assert(p.width == 800 && p.height == 600);
        for (int k = 0; k < 800 * 600; k++) {
            SDL_Color want = pixel(&c, k % 800, k / 800);
            const uint8_t *got = p.rgb + 3 * k;
            cr_assert(got[0] == want.r && got[1] == want.g && got[2] == want.b, "pixel %d", k);
        }
        free(p.rgb);
        canvas_free(&c);
        snapshot_free(s);
    }
}

Test(window, odd_runs_and_sizes, .init = make_dir, .fini = remove_dir)
{
    char err[256] = "";
    static const int bad[][2] = {{0, 0},     {-800, 600}, {639, 600},
                                 {800, 479}, {7681, 600}, {800, 4321}};
    struct snapshot *s = snapshot_new("", "");
    for (size_t i = 0; i < COUNT(bad); i++) {
        err[0] = 0;
        cr_expect_eq(view_screenshot(s, in_dir("a.png"), bad[i][0], bad[i][1], err, sizeof err),
                     -1);
        cr_expect(strstr(err, "want 640x480 to 7680x4320"), "%s", err);
    }
    cr_expect_eq(access(in_dir("a.png"), F_OK), -1);
    cr_expect_eq(view_screenshot(s, in_dir("a.png"), 640, 480, err, sizeof err), 0, "no columns");
    /* All time in one picosecond, then no time at all, then numbers at their limits. */
    cr_assert_eq(snapshot_add_column(s, "ps", NULL), 0);
    cr_assert_eq(snapshot_add_column(s, "hart0.cpi.user.base", NULL), 0);
    cr_assert_eq(snapshot_add_column(s, "hart0.instructions", NULL), 0);
    cr_assert_eq(snapshot_add_column(s, "llc.accesses.load", NULL), 0);
    cr_assert_eq(snapshot_add_column(s, "llc.misses.load", NULL), 0);
    static const uint64_t rows[][5] = {
        {0, 5, 5, 1, 1},
        {1, 5, 5, 0, 7},
        {1, UINT64_MAX, 1, 1, UINT64_MAX},
        {UINT64_MAX - 1, UINT64_MAX, UINT64_MAX, UINT64_MAX, 0},
        {UINT64_MAX, 0, 0, 0, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        cr_assert_eq(snapshot_add_row(s, rows[i], 5), 0);
        cr_expect_eq(view_screenshot(s, in_dir("a.png"), 640, 480, err, sizeof err), 0, "%s", err);
    }
    cr_expect_eq(view_screenshot(s, in_dir("no/a.png"), 640, 480, err, sizeof err), -1);
    cr_expect(strstr(err, "cannot write"), "%s", err);
    snapshot_free(s);
}

/* ---- the window ---- */

static void press(SDL_Keycode key)
{
    SDL_Event e = {.type = SDL_KEYDOWN};
    e.key.keysym.sym = key;
    cr_assert_eq(SDL_PushEvent(&e), 1);
}

static void move_mouse(int x, int y, Uint32 buttons, int dx)
{
    SDL_Event e = {.type = SDL_MOUSEMOTION};
    e.motion.x = x;
    e.motion.y = y;
    e.motion.xrel = dx;
    e.motion.state = buttons;
    cr_assert_eq(SDL_PushEvent(&e), 1);
}

static void turn_wheel(int y)
{
    SDL_Event e = {.type = SDL_MOUSEWHEEL};
    e.wheel.y = y;
    cr_assert_eq(SDL_PushEvent(&e), 1);
}

static void sdl_begin(void)
{
    make_dir();
    setenv("SDL_VIDEODRIVER", "dummy", 1);
    cr_assert_eq(SDL_Init(SDL_INIT_VIDEO | SDL_INIT_TIMER), 0);
    SDL_FlushEvents(SDL_FIRSTEVENT, SDL_LASTEVENT);
}

static void sdl_end(void)
{
    SDL_Quit();
    remove_dir();
}

/* The picture of that scene, as the window ought to have saved it. */
static void expect_shot(const char *name, const struct scene *scene, int w, int h)
{
    struct canvas c = canvas_new(w, h);
    frame_draw(c.draw, scene, w, h);
    struct picture p = decode(in_dir(name));
    cr_assert(p.width == (uint32_t)w && p.height == (uint32_t)h, "%s", name);
    int differ = 0;
    for (int k = 0; k < w * h; k++) {
        SDL_Color want = pixel(&c, k % w, k / w);
        const uint8_t *got = p.rgb + 3 * k;
        differ += got[0] != want.r || got[1] != want.g || got[2] != want.b;
    }
    cr_expect_eq(differ, 0, "%s: %d pixels", name, differ);
    free(p.rgb);
    canvas_free(&c);
}

Test(window, keys_and_mouse, .init = sdl_begin, .fini = sdl_end)
{
    struct snapshot *s = small_run(8);
    struct scene scene = whole(s);
    char err[256] = "", prefix[128];
    snprintf(prefix, sizeof prefix, "%s/shot", dir);
    struct view_options opt = {900, 640, prefix};
    struct view_source source = {.snap = s};
    press('s'); /* 1: the whole run */
    press('u');
    press('s'); /* 2 */
    press('u');
    press('u');
    press('u');
    press('l');
    move_mouse(300, 200, 0, 0);
    press('s'); /* 3 */
    press('l');
    press(SDLK_PLUS);
    press(SDLK_RIGHT);
    press('s'); /* 4: 2/3 of the run, one eighth of that to the right */
    press(SDLK_LEFT);
    press(SDLK_LEFT);
    press(SDLK_MINUS);
    press(SDLK_MINUS);
    press(SDLK_KP_MINUS);
    press('s'); /* 5: the whole run again */
    turn_wheel(1);
    move_mouse(300, 200, SDL_BUTTON_LMASK, 40);
    turn_wheel(-1);
    turn_wheel(-1);
    press(SDLK_HOME);
    press('s'); /* 6: and again */
    press('q');
    cr_assert_eq(view_window(&source, &opt, err, sizeof err), VIEW_CLOSED, "%s", err);
    expect_shot("shot-1.png", &scene, 900, 640);
    scene.sides = SIDES_TOGETHER;
    expect_shot("shot-2.png", &scene, 900, 640);
    scene.sides = SIDES_APART;
    scene.decades = scene.hover = 1;
    scene.mouse_x = 300;
    scene.mouse_y = 200;
    expect_shot("shot-3.png", &scene, 900, 640);
    scene.decades = 0;
    uint64_t end = 8 * EPOCH_PS, length = end * 2 / 3;
    uint64_t from = end / 2 - (end / 2) * length / end + length / 8;
    scene.range = (struct range){from, from + length};
    expect_shot("shot-4.png", &scene, 900, 640);
    scene.range = (struct range){0, end};
    expect_shot("shot-5.png", &scene, 900, 640);
    expect_shot("shot-6.png", &scene, 900, 640);
    cr_expect_eq(access(in_dir("shot-7.png"), F_OK), -1);

    press('s'); /* names that are taken are left alone */
    press(SDLK_ESCAPE);
    cr_assert_eq(view_window(&source, &opt, err, sizeof err), VIEW_CLOSED);
    cr_expect_eq(access(in_dir("shot-7.png"), F_OK), 0);
    scene.hover = 0;
    expect_shot("shot-7.png", &scene, 900, 640);
    snapshot_free(s);
}

/* A run that lives while the window is open: each step adds an epoch and follows a script. */
struct live {
    struct snapshot *snap;
    int steps, last, result; /* after `last` steps, `result` */
    int pause_at;
    SDL_TimerID timer;
};

static Uint32 quit_later(Uint32 interval, void *unused)
{
    (void)interval;
    (void)unused;
    SDL_Event e = {.type = SDL_QUIT};
    SDL_PushEvent(&e);
    return 0;
}

static int live_step(void *self)
{
    struct live *live = self;
    live->steps++;
    uint64_t row[11] = {(uint64_t)live->steps * EPOCH_PS, 1000, 1000, 1000};
    cr_assert_eq(snapshot_add_row(live->snap, row, 11), 0);
    SDL_Delay(40); /* longer than the window steps without a look at the events */
    if (live->steps == live->pause_at) {
        press(SDLK_SPACE);
        live->timer = SDL_AddTimer(250, quit_later, NULL);
    }
    if (live->steps < live->last)
        return 1;
    press('s');
    press('q');
    return live->result;
}

Test(window, live_run, .init = sdl_begin, .fini = sdl_end)
{
    char err[256] = "", prefix[128];
    snprintf(prefix, sizeof prefix, "%s/live", dir);
    struct view_options opt = {800, 600, prefix};
    static const struct live scripts[] = {
        {.last = 4, .result = 0},                 /* runs to its end, then q */
        {.last = 3, .result = -1},                /* fails */
        {.last = 99, .result = 0, .pause_at = 2}, /* paused; the window is closed */
    };
    static const enum view_end ends[] = {VIEW_CLOSED, VIEW_FAILED, VIEW_CLOSED};
    for (size_t i = 0; i < COUNT(scripts); i++) {
        struct live live = scripts[i];
        live.snap = small_run(0);
        struct view_source source = {live.snap, live_step, &live};
        cr_expect_eq(view_window(&source, &opt, err, sizeof err), ends[i], "script %zu", i);
        int want = scripts[i].pause_at ? scripts[i].pause_at : scripts[i].last;
        cr_expect_eq(live.steps, want, "script %zu: %d steps", i, live.steps);
        if (i == 0) {
            /* The picture has followed the run to its end. */
            struct scene scene = whole(live.snap);
            expect_shot("live-1.png", &scene, 800, 600);
        }
        SDL_FlushEvents(SDL_FIRSTEVENT, SDL_LASTEVENT);
        snapshot_free(live.snap);
    }
}

Test(window, no_window_is_an_error)
{
    char err[256] = "";
    struct snapshot *s = small_run(1);
    struct view_source source = {.snap = s};
    setenv("SDL_VIDEODRIVER", "no-such-driver", 1);
    cr_expect_eq(view_window(&source, NULL, err, sizeof err), VIEW_ERROR);
    cr_expect(strstr(err, "no window: "), "%s", err);
    SDL_Quit();
    snapshot_free(s);
}
