// What the two ways to a picture share: a row of an octave with the coarser one, and samples (spec 8.7).
#pragma once
#include <algorithm>

#include "pgs_kernel.h"

namespace pgs {

// Columns [left, left + count) of a row, of which `sums` begins at the first, and of a plane of the coarser octave, enlarged; of its
// grid only width, height and row are read.
inline void join(const pgs_kernels &k, const int16_t *sums, const int16_t *coarser, const pgs_grid_i32 &grid, int32_t row, int32_t left,
                 int32_t count, int16_t *out) {
    const int32_t own = row / 2, near = std::clamp(row % 2 ? own + 1 : own - 1, 0, grid.height - 1);
    k.join_row(sums, coarser + ptrdiff_t(own) * grid.row, coarser + ptrdiff_t(near) * grid.row, grid.width, left, count, out);
}

inline void to_samples(const pgs_kernels &k, const int16_t *sums, int32_t count, uint8_t *out) { k.samples_8(sums, count, out); }
inline void to_samples(const pgs_kernels &k, const int16_t *sums, int32_t count, uint16_t *out) { k.samples_10(sums, count, out); }

} // namespace pgs
