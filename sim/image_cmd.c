/* image_cmd.c - `pwsim image`: build and list boot images. */
#include "sim/image_cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/digest.h"
#include "sim/error.h"
#include "sim/file.h"
#include "sim/image.h"
#include "sim/table.h"

static const char usage[] =
    "usage: pwsim image build OUT SECTION=FILE...\n"
    "       pwsim image list [--json] FILE\n"
    "\n"
    "A boot image is an ELF file. Its sections are .kernel, .prog/NAME for\n"
    "each program and .file/PATH for each file that programs see as /PATH.\n";

/* "SECTION=FILE" */
static int add_argument(struct image *img, const char *argument, char *err, size_t errlen)
{
    const char *equals = strchr(argument, '=');
    if (equals == NULL || equals == argument || equals[1] == '\0') {
        return fail(err, errlen, "image build: \"%.80s\": expected SECTION=FILE", argument);
    }
    size_t n = 0;
    uint8_t *bytes = file_read(equals + 1, IMAGE_MAX_BYTES, &n, err, errlen);
    char *name = bytes != NULL ? strndup(argument, (size_t)(equals - argument)) : NULL;
    int bad = name == NULL ? -1 : image_add(img, name, bytes, n, err, errlen);
    free(name);
    free(bytes);
    return bad;
}

static int build(int argc, char *const *argv, char *err, size_t errlen)
{
    if (argc < 2) {
        return fail(err, errlen, "image build: expected OUT SECTION=FILE...");
    }
    struct image *img = image_new();
    int bad = 0;
    for (int i = 1; i < argc && !bad; i++) {
        bad = add_argument(img, argv[i], err, errlen);
    }
    bad = bad || image_write(img, argv[0], err, errlen) != 0;
    image_free(img);
    return bad ? -1 : 0;
}

static int list(int argc, char *const *argv, char *err, size_t errlen)
{
    int json = argc > 0 && strcmp(argv[0], "--json") == 0;
    if (argc != 1 + json || argv[json][0] == '-') {
        return fail(err, errlen, "image list: expected [--json] FILE");
    }
    struct image *img = image_open(argv[json], err, errlen);
    if (img == NULL) {
        return -1;
    }
    struct table *t = table_new();
    table_column(t, "section", TABLE_LEFT);
    table_column(t, "bytes", TABLE_RIGHT);
    table_column(t, "xxh3_128", TABLE_LEFT);
    for (size_t i = 0; i < image_count(img); i++) {
        const struct image_section *s = image_section(img, i);
        char hex[DIGEST_TEXT];
        size_t row = table_row(t);
        table_text(t, row, 0, s->name);
        table_fixed(t, row, 1, (int64_t)s->n, 0, "");
        table_text(t, row, 2, digest_hex(digest_bytes(s->bytes, s->n), hex));
    }
    int bad = 0;
    if (!json) {
        table_print(t, stdout);
    } else if (table_print_json(t, stdout) != 0) {
        bad = fail(err, errlen, "image list: cannot write");
    }
    table_free(t);
    image_free(img);
    return bad;
}

int image_cmd(int argc, char *const *argv, char *err, size_t errlen)
{
    for (int i = 0; i < argc && i < 2; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            fputs(usage, stdout);
            return 0;
        }
    }
    if (argc >= 1 && strcmp(argv[0], "build") == 0) {
        return build(argc - 1, argv + 1, err, errlen);
    }
    if (argc >= 1 && strcmp(argv[0], "list") == 0) {
        return list(argc - 1, argv + 1, err, errlen);
    }
    return fail(err, errlen, "image: expected build or list (see pwsim image --help)");
}
