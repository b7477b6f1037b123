// Small splats: all samples of the box around the support, without ends of rows (spec 8.5, 8.6).
//
// Outside the support q is larger than QMAX and the weight that follows from v = 2^26 - 2^11 - q is 0 when s = v >> 10 is
// limited to 0 and above, as long as v fits 32 bits. So the box may be visited whole if q stays below 2^31 in its corners.
#pragma once
#include "sum_units.h"

namespace {

constexpr int32_t BOX_COLUMNS = 32, STRIP = 16; // at most; at once

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

    StripColumns(int32_t first, const pgs_grid_i32 &grid, const pgs_reach &reach) {
        place = first < grid.width - STRIP ? first : grid.width - STRIP;
        begin = first - place;
        end = reach.last_column + 1 - place < STRIP ? reach.last_column + 1 - place : STRIP;
    }
};

} // namespace
