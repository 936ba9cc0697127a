/* image.c - boot images: an ELF file whose sections are the kernel, the programs and the files.
 *
 * ELF64, little endian, ET_REL (as any container of named sections; nothing is ever relocated),
 * EM_NONE, no program headers. Layout: the file header; each section's bytes at a multiple of 16;
 * the table of section names; the section headers. Nothing of it depends on time or host. */
#include "sim/image.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guestos/include/machine.h"
#include "memhier/hostmem.h"
#include "sim/error.h"
#include "sim/file.h"
#include "sim/unfinished.h"

#define MAX_NAME  255
#define ALIGNMENT 16
#define NAMES     ".shstrtab"

struct image {
    struct image_section *sections;
    size_t n, cap;
    uint64_t bytes;      /* of all contents */
    const uint8_t *file; /* what image_open mapped; sections may point into it */
    size_t file_bytes;
    uint8_t *owned;  /* for each section: 1 if its bytes were allocated for it */
    uint32_t *table; /* open addressing by name: position + 1, 0 free; 2 * cap places */
};

static const char wanted[] = "a boot image";

struct image *image_new(void)
{
    return hostmem_new(1, sizeof(struct image), wanted);
}

void image_free(struct image *img)
{
    if (img == NULL) {
        return;
    }
    for (size_t i = 0; i < img->n; i++) {
        free((void *)(uintptr_t)img->sections[i].name);
        if (img->owned[i]) {
            free((void *)(uintptr_t)img->sections[i].bytes);
        }
    }
    free(img->sections);
    free(img->owned);
    free(img->table);
    file_unmap(img->file, img->file_bytes);
    free(img);
}

/* ---- names ---- */

/* Where the name is in the table, or the free place where it belongs. cap is a power of two. */
static size_t place(const struct image *img, const char *name)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (const char *c = name; *c != '\0'; c++) {
        hash = (hash ^ (uint8_t)*c) * UINT64_C(0x100000001b3);
    }
    size_t mask = 2 * img->cap - 1, i = (size_t)(hash ^ hash >> 32) & mask;
    while (img->table[i] != 0 && strcmp(img->sections[img->table[i] - 1].name, name) != 0) {
        i = (i + 1) & mask;
    }
    return i;
}

static void grow(struct image *img)
{
    img->cap = img->cap ? img->cap * 2 : 64;
    img->sections = hostmem_resize(img->sections, img->cap, sizeof *img->sections, wanted);
    img->owned = hostmem_resize(img->owned, img->cap, 1, wanted);
    free(img->table);
    img->table = hostmem_new(2 * img->cap, sizeof *img->table, wanted);
    for (size_t i = 0; i < img->n; i++) {
        img->table[place(img, img->sections[i].name)] = (uint32_t)i + 1;
    }
}

static int has_prefix(const char *name, const char *prefix)
{
    size_t n = strlen(prefix);
    return strncmp(name, prefix, n) == 0 && name[n] != '\0';
}

static int check_name(const char *name, char *err, size_t errlen)
{
    size_t n = strnlen(name, MAX_NAME + 1);
    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)name[i] < ' ' || name[i] == 0x7f) {
            return fail(err, errlen, "the name of a section holds a control character");
        }
    }
    if (n > MAX_NAME) {
        return fail(err, errlen, "section %.40s…: a name of more than %d characters", name,
                    MAX_NAME);
    }
    if (strcmp(name, SECTION_KERNEL) != 0 && !has_prefix(name, SECTION_PROGRAM) &&
        !has_prefix(name, SECTION_FILE) && !has_prefix(name, SECTION_DIR) &&
        !has_prefix(name, SECTION_LINK)) {
        return fail(err, errlen, "section \"%s\": expected %s, %sNAME, %sPATH, %sPATH or %sPATH",
                    name, SECTION_KERNEL, SECTION_PROGRAM, SECTION_FILE, SECTION_DIR, SECTION_LINK);
    }
    return 0;
}

/* A section whose bytes live on: in img->file, or allocated for it (owned). */
static int add(struct image *img, const char *name, const uint8_t *bytes, size_t n, int owned,
               char *err, size_t errlen)
{
    if (check_name(name, err, errlen) != 0) {
        return -1;
    }
    if (img->n >= IMAGE_MAX_SECTIONS) {
        return fail(err, errlen, "more than %u sections", IMAGE_MAX_SECTIONS);
    }
    if (n > IMAGE_MAX_BYTES - img->bytes) {
        return fail(err, errlen, "section %s: the image would pass 1 GiB", name);
    }
    if (img->n == img->cap) {
        grow(img);
    }
    size_t at = place(img, name);
    if (img->table[at] != 0) {
        return fail(err, errlen, "a second section %s", name);
    }
    img->sections[img->n] = (struct image_section){hostmem_text(name, wanted), bytes, n};
    img->owned[img->n++] = (uint8_t)owned;
    img->table[at] = (uint32_t)img->n;
    img->bytes += n;
    return 0;
}

