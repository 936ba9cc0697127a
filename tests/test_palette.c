/* test_palette.c - colours stay apart for colour-blind eyes, and text stands out. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "ui/palette.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/*
 * Severest form of the three dichromacies, on linear RGB: G. M. Machado, M. M. Oliveira, L. A. F.
 * Fernandes, "A Physiologically-based Model for Simulation of Color Vision Deficiency", IEEE TVCG
 * 15 (2009), table for severity 1.0. The first is normal vision.
 */
static const double visions[][3][3] = {
    {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
    {{0.152286, 1.052583, -0.204868},
     {0.114503, 0.786281, 0.099216},
     {-0.003882, -0.048116, 1.051998}},
    {{0.367322, 0.860646, -0.227968},
     {0.280085, 0.672501, 0.047413},
     {-0.011820, 0.042940, 0.968881}},
    {{1.255528, -0.076749, -0.178779},
     {-0.078411, 0.930809, 0.147602},
     {0.004733, 0.691367, 0.303900}},
};

static double linear(Uint8 c)
{
    double v = c / 255.0;
    return v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4);
}

static double lab_f(double t)
{
    return t > 0.008856 ? cbrt(t) : 7.787 * t + 16.0 / 116;
}

/* CIE L*a*b* (D65) of a colour as that eye sees it. */
static void lab(SDL_Color c, const double vision[3][3], double out[3])
{
    const double in[3] = {linear(c.r), linear(c.g), linear(c.b)};
    double s[3];
    for (int i = 0; i < 3; i++) {
        double v = vision[i][0] * in[0] + vision[i][1] * in[1] + vision[i][2] * in[2];
        s[i] = v < 0 ? 0 : v > 1 ? 1 : v;
    }
    double x = lab_f((0.4124 * s[0] + 0.3576 * s[1] + 0.1805 * s[2]) / 0.95047);
    double y = lab_f(0.2126 * s[0] + 0.7152 * s[1] + 0.0722 * s[2]);
    double z = lab_f((0.0193 * s[0] + 0.1192 * s[1] + 0.9505 * s[2]) / 1.08883);
    out[0] = 116 * y - 16;
    out[1] = 500 * (x - y);
    out[2] = 200 * (y - z);
}

static double difference(SDL_Color a, SDL_Color b, const double vision[3][3])
{
    double p[3], q[3];
    lab(a, vision, p);
    lab(b, vision, q);
    return sqrt((p[0] - q[0]) * (p[0] - q[0]) + (p[1] - q[1]) * (p[1] - q[1]) +
                (p[2] - q[2]) * (p[2] - q[2]));
}

static const char *const part_names[] = {
    "base",  "frontend", "branch", "l1",    "l2",          "llc",      "dram", "nvdimm",
    "store", "wpq",      "flush",  "fence", "translation", "boundary", "idle",
};
static const char *const level_names[] = {"l1i", "l1d", "l2", "llc"};

/* A difference of 2.3 is just noticeable. */
Test(palette, colours_differ_for_every_eye)
{
    for (size_t v = 0; v < COUNT(visions); v++) {
        for (uint32_t i = 0; i < COUNT(part_names); i++) {
            for (uint32_t j = 0; j < i; j++) {
                double d = difference(palette_part(part_names[i], i),
                                      palette_part(part_names[j], j), visions[v]);
                cr_expect_geq(d, i == j + 1 ? 30 : 18, "%s and %s: %g in vision %zu", part_names[i],
                              part_names[j], d, v);
            }
        }
        for (uint32_t i = 0; i < COUNT(level_names); i++)
            for (uint32_t j = 0; j < i; j++)
                cr_expect_geq(difference(palette_level(level_names[i], i),
                                         palette_level(level_names[j], j), visions[v]),
                              15);
    }
}

static double luminance(SDL_Color c)
{
    return 0.2126 * linear(c.r) + 0.7152 * linear(c.g) + 0.0722 * linear(c.b);
}

static double contrast(SDL_Color a, SDL_Color b)
{
    double x = luminance(a) + 0.05, y = luminance(b) + 0.05;
    return x > y ? x / y : y / x;
}

/* WCAG 2.1: 4.5 for text. */
Test(palette, text_has_contrast)
{
    cr_expect_geq(contrast(palette.ink, palette.card), 4.5);
    cr_expect_geq(contrast(palette.soft, palette.card), 4.5);
    cr_expect_geq(contrast(palette.soft, palette.page), 4.5);
    cr_expect_geq(contrast(palette.alert, palette.page), 4.5);
}
