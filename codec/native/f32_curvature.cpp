// Gauss-Newton diagonal of the float sum: how strongly the picture moves with each parameter. See f32_walk.h.
#include "f32_walk.h"

namespace {

void curvature_of(float *out, const pgs_grid_f32 &grid, const Splat s, float energy) {
    F sx = {}, sy = {}, sa = {}, sb = {}, sc = {}, sw = {}; // constant factors follow at the end
    // Of some columns, with s = dw/dq: sums of s^2, s^2 v, s^2 v^2, and of the last times the row's number and its square.
    F s2 = {}, s2v = {}, s2v2 = {}, s2v2_row = {}, s2v2_row2 = {};
    walk(
        s, grid,
        [&](int32_t, int32_t, int k, F v, F q) __attribute__((always_inline)) {
            const F w = weight_of(q), slope = w * slope_of(q), sv = slope * v, square = sv * sv;
            sw += w * w;
            s2 += slope * slope;
            s2v += slope * sv;
            s2v2 += square;
            s2v2_row += square * NUMBER.one[k];
            s2v2_row2 += square * NUMBER.square[k];
        },
        [&](F dx, F u, float dy) __attribute__((always_inline)) {
            const float step = grid.step_y;
            const F au = s.a * u, ux = u * dx;
            sx += s.c * (s.c * s2v2 - 2 * au * s2v) + au * au * s2; // of (C v - A u)^2
            sy += s2v2;
            sa += ux * ux * s2;
            sb += dy * (dy * s2v2 + 2 * step * s2v2_row) + step * step * s2v2_row2;
            sc += s2v2 * dx * dx;
            s2 = s2v = s2v2 = s2v2_row = s2v2_row2 = F{};
        });
    const float four = 4 * energy; // dq/dparameter has a factor 2 everywhere
    out[0] += four * sum(sx);
    out[1] += four * s.b * s.b * sum(sy);
    out[2] += four * sum(sa);
    out[3] += four * sum(sb);
    out[4] += four * sum(sc);
    out[5] += sum(sw);
}

} // namespace

void PGS_NAME(f32_curvature)(float *curvature, const pgs_grid_f32 *grid, const pgs_splats_f32 *splats,
                             const float *channel_weight, int32_t first, int32_t last) {
    for (ptrdiff_t n = first; n < last; n++) {
        const float *colour = splats->colour + splats->components * n;
        float energy = 0;
        for (int c = 0; c < splats->components; c++) energy += channel_weight[c] * colour[c] * colour[c];
        curvature_of(curvature + 6 * n, *grid, read_splat(splats->geometry + 5 * n), energy);
    }
}