int image_add(struct image *img, const char *name, const void *bytes, size_t n, char *err,
              size_t errlen)
{
    uint8_t *copy = hostmem_resize(NULL, n, 1, wanted);
    if (n > 0) {
        memcpy(copy, bytes, n);
    }
    if (add(img, name, copy, n, 1, err, errlen) != 0) {
        free(copy);
        return -1;
    }
    return 0;
}

size_t image_count(const struct image *img)
{
    return img->n;
}

const struct image_section *image_section(const struct image *img, size_t i)
{
    assert(i < img->n);
    return &img->sections[i];
}

const struct image_section *image_find(const struct image *img, const char *name)
{
    if (img->n == 0) {
        return NULL;
    }
    uint32_t at = img->table[place(img, name)];
    return at != 0 ? &img->sections[at - 1] : NULL;
}

/* ---- reading ---- */

/* What libelf takes on trust: that the table of section headers lies in the file. */
static int check_header(const uint8_t *file, size_t n, char *err, size_t errlen)
{
    Elf64_Ehdr h;
    if (n < SELFMAG || memcmp(file, ELFMAG, SELFMAG) != 0) {
        return fail(err, errlen, "not an ELF file");
    }
    if (n < sizeof h) {
        return fail(err, errlen, "the ELF header is cut off");
    }
    memcpy(&h, file, sizeof h);
    if (h.e_ident[EI_CLASS] != ELFCLASS64 || h.e_ident[EI_DATA] != ELFDATA2LSB ||
        h.e_ident[EI_VERSION] != EV_CURRENT) {
        return fail(err, errlen, "not a 64-bit little-endian ELF file");
    }
    if (h.e_shnum == 0 || h.e_shentsize != sizeof(Elf64_Shdr) || h.e_shoff > n ||
        (n - h.e_shoff) / sizeof(Elf64_Shdr) < h.e_shnum || h.e_shoff % 8 != 0) {
        return fail(err, errlen, "the table of section headers is missing or not in the file");
    }
    if (h.e_shstrndx == 0 || h.e_shstrndx >= h.e_shnum) {
        return fail(err, errlen, "the section with the names of sections is missing");
    }
    return 0;
}

static int add_from_elf(struct image *img, Elf *elf, Elf_Scn *scn, size_t names, size_t n,
                        char *err, size_t errlen)
{
    GElf_Shdr h;
    size_t number = elf_ndxscn(scn);
    if (gelf_getshdr(scn, &h) == NULL) {
        return fail(err, errlen, "section %zu: unreadable header", number);
    }
    if (h.sh_type != SHT_NOBITS && (h.sh_offset > n || h.sh_size > n - h.sh_offset)) {
        return fail(err, errlen, "section %zu lies outside of the file", number);
    }
    if (number == names) {
        return 0;
    }
    const char *name = elf_strptr(elf, names, h.sh_name);
    if (name == NULL) {
        return fail(err, errlen, "section %zu: its name lies outside of the table", number);
    }
    if (h.sh_type != SHT_PROGBITS || (h.sh_flags & SHF_COMPRESSED) != 0) {
        return fail(err, errlen, "section %zu is not plain contents", number);
    }
    return add(img, name, img->file + h.sh_offset, (size_t)h.sh_size, 0, err, errlen);
}

static int read_sections(struct image *img, size_t n, char *err, size_t errlen)
{
    size_t names = 0;
    int bad = 0;
    if (check_header(img->file, n, err, errlen) != 0) {
        return -1;
    }
    elf_version(EV_CURRENT);
    Elf *elf = elf_memory((char *)(uintptr_t)img->file, n);
    if (elf == NULL || elf_getshdrstrndx(elf, &names) != 0) {
        bad = fail(err, errlen, "not a usable ELF file: %s", elf_errmsg(-1));
    }
    for (Elf_Scn *scn = NULL; !bad && (scn = elf_nextscn(elf, scn)) != NULL;) {
        bad = add_from_elf(img, elf, scn, names, n, err, errlen);
    }
    elf_end(elf);
    if (!bad && image_find(img, SECTION_KERNEL) == NULL) {
        bad = fail(err, errlen, "no section %s: not a boot image", SECTION_KERNEL);
    }
    return bad;
}

struct image *image_open(const char *path, char *err, size_t errlen)
{
    struct image *img = image_new();
    char why[512];
    img->file = file_map(path, IMAGE_MAX_BYTES, &img->file_bytes, err, errlen);
    int bad = img->file == NULL;
    if (!bad && read_sections(img, img->file_bytes, why, sizeof why) != 0) {
        bad = fail(err, errlen, "%s: %s", path, why);
    }
    if (bad) {
        image_free(img);
        return NULL;
    }
    return img;
}

