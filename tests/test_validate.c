/* test_validate.c - which function bodies are well-typed, one by one. */
#include "tests/wasm_body.h"
#include "wasmcore/ops.h"

Test(validate, control)
{
    static const struct body bodies[] = {
        GOOD(""),
        GOOD("\x01"),
        BAD(I32, MISMATCH),
        BAD(DROP, MISMATCH),
        GOOD("\x02\x40" END),
        GOOD("\x02\x7f" I32 END DROP),
        BAD("\x02\x7f" END DROP, MISMATCH),
        BAD("\x02\x7f" I64 END DROP, MISMATCH),
        BAD("\x02\x7f" I32 I32 END DROP, MISMATCH),
        BAD("\x02\x40" I32 END DROP, MISMATCH),
        BAD(I32 "\x02\x40" DROP END, MISMATCH), /* the outer block's operands are out of reach */
        GOOD(I32 "\x02\x01" END DROP),
        BAD(I64 "\x02\x01" END DROP, MISMATCH),
        GOOD("\x02\x02" I32 I64 END DROP DROP),
        BAD("\x02\x02" I64 I32 END DROP DROP, MISMATCH),
        BAD("\x02\x05" END, "unknown type 5"),
        BAD("\x02\x7b" END, MISMATCH),
        GOOD("\x02\x7b" UNREACHABLE END DROP),
        BAD("\x02\x6e" END, "malformed value type 0x6e (garbage collection)"),
        BAD("\x02\xff\x7f" I32 END DROP, "malformed block type"),
        GOOD(I32 "\x04\x40" END),
        GOOD(I32 "\x04\x40\x05" END),
        BAD(I64 "\x04\x40" END, MISMATCH),
        GOOD(I32 "\x04\x7f" I32 "\x05" I32 END DROP),
        BAD(I32 "\x04\x7f" I32 "\x05" I64 END DROP, MISMATCH),
        BAD(I32 "\x04\x7f" I32 END DROP, MISMATCH), /* no else, but a result */
        GOOD(I32 I32 "\x04\x01" END DROP), /* no else, and what it takes is what it gives */
        BAD(I32 "\x04\x40\x05\x05" END, "END opcode expected"),
        BAD("\x02\x40\x05" END, "END opcode expected"),
        BAD("\x05", "END opcode expected"),
        RAW("\0", "unexpected end of section or function"),
        RAW("\0\x02\x40\x0b", "unexpected end of section or function"),
        RAW("\0\x0b\x0b", "END opcode expected"),
        RAW("\0\x0b\x01", "END opcode expected"),
        RAW("\0\x41\x80", "unexpected end of section or function"),
        RAW("\0\x41\xff\xff\xff\xff\x0f\x1a\x0b", "integer too large"),
    };
    CHECK_ALL(usual, bodies);
}

