// Float sum of splats for training: each layer gets its own splats. See f32_walk.h for the model.
#include "f32_walk.h"

namespace {

template <typename L, int COMPONENTS>
void forward(float *layers, const pgs_grid_f32 &grid, const pgs_splats_f32 &splats) {
    const ptrdiff_t plane = ptrdiff_t(grid.width) * grid.height;
    for (int32_t layer = 0; layer < splats.layers; layer++) {
        float *image = layers + layer * COMPONENTS * plane;
        for (int32_t i = splats.starts[layer]; i < splats.starts[layer + 1]; i++) {
            const int32_t n = splats.order[i];
            float colour[COMPONENTS];
            for (int c = 0; c < COMPONENTS; c++) colour[c] = splats.colour[ptrdiff_t(COMPONENTS) * n + c];
            const ptrdiff_t width = grid.width;
            walk<L>(read_splat(splats.geometry + 5 * ptrdiff_t(n)), grid,
                    [&](int32_t row, int32_t column, auto, float, auto, auto, auto q,
                        auto mask) __attribute__((always_inline)) {
                        const auto w = L::keep(mask, weight_of(q));
                        float *at = image + row * width + column;
                        for (int c = 0; c < COMPONENTS; c++, at += plane) L::store(at, L::load(at) + colour[c] * w);
                    });
        }
    }
}

template <int COMPONENTS>
void forward_any(float *layers, const pgs_grid_f32 &grid, const pgs_splats_f32 &splats) {
    if (grid.width < WIDE) forward<Single, COMPONENTS>(layers, grid, splats);
    else forward<Wide, COMPONENTS>(layers, grid, splats);
}

} // namespace

void PGS_NAME(f32_forward)(float *layers, const pgs_grid_f32 *grid, const pgs_splats_f32 *splats) {
    if (splats->components == 1) forward_any<1>(layers, *grid, *splats);
    else if (splats->components == 2) forward_any<2>(layers, *grid, *splats);
    else if (splats->components == 3) forward_any<3>(layers, *grid, *splats);
}
