/* image.h - boot images: an ELF file whose sections are the kernel, the programs and the files. */
#ifndef SIM_IMAGE_H
#define SIM_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "sim/digest.h"

/*
 * Section names are those of guestos/include/machine.h: ".kernel" (exactly one), ".prog/NAME",
 * ".file/PATH", ".dir/PATH", ".link/PATH". Names are unique, at most 255 bytes, without control
 * characters. Contents are not looked at here. An image that was opened is fully checked: every
 * section lies in the file.
 */
#define IMAGE_MAX_SECTIONS 60000u
#define IMAGE_MAX_BYTES    (UINT64_C(1) << 30)

struct image_section {
    const char *name;
    const uint8_t *bytes;
    size_t n;
};

struct image;

struct image *image_new(void);
void image_free(struct image *img); /* NULL is fine */
/* Copies name and bytes. -1 and a message: bad or second name, too much. */
int image_add(struct image *img, const char *name, const void *bytes, size_t n, char *err,
              size_t errlen);
/* NULL and "FILE: what is wrong". */
struct image *image_open(const char *path, char *err, size_t errlen);
/* Writes PATH.part, then renames. Same sections, same bytes. Without ".kernel": an error. */
int image_write(const struct image *img, const char *path, char *err, size_t errlen);

/* Of all sections with their names; bytes (may be NULL): how many there are. */
struct digest image_digest(const struct image *img, uint64_t *bytes);

size_t image_count(const struct image *img);
const struct image_section *image_section(const struct image *img, size_t i);
/* The section of that name, or NULL. */
const struct image_section *image_find(const struct image *img, const char *name);

#endif
