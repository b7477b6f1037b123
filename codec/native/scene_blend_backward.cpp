// Gradients of a tile by its spots, from front to back like the blending: no quotient of transmittances, nothing to keep.
//
// With e = colour . dLoss/drgb, and behind = what lies behind the spot, of the same kind, with the background and alpha's share:
// dLoss/dalpha = T e - behind / (1 - alpha), and s = alpha dLoss/dalpha is the gradient by the logarithm of alpha.
#include "scene_walk.h"

namespace {

typedef float Four __attribute__((vector_size(16)));

// The sums of all lanes of four vectors.
PGS_INLINE Four totals(F a, F b, F c, F d) {
    alignas(64) float lanes[4][N];
    store(lanes[0], a), store(lanes[1], b), store(lanes[2], c), store(lanes[3], d);
    Four part[4];
    for (int v = 0; v < 4; v++) {
        part[v] = *reinterpret_cast<const Four *>(lanes[v]);
        for (int k = 4; k < N; k += 4) part[v] += *reinterpret_cast<const Four *>(lanes[v] + k);
    }
    const Four ab = __builtin_shufflevector(part[0], part[1], 0, 1, 4, 5) + __builtin_shufflevector(part[0], part[1], 2, 3, 6, 7);
    const Four cd = __builtin_shufflevector(part[2], part[3], 0, 1, 4, 5) + __builtin_shufflevector(part[2], part[3], 2, 3, 6, 7);
    return __builtin_shufflevector(ab, cd, 0, 2, 4, 6) + __builtin_shufflevector(ab, cd, 1, 3, 5, 7);
}

struct Backward {
    struct Sum {
        F s, su, sy, suu, suy, syy, red, green, blue;
    };
    float *sums;                        // [tile.count, PGS_SPOT_SUMS]
    alignas(64) float rgb[CELLS][3][N]; // gradients by the picture
    alignas(64) float behind[CELLS][N];

    PGS_INLINE void cell(int cell, const pgs_spot &spot, Sum &sum, Mask hit, F full, F alpha, F before, F u,
                         float dy) {
        const F w = before * alpha;
        const F red = load(rgb[cell][0]), green = load(rgb[cell][1]), blue = load(rgb[cell][2]);
        const F we = w * (red * spot.colour[0] + green * spot.colour[1] + blue * spot.colour[2]);
        const F rest = load(behind[cell]) - we;
        store(behind[cell], rest);
        const F s = choose(hit & above(full, MOST_ALPHA), F{}, we - alpha * rest / (1.0f - alpha)), su = s * u;
        sum.s += s;
        sum.su += su;
        sum.sy += s * dy;
        sum.suu += su * u;
        sum.suy += su * dy;
        sum.syy += s * (dy * dy);
        sum.red += red * w;
        sum.green += green * w;
        sum.blue += blue * w;
    }

    PGS_INLINE void end(int32_t i, const Sum &sum) {
        float *out = sums + ptrdiff_t(PGS_SPOT_SUMS) * i;
        const Four first = totals(sum.s, sum.su, sum.sy, sum.suu), then = totals(sum.suy, sum.syy, sum.red, sum.green);
        for (int k = 0; k < 4; k++) out[k] = first[k], out[4 + k] = then[k];
        out[8] = ::sum(sum.blue);
    }
};

} // namespace

void PGS_NAME(scene_blend_backward)(const pgs_scene_tile *tile, const pgs_spot *spots, const pgs_scene_adjoint *adjoint,
                                    float *sums) {
    alignas(64) float through[CELLS * N];
    Backward backward{sums, {}, {}};
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
