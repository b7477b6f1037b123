// Pictures that are drawn once, from splats to samples without sums that stay (spec 8.5 to 8.7).
#pragma once
#include "pgs_kernel.h"

namespace pgs {

// Samples [components, height, width] of a plane group from its splats and what sums begin with. Octaves above the first are summed
// whole, octave 0 in bands of rows that stay in the cache, each made into samples at once. The grids' rows and planes are not read.
void draw(const pgs_kernels &k, const pgs_grid_i32 *grids, const pgs_splats_i32 &splats, const int16_t *base, uint8_t *out, int threads);
void draw(const pgs_kernels &k, const pgs_grid_i32 *grids, const pgs_splats_i32 &splats, const int16_t *base, uint16_t *out, int threads);

} // namespace pgs
