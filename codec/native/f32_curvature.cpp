// Gauss-Newton diagonal of the float sum: how strongly the picture moves with each parameter. See f32_walk.h.
#include "f32_walk.h"

namespace {

template <typename L>
void curvature_of(float *out, const pgs_grid_f32 &grid, const Splat s, float energy) {
    using F = typename L::F;
    F sx = {}, sy = {}, sa = {}, sb = {}, sc = {}, sw = {}; // constant factors follow at the end
    walk<L>(s, grid, [&](int32_t, int32_t, auto dx, float dy, auto u, auto v, auto q,
                                   auto mask) __attribute__((always_inline)) {
        F slope;
        const F w = L::keep(mask, weight_of(q, slope));
        slope = L::keep(mask, slope);
        const F su = slope * u, sv = slope * v;
        const F by_x = s.c * sv - s.a * su, by_a = su * dx, by_b = sv * dy, by_c = sv * dx;
        sx += by_x * by_x;
        sy += sv * sv;
        sa += by_a * by_a;
        sb += by_b * by_b;
        sc += by_c * by_c;
        sw += w * w;
    });
    const float four = 4 * energy; // dq/dparameter has a factor 2 everywhere
    out[0] += four * L::sum(sx);
    out[1] += four * s.b * s.b * L::sum(sy);
    out[2] += four * L::sum(sa);
    out[3] += four * L::sum(sb);
    out[4] += four * L::sum(sc);
    out[5] += L::sum(sw);
}

} // namespace

void PGS_NAME(f32_curvature)(float *curvature, const pgs_grid_f32 *grid, const pgs_splats_f32 *splats,
                             const float *channel_weight, int32_t first, int32_t last) {
    for (ptrdiff_t n = first; n < last; n++) {
        const float *colour = splats->colour + splats->components * n;
        float energy = 0;
        for (int c = 0; c < splats->components; c++) energy += channel_weight[c] * colour[c] * colour[c];
        const Splat s = read_splat(splats->geometry + 5 * n);
        if (grid->width < WIDE) curvature_of<Single>(curvature + 6 * n, *grid, s, energy);
        else curvature_of<Wide>(curvature + 6 * n, *grid, s, energy);
    }
}
