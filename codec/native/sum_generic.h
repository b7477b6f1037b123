// Ends of rows and the units of a run without intrinsics, added one by one.
#pragma once
#include "sum_units.h"

namespace {

// The rows from first_Y on; those from `rows` on are left empty.
inline void find(const Ends &e, int64_t first_Y, int rows, Columns &columns) {
    int32_t left[GROUP], right[GROUP];
    bool doubt = false;
    for (int k = 0; k < GROUP; k++) {
        const double y = double(first_Y) + k * double(e.grid.step_y), root = __builtin_sqrt(e.full - e.form.det * y * y);
        const double middle = e.slope * y + e.shift, l = middle - root * e.scale, r = middle + root * e.scale;
        left[k] = int32_t(!(l > e.least) ? e.least : l < e.most ? l : e.most); // e.least also for NaN: no support
        right[k] = int32_t(!(r > e.least) ? e.least : r < e.most ? r : e.most);
        columns.first[k] = left[k] >> e.bits;
        columns.last[k] = k < rows ? (right[k] >> e.bits) - 1 : -1;
        const int32_t part = (1 << e.bits) - 2;
        doubt |= !((left[k] + 1) & part) || !((right[k] + 1) & part);
    }
    if (doubt) e.decide(first_Y, rows, left, right, columns);
}

template <int COMPONENTS, bool SUBTRACT>
class RunRows {
  public:
    RunRows(const Target<COMPONENTS, SUBTRACT> &target, const RunStart &start, int32_t i0, const pgs_grid_i32 &grid)
        : target(target), now(start), i0(i0), width(grid.width), length(grid.row) {}

    // The next GROUP rows.
    void add(const Columns &columns) {
        for (int k = 0; k < GROUP; k++, start += length) {
            int32_t i = columns.first[k] > i0 ? columns.first[k] : i0;
            const int32_t last = columns.last[k] < i0 + RUN - 1 ? columns.last[k] : i0 + RUN - 1;
            const uint32_t m = uint32_t(i - i0), d2 = target.d2;
            uint32_t d1 = fall(uint32_t(now.d1 >> 24));
            uint32_t z = z_of(uint32_t(now.q0 >> 24)) + m * d1 + m * (m - 1) / 2 * d2;
            d1 += m * d2;
            for (; i <= last; i += UNIT) {
                const int32_t offset = start + i, count = last - i + 1 < UNIT ? last - i + 1 : UNIT;
                if (i + UNIT <= width) target.add_whole(offset, z, d1, count);
                else target.add_part(offset, z, d1, count);
                z += UNIT * d1 + UNIT * (UNIT - 1) / 2 * d2;
                d1 += UNIT * d2;
            }
            now.q0 += now.q0_rise;
            now.q0_rise += now.q0_bend;
            now.d1 += now.d1_rise;
        }
    }

    void finish() {}

  private:
    const Target<COMPONENTS, SUBTRACT> &target;
    RunStart now;
    const int32_t i0, width, length;
    int32_t start = 0; // offset of the row
};

} // namespace
