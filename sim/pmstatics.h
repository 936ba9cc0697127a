/* pmstatics.h - which addresses of static variables a module's code names. */
#ifndef SIM_PMSTATICS_H
#define SIM_PMSTATICS_H

#include <stddef.h>
#include <stdint.h>

#include "wasmcore/module.h"

/*
 * A linker leaves a number that it has put into code five bytes long: the address of a symbol, in
 * i32.const or as the offset of a load or store. A compiler writes numbers of the program as short
 * as they are. So the padded ones are addresses of variables (unless the linker was told to
 * compress its relocations: then none is known). Only of what clang and wasm-ld make.
 */
struct pmstatics {
    uint32_t *v; /* ascending, each once */
    size_t n;
};

/* NULL v and n 0 when there are none, or no memory. */
struct pmstatics pmstatics_of(const struct module *m);
int pmstatics_has(const struct pmstatics *s, uint64_t addr);
void pmstatics_free(struct pmstatics *s);

#endif
