/* test_nvfile.c - NVDIMM images: what is refused, what is written, and that nothing is ever lost.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/nvfile.h"

enum { FRAMES = 24 };
#define BYTES ((uint64_t)FRAMES * FRAME_BYTES)

static char dir[64], err[5000];

static void setup(void)
{
    snprintf(dir, sizeof dir, "/tmp/test_nvfile.XXXXXX");
    cr_assert(mkdtemp(dir));
}

static void teardown(void)
{
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s", dir);
    cr_assert_eq(system(command), 0);
}

static const char *in_dir(const char *name)
{
    static char path[4][128];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", dir, name);
    return path[turn];
}

/* What the image at the beginning holds: every second frame is zeros. */
static uint8_t base_byte(uint64_t at)
{
    return at >> FRAME_SHIFT & 1 ? 0 : (uint8_t)(at * 7 + (at >> 11));
}

static uint8_t *base_contents(void)
{
    uint8_t *p = malloc(BYTES);
    for (uint64_t i = 0; i < BYTES; i++)
        p[i] = base_byte(i);
    return p;
}

static void put_file(const char *name, const uint8_t *p, uint64_t n)
{
    FILE *f = fopen(in_dir(name), "wb");
    cr_assert(f && fwrite(p, 1, n, f) == n && fclose(f) == 0);
}

static void make_base(const char *name)
{
    uint8_t *p = base_contents();
    put_file(name, p, BYTES);
    free(p);
}

static void expect_file(const char *name, const uint8_t *want, uint64_t n)
{
    uint8_t *got = malloc(n + 1);
    FILE *f = fopen(in_dir(name), "rb");
    cr_assert(f, "%s", name);
    cr_assert_eq(fread(got, 1, n + 1, f), n, "size of %s", name);
    for (uint64_t i = 0; i < n; i++)
        cr_assert_eq(got[i], want[i], "%s byte %llu", name, (unsigned long long)i);
    fclose(f);
    free(got);
}

static void expect_base(const char *name)
{
    uint8_t *p = base_contents();
    expect_file(name, p, BYTES);
    free(p);
}

static void refused(const char *name, uint64_t bytes, int commit, const char *why)
{
    *err = 0;
    struct nvfile *f = nvfile_open(in_dir(name), bytes, commit, err, sizeof err);
    cr_expect_null(f, "%s", name);
    cr_expect(strstr(err, why), "%s: \"%s\" says nothing of \"%s\"", name, err, why);
}

Test(nvfile, refuses_what_is_not_an_image_of_this_size, .init = setup, .fini = teardown)
{
    make_base("image");
    mkdir(in_dir("folder"), 0777);
    mkfifo(in_dir("fifo"), 0666);
    put_file("empty", (const uint8_t *)"", 0);
    refused("none", BYTES, 0, "No such file");
    refused("folder", BYTES, 0, "regular");
    refused("fifo", BYTES, 0, "regular");
    refused("empty", BYTES, 0, "has 0 bytes");
    refused("image", BYTES + FRAME_BYTES, 0, "has 1572864 bytes, but nvdimm.size is 1638400");
    refused("image", BYTES - FRAME_BYTES, 1, "has 1572864 bytes, but nvdimm.size is 1507328");
    refused("none/below", BYTES, 0, "No such file");
}

Test(nvfile, runs_share_an_image_but_a_committer_needs_it_alone, .init = setup, .fini = teardown)
{
    make_base("image");
    struct nvfile *a = nvfile_open(in_dir("image"), BYTES, 0, err, sizeof err);
    struct nvfile *b = nvfile_open(in_dir("image"), BYTES, 0, err, sizeof err);
    cr_assert(a && b);
    refused("image", BYTES, 1, "in use by another run; nvdimm.commit needs it alone");
    nvfile_close(a);
    nvfile_close(b);
    a = nvfile_open(in_dir("image"), BYTES, 1, err, sizeof err);
    cr_assert(a);
    refused("image", BYTES, 1, "in use by another run");
    refused("image", BYTES, 0, "will replace it");
    nvfile_close(a);
    a = nvfile_open(in_dir("image"), BYTES, 0, err, sizeof err);
    cr_assert(a);
    nvfile_close(a);
}

