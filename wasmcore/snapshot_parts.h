/* snapshot_parts.h - what the two files of snapshots share: the store's, and its threads'. */
#ifndef WASMCORE_SNAPSHOT_PARTS_H
#define WASMCORE_SNAPSHOT_PARTS_H

#include "wasmcore/snapshot.h"
#include "wasmcore/stackmap.h"

/* Numbers of things are below this in a snapshot. */
#define MOST_NUMBERS (1u << 22)

struct snap {
    struct archive *a;
    struct store *st;
    const struct snapshot_source *source; /* when read */
    struct map_set maps;
};

/* Is it one of the store's instances? (What it points to may be gone.) */
int snap_owner_lives(const struct store *st, const struct instance *in);
/* snapshot_threads.c: all threads. */
void snap_threads(struct snap *s);

#endif
