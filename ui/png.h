/* png.h - writes a picture as a PNG file, by zlib alone. */
#ifndef UI_PNG_H
#define UI_PNG_H

#include <stddef.h>
#include <stdint.h>

/*
 * rgb: height rows of width pixels, 3 bytes each, no padding; both sides 1 to 16384. The same
 * pixels give the same bytes. 0, or -1 and a message that names the file; a file that could not be
 * written whole is removed.
 */
int png_write(const char *path, const uint8_t *rgb, int width, int height, char *err,
              size_t errlen);

#endif