Test(validate, branches)
{
    static const struct body bodies[] = {
        GOOD("\x0c\0"), BAD("\x0c\1", "unknown label 1"), GOOD("\x02\x40\x0c\1" END),
        GOOD("\x02\x7f" I32 "\x0c\0" END DROP), BAD("\x02\x7f\x0c\0" END DROP, MISMATCH),
        BAD("\x02\x7f" F32 "\x0c\0" END DROP, MISMATCH),
        GOOD("\x03\x7f\x0c\0" END DROP), /* a loop's label takes its parameters: none */
        GOOD(I32 "\x03\x01\x0c\0" END DROP), BAD(I32 "\x03\x01" DROP "\x0c\0" END DROP, MISMATCH),
        GOOD("\x02\x7f" I32 I32 "\x0d\0" END DROP), /* br_if: what it took along stays */
        BAD("\x02\x7f" I32 "\x0d\0" END DROP, MISMATCH), BAD("\x02\x40" I64 "\x0d\0" END, MISMATCH),
        /* br_if in unreachable code makes its types known: an i64 is on the stack, not an i32 */
        BAD("\x02\x7e" UNREACHABLE I32 "\x0d\0\x45" DROP UNREACHABLE END DROP, MISMATCH),
        GOOD("\x02\x7e" UNREACHABLE I32 "\x0d\0\x50" DROP UNREACHABLE END DROP),
        GOOD("\x02\x40" I32 "\x0e\1\0\1" END),
        GOOD("\x02\x7f\x02\x7f" I32 I32 "\x0e\2\0\1\0" END END DROP),
        BAD("\x02\x7f\x02\x7f" I32 I32 "\x0e\2\0\1\2" END END DROP, MISMATCH), /* arity */
        BAD("\x02\x7f\x02\x7e" I32 I32 "\x0e\1\1\0" END DROP I32 END DROP, MISMATCH),
        GOOD("\x02\x7f\x02\x7e" UNREACHABLE I32 "\x0e\1\1\0" END DROP I32 END DROP),
        BAD("\x02\x7f" I32 "\x0e\0\0" END DROP, MISMATCH), BAD(I32 "\x0e\1\0\1", "unknown label 1"),
        BAD(I64 "\x0e\0\0", MISMATCH),
        RAW("\0" I32 "\x0e\xff\xff\xff\xff\x0f\0\x0b", "unexpected end of section or function"),
        GOOD("\x0f"), GOOD("\x0f" DROP DROP "\x6a" DROP), GOOD(UNREACHABLE "\x6a" DROP),
        GOOD(UNREACHABLE I32 "\x6a" DROP), BAD(UNREACHABLE I64 "\x6a" DROP, MISMATCH),
        BAD(UNREACHABLE I32, MISMATCH),
        BAD("\x02\x40" UNREACHABLE END DROP, MISMATCH), /* reachable again after the block */
        GOOD("\x02\x7f" UNREACHABLE END DROP), GOOD(UNREACHABLE "\x02\x01" END DROP),
        BAD(I32 "\x04\x40" UNREACHABLE "\x05" DROP END, MISMATCH), /* and in the else */
    };
    static const struct body gives_i32[] = {
        GOOD(I32),
        BAD("", MISMATCH),
        BAD(I64, MISMATCH),
        GOOD(I32 "\x0f"),
        GOOD(I64 I32 "\x0f"), /* what lies beneath is thrown away */
        BAD(I64 "\x0f", MISMATCH),
        GOOD(I32 "\x0c\0"),
        GOOD(UNREACHABLE),
    };
    CHECK_ALL(usual, bodies);
    CHECK_ALL(((struct scene){4, 1, 1}), gives_i32);
}

Test(validate, what_is_not_supported_has_a_name)
{
    static const struct body bodies[] = {
        BAD("\x06\x40", "illegal opcode 0x06 (exception handling)"),
        BAD("\x1f\x40\0", "illegal opcode 0x1f (exception handling)"),
        BAD("\x0a", "illegal opcode 0x0a (exception handling)"),
        BAD("\xfb\0\0", "illegal opcode 0xfb (garbage collection)"),
        BAD("\xd3", "illegal opcode 0xd3 (garbage collection)"),
        BAD("\x14\0", "illegal opcode 0x14 (typed function references)"),
        BAD("\xe0\0", "illegal opcode 0xe0 (stack switching)"),
        BAD("\xe6\0\0", "illegal opcode 0xe6 (stack switching)"),
        BAD("\xfc\x12\0", "illegal opcode 0xfc12 (memory control)"),
        BAD("\xfc\x13", "illegal opcode 0xfc13 (wide arithmetic)"),
        BAD("\xfc\x16", "illegal opcode 0xfc16 (wide arithmetic)"),
        BAD("\xfc\x30\1\0", "illegal opcode 0xfc30 (half precision)"),
        BAD("\xfd\xa0\2", "illegal opcode 0xfd120 (half precision)"),
        BAD("\xfe\x04", "illegal opcode 0xfe04 (shared-everything threads)"),
        BAD("\xfe\x4f\0\0", "illegal opcode 0xfe4f (shared-everything threads)"),
        BAD("\x02\x69" END, "malformed value type 0x69 (exception handling)"),
        BAD("\xd0\x74", "malformed reference type 0x74 (exception handling)"),
        BAD("\xd0\x68", "malformed reference type 0x68 (stack switching)"),
        BAD("\xd0\x71", "malformed reference type 0x71 (garbage collection)"),
        RAW("\1\1\x64\x70\x0b", "malformed value type 0x64 (typed function references)"),
        RAW("\1\1\x67\x0b", "malformed value type 0x67 (reference-typed strings)"),
        RAW("\1\1\x66\x0b", "malformed value type 0x66 (reference-typed strings)"),
        BAD("\xfb\x80\1\0", "illegal opcode 0xfb (reference-typed strings)"),
        BAD("\xfb\xb7\1", "illegal opcode 0xfb (reference-typed strings)"),
        BAD("\xfb\x1c", "illegal opcode 0xfb (garbage collection)"),
        BAD("\xd0\0", "malformed reference type 0x00 (typed function references)"),
    };
    CHECK_ALL(usual, bodies);
}

