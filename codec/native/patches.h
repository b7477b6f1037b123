// Patches: the parts of a plane group that a frame changes, so that only they are summed, copied and converted again.
#pragma once
#include <cstring>

#include "pgs_kernel.h"

namespace pgs {

constexpr int32_t PATCH_WIDTH = 64, PATCH_HEIGHT = 16; // samples; the last ones of a row or column may be smaller

inline int32_t patches(int32_t samples, int32_t size) { return (samples + size - 1) / size; }

// Sets the patches [rows, columns] of a grid that the support of a splat may reach (spec 8.5).
void mark_patches(const pgs_grid_i32 &grid, const pgs_splats_i32 &splats, uint8_t *marked);

// Calls use(plane, row, left, count) for the samples of marked patches, by rows and patches side by side, of planes
// [planes, height, width].
template <typename Use>
void each_marked(const uint8_t *marked, int32_t planes, int32_t height, int32_t width, const Use &use) {
    const int32_t columns = patches(width, PATCH_WIDTH);
    for (int32_t top = 0; top < height; top += PATCH_HEIGHT, marked += columns)
        for (int32_t from = 0, to; from < columns; from = to + 1) {
            for (to = from; to < columns && marked[to]; to++) {}
            if (to == from) continue;
            const int32_t left = from * PATCH_WIDTH, count = (to * PATCH_WIDTH < width ? to * PATCH_WIDTH : width) - left;
            const int32_t bottom = top + PATCH_HEIGHT < height ? top + PATCH_HEIGHT : height;
            for (int32_t plane = 0; plane < planes; plane++)
                for (int32_t row = top; row < bottom; row++)
                    use(plane, row, left, size_t(count));
        }
}

} // namespace pgs
