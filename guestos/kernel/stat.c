/* stat.c - what programs are told about files. */
#include "stat.h"
#include "console.h"
#include "objects.h"
#include "uaccess.h"

/* Numbers of the devices that files are said to be on. */
enum { DEVICE_CONSOLE = 1, DEVICE_FILES, DEVICE_OBJECTS, DEVICE_PIPES };

enum wasi_filetype handle_type(const struct handle *h)
{
    switch (h->kind) {
    case HANDLE_CONSOLE:
        return console_shows_terminal(h->stream) ? FILETYPE_CHARACTER_DEVICE : FILETYPE_UNKNOWN;
    case HANDLE_DIRECTORY:
        return FILETYPE_DIRECTORY;
    case HANDLE_FILE:
        return (enum wasi_filetype)h->node->type;
    default:
        return FILETYPE_UNKNOWN; /* WASI has no type for pipes, channels and named objects */
    }
}

void filestat_of_node(const struct inode *n, struct wasi_filestat *out)
{
    *out = (struct wasi_filestat){.dev = DEVICE_FILES,
                                  .ino = n->ino,
                                  .filetype = n->type,
                                  .nlink = n->links,
                                  .size = n->size,
                                  .atim = n->atim,
                                  .mtim = n->mtim,
                                  .ctim = n->ctim};
}

void filestat_of_handle(const struct handle *h, struct wasi_filestat *out)
{
    switch (h->kind) {
    case HANDLE_FILE:
    case HANDLE_DIRECTORY:
        filestat_of_node(h->node, out);
        return;
    case HANDLE_OBJECT:
        *out = (struct wasi_filestat){
            .dev = DEVICE_OBJECTS, .ino = h->object->ino, .nlink = 1, .size = h->object->bytes};
        return;
    case HANDLE_CONSOLE:
        *out = (struct wasi_filestat){.dev = DEVICE_CONSOLE, .ino = h->stream + 1u, .nlink = 1};
        break;
    default:
        *out = (struct wasi_filestat){.dev = DEVICE_PIPES, .nlink = 1};
    }
    out->filetype = (uint8_t)handle_type(h);
}

int filestat_put_unstable(const struct wasi_filestat *stat, uint32_t buf)
{
    struct unstable_filestat u = {.dev = stat->dev,
                                  .ino = stat->ino,
                                  .filetype = stat->filetype,
                                  .nlink = (uint32_t)stat->nlink,
                                  .size = stat->size,
                                  .atim = stat->atim,
                                  .mtim = stat->mtim,
                                  .ctim = stat->ctim};
    return user_write(process_self(), buf, &u, sizeof u);
}
