// Gradients of the float sum by geometry and colour, one splat at a time. See f32_walk.h for the model.
//
// With e = p sum_c dLoss/dpixel_c colour_c, p the root of the weight, which is -2 dLoss/dq, and v = B dy - C dx, all is
// made of the sums over the samples of the splat of e dx, e dx^2, e dy, e dx dy, e dy^2 and dLoss/dpixel_c w:
//   dx: A^2 sum(e dx) - C sum(e v)   dy: B sum(e v)
//   dA: -A sum(e dx^2)   dB: -sum(e v dy)   dC: sum(e v dx)   d colour_c: sum(dLoss/dpixel_c w)
#include "f32_walk.h"

namespace {

template <int COMPONENTS>
PGS_INLINE void backward(const float *image, const pgs_planes &planes, const pgs_grid_f32 &grid, const Splat s,
                         const float *colours, float gain, float *out) {
    const ptrdiff_t row = planes.row, component = planes.component;
    const float step = grid.step_y;
    float colour[COMPONENTS];
    for (int c = 0; c < COMPONENTS; c++) colour[c] = gain * colours[c];
    F colour_sum[COMPONENTS] = {}, e_dx = {}, e_dx2 = {}, e_dy = {}, e_dx_dy = {}, e_dy2 = {};
    F e_sum = {}, e_row = {}, e_row2 = {}; // of some columns, row numbers instead of dy
    walk(
        s, grid,
        [&](ptrdiff_t j, int32_t at, ptrdiff_t k, F, F q) __attribute__((always_inline)) {
            const F p = root_of(q), w = p * p;
            const float *from = image + j * row + at;
            F g = {};
            for (int c = 0; c < COMPONENTS; c++, from += component) {
                const F pixel = *(const Loose *)from;
                colour_sum[c] += pixel * w;
                g = c ? g + pixel * colour[c] : pixel * colour[c];
            }
            const F e = g * p;
            e_sum += e;
            e_row += e * NUMBER.one[k];
            e_row2 += e * NUMBER.square[k];
        },
        [&](F dx, F, float dy) __attribute__((always_inline)) {
            const F ex = e_sum * dx, by_row = dy * e_sum + step * e_row;
            e_dx += ex;
            e_dx2 += ex * dx;
            e_dy += by_row;
            e_dx_dy += by_row * dx;
            e_dy2 += dy * by_row + step * (dy * e_row + step * e_row2);
            e_sum = e_row = e_row2 = F{};
        });
    const float ex = sum(e_dx), ex2 = sum(e_dx2), ey = sum(e_dy), exy = sum(e_dx_dy), ey2 = sum(e_dy2);
    const float ev = s.b * ey - s.c * ex;
    out[0] = s.a * s.a * ex - s.c * ev;
    out[1] = s.b * ev;
    out[2] = -s.a * ex2;
    out[3] = s.c * exy - s.b * ey2;
    out[4] = s.b * exy - s.c * ex2;
    for (int c = 0; c < COMPONENTS; c++) out[5 + c] = gain * sum(colour_sum[c]);
}

template <int COMPONENTS>
void backward_all(const pgs_planes &planes, const pgs_grid_f32 &grid, const pgs_splats_f32 &splats, float *gradients) {
    for (int32_t layer = 0; layer < splats.layers; layer++) {
        const float *image = planes.data + layer * planes.layer;
        for (int32_t i = splats.starts[layer]; i < splats.starts[layer + 1]; i++) {
            const ptrdiff_t n = splats.order[i];
            backward<COMPONENTS>(image, planes, grid, read_splat(splats.geometry + 5 * n), splats.colour + COMPONENTS * n, splats.gain,
                                 gradients + (5 + COMPONENTS) * ptrdiff_t(i));
        }
    }
}

} // namespace

void PGS_NAME(f32_backward)(const pgs_planes *planes, const pgs_grid_f32 *grid, const pgs_splats_f32 *splats,
                            float *gradients) {
    if (splats->components == 1) backward_all<1>(*planes, *grid, *splats, gradients);
    else if (splats->components == 2) backward_all<2>(*planes, *grid, *splats, gradients);
    else if (splats->components == 3) backward_all<3>(*planes, *grid, *splats, gradients);
}
