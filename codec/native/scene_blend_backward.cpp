// Gradients of a tile by its spots, from front to back like the blending: no quotient of transmittances, nothing to keep.
//
// With e = colour . dLoss/drgb, and behind = what lies behind the spot, of the same kind, with the background and alpha's share:
// dLoss/dalpha = T e - behind / (1 - alpha), and s = alpha dLoss/dalpha is the gradient by the logarithm of alpha.
#include "scene_walk.h"

namespace {

// The sum of all lanes, halves first.
PGS_INLINE float total(F v) {
    alignas(64) float lane[N];
    Wide::store(lane, v);
    for (int half = N / 2; half >= 1; half /= 2)
        for (int k = 0; k < half; k++) lane[k] += lane[k + half];
    return lane[0];
}

struct Backward {
    float *sums;                          // [tile.count, PGS_SPOT_SUMS]
    alignas(64) float rgb[CELLS][3][N];   // gradients by the picture
    alignas(64) float behind[CELLS][N];
    pgs_spot spot;
    F s, su, sy, suu, suy, syy, colour[3];
    bool seen;

    PGS_INLINE void begin(int32_t, const pgs_spot &next) {
        spot = next;
        s = su = sy = suu = suy = syy = F{};
        for (F &c : colour) c = F{};
        seen = false;
    }

    PGS_INLINE void cell(int cell, F full, F alpha, F before, F u, float dy) {
        const F w = before * alpha;
        F e = {};
        for (int c = 0; c < 3; c++) {
            const F g = Wide::load(rgb[cell][c]);
            colour[c] += g * w;
            e += g * spot.colour[c];
        }
        const F rest = Wide::load(behind[cell]) - w * e;
        Wide::store(behind[cell], rest);
        const F grown = w * e - alpha * rest / (1.0f - alpha);
        const F by = Wide::keep(full <= MOST_ALPHA, grown), by_u = by * u;
        s += by;
        sy += by * dy;
        syy += by * (dy * dy);
        su += by_u;
        suu += by_u * u;
        suy += by_u * dy;
        seen = true;
    }

    PGS_INLINE void end(int32_t i) {
        float *out = sums + ptrdiff_t(PGS_SPOT_SUMS) * i;
        if (!seen) return;
        const F all[PGS_SPOT_SUMS] = {s, su, sy, suu, suy, syy, colour[0], colour[1], colour[2]};
        for (int k = 0; k < PGS_SPOT_SUMS; k++) out[k] = total(all[k]);
    }
};

} // namespace

void PGS_NAME(scene_blend_backward)(const pgs_scene_tile *tile, const pgs_spot *spots, const pgs_scene_adjoint *adjoint,
                                    float *sums) {
    alignas(64) float through[CELLS * N];
    Backward backward{sums, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, false};
    for (int row = 0; row < tile->height; row++)
        for (int column = 0; column < tile->width; column++) {
            const int cell = column / N * PGS_TILE + row, lane = column % N;
            const ptrdiff_t at = ptrdiff_t(tile->top + row) * adjoint->columns + tile->left + column;
            float behind = adjoint->grad_alpha ? -adjoint->grad_alpha[at] * (1 - adjoint->alpha[at]) : 0;
            for (int c = 0; c < 3; c++) {
                const float g = adjoint->grad_rgb[3 * at + c];
                backward.rgb[cell][c][lane] = g;
                behind += g * adjoint->rgb[3 * at + c];
            }
            backward.behind[cell][lane] = behind;
        }
    walk_tile(*tile, spots, through, backward);
}
