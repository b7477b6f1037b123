// Listing and adding units without intrinsics.
#pragma once
#include "sum_units.h"

namespace {

// The rows of a run, group by group.
class RunRows {
  public:
    RunRows(const RunStart &start, uint32_t d2, int32_t i0, const pgs_grid_i32 &grid)
        : now(start), d2(d2), i0(i0), width(grid.width), safe(grid.width - UNIT) {}

    // Lists the units of the next GROUP rows; `row` counts from the block's first. Those near the border are added at once.
    template <typename Target>
    void list(const Columns &columns, int32_t row, Units &units, const Target &target) {
        for (int k = 0; k < GROUP; k++) {
            int32_t i = columns.first[k] > i0 ? columns.first[k] : i0;
            const int32_t last = columns.last[k] < i0 + RUN - 1 ? columns.last[k] : i0 + RUN - 1;
            const uint32_t m = uint32_t(i - i0), bends = m * (m - 1) / 2;
            uint32_t d1 = uint32_t(now.d1 >> 24), q = uint32_t(now.q0 >> 24) + m * d1 + bends * d2;
            d1 += m * d2;
            for (; i <= last; i += UNIT) {
                const int32_t offset = (row + k) * width + i, count = last - i + 1 < UNIT ? last - i + 1 : UNIT;
                if (i > safe) target.add_part(offset, q, d1, count);
                else {
                    const int n = units.count++;
                    units.q[n] = q;
                    units.d1[n] = d1;
                    units.offset[n] = offset;
                    units.columns[n] = count;
                }
                q += UNIT * d1 + UNIT * (UNIT - 1) / 2 * d2;
                d1 += UNIT * d2;
            }
            now.q0 += now.q0_rise;
            now.q0_rise += now.q0_bend;
            now.d1 += now.d1_rise;
        }
    }

  private:
    RunStart now;
    const uint32_t d2;
    const int32_t i0, width, safe;
};

template <typename Target>
void add_units(const Target &target, const Units &units) {
    for (int n = 0; n < units.count; n++)
        target.add_whole(units.offset[n], units.q[n], units.d1[n], units.columns[n]);
}

} // namespace
