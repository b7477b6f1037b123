// Shared by the float training kernels: vector lanes, the polynomial weight, and the walk over the samples of a splat.
//
// The model of spec 8.5 in float: q = u^2 + v^2, u = A dx, v = B dy - C dx, weight (1 - x + x^2/2 - x^3/6)^16 with
// x = q / 32, support q <= 12. Everything is in an anonymous namespace on purpose (see isa.h).
#pragma once
#include "isa.h"

namespace {

#if defined(__AVX512F__)
constexpr int WIDE = 16;
#elif defined(__AVX2__)
constexpr int WIDE = 8;
#else
constexpr int WIDE = 4;
#endif

struct Wide {
    static constexpr int N = WIDE;
    typedef float F __attribute__((vector_size(4 * WIDE)));
    typedef int32_t I __attribute__((vector_size(4 * WIDE)));
    typedef float Loose __attribute__((vector_size(4 * WIDE), aligned(4), may_alias)); // unaligned memory

    static inline F load(const float *p) { return *reinterpret_cast<const Loose *>(p); }
    static inline void store(float *p, F v) { *reinterpret_cast<Loose *>(p) = v; }
    // Masks are 0 or -1 in each lane.
    static inline I at_most(F v, float limit) { return v <= limit; }
    static inline I from_lane(int first) { return index() >= first; }
    static inline F keep(I mask, F v) { return (F)(mask & (I)v); }
    static inline I index() {
        I i;
        for (int k = 0; k < N; k++) i[k] = k;
        return i;
    }
    static inline F ramp(float step) { return __builtin_convertvector(index(), F) * step; } // 0, step, 2 step ...
    static inline float sum(F v) {
        float s = 0;
        for (int k = 0; k < N; k++) s += v[k];
        return s;
    }
};

struct Single { // for grids narrower than a vector
    static constexpr int N = 1;
    typedef float F;
    typedef int32_t I;
    static inline F load(const float *p) { return *p; }
    static inline void store(float *p, F v) { *p = v; }
    static inline I at_most(F v, float limit) { return -(v <= limit); }
    static inline I from_lane(int first) { return -(first <= 0); }
    static inline F keep(I mask, F v) { return mask ? v : 0.0f; }
    static inline F ramp(float) { return 0.0f; }
    static inline float sum(F v) { return v; }
};

struct Splat {
    float x, y, a, b, c;
};

inline Splat read_splat(const float *g) { return {g[0], g[1], g[2], g[3], g[4]}; }

inline int32_t to_row(float v) { // truncation with limits, safe for any float
    if (!(v > -1e9f)) return -1000000000;
    if (!(v < 1e9f)) return 1000000000;
    return int32_t(v);
}
inline int32_t floor_int(float v) {
    const int32_t i = to_row(v);
    return i - (float(i) > v);
}

// L is Wide or Single. Calls body(j, i, dx, dy, u, v, q, mask) for groups of N columns i..i+N-1 of row j that cover the support within rows
// [row_begin, row_end); mask is -1 in the lanes to use. The grid must have at least N columns.
template <typename L, typename Body>
inline void walk(const Splat &s, const pgs_grid_f32 &grid, int32_t row_begin, int32_t row_end, Body &&body) {
    constexpr int N = L::N;
    const float cut = 12.0f, slack = 0.01f; // slack in columns: the ends are estimates, q <= cut decides
    const float m = s.a * s.a + s.c * s.c, inverse_m = 1.0f / m;
    const float extent = __builtin_sqrtf(cut * m) / (s.a * s.b);
    if (!(extent >= 0.0f && extent < 1e9f)) return; // not a positive definite shape
    const float per_x = 1.0f / grid.step_x, per_y = 1.0f / grid.step_y;
    const float middle_y = s.y - grid.origin_y;
    int32_t top = floor_int((middle_y - extent) * per_y), bottom = floor_int((middle_y + extent) * per_y) + 1;
    if (top < row_begin) top = row_begin;
    if (bottom > row_end - 1) bottom = row_end - 1;
    const typename L::F ramp = L::ramp(grid.step_x);
    for (int32_t j = top; j <= bottom; j++) {
        const float dy = grid.origin_y + float(j) * grid.step_y - s.y, bdy = s.b * dy;
        const float rest = cut - s.a * s.a * bdy * bdy * inverse_m; // cut minus the smallest q of the row
        if (!(rest >= 0.0f)) continue;
        const float middle = s.x + s.c * bdy * inverse_m - grid.origin_x, half = __builtin_sqrtf(rest * inverse_m);
        int32_t lo = floor_int((middle - half) * per_x - slack) + 1, hi = floor_int((middle + half) * per_x + slack);
        if (lo < 0) lo = 0;
        if (hi > grid.width - 1) hi = grid.width - 1;
        for (int32_t i = lo; i <= hi; i += N) {
            // At the right border the group moves left to stay in the row; lanes before i were already visited.
            const int32_t at = i < grid.width - N ? i : grid.width - N;
            const typename L::F dx = (grid.origin_x + float(at) * grid.step_x - s.x) + ramp;
            const typename L::F u = s.a * dx, v = bdy - s.c * dx, q = u * u + v * v;
            typename L::I mask = L::at_most(q, cut);
            if (at < i) mask &= L::from_lane(i - at);
            body(j, at, dx, dy, u, v, q, mask);
        }
    }
}

// The polynomial exp(-q/2) and, if asked for, its derivative by q.
template <typename F>
inline F weight_of(F q) {
    const F x = q * (1.0f / 32);
    F p = 1.0f - x * (1.0f - x * (0.5f - x * (1.0f / 6)));
    p *= p;
    p *= p;
    p *= p;
    return p * p;
}
template <typename F>
inline F weight_of(F q, F &slope) {
    const F x = q * (1.0f / 32), bend = x * (0.5f - x * (1.0f / 6));
    const F p1 = 1.0f - x * (1.0f - bend), p2 = p1 * p1, p4 = p2 * p2, p8 = p4 * p4;
    slope = (p8 * p4) * (p2 * p1) * (x * (0.5f - 0.25f * x) - 0.5f); // 16 p^15 (-1 + x - x^2/2) / 32
    return p8 * p8;
}

} // namespace
