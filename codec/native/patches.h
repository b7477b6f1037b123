// Patches: the parts of a plane group that a frame changes, so that only they are summed, copied and converted again.
#pragma once
#include <cstddef>

#include "octave.h"

namespace pgs {

constexpr int32_t PATCH_WIDTH = 64, PATCH_HEIGHT = 16; // samples; the last ones of a row or column may be smaller

inline int32_t patches(int32_t samples, int32_t size) { return (samples + size - 1) / size; }

// The patches of all octaves of a plane group in one array: by octaves, rows and columns.
struct PatchMap {
    int32_t columns[PGS_OCTAVES], rows[PGS_OCTAVES];
    size_t first[PGS_OCTAVES + 1];

    PatchMap(int32_t width, int32_t height) : first() {
        for (int j = 0; j < PGS_OCTAVES; j++) {
            columns[j] = patches(in_octave(width, j), PATCH_WIDTH);
            rows[j] = patches(in_octave(height, j), PATCH_HEIGHT);
            first[j + 1] = first[j] + size_t(columns[j]) * size_t(rows[j]);
        }
    }
};

// Sets the patches that the support of a splat may reach in the octave that it is summed in, and in the finer ones those
// that the enlarged sum may (spec 8.5, 8.7).
void mark_patches(const pgs_grid_i32 *grids, const pgs_splats_i32 &splats, uint8_t *marked);

// Calls use(plane, top, rows, left, count) for the samples of marked patches of rows [from, to) of patches, patches side by side
// at once, of planes [planes, height, width]; marked are the patches of all rows.
template <typename Use>
void each_marked(const uint8_t *marked, int32_t planes, int32_t height, int32_t width, int32_t from, int32_t to, const Use &use) {
    const int32_t columns = patches(width, PATCH_WIDTH);
    for (int32_t r = from; r < to; r++)
        for (int32_t first = 0, last; first < columns; first = last + 1) {
            for (last = first; last < columns && marked[ptrdiff_t(r) * columns + last]; last++) {}
            if (last == first) continue;
            const int32_t left = first * PATCH_WIDTH, count = (last * PATCH_WIDTH < width ? last * PATCH_WIDTH : width) - left;
            const int32_t top = r * PATCH_HEIGHT, bottom = top + PATCH_HEIGHT < height ? top + PATCH_HEIGHT : height;
            for (int32_t plane = 0; plane < planes; plane++) use(plane, top, bottom - top, left, count);
        }
}

} // namespace pgs
