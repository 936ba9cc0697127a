/* objects.c - named objects: memory with a name, in NVDIMM or, if so configured, in DRAM. */
#include "objects.h"
#include "console.h"
#include "heap.h"
#include "kstring.h"
#include "nvdir.h"
#include "store.h"
#include "wasi.h"

#define OBJECT_BYTES_MAX (1ll << 40)

/* Static: objects belong to the machine, not to a process. */
static struct {
    struct object *all;
    uint32_t count;
} objects;

static struct object *object_known(const char *name, uint32_t len)
{
    struct object *o = objects.all;
    while (o && (o->name_len != len || memcmp(o->name, name, len) != 0))
        o = o->next;
    return o;
}

/* An object that has no frames yet and is not in the list. */
static struct object *object_new(const char *name, uint32_t len)
{
    struct object *o = kalloc(sizeof *o);
    if (!o)
        return NULL;
    o->name_len = len;
    memcpy(o->name, name, len);
    return o;
}

static int dram_grow(struct object *o, uint64_t bytes)
{
    int32_t first;
    if (pages_for(bytes) > o->frames) {
        if (o->frames)
            return -ENOSPC;
        first = machine_frames_alloc((uint32_t)pages_for(bytes));
        if (first < 0)
            return first;
        o->first = (uint32_t)first;
        o->frames = (uint32_t)pages_for(bytes);
    }
    o->bytes = bytes;
    return 0;
}

/* Bring o up to date with the directory, after making or growing its entry when need be. */
static int nvdimm_grow(struct object *o, uint64_t bytes)
{
    struct nvdir_extent e;
    int err = nvdir_open(o->name, o->name_len, bytes, &e);
    if (err < 0)
        return err;
    o->first = e.first;
    o->frames = e.frames;
    o->bytes = e.bytes;
    return 0;
}

static int name_check(const char *name, uint32_t len)
{
    if (len == 0)
        return -EINVAL;
    for (uint32_t i = 0; i < len; i++) {
        if (name[i] == 0)
            return -EILSEQ;
    }
    return utf8_valid(name, len) ? 0 : -EILSEQ;
}

int object_open(const char *name, uint32_t len, int64_t bytes, struct object **out)
{
    struct object *o, *fresh = NULL;
    int err = name_check(name, len);
    if (err < 0)
        return err;
    if (len > OBJECT_NAME_MAX)
        return -ENAMETOOLONG;
    if (bytes < 0 || bytes > OBJECT_BYTES_MAX)
        return -EINVAL;
    o = object_known(name, len);
    if (o && o->bytes >= (uint64_t)bytes) {
        *out = o;
        return 0;
    }
    if (!o && data_tier() == MACHINE_DRAM && bytes == 0)
        return -ENOENT;
    if (!o)
        o = fresh = object_new(name, len);
    if (!o)
        return -ENOMEM;
    err = data_tier() == MACHINE_DRAM ? dram_grow(o, (uint64_t)bytes)
                                      : nvdimm_grow(o, (uint64_t)bytes);
    if (err < 0) {
        kfree(fresh);
        return err;
    }
    if (fresh) {
        o->ino = ++objects.count;
        o->tier = (uint8_t)data_tier();
        o->next = objects.all;
        objects.all = o;
    }
    *out = o;
    return 0;
}

/* ---- shared memory ---- */

int object_new_anonymous(int64_t bytes, struct object **out)
{
    struct object *o;
    int err;
    if (bytes <= 0 || bytes > OBJECT_BYTES_MAX)
        return -EINVAL;
    o = kalloc(sizeof *o);
    if (!o)
        return -ENOMEM;
    err = dram_grow(o, (uint64_t)bytes);
    if (err < 0) {
        kfree(o);
        return err;
    }
    o->ino = ++objects.count;
    o->tier = MACHINE_DRAM;
    o->anonymous = 1;
    o->refs = 1;
    *out = o;
    return 0;
}

struct object *object_hold(struct object *o)
{
    o->refs += o->anonymous;
    return o;
}

void object_drop(struct object *o)
{
    if (!o->anonymous || --o->refs > 0)
        return;
    machine_frames_free(o->first, o->frames);
    kfree(o);
}
