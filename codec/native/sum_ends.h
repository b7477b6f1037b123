// The columns of a splat's support, a group of rows at a time (spec 8.5).
#pragma once
#include "sum_form.h"

// A loop over lanes. Without the pragma GCC unrolls it completely before it can be vectorised.
#define EACH(count) _Pragma("GCC unroll 1") for (int k = 0; k < count; k++)

namespace {

#ifdef __AVX512BW__
constexpr int GROUP = 16; // rows handled together, in vector lanes
#else
constexpr int GROUP = 8;
#endif
constexpr int BLOCK = 128; // rows of which all ends are found first

// First and last column of the support in each row of a group, limited to the picture; first > last: none.
struct Columns {
    alignas(64) int32_t first[GROUP], last[GROUP];
};

// The ends come from a square root in double (LIMIT: or what is used of it). Its error: det is good to 2^-53 and det
// Y^2 <= P LIMIT, so the discriminant is good to 2^-50.5 P LIMIT. It is raised by 2^-48 P LIMIT, so that no row of the
// support gets a negative one, and the root over P is good to 2^-23.7 sqrt(LIMIT / P) in all, with 2^-27.4 for an
// estimated root. That is at most 2^-3.9 in Q8 as P >= 2^12, or 2^0.1 for pictures of another size, where P >= 16
// (8.8); the middle, below 2^28 in Q8 within the ellipse, is good to 2^-22. Steps are 256 or more: the ends are good
// to 2^-11.8 columns, or 2^-7.8. So they are taken in 2^-11 or 2^-6 columns; an end that is a whole column after
// truncation or one unit before is decided by the exact test.
struct Ends {
    Ends(const Form &f, const pgs_grid_i32 &grid, int32_t cx)
        : form(f), grid(grid), cx(cx), bits(f.P >= 1 << 12 ? 11 : 6) {
        const double unit = double(1 << bits), inverse_step = unit / grid.step_x;
        scale = inverse_step / f.p;
        slope = f.k * scale;
        shift = unit - (double(grid.origin_x) - cx) * inverse_step; // ends plus one column, to stay positive
        full = f.p * double(f.limit);
        full += 0x1p-48 * full;
        least = 0.5 * unit; // far from a whole column, so that no exact test follows outside the picture
        most = (grid.width + 0.5) * unit;
    }

    // Ends that lie on a whole column, or may; left and right are the ends in their unit, plus one column.
    __attribute__((noinline)) void decide(int64_t first_Y, int rows, const int32_t *left, const int32_t *right,
                                          Columns &columns) const {
        const int32_t below = (1 << bits) - 1;
        for (int k = 0; k < GROUP && k < rows; k++) {
            const int64_t Y = first_Y + int64_t(k) * grid.step_y;
            auto in_column = [&](int32_t i) {
                return inside(form, int64_t(grid.origin_x) + int64_t(i) * grid.step_x - cx, Y);
            };
            int32_t &first = columns.first[k], &last = columns.last[k];
            const int32_t l = left[k] & below, r = right[k] & below, f = first, t = last;
            if (l == 0) first -= in_column(f - 1);
            if (l == below) first += !in_column(f);
            if (r == 0) last -= !in_column(t);
            if (r == below) last += in_column(t + 1);
            if (first < 0) first = 0;
            if (last > grid.width - 1) last = grid.width - 1;
        }
    }

    const Form &form;
    const pgs_grid_i32 &grid;
    const int32_t cx;
    const int bits;
    double scale, slope, shift, full, least, most;
};

} // namespace
