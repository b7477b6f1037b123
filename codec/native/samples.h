// Rows of samples of either depth (spec 8.7).
#pragma once
#include "pgs_kernel.h"

namespace pgs {

inline void to_samples(const pgs_kernels &k, const int16_t *sums, int32_t count, uint8_t *out) { k.samples_8(sums, count, out); }
inline void to_samples(const pgs_kernels &k, const int16_t *sums, int32_t count, uint16_t *out) { k.samples_10(sums, count, out); }

} // namespace pgs
