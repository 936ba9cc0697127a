/* spec_dialect.h - the limits that the scripts of a folder were written for. */
#ifndef TESTS_SPEC_DIALECT_H
#define TESTS_SPEC_DIALECT_H

#include <string.h>

#include "wasmcore/module.h"

/* Most memories and tables of a module, by the name of a folder; other folders: the defaults. */
struct dialect {
    const char *folder;
    uint32_t memories, tables;
};
static const struct dialect dialects[] = {
    {"core-2.0", 1, 100000},  {"simd", 1, 100000},           {"relaxed-simd", 1, 100000},
    {"tail-call", 1, 100000}, {"extended-const", 1, 100000}, {"memory64", 1, 100000},
    {"threads", 1, 1}, /* older than reference types */
};

/* By the folder that a script's path names last. */
static inline struct wasm_limits dialect_limits(const char *path)
{
    const char *end = strrchr(path, '/'), *start;
    struct wasm_limits limits = wasm_default_limits;
    while (end && end > path && end[-1] == '/')
        end--;
    start = end;
    while (start && start > path && start[-1] != '/')
        start--;
    for (size_t i = 0; end && i < sizeof dialects / sizeof dialects[0]; i++) {
        size_t n = strlen(dialects[i].folder);
        if (n == (size_t)(end - start) && memcmp(start, dialects[i].folder, n) == 0) {
            limits.memories = dialects[i].memories;
            limits.tables = dialects[i].tables;
        }
    }
    return limits;
}

#endif
