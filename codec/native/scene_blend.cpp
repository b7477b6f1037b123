// A tile of the picture from its spots: colour on the background, alpha, depth, and how much each spot was seen.
#include "scene_walk.h"

namespace {

template <bool SEEN>
struct Blend {
    const pgs_scene_view &view;
    alignas(64) float sums[CELLS][4][N]; // red, green, blue, depth
    pgs_spot spot;
    F weight;
    I hits;

    PGS_INLINE void begin(int32_t, const pgs_spot &next) {
        spot = next;
        if (SEEN) weight = F{}, hits = I{};
    }

    PGS_INLINE void cell(int cell, F, F alpha, F before, F, float) {
        const F w = before * alpha;
        for (int c = 0; c < 3; c++) add(sums[cell][c], spot.colour[c] * w);
        add(sums[cell][3], spot.depth * w);
        if (SEEN) weight += w, hits -= alpha > 0.0f;
    }

    PGS_INLINE void end(int32_t i) {
        if (!SEEN) return;
        view.weight[i] = Wide::sum(weight);
        int32_t count = 0;
        for (int k = 0; k < N; k++) count += hits[k];
        view.hits[i] = count;
    }

    static PGS_INLINE void add(float *at, F v) { Wide::store(at, Wide::load(at) + v); }
};

template <bool SEEN>
void blend(const pgs_scene_tile &tile, const pgs_spot *spots, const pgs_scene_view &view) {
    alignas(64) float through[CELLS * N];
    Blend<SEEN> blend{view, {}, {}, {}, {}};
    walk_tile(tile, spots, through, blend);
    for (int row = 0; row < tile.height; row++)
        for (int column = 0; column < tile.width; column++) {
            const int cell = column / N * PGS_TILE + row, lane = column % N;
            const ptrdiff_t at = ptrdiff_t(tile.top + row) * view.columns + tile.left + column;
            const float left = __builtin_fabsf(through[cell * N + lane]);
            for (int c = 0; c < 3; c++) view.rgb[3 * at + c] = blend.sums[cell][c][lane] + left * view.background[c];
            view.alpha[at] = 1 - left;
            if (view.depth) view.depth[at] = blend.sums[cell][3][lane];
        }
}

} // namespace

void PGS_NAME(scene_blend)(const pgs_scene_tile *tile, const pgs_spot *spots, const pgs_scene_view *view) {
    if (view->weight) blend<true>(*tile, spots, *view);
    else blend<false>(*tile, spots, *view);
}
