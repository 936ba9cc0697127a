/* simd.c - what clang makes of vector code: by hand with intrinsics, and its own of plain loops. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wasm_simd128.h>

#include "check.h"

/* Functions under this pragma are compiled to SIMD instructions, the others are the reference. */
#define VECTORS                                                                                    \
    _Pragma("clang attribute push(__attribute__((target(\"simd128\"))), apply_to = function)")
#define SCALARS _Pragma("clang attribute pop")
#define N       203 /* no multiple of 16: loops have rests */

static struct checks c;
static uint8_t bytes_a[N], bytes_b[N];
static float floats[N];
static int32_t words[N];
static uint32_t seed = 12345;

static uint32_t random_word(void)
{
    seed = seed * 1664525 + 1013904223;
    return seed >> 8;
}

static void fill(void)
{
    for (int i = 0; i < N; i++) {
        bytes_a[i] = (uint8_t)random_word();
        bytes_b[i] = (uint8_t)random_word();
        words[i] = (int32_t)(random_word() << 8);
        floats[i] = (float)(words[i] % 1000) / 8;
    }
}

VECTORS
static uint32_t sum_of_differences_v(const uint8_t *a, const uint8_t *b, int n)
{
    v128_t sum = wasm_i32x4_splat(0);
    uint32_t rest = 0;
    int i = 0;
    for (; i + 16 <= n; i += 16) {
        v128_t x = wasm_v128_load(a + i), y = wasm_v128_load(b + i);
        v128_t d = wasm_v128_or(wasm_u8x16_sub_sat(x, y), wasm_u8x16_sub_sat(y, x));
        v128_t pairs = wasm_u16x8_extadd_pairwise_u8x16(d);
        sum = wasm_i32x4_add(sum, wasm_u32x4_extadd_pairwise_u16x8(pairs));
    }
    for (; i < n; i++)
        rest += (uint32_t)abs(a[i] - b[i]);
    return rest + (uint32_t)wasm_i32x4_extract_lane(sum, 0) +
           (uint32_t)wasm_i32x4_extract_lane(sum, 1) + (uint32_t)wasm_i32x4_extract_lane(sum, 2) +
           (uint32_t)wasm_i32x4_extract_lane(sum, 3);
}

static void reverse_v(uint8_t *to, const uint8_t *from)
{
    v128_t x = wasm_v128_load(from);
    wasm_v128_store(to,
                    wasm_i8x16_shuffle(x, x, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0));
}

/* v128 through calls, more of them than there are registers. */
__attribute__((noinline)) static v128_t sum_of_ten(v128_t a, v128_t b, v128_t d, v128_t e, v128_t f,
                                                   v128_t g, v128_t h, v128_t i, int n, v128_t j,
                                                   v128_t k)
{
    if (n > 0)
        return sum_of_ten(b, d, e, f, g, h, i, j, n - 1, k, wasm_i32x4_add(a, wasm_i32x4_splat(n)));
    v128_t all[] = {a, b, d, e, f, g, h, i, j, k};
    v128_t sum = all[0];
    for (int m = 1; m < 10; m++)
        sum = wasm_i32x4_add(wasm_i32x4_mul(sum, wasm_i32x4_splat(3)), all[m]);
    return sum;
}

static int32_t ten_lane(int lane, int n)
{
#define V(i) wasm_i32x4_make(i, i * 10, i * 100, i * 1000)
    int32_t out[4];
    wasm_v128_store(out,
                    sum_of_ten(V(1), V(2), V(3), V(4), V(5), V(6), V(7), V(8), n, V(9), V(10)));
    return out[lane];
}

/* Loops that the compiler makes vectors of. */
static int32_t dot_v(const int32_t *a, int n)
{
    int32_t sum = 0;
    for (int i = 0; i < n; i++)
        sum += a[i] / 1024 * 3 + (a[i] > 0 ? i : -i);
    return sum;
}

static void scale_v(float *to, const float *from, int n)
{
    for (int i = 0; i < n; i++)
        to[i] = from[i] * 0.5f + (float)i;
}
SCALARS

static int32_t dot_s(const int32_t *a, int n)
{
    int32_t sum = 0;
    for (int i = 0; i < n; i++)
        sum += a[i] / 1024 * 3 + (a[i] > 0 ? i : -i);
    return sum;
}

static void scale_s(float *to, const float *from, int n)
{
    for (int i = 0; i < n; i++)
        to[i] = from[i] * 0.5f + (float)i;
}

static int32_t ten_reference(int lane, int n)
{
    static const int32_t tens[] = {1, 10, 100, 1000};
    int32_t v[10], sum;
    for (int i = 0; i < 10; i++)
        v[i] = (i + 1) * tens[lane];
    for (; n > 0; n--) {
        int32_t first = v[0] + n;
        memmove(v, v + 1, 9 * sizeof v[0]);
        v[9] = first;
    }
    sum = v[0];
    for (int i = 1; i < 10; i++)
        sum = sum * 3 + v[i];
    return sum;
}

int main(void)
{
    float by_vector[N], by_scalar[N];
    uint8_t reversed[16];
    fill();
    for (int n = 0; n <= N; n += 29) {
        uint32_t want = 0;
        for (int i = 0; i < n; i++)
            want += (uint32_t)abs(bytes_a[i] - bytes_b[i]);
        CHECK_EQ(&c, sum_of_differences_v(bytes_a, bytes_b, n), want);
        CHECK_EQ(&c, dot_v(words, n), dot_s(words, n));
    }
    reverse_v(reversed, bytes_a + 3);
    for (int i = 0; i < 16; i++)
        CHECK_EQ(&c, reversed[i], bytes_a[18 - i]);
    scale_v(by_vector, floats, N);
    scale_s(by_scalar, floats, N);
    CHECK(&c, memcmp(by_vector, by_scalar, sizeof by_vector) == 0);
    for (int lane = 0; lane < 4; lane++)
        for (int n = 0; n < 12; n += 5)
            CHECK_EQ(&c, ten_lane(lane, n), ten_reference(lane, n));
    return check_end(&c);
}
