/* dump.c - crash dumps: an ELF core of the machine at a power cut. */
#include "sim/dump.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/error.h"
#include "sim/machine_state.h"

#define PAGE 4096u

enum { NOTE_CONFIG = 0x101, NOTE_HARTS = 0x102 };

struct dump {
    Elf64_Ehdr elf;
    Elf64_Phdr part[3];
};

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

/* All notes, one allocation; NULL: no memory. */
static char *make_notes(const struct machine *m, size_t *n)
{
    char *notes = NULL, *text = NULL;
    size_t len;
    FILE *f = open_memstream(&notes, n), *t = f ? open_memstream(&text, &len) : NULL;
    if (!t) {
        if (f)
            fclose(f);
        free(notes);
        return NULL;
    }
    config_write_resolved(m->cfg, t);
    fclose(t);
    add_note(f, NOTE_CONFIG, text);
    free(text);
    text = NULL;
    t = open_memstream(&text, &len);
    for (uint32_t i = 0; t && i < m->nharts; i++) {
        const struct hart *h = &m->harts[i];
        fprintf(t, "hart %u: guest thread %u, %" PRIu64 " operators, %" PRIu64 " cycles\n", i,
                h->current, h->executed, h->cycles);
    }
    if (t) {
        fclose(t);
        add_note(f, NOTE_HARTS, text);
    }
    free(text);
    fclose(f);
    return notes;
}

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

static int put_nvdimm(const char *path, uint64_t bytes, int fd, uint64_t at)
{
    uint8_t *buf = malloc(FRAME_BYTES);
    const int from = open(path, O_RDONLY | O_CLOEXEC);
    int bad = from < 0 || !buf;
    for (uint64_t done = 0; !bad && done < bytes; done += FRAME_BYTES) {
        const int some = frame_read(from, done, buf);
        bad = some < 0 || (some && !is_zero(buf) && put(fd, buf, FRAME_BYTES, at + done));
    }
    if (from >= 0)
        close(from);
    free(buf);
    return bad ? -1 : 0;
}

static uint64_t up(uint64_t n)
{
    return (n + PAGE - 1) & ~(uint64_t)(PAGE - 1);
}

static struct dump plan(const struct machine *m, size_t notes, const char *nvdimm)
{
    const uint64_t dram = physmem_bytes(m->pm, TIER_DRAM);
    const uint64_t nv = nvdimm ? physmem_bytes(m->pm, TIER_NVDIMM) : 0;
    struct dump d = {.elf = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
                                         ELFDATA2LSB, EV_CURRENT},
                             .e_type = ET_CORE,
                             .e_version = EV_CURRENT,
                             .e_phoff = sizeof(Elf64_Ehdr),
                             .e_ehsize = sizeof(Elf64_Ehdr),
                             .e_phentsize = sizeof(Elf64_Phdr),
                             .e_phnum = nv ? 3 : 2}};
    d.part[0] = (Elf64_Phdr){
        .p_type = PT_NOTE, .p_offset = sizeof d, .p_filesz = notes, .p_align = 4};
    d.part[1] = (Elf64_Phdr){.p_type = PT_LOAD,
                             .p_flags = PF_R | PF_W | PF_X,
                             .p_offset = up(sizeof d + notes),
                             .p_filesz = dram,
                             .p_memsz = dram,
                             .p_align = PAGE};
    d.part[2] = (Elf64_Phdr){.p_type = PT_LOAD,
                             .p_flags = PF_R | PF_W,
                             .p_offset = d.part[1].p_offset + dram,
                             .p_vaddr = NVDIMM_BASE,
                             .p_paddr = NVDIMM_BASE,
                             .p_filesz = nv,
                             .p_memsz = nv,
                             .p_align = PAGE};
    return d;
}

int dump_write(struct machine *m, const char *nvdimm, const char *path, char *err, size_t errlen)
{
    size_t n = 0;
    char *notes = make_notes(m, &n);
    const int fd = notes ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666) : -1;
    if (fd < 0) {
        free(notes);
        return fail(err, errlen, "power.core: %s: %s", path, strerror(errno));
    }
    const struct dump d = plan(m, n, nvdimm);
    const uint64_t end = d.part[2].p_offset + d.part[2].p_filesz;
    int bad = put(fd, &d, sizeof d, 0) || put(fd, notes, n, d.part[0].p_offset) ||
              ftruncate(fd, (off_t)end) || put_dram(m, fd, d.part[1].p_offset);
    if (!bad && d.part[2].p_filesz)
        bad = put_nvdimm(nvdimm, d.part[2].p_filesz, fd, d.part[2].p_offset);
    const int why = errno;
    free(notes);
    if (close(fd) || bad) {
        unlink(path);
        return fail(err, errlen, "power.core: %s: cannot be written: %s", path, strerror(why));
    }
    return 0;
}
