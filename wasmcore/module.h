/* module.h - a decoded and validated wasm module: what decode, validate, lower and link share. */
#ifndef WASMCORE_MODULE_H
#define WASMCORE_MODULE_H

#include <stddef.h>
#include <stdint.h>

enum valtype {
    VT_NONE = 0, /* unknown (unreachable code) */
    VT_I32 = 0x7f,
    VT_I64 = 0x7e,
    VT_F32 = 0x7d,
    VT_F64 = 0x7c,
    VT_V128 = 0x7b, /* two slots, low half first */
    VT_FUNCREF = 0x70,
    VT_EXTERNREF = 0x6f
};

enum extern_kind { EXT_FUNC, EXT_TABLE, EXT_MEMORY, EXT_GLOBAL };

struct functype {
    uint32_t nparams, nresults;
    const uint8_t *types; /* nparams, then nresults, of enum valtype */
};

struct limits {
    uint64_t min, max; /* max: when absent UINT32_MAX, or UINT64_MAX if is64 */
    uint8_t has_max;
    uint8_t shared, is64; /* of memories */
};

struct table_type {
    struct limits limits;
    uint8_t elem; /* VT_FUNCREF or VT_EXTERNREF */
};

struct global_type {
    uint8_t type;
    uint8_t mutable;
};

/* Names are not NUL-terminated; they point into the module's bytes. */
struct name {
    const char *text;
    uint32_t len;
};

struct import {
    struct name module, field;
    uint8_t kind; /* enum extern_kind */
    union {
        uint32_t func_type; /* index into types */
        struct table_type table;
        struct limits memory;
        struct global_type global;
    };
};

struct export
{
    struct name name;
    uint8_t kind;
    uint32_t index;
};

/* A constant expression. CONST_CODE: with arithmetic, evaluated from the module's bytes. */
enum const_kind { CONST_VALUE, CONST_GLOBAL, CONST_FUNC, CONST_NULL, CONST_CODE };
struct const_expr {
    uint8_t kind;   /* enum const_kind */
    uint8_t type;   /* enum valtype it yields */
    uint32_t index; /* of the global or function; CONST_CODE: offset of its first instruction */
    uint64_t bits;  /* value, low bits */
    uint64_t high;  /* of a v128 */
};

struct local_run {
    uint32_t count;
    uint8_t type;
};

/* A function of this module; imported functions come first and have no body. */
struct function {
    uint32_t type;
    uint32_t body, body_end; /* offsets in the module's bytes: first instruction, past the end op */
    uint32_t nlocals;        /* declared, without parameters */
    uint32_t nruns;
    const struct local_run *runs;
    uint32_t max_height; /* of the operand stack in values; set by validation */
    uint32_t max_depth;  /* of nested blocks, its own body included; set by validation */
    struct name name;    /* name section or export name; len 0 when there is none */
};

struct global {
    struct global_type type;
    struct const_expr init; /* unused for imported globals */
};

enum segment_mode { SEG_ACTIVE, SEG_PASSIVE, SEG_DECLARED };

struct elem_segment {
    uint8_t mode, type;
    uint32_t table;
    struct const_expr offset;
    uint32_t n;
    const struct const_expr *items;
};

struct data_segment {
    uint8_t mode;
    uint32_t memory;
    struct const_expr offset;
    uint32_t at, n; /* bytes in the module */
};

struct module {
    uint8_t *bytes; /* owned copy; all names point into it */
    uint32_t nbytes;
    uint32_t ntypes, nimports, nfuncs, ntables, nmems, nglobals, nexports, nelems, ndatas;
    uint32_t nimported[4]; /* by enum extern_kind */
    struct functype *types;
    struct import *imports;
    struct function *funcs; /* imported ones first; so too the next three */
    struct table_type *tables;
    struct limits *mems;
    struct global *globals;
    struct export *exports;
    struct elem_segment *elems;
    struct data_segment *datas;
    int64_t start;               /* function index or -1 */
    int64_t data_count;          /* of the data count section, or -1 */
    uint8_t has_v128;            /* values of that type may occur */
    uint8_t *func_declared;      /* bit f & 7 of byte f >> 3: ref.func may name function f */
    struct name name;            /* module name of the name section */
    struct module_chunk *chunks; /* module_alloc's */
};

