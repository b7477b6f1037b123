// Float sum of splats for training: each layer gets its own splats. See f32_walk.h for the model.
#include "f32_walk.h"

namespace {

template <int COMPONENTS>
void forward(const pgs_planes &planes, const pgs_grid_f32 &grid, const pgs_splats_f32 &splats) {
    for (int32_t layer = 0; layer < splats.layers; layer++) {
        float *image = planes.data + layer * planes.layer;
        for (int32_t i = splats.starts[layer]; i < splats.starts[layer + 1]; i++) {
            const ptrdiff_t n = splats.order[i], row = planes.row, component = planes.component;
            float colour[COMPONENTS];
            for (int c = 0; c < COMPONENTS; c++) colour[c] = splats.gain * splats.colour[COMPONENTS * n + c];
            walk(read_splat(splats.geometry + 5 * n), grid,
                 [=](ptrdiff_t j, int32_t at, ptrdiff_t, F, F q) __attribute__((always_inline)) {
                     const F w = weight_of(q);
                     float *to = image + j * row + at;
                     for (int c = 0; c < COMPONENTS; c++, to += component) *(Loose *)to += colour[c] * w;
                 },
                 [](F, F, float) __attribute__((always_inline)) {});
        }
    }
}

} // namespace

void PGS_NAME(f32_forward)(const pgs_planes *planes, const pgs_grid_f32 *grid, const pgs_splats_f32 *splats) {
    if (splats->components == 1) forward<1>(*planes, *grid, *splats);
    else if (splats->components == 2) forward<2>(*planes, *grid, *splats);
    else if (splats->components == 3) forward<3>(*planes, *grid, *splats);
}
