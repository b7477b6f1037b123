// From splats to what the sum needs. The twin is planar/splats.py.
#pragma once
#include "graded.h"

namespace pgs {

// Reference size and that of the picture that is rendered, luma samples.
struct Sizes {
    int32_t width, height, new_width, new_height;
};

// Whether the first and the third number of all shapes [N,3] are within the ranges of spec 8.3.
bool in_range(const int32_t *shape, const uint8_t *domain, size_t n);

// (A, B, C) Q20 [N,3], (P, K, R) Q32 [N,3] (spec 8.3), and a bound on the samples that each splat covers (annex A.3).
// domain [N] is 0 Cholesky, 1 log Cholesky.
void geometry(const int32_t *shape, const uint8_t *domain, size_t n, const int64_t *powers, const Sizes &sizes, int32_t *factor,
              int64_t *form, int64_t *covered);

struct ConstSplats {
    const int32_t *position, *shape;
    const int16_t *colour;
};

// Splats that are others than before, and their rows, of which the first is `first`; returns how many.
size_t changed_splats(const ConstSplats &now, const ConstSplats &before, size_t n, size_t components, int64_t first,
                      int64_t *rows, const Splats &out);

} // namespace pgs
