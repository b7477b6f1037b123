// Gradients of the float sum by geometry and colour, one splat at a time. See f32_walk.h for the model.
//
// With g = sum_c dLoss/dpixel_c colour_c and e = g dw/dq, all sums over the samples of the splat:
//   dx: -2 A^2 sum(e dx) + 2 C sum(e v)   dy: -2 B sum(e v)
//   dA: 2 A sum(e dx^2)   dB: 2 sum(e v dy)   dC: -2 sum(e v dx)   d colour_c: sum(dLoss/dpixel_c w)
#include "f32_walk.h"

namespace {

template <typename L, int COMPONENTS>
void backward(const float *image, const pgs_grid_f32 &grid, const Splat s, const float *colours, float *out) {
    using F = typename L::F;
    const ptrdiff_t plane = ptrdiff_t(grid.width) * grid.height;
    const ptrdiff_t width = grid.width;
    float colour[COMPONENTS];
    for (int c = 0; c < COMPONENTS; c++) colour[c] = colours[c];
    F colour_sum[COMPONENTS] = {}, e_dx = {}, e_dx2 = {}, e_v = {}, e_v_dx = {}, e_v_dy = {};
    walk<L>(s, grid, [&](int32_t j, int32_t i, auto dx, float dy, auto, auto v, auto q,
                                   auto mask) __attribute__((always_inline)) {
        F slope;
        const F w = L::keep(mask, weight_of(q, slope));
        const float *at = image + j * width + i;
        F g = {};
        for (int c = 0; c < COMPONENTS; c++, at += plane) {
            const F pixel = L::load(at);
            colour_sum[c] += pixel * w;
            g += pixel * colour[c];
        }
        const F e = L::keep(mask, g * slope), ex = e * dx, ev = e * v;
        e_dx += ex;
        e_dx2 += ex * dx;
        e_v += ev;
        e_v_dx += ev * dx;
        e_v_dy += ev * dy;
    });
    const float v_sum = L::sum(e_v);
    out[0] = -2 * s.a * s.a * L::sum(e_dx) + 2 * s.c * v_sum;
    out[1] = -2 * s.b * v_sum;
    out[2] = 2 * s.a * L::sum(e_dx2);
    out[3] = 2 * L::sum(e_v_dy);
    out[4] = -2 * L::sum(e_v_dx);
    for (int c = 0; c < COMPONENTS; c++) out[5 + c] = L::sum(colour_sum[c]);
}

template <int COMPONENTS>
void backward_all(const float *grad_layers, const pgs_grid_f32 &grid, const pgs_splats_f32 &splats, float *gradients) {
    const ptrdiff_t plane = ptrdiff_t(grid.width) * grid.height;
    for (int32_t layer = 0; layer < splats.layers; layer++) {
        const float *image = grad_layers + layer * COMPONENTS * plane;
        for (int32_t i = splats.starts[layer]; i < splats.starts[layer + 1]; i++) {
            const ptrdiff_t n = splats.order[i];
            const float *colour = splats.colour + COMPONENTS * n;
            const Splat s = read_splat(splats.geometry + 5 * n);
            float *out = gradients + (5 + COMPONENTS) * ptrdiff_t(i);
            if (grid.width < WIDE) backward<Single, COMPONENTS>(image, grid, s, colour, out);
            else backward<Wide, COMPONENTS>(image, grid, s, colour, out);
        }
    }
}

} // namespace

void PGS_NAME(f32_backward)(const float *grad_layers, const pgs_grid_f32 *grid, const pgs_splats_f32 *splats,
                            float *gradients) {
    if (splats->components == 1) backward_all<1>(grad_layers, *grid, *splats, gradients);
    else if (splats->components == 2) backward_all<2>(grad_layers, *grid, *splats, gradients);
    else if (splats->components == 3) backward_all<3>(grad_layers, *grid, *splats, gradients);
}