Test(validate, calls_and_references)
{
    static const struct body bodies[] = {
        GOOD(I32 I64 "\x10\0" DROP),
        BAD(I64 I32 "\x10\0" DROP, MISMATCH),
        BAD(I64 "\x10\0" DROP, MISMATCH),
        BAD("\x10\3", "unknown function 3"),
        GOOD(I32 I64 I32 "\x11\3\0" DROP),
        BAD(I32 I64 "\x11\3\0" DROP, MISMATCH),
        BAD(I32 "\x11\5\0", "unknown type 5"),
        BAD(I32 "\x11\0\2", "unknown table 2"),
        BAD(I32 "\x11\0\1", MISMATCH), /* a table of externref */
        BAD("\x06\x40", "illegal opcode 0x06 (exception handling)"),
        BAD("\xfd\x9a\1", "illegal opcode 0xfd09a"),
        BAD("\xfd\xa0\2", "illegal opcode 0xfd120"),
        BAD("\xfd\x80\x20", "illegal opcode"),
        GOOD("\xfe\x03\0"),
        BAD("\xfe\x03\1", "zero byte expected"),
        BAD("\xfe\x04\0", "illegal opcode 0xfe04"),
        BAD("\xfe\x4f\0", "illegal opcode 0xfe4f"),
        BAD("\xfb\0\0", "illegal opcode 0xfb (garbage collection)"),
        BAD("\x14\0", "illegal opcode 0x14 (typed function references)"),
        BAD("\xff", "illegal opcode 0xff"),
        BAD("\xfc\x12", "illegal opcode 0xfc12"),
        BAD("\xfc\x80\2", "illegal opcode"),
        GOOD("\xd2\0" DROP),
        BAD("\xd2\2" DROP, "undeclared function reference"),
        BAD("\xd2\3" DROP, "unknown function 3"),
        GOOD(FUN "\xd1" DROP),
        GOOD(REF "\xd1" DROP),
        BAD(I32 "\xd1" DROP, MISMATCH),
        BAD("\xd0\x7f" DROP, "malformed reference type"),
        GOOD(I32 I32 I32 "\x1b" DROP),
        GOOD(F64 F64 I32 "\x1b" DROP),
        BAD(F64 F32 I32 "\x1b" DROP, MISMATCH),
        BAD(F64 F64 I64 "\x1b" DROP, MISMATCH),
        BAD(REF REF I32 "\x1b" DROP, MISMATCH),
        GOOD(REF REF I32 "\x1c\1\x6f" DROP),
        BAD(REF FUN I32 "\x1c\1\x6f" DROP, MISMATCH),
        BAD(I32 I32 I32 "\x1c\0" DROP, "invalid result arity"),
        BAD(I32 I32 I32 "\x1c\2\x7f\x7f" DROP, "invalid result arity"),
        BAD(I32 I32 I32 "\x1c\1\x7b" DROP, MISMATCH),
        BAD(I32 I32 I32 "\x1c\1\x7a" DROP, "malformed value type"),
        GOOD(UNREACHABLE "\x1b" DROP),
        GOOD(UNREACHABLE F32 I32 "\x1b\x8b" DROP), /* of unknown and f32: f32 */
        BAD(UNREACHABLE F32 I32 "\x1b\x99" DROP, MISMATCH),
    };
    CHECK_ALL(usual, bodies);
}

