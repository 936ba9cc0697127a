/* spec_value.h - values of the official test scripts: from JSON to slots, patterns, for messages.
 */
#ifndef TESTS_SPEC_VALUE_H
#define TESTS_SPEC_VALUE_H

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wasmcore/engine.h"

static const char *string_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static uint8_t type_of(const json_t *value)
{
    static const uint8_t types[] = {VT_I32,  VT_I64,     VT_F32,      VT_F64,
                                    VT_V128, VT_FUNCREF, VT_EXTERNREF};
    for (unsigned i = 0; i < sizeof types; i++)
        if (strcmp(string_of(value, "type"), valtype_name(types[i])) == 0)
            return types[i];
    return VT_NONE;
}

/* The slot of a value that is not a pattern. External references are numbers from 0 in scripts. */
static uint64_t bits_of(const json_t *value)
{
    const char *text = string_of(value, "value");
    uint64_t bits = strtoull(text, NULL, 10);
    if (strcmp(text, "null") == 0)
        return REF_NULL;
    return type_of(value) == VT_EXTERNREF ? bits + 1 : bits;
}

/* Bits in a lane of a v128. */
static unsigned lane_bits(const json_t *value)
{
    unsigned n = (unsigned)strtoul(string_of(value, "lane_type") + 1, NULL, 10);
    return n == 8 || n == 16 || n == 32 ? n : 64;
}

/* Lane i of a v128, in its two slots. */
static uint64_t lane_of(const uint64_t *slots, unsigned bits, unsigned i)
{
    uint64_t slot = slots[i * bits / 64] >> (i * bits % 64);
    return bits == 64 ? slot : slot & ((UINT64_C(1) << bits) - 1);
}

/* Put a value that is not a pattern into its slots; how many. */
static uint32_t put_value(const json_t *value, uint64_t *slots)
{
    unsigned bits = lane_bits(value);
    slots[0] = bits_of(value);
    if (type_of(value) != VT_V128)
        return 1;
    slots[0] = slots[1] = 0;
    for (unsigned i = 0; i < 128 / bits; i++) {
        const char *text = json_string_value(json_array_get(json_object_get(value, "value"), i));
        slots[i * bits / 64] |= strtoull(text ? text : "", NULL, 10) << (i * bits % 64);
    }
    return 2;
}

static int is_scalar(const char *text, int is_f32, uint64_t bits, uint64_t got)
{
    uint64_t sign = is_f32 ? UINT64_C(1) << 31 : UINT64_C(1) << 63;
    uint64_t quiet = is_f32 ? UINT64_C(0x7fc00000) : UINT64_C(0x7ff8000000000000);
    if (strcmp(text, "nan:canonical") == 0)
        return (got & ~sign) == quiet;
    if (strcmp(text, "nan:arithmetic") == 0)
        return (got & quiet) == quiet && (!is_f32 || got >> 32 == 0);
    return got == bits;
}

static int is_v128(const json_t *expected, const uint64_t *got)
{
    unsigned bits = lane_bits(expected);
    int is_f32 = strcmp(string_of(expected, "lane_type"), "f32") == 0;
    uint64_t want[2];
    put_value(expected, want);
    for (unsigned i = 0; i < 128 / bits; i++) {
        const char *text = json_string_value(json_array_get(json_object_get(expected, "value"), i));
        if (!text || !is_scalar(text, is_f32, lane_of(want, bits, i), lane_of(got, bits, i)))
            return 0;
    }
    return 1;
}

static int is_value(const json_t *expected, const uint64_t *got)
{
    if (type_of(expected) == VT_V128)
        return is_v128(expected, got);
    return is_scalar(string_of(expected, "value"), type_of(expected) == VT_F32, bits_of(expected),
                     got[0]);
}

/* As "i32:7"; a float's bits are in hexadecimal, its value after them. */
static void describe(char *out, size_t size, uint8_t type, const uint64_t *slots)
{
    uint64_t bits = slots[0];
    uint32_t low = (uint32_t)bits;
    float f32;
    double f64;
    memcpy(&f32, &low, sizeof f32);
    memcpy(&f64, &bits, sizeof f64);
    if (type == VT_F32)
        snprintf(out, size, "f32:0x%" PRIx64 " (%.9g)", bits, (double)f32);
    else if (type == VT_F64)
        snprintf(out, size, "f64:0x%" PRIx64 " (%.17g)", bits, f64);
    else if (type == VT_V128)
        snprintf(out, size, "v128:0x%016" PRIx64 "%016" PRIx64, slots[1], bits);
    else
        snprintf(out, size, "%s:%" PRIu64, valtype_name(type), bits);
}

#endif