/* Memory on the base image, some of it changed; what is durable of that at time 100 goes to want.
 */
struct run {
    struct nvfile *file;
    struct physmem *pm;
    struct domain *domain;
    uint8_t *want;
};

static void begin(struct run *r, int commit)
{
    make_base("image");
    r->file = nvfile_open(in_dir("image"), BYTES, commit, err, sizeof err);
    cr_assert(r->file, "%s", err);
    r->pm = physmem_new(0, BYTES);
    physmem_back(r->pm, nvfile_fd(r->file));
    r->domain = domain_new(DOMAIN_ADR);
    r->want = base_contents();
    for (uint64_t i = 0; i < 200; i++) {
        uint64_t at = i * 7001 * 8 % (BYTES / 2);
        uint8_t *p = physmem_at(r->pm, NVDIMM_BASE + at, 8);
        struct domain_store s = {.addr = NVDIMM_BASE + at, .new_bytes = ~i, .bytes = 8};
        memcpy(&s.old_bytes, p, 8);
        memcpy(p, &s.new_bytes, 8);
        domain_store(r->domain, &s);
        domain_visible(r->domain, s.addr, 10);
        if (i % 3)
            domain_carry(r->domain, s.addr, i % 3 == 1 ? 100 : 101, DOMAIN_ADR);
        if (i % 3 == 1)
            memcpy(r->want + at, &s.new_bytes, 8);
    }
    memset(physmem_at(r->pm, NVDIMM_BASE + BYTES - FRAME_BYTES, FRAME_BYTES), 0, FRAME_BYTES);
    memset(r->want + BYTES - FRAME_BYTES, 0, FRAME_BYTES);
}

static void end(struct run *r)
{
    free(r->want);
    domain_free(r->domain);
    physmem_free(r->pm);
    nvfile_close(r->file);
}

static int write_out(const struct run *r, const char *name)
{
    *err = 0;
    return nvfile_write(r->pm, r->domain, 100, nvfile_fd(r->file), in_dir(name), err, sizeof err);
}

Test(nvfile, writes_what_is_durable_and_leaves_the_given_file_alone, .init = setup,
     .fini = teardown)
{
    struct run r;
    begin(&r, 0);
    put_file("out", (const uint8_t *)"old", 3);
    put_file("out.part", (const uint8_t *)"left over", 9);
    cr_assert_eq(write_out(&r, "out"), 0, "%s", err);
    expect_file("out", r.want, BYTES);
    expect_base("image");
    cr_expect_eq(access(in_dir("out.part"), F_OK), -1);
    cr_expect_eq(nvfile_commit(r.file, in_dir("out"), err, sizeof err), -1);
    cr_expect(strstr(err, "not opened to be replaced"));
    expect_base("image");
    cr_expect_eq(write_out(&r, "no/such/folder"), -1);
    cr_expect(strstr(err, "No such file"), "%s", err);
    /* Without a domain all is durable; without a base file the rest is zeros. */
    memset(r.want, 0, BYTES);
    for (uint32_t f = 0; f < FRAMES; f++) {
        uint64_t at = (uint64_t)f * FRAME_BYTES;
        if (physmem_touched(r.pm, f))
            memcpy(r.want + at, physmem_at(r.pm, NVDIMM_BASE + at, FRAME_BYTES), FRAME_BYTES);
    }
    cr_assert_eq(nvfile_write(r.pm, NULL, 0, -1, in_dir("out"), err, sizeof err), 0);
    expect_file("out", r.want, BYTES);
    end(&r);
}