Test(validate, variables)
{
    static const struct body bodies[] = {
        GOOD("\x23\0" DROP),
        BAD(I32 "\x24\0", "global is immutable"),
        GOOD("\x23\1\x24\1"),
        BAD(I32 "\x24\1", MISMATCH),
        GOOD(REF "\x24\2"),
        BAD(FUN "\x24\2", MISMATCH),
        BAD("\x23\3" DROP, "unknown global 3"),
        BAD("\x20\0" DROP, "unknown local 0"),
        RAW("\1\1\x7f\x20\0\x1a\x0b", NULL),
        RAW("\1\1\x7f\x20\1\x1a\x0b", "unknown local 1"),
        RAW("\1\1\x7f" I32 "\x21\0\x0b", NULL),
        RAW("\1\1\x7f" I64 "\x21\0\x0b", MISMATCH),
        RAW("\1\1\x7f" I32 "\x22\0\x45\x1a\x0b", NULL),
        RAW("\1\1\x7f\x22\0\x1a\x0b", MISMATCH),
    };
    /* local 0 i32 is the parameter; then 2 i64, no f32, 1 f64, no f32, 300 externref */
    static const struct body runs[] = {
#define RUNS "\5\2\x7e\0\x7d\1\x7c\0\x7d\xac\2\x6f"
        RAW(RUNS "\x20\0\x0b", NULL),
        RAW(RUNS "\x20\1\xa7\x0b", NULL),
        RAW(RUNS "\x20\2\xa7\x0b", NULL),
        RAW(RUNS "\x20\3\xaa\x0b", NULL),
        RAW(RUNS "\x20\3\xa8\x0b", MISMATCH),
        RAW(RUNS "\x20\4\xd1\x0b", NULL),
        RAW(RUNS "\x20\xaf\2\xd1\x0b", NULL), /* 303 */
        RAW(RUNS "\x20\xb0\2\xd1\x0b", "unknown local 304: there are 304"),
    };
    CHECK_ALL(usual, bodies);
    CHECK_ALL(((struct scene){1, 1, 1}), runs);
}

