// Shared by the float training kernels: vector lanes, the polynomial weight, and the walk over the samples of a splat.
//
// The model of spec 8.5 in float: q = u^2 + v^2, u = A dx, v = B dy - C dx, weight (1 - x + x^2/2 - x^3/6)^16 with
// x = q / 32, support q <= 12. Everything is in an anonymous namespace on purpose (see isa.h).
#pragma once
#include "isa.h"

#define PGS_INLINE __attribute__((always_inline)) inline

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

constexpr int ROWS = 16;  // rows whose ends are found together, in vector lanes
constexpr int AHEAD = 4;  // groups of a row that are listed at once
constexpr int LISTED = 4 * ROWS;
constexpr float CUT = 12.0f;

// The columns of the support in ROWS rows; ends are estimates with some slack, q <= CUT decides. Row k: lo[k] .. hi[k].
struct RowEnds {
    alignas(64) float dy[ROWS];
    alignas(64) int32_t lo[ROWS + 1], hi[ROWS];
};

// A loop over the rows. Without the pragma GCC unrolls it completely before it can be vectorised.
#define EACH_ROW _Pragma("GCC unroll 1") for (int k = 0; k < ROWS; k++)

inline void find_ends(const Splat &s, const pgs_grid_f32 &grid, int32_t first_row, RowEnds &ends) {
    const float inverse_m = 1.0f / (s.a * s.a + s.c * s.c), per_x = 1.0f / grid.step_x;
    const float squeeze = s.a * s.a * s.b * s.b * inverse_m, lean = s.c * s.b * inverse_m;
    const float origin_y = grid.origin_y, step_y = grid.step_y, x = s.x - grid.origin_x;
    const float width = float(grid.width), slack = 0.01f;
    EACH_ROW {
        const float dy = (origin_y + float(first_row + k) * step_y) - s.y;
        const float rest = CUT - squeeze * dy * dy; // CUT minus the smallest q of the row
        const float half = __builtin_sqrtf((rest > 0.0f ? rest : 0.0f) * inverse_m), middle = x + lean * dy;
        // Floor by truncation: the 1 is added first, and both ends are limited to 0 .. width.
        float left = (middle - half) * per_x + (1.0f - slack), right = (middle + half) * per_x + (1.0f + slack);
        left = left > 0.0f ? left : 0.0f;
        left = left < width ? left : width;
        right = right > 0.0f ? right : 0.0f;
        right = right < width ? right : width;
        ends.dy[k] = dy;
        ends.lo[k] = int32_t(left);
        ends.hi[k] = rest < 0.0f ? -1 : int32_t(right) - 1;
    }
}

// L is Wide or Single. Calls body(j, i, dx, dy, u, v, q, mask) for groups of N columns i..i+N-1 of row j that cover the
// support within the grid; mask is -1 in the lanes to use. The grid must have at least N columns.
//
// Rows are short and their lengths vary, so a loop over rows and groups would be mispredicted at nearly every row.
// Instead the groups are listed first, without branches that depend on the length, then visited in one flat loop.
// Everything is passed by value and inlined, so that no store to a picture forces a reload.
template <typename L, typename Body>
PGS_INLINE void walk(const Splat s, const pgs_grid_f32 grid, const Body body) {
    constexpr int N = L::N;
    const float extent = __builtin_sqrtf(CUT * (s.a * s.a + s.c * s.c)) / (s.a * s.b);
    if (!(extent >= 0.0f && extent < 1e9f)) return; // not a positive definite shape
    const float per_y = 1.0f / grid.step_y, middle_y = s.y - grid.origin_y;
    int32_t top = floor_int((middle_y - extent) * per_y), bottom = floor_int((middle_y + extent) * per_y) + 1;
    if (top < 0) top = 0;
    if (bottom > grid.height - 1) bottom = grid.height - 1;
    const typename L::F ramp = L::ramp(grid.step_x);

    // Most splats are no wider than a vector: one group a row, in a window that holds every row's support.
    const float reach = __builtin_sqrtf(CUT) / s.a, per_x = 1.0f / grid.step_x, middle_x = s.x - grid.origin_x;
    const float first = (middle_x - reach) * per_x, last = (middle_x + reach) * per_x;
    if (last - first < float(N - 1)) {
        int32_t at = floor_int(first) + 1;
        if (at >= grid.width || last < 0.0f) return;
        if (at > grid.width - N) at = grid.width - N;
        if (at < 0) at = 0;
        const typename L::F dx = (grid.origin_x + float(at) * grid.step_x - s.x) + ramp, u = s.a * dx, cdx = s.c * dx;
        const typename L::F u2 = u * u;
        for (int32_t row = top; row <= bottom; row++) {
            const float dy = (grid.origin_y + float(row) * grid.step_y) - s.y;
            const typename L::F v = s.b * dy - cdx, q = u2 + v * v;
            body(row, at, dx, dy, u, v, q, L::at_most(q, CUT));
        }
        return;
    }
    RowEnds ends;
    struct { int32_t row, column; } list[LISTED];
    for (int32_t block = top; block <= bottom; block += ROWS) {
        find_ends(s, grid, block, ends);
        const int rows = bottom - block + 1 < ROWS ? bottom - block + 1 : ROWS;
        ends.lo[ROWS] = 0;
        int32_t row = 0, column = ends.lo[0];
        while (row < rows) {
            int count = 0;
            while (row < rows && count <= LISTED - AHEAD) {
                for (int g = 0; g < AHEAD; g++) list[count + g] = {row, column + g * N};
                const int32_t left = ends.hi[row] + 1 - column;
                const int groups = left > 0 ? (left + N - 1) / N : 0;
                const bool more = groups > AHEAD;
                count += more ? AHEAD : groups;
                row += !more;
                column = more ? column + AHEAD * N : ends.lo[row];
            }
            for (int g = 0; g < count; g++) {
                // At the right border the group moves left to stay in the row; lanes before i were already visited.
                const int32_t i = list[g].column, at = i < grid.width - N ? i : grid.width - N;
                const float dy = ends.dy[list[g].row], bdy = s.b * dy;
                const typename L::F dx = (grid.origin_x + float(at) * grid.step_x - s.x) + ramp;
                const typename L::F u = s.a * dx, v = bdy - s.c * dx, q = u * u + v * v;
                typename L::I mask = L::at_most(q, CUT);
                if (at < i) mask &= L::from_lane(i - at);
                body(block + list[g].row, at, dx, dy, u, v, q, mask);
            }
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