Test(nvfile, zeros_take_no_room, .init = setup, .fini = teardown)
{
    struct physmem *pm = physmem_new(0, UINT64_C(64) << 20);
    for (uint64_t at = 0; at < UINT64_C(32) << 20; at += FRAME_BYTES)
        cr_assert(physmem_at(pm, NVDIMM_BASE + at, 1));
    *physmem_at(pm, NVDIMM_BASE + 12345, 1) = 1;
    cr_assert_eq(nvfile_write(pm, NULL, 0, -1, in_dir("out"), err, sizeof err), 0, "%s", err);
    struct stat st;
    cr_assert_eq(stat(in_dir("out"), &st), 0);
    cr_expect_eq(st.st_size, 64 << 20);
    cr_expect_lt(st.st_blocks, 256, "%ld blocks", (long)st.st_blocks);
    physmem_free(pm);
}

Test(nvfile, commit_replaces_the_image, .init = setup, .fini = teardown)
{
    struct run r;
    begin(&r, 0);
    nvfile_close(r.file);
    cr_assert_eq(chmod(in_dir("image"), 0666), 0);
    cr_assert_eq(symlink("image", in_dir("link")), 0);
    r.file = nvfile_open(in_dir("link"), BYTES, 1, err, sizeof err);
    cr_assert(r.file, "%s", err);
    physmem_back(r.pm, nvfile_fd(r.file));
    cr_assert_eq(write_out(&r, "out"), 0, "%s", err);
    cr_assert_eq(nvfile_commit(r.file, in_dir("out"), err, sizeof err), 0, "%s", err);
    expect_file("image", r.want, BYTES);
    expect_file("link", r.want, BYTES);
    expect_file("out", r.want, BYTES);
    struct stat st;
    cr_assert_eq(lstat(in_dir("link"), &st), 0);
    cr_expect(S_ISLNK(st.st_mode));
    cr_assert_eq(stat(in_dir("image"), &st), 0);
    cr_expect_eq(st.st_mode & 07777, 0666);
    /* The next run begins with it, even while the first one is still open. */
    struct nvfile *next = nvfile_open(in_dir("image"), BYTES, 1, err, sizeof err);
    cr_assert(next, "%s", err);
    nvfile_close(next);
    put_file("short", r.want, BYTES - 1);
    cr_expect_eq(nvfile_commit(r.file, in_dir("short"), err, sizeof err), -1);
    cr_expect(strstr(err, "unchanged"), "%s", err);
    cr_expect_eq(nvfile_commit(r.file, in_dir("none"), err, sizeof err), -1);
    expect_file("image", r.want, BYTES);
    end(&r);
}

/* A disk that is full after so many bytes: for each of a few sizes a message, and nothing changes.
 */
Test(nvfile, a_full_disk_loses_nothing, .init = setup, .fini = teardown)
{
    struct run r;
    begin(&r, 1);
    put_file("old", (const uint8_t *)"old", 3);
    cr_assert_eq(write_out(&r, "out"), 0);
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit unlimited, limit;
    getrlimit(RLIMIT_FSIZE, &unlimited);
    for (uint64_t full = 0; full < BYTES; full += BYTES / 9 + 1) {
        limit = (struct rlimit){.rlim_cur = full, .rlim_max = unlimited.rlim_max};
        cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
        int written = write_out(&r, "old");
        char first[sizeof err];
        snprintf(first, sizeof first, "%s", err);
        int committed = nvfile_commit(r.file, in_dir("out"), err, sizeof err);
        setrlimit(RLIMIT_FSIZE, &unlimited);
        cr_assert(written == -1 && strstr(first, "too large") && strstr(first, "unchanged"), "%s",
                  first);
        cr_assert(committed == -1 && strstr(err, "too large") && strstr(err, "unchanged"), "%s",
                  err);
        expect_base("image");
        expect_file("old", (const uint8_t *)"old", 3);
        cr_expect_eq(access(in_dir("old.part"), F_OK), -1);
        cr_expect_eq(access(in_dir("image.part"), F_OK), -1);
    }
    cr_expect_eq(nvfile_commit(r.file, in_dir("out"), err, sizeof err), 0);
    expect_file("image", r.want, BYTES);
    end(&r);
}
