/* stat.c - what programs are told about files. */
#include "stat.h"
#include "objects.h"

/* Numbers of the devices that files are said to be on. */
enum { DEVICE_CONSOLE = 1, DEVICE_IMAGE, DEVICE_OBJECTS };

enum wasi_filetype node_type(const struct node *n)
{
    return node_is_directory(n) ? FILETYPE_DIRECTORY : FILETYPE_REGULAR_FILE;
}

enum wasi_filetype handle_type(const struct handle *h)
{
    switch (h->kind) {
    case HANDLE_CONSOLE:
        return FILETYPE_CHARACTER_DEVICE;
    case HANDLE_DIRECTORY:
        return FILETYPE_DIRECTORY;
    case HANDLE_FILE:
        return FILETYPE_REGULAR_FILE;
    default:
        return FILETYPE_UNKNOWN; /* a named object: can be mapped, not read */
    }
}

void filestat_of_node(const struct node *n, struct wasi_filestat *out)
{
    *out = (struct wasi_filestat){.dev = DEVICE_IMAGE,
                                  .ino = n->ino,
                                  .filetype = (uint8_t)node_type(n),
                                  .nlink = 1,
                                  .size = n->size};
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
    default:
        *out = (struct wasi_filestat){.dev = DEVICE_CONSOLE, .ino = h->stream + 1u, .nlink = 1};
    }
    out->filetype = (uint8_t)handle_type(h);
}
