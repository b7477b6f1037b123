// The sums of a plane group as Python gives them: a tuple of arrays [C,H,W], one for each octave (spec 8.5).
#pragma once
#include <array>

#include <nanobind/stl/array.h>

#include "binding.h"
#include "octave.h"

// Samples of a row lie side by side, rows and planes may lie apart.
template <typename T>
using Sums = nb::ndarray<T, nb::ndim<3>, nb::device::cpu>;
template <typename T>
using OctaveSums = std::array<Sums<T>, PGS_OCTAVES>;

template <typename T>
void require_rows(const Sums<T> &sums) {
    const int64_t columns = int64_t(sums.shape(2)), rows = int64_t(sums.shape(1)), planes = int64_t(sums.shape(0));
    const int64_t row = sums.stride(1), plane = sums.stride(0);
    require(rows <= 65536 && columns <= 65536, "at most 65536 rows and columns");
    if (columns > 1 && sums.stride(2) != 1) throw nb::type_error("the samples of a row must lie side by side");
    require(rows <= 1 || (row >= columns && row <= 1 << 17), "rows overlap, or lie too far apart");
    require(planes <= 1 || plane >= (rows - 1) * (rows > 1 ? row : 0) + columns, "planes overlap");
}

// Octaves of one plane group: of octave `first` on, those before are not looked at.
template <typename T>
void require_octaves(const OctaveSums<T> &octaves, int32_t components, int32_t height, int32_t width, int first = 0) {
    for (int j = first; j < PGS_OCTAVES; j++) {
        require_rows(octaves[j]);
        require(size(octaves[j], 0) == components && size(octaves[j], 1) == in_octave(height, j) &&
                    size(octaves[j], 2) == in_octave(width, j),
                "an octave has half the rows and columns of the one before, rounded up");
    }
}

// Where a row of a plane begins.
template <typename T>
T *row_of(const Sums<T> &sums, int64_t plane, int64_t row) {
    return sums.data() + plane * sums.stride(0) + row * sums.stride(1);
}

// Grids of the octaves, each sample amid those of octave 0 that it stands for; `octaves` give rows and planes.
inline std::array<pgs_grid_i32, PGS_OCTAVES> octave_grids(int32_t width, int32_t height, int32_t step_x, int32_t step_y,
                                                          int32_t origin_x, int32_t origin_y) {
    require(step_x > 0 && step_y > 0 && step_x <= 65536 && step_y <= 65536, "steps must be within 1..65536");
    require(std::min(origin_x, origin_y) >= -65536 && std::max(origin_x, origin_y) <= 65536, "origin out of range");
    std::array<pgs_grid_i32, PGS_OCTAVES> grids;
    for (int j = 0; j < PGS_OCTAVES; j++) {
        const int32_t between = (1 << j) - 1, columns = in_octave(width, j);
        grids[j] = {columns, in_octave(height, j), step_x << j, step_y << j,
                    int32_t(origin_x + (int64_t(between) * step_x >> 1)), int32_t(origin_y + (int64_t(between) * step_y >> 1)),
                    columns, 0};
    }
    return grids;
}
