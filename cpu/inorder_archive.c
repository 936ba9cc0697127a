/* inorder_archive.c - the in-order core in a checkpoint. */
#include "cpu/inorder.h"

void inorder_archive(struct core *core, struct archive *a)
{
    struct inorder *c = (struct inorder *)core;
    core_archive(core, a);
    archive_section(a, "INOR", 1);
    archive_u64(a, &c->used);
    when_archive(a, &c->last);
    archive_time(a, &c->branch_done);
    archive_u8_below(a, &c->bulk_issued, 2);
    archive_same(a, c->store_buffer);
    archive_u32_below(a, &c->store_at, c->store_buffer);
    whens_archive(a, c->stores, c->store_buffer);
    when_archive(a, &c->store_last);
    inflight_archive(&c->misses, a);
    whens_archive(a, c->ready, REGISTERS + 2);
}
