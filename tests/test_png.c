/* test_png.c - PNG files hold the pixels that were given, and failing to write leaves nothing. */
#include "tests/picture.h"
#include "ui/png.h"

Test(png, decodes_to_the_same_pixels, .init = make_dir, .fini = remove_dir)
{
    static const int sizes[][2] = {{1, 1}, {1, 37}, {640, 1}, {255, 256}};
    uint32_t seed = 5;
    for (size_t i = 0; i < COUNT(sizes); i++) {
        size_t n = (size_t)(sizes[i][0] * sizes[i][1] * 3);
        uint8_t *rgb = malloc(n);
        cr_assert_not_null(rgb);
        for (size_t k = 0; k < n; k++)
            rgb[k] = (uint8_t)((seed = seed * 1664525 + 1013904223) >> 24);
        char err[256] = "";
        const char *path = in_dir("a.png");
        cr_assert_eq(png_write(path, rgb, sizes[i][0], sizes[i][1], err, sizeof err), 0, "%s", err);
        struct picture p = decode(path);
        cr_assert_eq(p.width, sizes[i][0]);
        cr_assert_eq(p.height, sizes[i][1]);
        cr_assert_eq(memcmp(p.rgb, rgb, n), 0);
        free(p.rgb);
        free(rgb);
    }
    uint8_t one[3] = {1, 2, 3};
    char err[256] = "";
    cr_expect_eq(png_write(in_dir("no/such.png"), one, 1, 1, err, sizeof err), -1);
    cr_expect(strstr(err, "such.png: cannot write: No such file"), "%s", err);
    cr_expect_eq(png_write("/dev/full", one, 1, 1, err, sizeof err), -1);
    cr_expect(strstr(err, "No space left"), "%s", err);
    cr_expect_eq(access("/dev/full", F_OK), 0, "a device is not removed");
}
