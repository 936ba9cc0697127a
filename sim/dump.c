/* dump.c - crash dumps: an ELF core of the machine at a power cut. */
#include "sim/dump.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <inttypes.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/error.h"
#include "sim/machine_state.h"

#define PAGE        4096u
#define TRACE_DEPTH 16u

enum { NOTE_CONFIG = 0x70770001, NOTE_HARTS = 0x70770002 };

/* ---- notes ---- */

/* Name and contents are padded to multiples of 4. */
static void add_note(FILE *f, uint32_t type, const char *text)
{
    static const char zeros[4];
    const size_t n = strlen(text) + 1;
    const Elf64_Nhdr h = {.n_namesz = 6, .n_descsz = (Elf64_Word)n, .n_type = type};
    fwrite(&h, sizeof h, 1, f);
    fwrite("pwsim\0\0", 8, 1, f);
    fwrite(text, n, 1, f);
    fwrite(zeros, (4 - n % 4) % 4, 1, f);
}

static void describe_hart(const struct machine *m, uint32_t i, FILE *to)
{
    struct trap_frame f[TRACE_DEPTH];
    const struct hart *h = &m->harts[i];
    if (h->current >= m->nthreads || !m->threads[h->current].thread) {
        fprintf(to, "hart %u: no guest thread\n", i);
        return;
    }
    fprintf(to, "hart %u: guest thread %u, %" PRIu64 " operators, %" PRIu64 " cycles%s\n", i,
            h->current, h->executed, h->cycles, h->idle ? ", idle" : "");
    const uint32_t n = thread_backtrace(m->threads[h->current].thread, f, TRACE_DEPTH);
    for (uint32_t k = 0; k < n && k < TRACE_DEPTH; k++)
        fprintf(to, "    #%-2u %s (%s+0x%x)\n", k, f[k].func, f[k].module, f[k].offset);
}

/* One text, a note of that type. 0, or -1: no memory. */
static int note_of(const struct machine *m, uint32_t type, FILE *f)
{
    char *text = NULL;
    size_t n;
    FILE *t = open_memstream(&text, &n);
    if (!t)
        return -1;
    if (type == NOTE_CONFIG)
        config_write_resolved(m->cfg, t);
    for (uint32_t i = 0; type == NOTE_HARTS && i < m->nharts; i++)
        describe_hart(m, i, t);
    const int bad = fclose(t);
    if (!bad)
        add_note(f, type, text);
    free(text);
    return bad;
}

/* All notes, one allocation; NULL: no memory. */
static char *make_notes(const struct machine *m, size_t *n)
{
    char *notes = NULL;
    FILE *f = open_memstream(&notes, n);
    if (!f)
        return NULL;
    const int bad = note_of(m, NOTE_CONFIG, f) | note_of(m, NOTE_HARTS, f);
    if (fclose(f) || bad) {
        free(notes);
        return NULL;
    }
    return notes;
}

/* ---- what libelf writes: headers, notes ---- */

struct layout {
    uint64_t dram, nvdimm;       /* bytes */
    uint64_t dram_at, nvdimm_at; /* in the file */
};

static const char names[] = "\0.note.pwsim\0.shstrtab";

static int add_section(Elf *elf, uint32_t name, uint32_t type, const void *bytes, size_t n,
                       uint64_t at, uint64_t align)
{
    GElf_Shdr h;
    Elf_Scn *scn = elf_newscn(elf);
    Elf_Data *data = scn ? elf_newdata(scn) : NULL;
    if (!data || !gelf_getshdr(scn, &h))
        return -1;
    data->d_buf = (void *)(uintptr_t)bytes;
    data->d_size = n;
    data->d_type = ELF_T_BYTE;
    data->d_align = align;
    h.sh_name = name;
    h.sh_type = type;
    h.sh_offset = at;
    h.sh_size = n;
    h.sh_addralign = align;
    return gelf_update_shdr(scn, &h) ? 0 : -1;
}

static int set_segments(Elf *elf, const struct layout *l, uint64_t notes_at, size_t notes)
{
    const size_t n = l->nvdimm ? 3 : 2;
    GElf_Phdr part[3] = {{.p_type = PT_NOTE, .p_offset = notes_at, .p_filesz = notes, .p_align = 4},
                         {.p_type = PT_LOAD,
                          .p_flags = PF_R | PF_W | PF_X,
                          .p_offset = l->dram_at,
                          .p_filesz = l->dram,
                          .p_memsz = l->dram,
                          .p_align = PAGE},
                         {.p_type = PT_LOAD,
                          .p_flags = PF_R | PF_W,
                          .p_offset = l->nvdimm_at,
                          .p_vaddr = NVDIMM_BASE,
                          .p_paddr = NVDIMM_BASE,
                          .p_filesz = l->nvdimm,
                          .p_memsz = l->nvdimm,
                          .p_align = PAGE}};
    for (size_t i = 0; i < n; i++)
        if (!gelf_update_phdr(elf, (int)i, &part[i]))
            return -1;
    return 0;
}

static uint64_t up(uint64_t n, uint64_t align)
{
    return (n + align - 1) & ~(align - 1);
}