Test(validate, tables_and_memory)
{
    static const struct body bodies[] = {
        GOOD(I32 "\x25\0" DROP),
        BAD(I32 "\x25\2" DROP, "unknown table 2"),
        GOOD(I32 REF "\x26\1"),
        BAD(I32 REF "\x26\0", MISMATCH),
        BAD(REF I32 "\x26\1", MISMATCH),
        GOOD(REF I32 "\xfc\x0f\1" DROP),
        BAD(FUN I32 "\xfc\x0f\1" DROP, MISMATCH),
        GOOD("\xfc\x10\1\x45" DROP),
        GOOD(I32 REF I32 "\xfc\x11\1"),
        BAD(I32 REF I32 "\xfc\x11\0", MISMATCH),
        GOOD(I32 I32 I32 "\xfc\x0c\0\0"),
        GOOD(I32 I32 I32 "\xfc\x0c\1\1"),
        BAD(I32 I32 I32 "\xfc\x0c\1\0", MISMATCH), /* externrefs into a table of funcref */
        BAD(I32 I32 I32 "\xfc\x0c\2\0", "unknown elem segment 2"),
        BAD(I32 I32 I32 "\xfc\x0c\0\2", "unknown table 2"),
        BAD(I32 I32 "\xfc\x0c\0\0", MISMATCH),
        GOOD("\xfc\x0d\1"),
        BAD("\xfc\x0d\2", "unknown elem segment 2"),
        GOOD(I32 I32 I32 "\xfc\x0e\1\1"),
        BAD(I32 I32 I32 "\xfc\x0e\1\0", MISMATCH),
        GOOD(I32 I32 I32 "\xfc\x08\1\0"),
        BAD(I32 I32 I32 "\xfc\x08\2\0", "unknown data segment 2"),
        BAD(I32 I32 I32 "\xfc\x08\1\1", "zero byte expected"),
        GOOD("\xfc\x09\1"),
        BAD("\xfc\x09\2", "unknown data segment 2"),
        GOOD(I32 I32 I32 "\xfc\x0a\0\0"),
        BAD(I32 I32 I64 "\xfc\x0a\0\0", MISMATCH),
        BAD(I32 I32 I32 "\xfc\x0a\0\1", "zero byte expected"),
        GOOD(I32 I32 I32 "\xfc\x0b\0"),
        BAD(I32 I32 "\xfc\x0b\0", MISMATCH),
        GOOD("\x3f\0" DROP),
        BAD("\x3f\1" DROP, "zero byte expected"),
        GOOD(I32 "\x40\0" DROP),
        GOOD(I32 "\x28\2\0" DROP),
        GOOD(I32 "\x28\0\xff\xff\xff\xff\x0f" DROP),
        BAD(I32 "\x28\3\0" DROP, "alignment must not be larger than natural"),
        BAD(I32 "\x28\x20\0" DROP, "malformed memop flags"),
        GOOD(I32 "\x28\x42\0\0" DROP), /* memory 0 by its number */
        BAD(I32 "\x28\x42\1\0" DROP, "unknown memory 1"),
        BAD(I32 "\x28\x60\0\0" DROP, "malformed memop flags"),
        BAD(I64 "\x28\2\0" DROP, MISMATCH),
    };
    static const struct body no_memory[] = {
        BAD(I32 "\x28\2\0" DROP, "unknown memory 0"),
        BAD(I32 I32 "\x36\2\0", "unknown memory 0"),
        BAD("\x3f\0" DROP, "unknown memory 0"),
        BAD(I32 I32 I32 "\xfc\x08\0\0", "unknown memory 0"),
        BAD(I32 I32 I32 "\xfc\x0a\0\0", "unknown memory 0"),
        BAD(I32 I32 I32 "\xfc\x0b\0", "unknown memory 0"),
        GOOD("\xfc\x09\0"),
    };
    static const struct body no_count[] = {
        BAD(I32 I32 I32 "\xfc\x08\1\0", "data count section required"),
        BAD("\xfc\x09\1", "data count section required"),
    };
    CHECK_ALL(usual, bodies);
    CHECK_ALL(((struct scene){0, 0, 1}), no_memory);
    CHECK_ALL(((struct scene){0, 1, 0}), no_count);
}

/* ---- all instructions without code of their own: signatures as their names have them ---- */

static uint8_t type_at(const char *text)
{
    static const char *const names[] = {"i32", "i64", "f32", "f64"};
    static const uint8_t types[] = {VT_I32, VT_I64, VT_F32, VT_F64};
    for (int i = 0; i < 4; i++)
        if (strncmp(text, names[i], 3) == 0)
            return types[i];
    return VT_NONE;
}

static int one_of(const char *text, const char *words)
{
    char word[32];
    snprintf(word, sizeof word, " %s ", text);
    return strstr(words, word) != NULL;
}

struct signature {
    uint8_t result; /* VT_NONE: none */
    uint8_t args[2];
    unsigned nargs;
    unsigned bits; /* of the memory access */
};

