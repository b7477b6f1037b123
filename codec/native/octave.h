// Octaves: how large they are, and which one a splat is summed in (spec 8.5).
#pragma once
#include "pgs_kernel.h"

namespace {

// Rows or columns of an octave, of so many of octave 0.
inline int32_t in_octave(int32_t samples, int octave) { return (samples + (1 << octave) - 1) >> octave; }

// By its form, Q32, and the steps of octave 0: the last octave in which it is not too small.
inline int octave_of(const int64_t *form, int32_t step_x, int32_t step_y) {
    const uint64_t x = uint64_t(step_x), y = uint64_t(step_y);
    const uint64_t trace = uint64_t(form[0]) * x * x + uint64_t(form[2]) * y * y; // Q48
    int octave = 0;
    for (int j = 1; j < PGS_OCTAVES; j++) octave += trace <= uint64_t(1) << (47 - 2 * j);
    return octave;
}

} // namespace