/* Headers and notes come first, close together; where memory begins goes to *l. */
static int write_headers(Elf *elf, const char *notes, size_t n, struct layout *l)
{
    const size_t parts = l->nvdimm ? 3 : 2;
    const uint64_t notes_at = up(sizeof(Elf64_Ehdr) + parts * sizeof(Elf64_Phdr), 4);
    GElf_Ehdr h;
    if (!elf || !gelf_newehdr(elf, ELFCLASS64) || !gelf_newphdr(elf, parts) ||
        !gelf_getehdr(elf, &h))
        return -1;
    elf_flagelf(elf, ELF_C_SET, ELF_F_LAYOUT);
    h.e_ident[EI_DATA] = ELFDATA2LSB;
    h.e_type = ET_CORE;
    h.e_machine = EM_NONE;
    h.e_version = EV_CURRENT;
    h.e_phoff = sizeof(Elf64_Ehdr);
    h.e_shoff = up(notes_at + n + sizeof names, 8);
    h.e_shstrndx = 2;
    l->dram_at = up(h.e_shoff + 3 * sizeof(Elf64_Shdr), PAGE);
    l->nvdimm_at = l->dram_at + l->dram;
    if (!gelf_update_ehdr(elf, &h) || set_segments(elf, l, notes_at, n) ||
        add_section(elf, 1, SHT_NOTE, notes, n, notes_at, 4) ||
        add_section(elf, 13, SHT_STRTAB, names, sizeof names, notes_at + n, 1))
        return -1;
    return elf_update(elf, ELF_C_WRITE) < 0 ? -1 : 0;
}

/* ---- memory ---- */

static int put(int fd, const void *p, size_t n, uint64_t at)
{
    return pwrite(fd, p, n, (off_t)at) == (ssize_t)n ? 0 : -1;
}

static int is_zero(const uint8_t *p)
{
    return p[0] == 0 && memcmp(p, p + 1, FRAME_BYTES - 1) == 0;
}

static int put_dram(const struct machine *m, int fd, uint64_t at)
{
    const uint32_t end = (uint32_t)(physmem_bytes(m->pm, TIER_DRAM) / FRAME_BYTES);
    for (uint32_t i = 0; (i = physmem_next_content(m->pm, TIER_DRAM, i)) < end; i++) {
        const uint8_t *p = physmem_at(m->pm, frame_addr(TIER_DRAM, i), FRAME_BYTES);
        if (p && !is_zero(p) && put(fd, p, FRAME_BYTES, at + (uint64_t)i * FRAME_BYTES))
            return -1;
    }
    return 0;
}

static int put_file(const char *path, uint64_t bytes, int fd, uint64_t at)
{
    uint8_t *buf = malloc(FRAME_BYTES);
    const int from = open(path, O_RDONLY | O_CLOEXEC);
    int bad = from < 0 || !buf;
    for (uint64_t done = 0; !bad && done < bytes; done += FRAME_BYTES) {
        const int some = frame_read(from, done, buf);
        bad = some < 0 || (some && !is_zero(buf) && put(fd, buf, FRAME_BYTES, at + done));
    }
    const int why = errno;
    if (from >= 0)
        close(from);
    free(buf);
    errno = why;
    return bad ? -1 : 0;
}

/* Runs of bytes that count. */
static int put_line(const struct crash_line *l, int fd, uint64_t at)
{
    for (uint32_t i = 0, end; i < LINE_BYTES; i = end) {
        for (end = i + 1; end < LINE_BYTES && (l->mask >> end & 1) == (l->mask >> i & 1); end++)
            ;
        if ((l->mask >> i & 1) && put(fd, l->bytes + i, end - i, at + i))
            return -1;
    }
    return 0;
}

static int put_nvdimm(const struct dump_nvdimm *nv, uint64_t bytes, int fd, uint64_t at)
{
    if (nv->path && put_file(nv->path, bytes, fd, at))
        return -1;
    for (size_t i = 0; i < nv->n; i++) {
        const uint64_t from = nv->lines[i].addr - NVDIMM_BASE;
        if (from < bytes && put_line(&nv->lines[i], fd, at + from))
            return -1;
    }
    return 0;
}

/* ---- the whole ---- */

static int write_core(struct machine *m, const struct dump_nvdimm *nv, const char *notes, size_t n,
                      int fd)
{
    struct layout l = {.dram = physmem_bytes(m->pm, TIER_DRAM),
                       .nvdimm = physmem_bytes(m->pm, TIER_NVDIMM)};
    elf_version(EV_CURRENT);
    Elf *elf = elf_begin(fd, ELF_C_WRITE, NULL);
    errno = 0;
    int bad = write_headers(elf, notes, n, &l);
    elf_end(elf);
    bad = bad || ftruncate(fd, (off_t)(l.nvdimm_at + l.nvdimm)) || put_dram(m, fd, l.dram_at);
    return bad || (l.nvdimm && put_nvdimm(nv, l.nvdimm, fd, l.nvdimm_at)) ? -1 : 0;
}

int dump_write(struct machine *m, const struct dump_nvdimm *nv, const char *what, const char *path,
               char *err, size_t errlen)
{
    size_t n = 0;
    char *notes = make_notes(m, &n);
    if (!notes)
        return fail(err, errlen, "%s: out of memory", what);
    const int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    int bad = fd < 0 || write_core(m, nv, notes, n, fd);
    const int why = errno;
    free(notes);
    if (fd >= 0 && close(fd) && !bad)
        bad = 1;
    if (!bad)
        return 0;
    if (fd >= 0)
        unlink(path);
    return fail(err, errlen, "%s: %s: cannot be written: %s", what, path,
                why ? strerror(why) : elf_errmsg(-1));
}
