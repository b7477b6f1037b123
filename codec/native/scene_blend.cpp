// A tile of the picture from its spots: colour on the background, alpha, depth, and how much each spot was seen.
#include "scene_walk.h"

namespace {

// PLANES: 3, or 4 with the depth.
template <int PLANES, bool SEEN>
struct Blend {
    struct Sum {
        F weight;
        int32_t hits;
    };
    const pgs_scene_view &view;
    alignas(64) float sums[CELLS][PLANES][N]; // red, green, blue, depth

    PGS_INLINE void cell(int cell, const pgs_spot &spot, Sum &sum, Mask hit, F, F alpha, F before, F, float) {
        const F w = before * alpha;
        for (int c = 0; c < 3; c++) add(sums[cell][c], spot.colour[c] * w);
        if (PLANES == 4) add(sums[cell][PLANES - 1], spot.depth * w);
        if (SEEN) sum.weight += w, sum.hits += count(hit);
    }

    PGS_INLINE void end(int32_t i, const Sum &sum) {
        if (!SEEN) return;
        view.weight[i] = ::sum(sum.weight);
        view.hits[i] = sum.hits;
    }

    static PGS_INLINE void add(float *at, F v) { store(at, load(at) + v); }
};

template <int PLANES, bool SEEN>
void blend(const pgs_scene_tile &tile, const pgs_spot *spots, const pgs_scene_view &view) {
    alignas(64) float through[CELLS * N];
    Blend<PLANES, SEEN> blend{view, {}};
    walk_tile(tile, spots, through, blend);
    for (int row = 0; row < tile.height; row++)
        for (int column = 0; column < tile.width; column++) {
            const int cell = column / N * PGS_TILE + row, lane = column % N;
            const ptrdiff_t at = ptrdiff_t(tile.top + row) * view.columns + tile.left + column;
            const float left = __builtin_fabsf(through[cell * N + lane]);
            for (int c = 0; c < 3; c++) view.rgb[3 * at + c] = blend.sums[cell][c][lane] + left * view.background[c];
            view.alpha[at] = 1 - left;
            if (PLANES == 4) view.depth[at] = blend.sums[cell][PLANES - 1][lane];
        }
}

} // namespace

void PGS_NAME(scene_blend)(const pgs_scene_tile *tile, const pgs_spot *spots, const pgs_scene_view *view) {
    if (view->depth) view->weight ? blend<4, true>(*tile, spots, *view) : blend<4, false>(*tile, spots, *view);
    else view->weight ? blend<3, true>(*tile, spots, *view) : blend<3, false>(*tile, spots, *view);
}
