// Small splats: all samples of the box around the support, without ends of rows (spec 8.5, 8.6).
//
// Outside the support q is larger than QMAX and the weight that follows from v = 2^26 - 2^11 - q is 0 when s = v >> 10 is
// limited to 0 and above, as long as v fits 32 bits. So the box may be visited whole if q stays below 2^31 in its corners.
// Of splats that lean, and are no broader in any row than a strip, each row has a strip of its own.
#pragma once
#include "sum_units.h"

namespace {

constexpr int32_t BOX_COLUMNS = 32, STRIP = 16, NARROW_STRIP = 8; // at most; at once, or of narrow splats

// Whether a splat is so small, not cut by the border (then it may have many runs), and the grid has room for strips.
inline bool is_box(const pgs_grid_i32 &grid, const pgs_reach &reach) {
    return reach.is_low && reach.last_column - reach.first_column < BOX_COLUMNS && reach.first_column >= reach.anchor &&
           reach.last_column < reach.anchor + RUN && grid.width >= STRIP;
}

// What the strips of a splat start from: rows down from the first one, at the column where its runs begin.
inline RunStart box_start(const Form &f, const pgs_grid_i32 &grid, int32_t cx, int32_t cy, const pgs_reach &reach) {
    return RunStart(f, grid, cx, reach.anchor, int64_t(grid.origin_y) + int64_t(reach.first_row) * grid.step_y - cy);
}

// Columns of a strip: where it is read and written from, so that no row is left, and which of its columns are meant.
struct StripColumns {
    int32_t place, begin, end;

    StripColumns(int32_t first, int32_t columns, const pgs_grid_i32 &grid, const pgs_reach &reach) {
        place = first < grid.width - columns ? first : grid.width - columns;
        begin = first - place;
        end = reach.last_column + 1 - place < columns ? reach.last_column + 1 - place : columns;
    }
};

// Strips that begin at another column in each row: at anchor + ((start + k slope) >> 16) in the k-th row that the splat reaches.
// They begin SLACK before the left end of the middle row's support, moved as the row's middle is, and end as far behind the right
// one: slopes are cut to 2^-16, so that the last of MOST_ROWS rows is half of it off.
struct Lean {
    static constexpr double SLACK = 0x1p-4; // columns
    static constexpr int32_t MOST_ROWS = 1 << 11;
    int32_t columns = 0; // of a strip; 0: this is no such splat
    int32_t start = 0, slope = 0;

    Lean() = default;
    Lean(const Form &f, const pgs_grid_i32 &grid, int32_t cx, int32_t cy, const pgs_reach &reach) {
        const int32_t rows = reach.last_row - reach.first_row; // from the first to the last
        if (grid.width < STRIP || rows >= MOST_ROWS) return;
        if (reach.first_column < reach.anchor || reach.last_column >= reach.anchor + RUN) return;
        // q is P (X - t Y)^2 + (R - t K) Y^2; the second part is less than the limit in rows of the support.
        const double per_column = 1.0 / grid.step_x, half = __builtin_sqrt(double(f.limit) / f.p) * per_column, t = f.k / f.p;
        if (!(half < 0.5 * STRIP - 1)) return;
        const double most = half + 3; // columns from the middle of a row to the end of its strip
        if (!(f.p * (most * grid.step_x) * (most * grid.step_x) + 1.01 * double(f.limit) < 0x1.fp54)) return;
        const double first_Y = double(grid.origin_y) + double(reach.first_row) * grid.step_y - cy;
        const double first = (double(cx) - grid.origin_x + t * first_Y) * per_column - half - SLACK;
        const double by_row = rows ? t * grid.step_y * per_column : 0, last = first + by_row * rows;
        const double left = first < last ? first : last, right = first < last ? last : first;
        if (!(left >= 1 && right < grid.width - STRIP - 1)) return;
        if (!(left > reach.anchor - RUN && right < reach.anchor + 2 * RUN)) return; // so that slopes fit
        columns = int32_t(2 * (half + SLACK)) + 2; // of so many columns, anywhere, the samples are one more at the most
        start = int32_t((first - reach.anchor) * 65536);
        slope = int32_t(by_row * 65536);
    }
};

// Columns at once of a splat in strips.
inline int32_t strip_columns(const pgs_reach &reach, const Lean &lean) {
    const int32_t columns = lean.columns ? lean.columns : reach.last_column - reach.first_column + 1;
    return columns <= NARROW_STRIP ? NARROW_STRIP : STRIP;
}

} // namespace