/* ---- writing ---- */

static Elf_Scn *new_section(Elf *elf, uint32_t name, uint32_t type, const void *bytes, size_t n,
                            uint64_t align)
{
    Elf_Scn *scn = hostmem_must(elf_newscn(elf), 0, wanted);
    Elf_Data *data = hostmem_must(elf_newdata(scn), 0, wanted);
    GElf_Shdr h;
    data->d_buf = (void *)(uintptr_t)bytes;
    data->d_size = n;
    data->d_type = ELF_T_BYTE;
    data->d_align = align;
    hostmem_must(gelf_getshdr(scn, &h), 0, wanted);
    h.sh_name = name;
    h.sh_type = type;
    h.sh_addralign = align;
    gelf_update_shdr(scn, &h);
    return scn;
}

/* All names with NULs, beginning with the empty one. Free it. */
static char *name_table(const struct image *img, size_t *n)
{
    char *names = NULL;
    FILE *f = hostmem_must(open_memstream(&names, n), 0, wanted);
    fputc('\0', f);
    for (size_t i = 0; i < img->n; i++) {
        fwrite(img->sections[i].name, 1, strlen(img->sections[i].name) + 1, f);
    }
    fwrite(NAMES, 1, sizeof NAMES, f);
    fclose(f);
    return hostmem_must(names, 0, wanted);
}

static int write_elf(const struct image *img, int fd)
{
    elf_version(EV_CURRENT);
    Elf *elf = elf_begin(fd, ELF_C_WRITE, NULL);
    GElf_Ehdr h;
    size_t n, at = 1;
    if (elf == NULL || gelf_newehdr(elf, ELFCLASS64) == NULL || gelf_getehdr(elf, &h) == NULL) {
        elf_end(elf);
        return -1;
    }
    char *names = name_table(img, &n);
    for (size_t i = 0; i < img->n; i++) {
        const struct image_section *s = &img->sections[i];
        new_section(elf, (uint32_t)at, SHT_PROGBITS, s->bytes, s->n, ALIGNMENT);
        at += strlen(s->name) + 1;
    }
    h.e_ident[EI_DATA] = ELFDATA2LSB;
    h.e_type = ET_REL;
    h.e_machine = EM_NONE;
    h.e_version = EV_CURRENT;
    h.e_shstrndx = (uint16_t)elf_ndxscn(new_section(elf, (uint32_t)at, SHT_STRTAB, names, n, 1));
    gelf_update_ehdr(elf, &h);
    int bad = elf_update(elf, ELF_C_WRITE) < 0;
    elf_end(elf);
    free(names);
    return bad ? -1 : 0;
}

int image_write(const struct image *img, const char *path, char *err, size_t errlen)
{
    if (image_find(img, SECTION_KERNEL) == NULL) {
        return fail(err, errlen, "%s: a boot image needs a section %s", path, SECTION_KERNEL);
    }
    if (file_may_write(path, FILE_BY_RENAME, err, errlen) != 0) {
        return -1;
    }
    char *part = hostmem_format(wanted, "%s.part", path);
    int bad = 0, fd = open(part, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) {
        bad = fail(err, errlen, "%s: %s", part, strerror(errno));
        free(part);
        return bad;
    }
    const int unfinished = unfinished_add(part, "");
    errno = 0;
    if (write_elf(img, fd) != 0) {
        bad = fail(err, errlen, "%s: cannot write: %s", part,
                   errno != 0 ? strerror(errno) : elf_errmsg(-1));
    }
    if (close(fd) != 0 && !bad) {
        bad = fail(err, errlen, "%s: cannot write: %s", part, strerror(errno));
    }
    if (!bad && rename(part, path) != 0) {
        bad = fail(err, errlen, "%s: %s", path, strerror(errno));
    }
    if (bad) {
        unlink(part);
    }
    unfinished_done(unfinished);
    free(part);
    return bad;
}

struct digest image_digest(const struct image *image, uint64_t *bytes)
{
    struct digest *parts = calloc(2 * image_count(image) + 1, sizeof *parts);
    struct digest all = {{0}};
    uint64_t total = 0;
    if (!parts)
        return all;
    for (size_t i = 0; i < image_count(image); i++) {
        const struct image_section *s = image_section(image, i);
        parts[2 * i] = digest_bytes(s->name, strlen(s->name));
        parts[2 * i + 1] = digest_bytes(s->bytes, s->n);
        total += s->n;
    }
    all = digest_bytes(parts, 2 * image_count(image) * sizeof *parts);
    free(parts);
    if (bytes)
        *bytes = total;
    return all;
}