/* "i64.load8_u", "f32.convert_i64_s", "i32.lt_u", "f64.add", ... */
static struct signature by_name(const char *name)
{
    static const char unary[] = " clz ctz popcnt abs neg ceil floor trunc nearest sqrt extend8_s "
                                "extend16_s extend32_s eqz ";
    static const char compare[] = " eqz eq ne lt gt le ge lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u ";
    uint8_t t = type_at(name);
    const char *op = name + 4, *from = strchr(op, '_');
    struct signature s = {t, {t, t}, 2, 0};
    if (strncmp(op, "load", 4) == 0 || strncmp(op, "store", 5) == 0) {
        const char *digits = strpbrk(op, "123468");
        int store = op[0] == 's';
        s.bits = digits ? (unsigned)atoi(digits) : t == VT_I64 || t == VT_F64 ? 64 : 32;
        return (struct signature){store ? VT_NONE : t, {VT_I32, t}, store ? 2 : 1, s.bits};
    }
    if (strncmp(op, "trunc_sat_", 10) == 0)
        from = op + 9;
    if (from && type_at(from + 1)) { /* a conversion */
        s.args[0] = type_at(from + 1);
        s.nargs = 1;
        return s;
    }
    if (one_of(op, compare))
        s.result = VT_I32;
    if (one_of(op, unary))
        s.nargs = 1;
    return s;
}

static void put_const(struct bytes *b, uint8_t type)
{
    switch (type) {
    case VT_I32:
        PUT(b, I32);
        break;
    case VT_I64:
        PUT(b, I64);
        break;
    case VT_F32:
        PUT(b, F32);
        break;
    default:
        PUT(b, F64);
    }
}

/* Drop a value, having shown that it is of that type. */
static void put_use(struct bytes *b, uint8_t type)
{
    if (type == VT_I32)
        put_byte(b, 0x45); /* i32.eqz */
    else if (type == VT_I64)
        put_byte(b, 0x50); /* i64.eqz */
    else if (type == VT_F32)
        put_byte(b, 0xbc); /* i32.reinterpret_f32 */
    else if (type == VT_F64)
        put_byte(b, 0xbd); /* i64.reinterpret_f64 */
    if (type != VT_NONE)
        PUT(b, DROP);
}

/* A body that applies the instruction to operands of these types. */
static void check_op(uint32_t code, const struct signature *s, const uint8_t args[2],
                     unsigned align, const char *text)
{
    struct bytes b = {0};
    put_byte(&b, 0);
    for (unsigned i = 0; i < s->nargs; i++)
        put_const(&b, args[i]);
    if (code > 0xff)
        put_byte(&b, code >> 8);
    put_byte(&b, code);
    if (s->bits > 0) {
        put_byte(&b, align);
        put_byte(&b, 0);
    }
    put_use(&b, s->result);
    PUT(&b, END);
    check(usual, (const char *)b.at, b.n, text);
    free(b.at);
}

static void check_signature(uint32_t code, const char *name)
{
    static const uint8_t types[] = {VT_I32, VT_I64, VT_F32, VT_F64};
    struct signature s = by_name(name);
    unsigned align = s.bits > 0 ? (unsigned)__builtin_ctz(s.bits / 8) : 0;
    for (int a = 0; a < 4; a++)
        for (int b = 0; b < (s.nargs == 2 ? 4 : 1); b++) {
            uint8_t args[2] = {types[a], types[b]};
            int right = args[0] == s.args[0] && (s.nargs < 2 || args[1] == s.args[1]);
            check_op(code, &s, args, align, right ? NULL : MISMATCH);
        }
    if (s.bits > 0)
        check_op(code, &s, s.args, align + 1, "alignment must not be larger than natural");
}

Test(validate, signatures)
{
    unsigned checked = 0;
    for (uint32_t i = 0; i < 0x120; i++) {
        uint32_t code = i < 0x100 ? i : 0xfc00 + i - 0x100;
        const char *name = op_name(code);
        if (op_lookup(code)->kind <= OPK_CTL)
            continue;
        cr_assert(name && type_at(name) && name[3] == '.');
        check_signature(code, name);
        checked++;
    }
    /* 14 loads, 9 stores, 0x45 to 0xc4, 8 saturating conversions */
    cr_expect_eq(checked, 14 + 9 + (0xc4 - 0x45 + 1) + 8);
    cr_expect_null(op_name(0x100));
    cr_expect_null(op_name(0xfc12));
    cr_expect_null(op_name(0xfc40));
    cr_expect_str_eq(op_name(0xfc0a), "memory.copy");
}
