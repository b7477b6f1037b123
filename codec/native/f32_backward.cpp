// Gradients of the float sum by geometry and colour, one splat at a time. See f32_walk.h for the model.
//
// With g = sum_c dLoss/dpixel_c colour_c and e = g dw/dq, all sums over the samples of the splat:
//   dx: -2 A^2 sum(e dx) + 2 C sum(e v)   dy: -2 B sum(e v)
//   dA: 2 A sum(e dx^2)   dB: 2 sum(e v dy)   dC: -2 sum(e v dx)   d colour_c: sum(dLoss/dpixel_c w)
#include "f32_walk.h"

namespace {

template <typename L, int COMPONENTS>
void backward(const float *image, const pgs_grid_f32 &grid, const Splat s, const float *colours, float *grad_geometry,
              float *grad_colour) {
    using F = typename L::F;
    const ptrdiff_t plane = ptrdiff_t(grid.width) * grid.height;
    const ptrdiff_t width = grid.width;
    float colour[COMPONENTS];
    for (int c = 0; c < COMPONENTS; c++) colour[c] = colours[c];
    F colour_sum[COMPONENTS] = {}, e_dx = {}, e_dx2 = {}, e_v = {}, e_v_dx = {}, e_v_dy = {};
    walk<L>(s, grid, 0, grid.height, [&](int32_t j, int32_t i, auto dx, float dy, auto, auto v, auto q,
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
    grad_geometry[0] += -2 * s.a * s.a * L::sum(e_dx) + 2 * s.c * v_sum;
    grad_geometry[1] += -2 * s.b * v_sum;
    grad_geometry[2] += 2 * s.a * L::sum(e_dx2);
    grad_geometry[3] += 2 * L::sum(e_v_dy);
    grad_geometry[4] += -2 * L::sum(e_v_dx);
    for (int c = 0; c < COMPONENTS; c++) grad_colour[c] += L::sum(colour_sum[c]);
}

template <int COMPONENTS>
void backward_range(const float *grad_layers, const pgs_grid_f32 &grid, const pgs_splats_f32 &splats,
                    float *grad_geometry, float *grad_colour, int32_t first, int32_t last) {
    const ptrdiff_t plane = ptrdiff_t(grid.width) * grid.height;
    int32_t layer = 0;
    for (int32_t i = first; i < last; i++) {
        while (i >= splats.starts[layer + 1]) layer++;
        const ptrdiff_t n = splats.order[i];
        const float *image = grad_layers + layer * COMPONENTS * plane, *colour = splats.colour + COMPONENTS * n;
        const Splat s = read_splat(splats.geometry + 5 * n);
        float *out = grad_geometry + 5 * n, *out_colour = grad_colour + COMPONENTS * n;
        if (grid.width < WIDE) backward<Single, COMPONENTS>(image, grid, s, colour, out, out_colour);
        else backward<Wide, COMPONENTS>(image, grid, s, colour, out, out_colour);
    }
}

} // namespace

void PGS_NAME(f32_backward)(const float *grad_layers, const pgs_grid_f32 *grid, const pgs_splats_f32 *splats,
                            float *geometry, float *colour, int32_t first, int32_t last) {
    if (splats->components == 1) backward_range<1>(grad_layers, *grid, *splats, geometry, colour, first, last);
    else if (splats->components == 2) backward_range<2>(grad_layers, *grid, *splats, geometry, colour, first, last);
    else if (splats->components == 3) backward_range<3>(grad_layers, *grid, *splats, geometry, colour, first, last);
}
