// Shared by the float training kernels: vector lanes, the weight, and the walk over the samples of a splat.
//
// The model of spec 8.5 in float: q = u^2 + v^2, u = A dx, v = B dy - C dx, weight (1 - q/4)^2, support q < 4.
// Everything is in an anonymous namespace on purpose (see isa.h).
#pragma once
#include "lanes.h"

namespace {

struct Splat {
    float x, y, a, b, c;
};

inline Splat read_splat(const float *g) { return {g[0], g[1], g[2], g[3], g[4]}; }

constexpr float CUT = PGS_SUPPORT;
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

// 1 - q/4 in the support, 0 outside: the root of the weight, and -2 times its derivative by q.
inline F root_of(F q) {
    const F p = 1.0f - q * (1.0f / CUT);
    return p > F{} ? p : F{};
}

inline F weight_of(F q) {
    const F p = root_of(q);
    return p * p;
}

constexpr int GROUPS = 8; // of columns, whose rows are found together, in vector lanes
struct Rows {
    alignas(32) int32_t first[GROUPS], last[GROUPS];
};

// The rows that hold the support in columns at + g * LANES .., as estimates with some slack; q <= CUT decides.
inline void find_rows(const Splat &s, const pgs_grid_f32 &grid, int32_t at, float highest, Rows &rows) {
    const float width = float(LANES - 1) * grid.step_x, start = grid.origin_x + float(at) * grid.step_x - s.x;
    const float per_row = 1.0f / (s.b * grid.step_y), middle = (s.y - grid.origin_y) / grid.step_y;
    const float height = float(grid.height), stride = float(LANES) * grid.step_x, slack = 0.02f;
    // Without the pragma GCC unrolls the loop completely before it can be vectorised.
    _Pragma("GCC unroll 1") for (int g = 0; g < GROUPS; g++) {
        const float near = start + float(g) * stride, far = near + width;
        // The support's upper and lower border are largest and smallest at +-highest.
        float up = -highest, down = highest;
        up = up > near ? up : near;
        up = up < far ? up : far;
        down = down > near ? down : near;
        down = down < far ? down : far;
        const float rest_up = CUT - s.a * s.a * up * up, rest_down = CUT - s.a * s.a * down * down;
        float top = middle + (s.c * up - __builtin_sqrtf(rest_up > 0.0f ? rest_up : 0.0f)) * per_row;
        float bottom = middle + (s.c * down + __builtin_sqrtf(rest_down > 0.0f ? rest_down : 0.0f)) * per_row;
        // Floor by truncation: the 1 is added first, and both ends are limited to 0 .. height.
        top += 1.0f - slack;
        bottom += 1.0f + slack;
        top = top > 0.0f ? top : 0.0f;
        top = top < height ? top : height;
        bottom = bottom > 0.0f ? bottom : 0.0f;
        bottom = bottom < height ? bottom : height;
        rows.first[g] = int32_t(top);
        rows.last[g] = int32_t(bottom) - 1;
    }
}

// Calls sample(j, i, k, v, q) for rows j of groups of LANES columns i .. that meet the support within the grid, and after
// the rows of some columns fold(dx, u, dy): dx and u = A dx are of these columns, dy of the row with k = 0. Lanes outside
// the grid have a q outside the support.
//
// Columns are the outer loop: what only depends on dx is made once for many rows, sums over rows stay in lanes until the
// fold, and the inner loop has no branch but its end. Groups begin at multiples of LANES, where loads and stores are
// aligned, unless all of the support is in one that does not.
template <typename Sample, typename Fold>
PGS_INLINE void walk(const Splat s, const pgs_grid_f32 grid, const Sample sample, const Fold fold) {
    const float m = __builtin_sqrtf(s.a * s.a + s.c * s.c), root = __builtin_sqrtf(CUT);
    const float reach = root / s.a, extent = root * m / (s.a * s.b);
    if (!(reach >= 0.0f && reach < 1e9f && extent >= 0.0f && extent < 1e9f)) return; // not a positive definite shape
    const float per_x = 1.0f / grid.step_x, per_y = 1.0f / grid.step_y, slack = 0.02f;
    const float middle = (s.x - grid.origin_x) * per_x, left = middle - reach * per_x, right = middle + reach * per_x;
    if (!(right >= 0.0f && left < float(grid.width))) return;
    const int32_t room = (grid.width + LANES - 1) & -LANES;
    int32_t first = clamped(left + (1.0f - slack), 0, grid.width - 1);
    const int32_t last = clamped(right + slack, 0, grid.width - 1);
    const bool narrow = last - first < LANES;
    if (!narrow) first &= -LANES;
    else if (first > room - LANES) first = room - LANES;
    Rows rows;
    if (narrow) {
        const float above = (s.y - grid.origin_y - extent) * per_y, below = (s.y - grid.origin_y + extent) * per_y;
        rows.first[0] = clamped(above + (1.0f - slack), 0, grid.height);
        rows.last[0] = clamped(below + (1.0f + slack), 0, grid.height) - 1;
    }
    const float highest = reach * s.c / m; // dx where the support has its largest dy
    const F along = ramp(grid.step_x), row_v = F{} + s.b * grid.step_y;
    for (int32_t at = first, g = 0; at <= last; at += LANES, g = (g + 1) % GROUPS) {
        if (g == 0 && !narrow) find_rows(s, grid, at, highest, rows);
        const F dx = (grid.origin_x + float(at) * grid.step_x - s.x) + along, u = s.a * dx, cdx = s.c * dx;
        F u2 = u * u;
        if (at + LANES > grid.width) u2 = index() < grid.width - at ? u2 : u2 + 1e6f;
        const int32_t end = rows.last[g] + 1;
        for (int32_t block = rows.first[g]; block < end; block += BLOCK) {
            const ptrdiff_t count = end - block < BLOCK ? end - block : BLOCK;
            const float dy = (grid.origin_y + float(block) * grid.step_y) - s.y;
            const F first_v = s.b * dy - cdx;
            for (ptrdiff_t k = 0; k < count; k++) {
                const F v = first_v + row_v * NUMBER.one[k];
                sample(block + k, at, k, v, u2 + v * v);
            }
            fold(dx, u, dy);
        }
    }
}

} // namespace