struct wasm_limits {
    uint32_t module_bytes;     /* 256 MiB */
    uint32_t functions;        /* 1,000,000 */
    uint32_t types;            /* 1,000,000 */
    uint32_t params;           /* 1,000, results too */
    uint32_t locals;           /* 50,000 in a function */
    uint32_t body_bytes;       /* 7,654,321 */
    uint32_t block_depth;      /* 10,000 */
    uint32_t table_entries;    /* 10,000,000, all tables of a module together, at the start; and by
                                  which all tables of a store together may grow */
    uint32_t pages;            /* 65,536 */
    uint32_t memories;         /* 1,000; at most 2,047 */
    uint32_t tables;           /* 100,000 */
    uint32_t globals;          /* 1,000,000 */
    uint32_t segments;         /* 100,000 */
    uint32_t exports, imports; /* 100,000 */
    uint32_t br_table;         /* 65,520 targets */
    uint32_t operands;         /* 1,000,000 values on a function's operand stack */
};
extern const struct wasm_limits wasm_default_limits; /* the figures above */

struct wasm_error {
    uint32_t offset; /* in the module's bytes */
    char text[200];  /* what is wrong, what was expected */
};

/*
 * Decode n bytes (copied) and validate the result. 0, or -1 with err filled and *out untouched.
 * Time and memory are linear in n: counts are believed only as far as bytes are left for them.
 * Anything outside what is supported is an error that names the feature. limits NULL: the defaults.
 * A malformed custom section is no error; what its name section says up to there is taken.
 */
int module_decode(const uint8_t *bytes, size_t n, const struct wasm_limits *limits,
                  struct module **out, struct wasm_error *err);
/* The same but for the function bodies, of which only the locals are looked at. */
int module_read(const uint8_t *bytes, size_t n, const struct wasm_limits *limits,
                struct module **out, struct wasm_error *err);
/* Validate the function bodies (all else is checked where it is read): see validate.h.
 * module_decode has done so already: a second time changes nothing. */
int module_validate(struct module *m, const struct wasm_limits *limits, struct wasm_error *err);
void module_free(struct module *m);

int name_is(struct name name, const char *text);
int functype_equal(const struct functype *a, const struct functype *b);
/* "i32", "funcref", ...; "any" for VT_NONE. */
const char *valtype_name(uint8_t type);
/* Is it one of the supported value types (reference types)? */
int valtype_known(uint8_t type);
int reftype_known(uint8_t type);
/* The export with that name and kind, or NULL. */
const struct export *module_export(const struct module *m, const char *name, enum extern_kind kind);

/* ---- for decode.c and validate.c ---- */

struct reader;

/* Zeroed memory for n elements of a size, which lives as long as the module; NULL: the host has
 * none. */
void *module_alloc(struct module *m, uint32_t n, size_t size);
/* Are the n bytes well-formed UTF-8? */
int utf8_valid(const uint8_t *text, uint32_t n);
/* Take the module's and functions' names from the contents of a name section, at bytes [from, to);
 * from == to: there is none. Functions without a name get that of their first export. */
void module_read_names(struct module *m, uint32_t from, uint32_t to);
/* Control characters of n bytes, those of UTF-8 of two bytes too, become '?': names go to people's
 * terminals. */
void text_mask(char *text, size_t n);
/* Fill err: with the reader's error if it has one, else with offset and text. Always -1. */
__attribute__((cold)) int wasm_fail(struct wasm_error *err, const struct reader *r, uint32_t offset,
                                    const char *format, ...) __attribute__((format(printf, 4, 5)));
/* wasm_fail for a byte that stands where a type of this kind ("value", "reference") must be; and
 * for one that stands behind ref.null, where later versions allow a type's index, too. */
int wasm_bad_type(struct wasm_error *err, const struct reader *r, uint32_t at, uint8_t type,
                  const char *what);
int wasm_bad_null(struct wasm_error *err, const struct reader *r, uint32_t at, uint8_t type);

#endif
