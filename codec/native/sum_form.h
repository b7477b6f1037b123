// The quadratic form of a splat (spec 8.5): the exact support test, and what the rows of a run share.
#pragma once
#include <stddef.h>

#include "octave.h"

namespace {

constexpr int RUN = 64; // columns
// A sample is in the support if and only if P X^2 - 2 K X Y + R Y^2 < LIMIT (Q48): the inequality of 8.5 without shift.
constexpr int64_t QMAX = (1 << 26) - (1 << 12); // Q24
constexpr int64_t LIMIT = (QMAX + 1) << 24;

struct Form {
    int64_t P, K, R;    // Q32
    double p, k, r, det; // the same, and P R - K^2
    int64_t limit;       // what the form is below, in samples that matter: LIMIT or less
};

inline Form make_form(const int64_t *form, int64_t limit) {
    Form f;
    f.limit = limit;
    f.P = form[0];
    f.K = form[1];
    f.R = form[2];
    f.p = double(f.P);
    f.k = double(f.K);
    f.r = double(f.R);
    // exact before the conversion: its sign decides; in two halves, as the compiler would call a library
    const __int128 det = __int128(f.P) * f.R - __int128(f.K) * f.K;
    f.det = double(int64_t(det >> 64)) * 0x1p64 + double(uint64_t(det));
    return f;
}

// The form at (X, Y), modulo 2^64.
inline uint64_t form_at(const Form &f, int64_t X, int64_t Y) {
    const uint64_t x = uint64_t(X), y = uint64_t(Y);
    return uint64_t(f.P) * x * x - 2 * uint64_t(f.K) * x * y + uint64_t(f.R) * y * y;
}

// Exact test of the support, or of the part of it that matters. The double only tells values that may leave 64 bits,
// far above LIMIT, from those that cannot.
inline bool inside(const Form &f, int64_t X, int64_t Y) {
    const double x = double(X), y = double(Y);
    const double rough = f.p * x * x - 2 * f.k * x * y + f.r * y * y;
    return rough < 4 * double(LIMIT) && int64_t(form_at(f, X, Y)) < f.limit;
}

// d2 of a run (8.5), modulo 2^32.
inline uint32_t second_difference(const Form &f, const pgs_grid_i32 &grid) {
    const uint64_t step = uint64_t(grid.step_x);
    return uint32_t((2 * uint64_t(f.P) * step * step + (1 << 23)) >> 24);
}

inline int32_t floor_clamped(double v) {
    if (!(v > -1e9)) return -1000000000;
    if (!(v < 1e9)) return 1000000000;
    const int32_t i = int32_t(v);
    return i - (double(i) > v);
}

// q0 and d1 of a run (8.5) down its rows, before their shift by 24: in Y, q0 is quadratic and d1 linear, so that
// differences step from row to row. Only the low 32 bits matter after the shift: arithmetic modulo 2^64 is enough.
struct RunStart {
    uint64_t q0, q0_rise, q0_bend; // first row; second row less the first; by how much the rise grows
    uint64_t d1, d1_rise;
    RunStart(const Form &f, const pgs_grid_i32 &grid, int32_t cx, int32_t column, int64_t first_Y) {
        const uint64_t X0 = uint64_t(int64_t(grid.origin_x) + int64_t(column) * grid.step_x - cx);
        const uint64_t step = uint64_t(grid.step_x), down = uint64_t(grid.step_y), Y = uint64_t(first_Y);
        const uint64_t P = uint64_t(f.P), twice_K = 2 * uint64_t(f.K), R = uint64_t(f.R), half = 1 << 23;
        q0 = P * X0 * X0 + (R * Y - twice_K * X0) * Y + half;
        q0_rise = (R * (2 * Y + down) - twice_K * X0) * down;
        q0_bend = 2 * R * down * down;
        d1 = P * (2 * X0 + step) * step - twice_K * step * Y + half;
        d1_rise = 0 - twice_K * step * down;
    }
};

} // namespace
