/* decode.c - fuzz target: decoding and validation of any bytes. */
#include "wasmcore/module.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct module *m;
    struct wasm_error err;
    if (module_decode(bytes, n, NULL, &m, &err))
        return 0;
    if (module_validate(m, NULL, &err)) /* what has passed once passes again */
        __builtin_trap();
    module_free(m);
    return 0;
}
