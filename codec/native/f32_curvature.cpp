// Gauss-Newton diagonal of the float sum: how strongly the picture moves with each parameter. See f32_walk.h.
#include "f32_walk.h"

namespace {

void curvature_of(float *out, const pgs_grid_f32 &grid, const Splat s, float energy, float scale) {
    // dw/dparameter is p, the root of w, times C v - A u, v, u dx, v dy, v dx
    F sx = {}, sy = {}, sa = {}, sb = {}, sc = {}, sw = {};
    F p2 = {}, p2v = {}, p2v2 = {}, p2v2_row = {}, p2v2_row2 = {}; // sums of some columns, row numbers instead of dy
    walk(
        s, grid,
        [&](ptrdiff_t, int32_t, ptrdiff_t k, F v, F q) __attribute__((always_inline)) {
            const F p = root_of(q), w = p * p, pv = p * v, square = pv * pv;
            sw += w * w;
            p2 += w;
            p2v += p * pv;
            p2v2 += square;
            p2v2_row += square * NUMBER.one[k];
            p2v2_row2 += square * NUMBER.square[k];
        },
        [&](F dx, F u, float dy) __attribute__((always_inline)) {
            const float step = grid.step_y;
            const F au = s.a * u, ux = u * dx;
            sx += s.c * (s.c * p2v2 - 2 * au * p2v) + au * au * p2;
            sy += p2v2;
            sa += ux * ux * p2;
            sb += dy * (dy * p2v2 + 2 * step * p2v2_row) + step * step * p2v2_row2;
            sc += p2v2 * dx * dx;
            p2 = p2v = p2v2 = p2v2_row = p2v2_row2 = F{};
        });
    out[0] += energy * sum(sx);
    out[1] += energy * s.b * s.b * sum(sy);
    out[2] += energy * sum(sa);
    out[3] += energy * sum(sb);
    out[4] += energy * sum(sc);
    out[5] += scale * sum(sw);
}

} // namespace

void PGS_NAME(f32_curvature)(float *curvature, const pgs_grid_f32 *grid, const pgs_splats_f32 *splats,
                             const float *channel_weight, float scale, int32_t first, int32_t last) {
    for (int32_t i = first; i < last; i++) {
        const ptrdiff_t n = splats->order[i];
        const float *colour = splats->colour + splats->components * n;
        float energy = 0;
        for (int c = 0; c < splats->components; c++) energy += channel_weight[c] * colour[c] * colour[c];
        curvature_of(curvature + 6 * n, *grid, read_splat(splats->geometry + 5 * n), scale * energy, scale);
    }
}
