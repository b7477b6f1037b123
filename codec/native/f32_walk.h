// Shared by the float training kernels: vector lanes, the polynomial weight, and the walk over the samples of a splat.
//
// The model of spec 8.5 in float: q = u^2 + v^2, u = A dx, v = B dy - C dx, weight (1 - x + x^2/2 - x^3/6)^16 with
// x = q / 32, support q <= 12. Everything is in an anonymous namespace on purpose (see isa.h).
#pragma once
#include "isa.h"

#define PGS_INLINE __attribute__((always_inline)) inline

namespace {

#if defined(__AVX512F__)
constexpr int LANES = 16;
#elif defined(__AVX2__)
constexpr int LANES = 8;
#else
constexpr int LANES = 4;
#endif

typedef float F __attribute__((vector_size(4 * LANES), may_alias)); // rows of planes are aligned to it
typedef int32_t I __attribute__((vector_size(4 * LANES)));
typedef float Loose __attribute__((vector_size(4 * LANES), aligned(4), may_alias)); // unaligned memory

inline I index() {
    I i;
    for (int k = 0; k < LANES; k++) i[k] = k;
    return i;
}

inline float sum(F v) {
    for (int half = LANES / 2; half; half /= 2) v += __builtin_shuffle(v, index() ^ half);
    return v[0];
}

struct Splat {
    float x, y, a, b, c;
};

inline Splat read_splat(const float *g) { return {g[0], g[1], g[2], g[3], g[4]}; }

constexpr float CUT = 12.0f;
constexpr int BLOCK = 64; // rows whose numbers are in the table below

// Row numbers and their squares. A broadcast from memory costs no arithmetic unit, a conversion would.
struct Numbers {
    float one[BLOCK], square[BLOCK];
    constexpr Numbers() : one(), square() {
        for (int k = 0; k < BLOCK; k++) one[k] = float(k), square[k] = float(k) * float(k);
    }
};
constexpr Numbers NUMBER;

inline int32_t clamped(float v, int32_t low, int32_t high) { // truncation; not a number gives low
    return v > float(low) ? (v < float(high) ? int32_t(v) : high) : low;
}

// The weight: the polynomial exp(-q/2) in the support, 0 outside.
inline F weight_of(F q) {
    F p = 1.0f - q * (1.0f / 32 - q * (1.0f / 2048 - q * (1.0f / 196608)));
    p *= p;
    p *= p;
    p *= p;
    return q <= CUT ? p * p : F{};
}

// Derivative of the weight by q over the weight, -(1 - x + x^2/2) / (1 - x + x^2/2 - x^3/6) / 2, by a polynomial that is
// fitted to it, which is off by 4e-6 of it at the most and times the weight by 1e-6.
inline F slope_of(F q) {
    return q * (2.34073535e-6f - q * (1.80424865e-6f + q * (2.08585552e-6f + q * 1.23581527e-7f))) - 0.500000449f;
}

// Calls sample(j, i, k, v, q) for the groups of LANES columns i .. of rows j of the grid that meet the support, and after
// the rows of some columns fold(dx, u, dy): dx and u = A dx are of these columns, dy of the row with k = 0. Groups begin at
// multiples of LANES, so that loads and stores are aligned; lanes outside the grid have a q outside the support.
//
// Columns are the outer loop: what only depends on dx is made once for many rows, sums over rows stay in lanes until the
// fold, and the inner loop has no branch but its end.
template <typename Sample, typename Fold>
PGS_INLINE void walk(const Splat s, const pgs_grid_f32 grid, const Sample sample, const Fold fold) {
    const float m = s.a * s.a + s.c * s.c, root = __builtin_sqrtf(CUT);
    const float reach = root / s.a, extent = root * __builtin_sqrtf(m) / (s.a * s.b);
    if (!(reach >= 0.0f && reach < 1e9f && extent >= 0.0f && extent < 1e9f)) return; // not a positive definite shape
    const float per_x = 1.0f / grid.step_x, per_y = 1.0f / grid.step_y, per_b = 1.0f / s.b, slack = 0.02f;
    const float middle_x = (s.x - grid.origin_x) * per_x, middle_y = (s.y - grid.origin_y) * per_y;
    const float left = middle_x - reach * per_x, right = middle_x + reach * per_x;
    if (!(right >= 0.0f && left < float(grid.width))) return;
    const int32_t first = clamped(left, 0, grid.width - 1) & -LANES, last = clamped(right + slack, 0, grid.width - 1);
    const float highest = reach * s.c / __builtin_sqrtf(m); // dx where the support has its largest dy; -highest: least
    const F ramp = __builtin_convertvector(index(), F) * grid.step_x;
    const float row_v = s.b * grid.step_y;
    for (int32_t at = first; at <= last; at += LANES) {
        const float near = grid.origin_x + float(at) * grid.step_x - s.x, far = near + float(LANES - 1) * grid.step_x;
        const auto end = [&](float sign) __attribute__((always_inline)) {
            float d = sign * highest;
            d = d > near ? (d < far ? d : far) : near;
            const float u = s.a * d, rest = CUT - u * u;
            return (s.c * d + sign * __builtin_sqrtf(rest > 0.0f ? rest : 0.0f)) * per_b * per_y;
        };
        const float top_end = middle_y + end(-1.0f) - slack, bottom_end = middle_y + end(1.0f) + slack;
        const int32_t top = clamped(top_end + 1.0f, 0, grid.height), bottom = clamped(bottom_end + 1.0f, 0, grid.height);
        const F dx = near + ramp, u = s.a * dx, cdx = s.c * dx;
        F u2 = u * u;
        if (at + LANES > grid.width) u2 = index() < grid.width - at ? u2 : u2 + 1e6f;
        for (int32_t block = top; block < bottom; block += BLOCK) {
            const int rows = bottom - block < BLOCK ? bottom - block : BLOCK;
            const float dy = (grid.origin_y + float(block) * grid.step_y) - s.y;
            const F first_v = s.b * dy - cdx;
            for (int k = 0; k < rows; k++) {
                const F v = first_v + NUMBER.one[k] * row_v;
                sample(block + k, at, k, v, u2 + v * v);
            }
            fold(dx, u, dy);
        }
    }
}

} // namespace
