// The walk over the spots of a tile from front to back, pixel rows in lanes; blending and its gradients do the same.
//
// A pixel with transmittance T takes alpha = min(0.999, 2^(peak - u^2 - m dy^2)) where that is at least 1/255, and T becomes
// T (1 - alpha); the spot that would bring T to 1e-4 or less is not drawn, nor is any behind it, as in gsplat.
#pragma once
#include "scene_pose.h"

namespace {

constexpr int N = LANES, GROUPS = PGS_TILE / N, CELLS = GROUPS * PGS_TILE; // a cell is N pixels of a row
constexpr int32_t AHEAD_SPOTS = 8; // fetched into the cache
constexpr float MOST_ALPHA = 0.999f, LEAST_THROUGH = 1e-4f;

inline int32_t limited(float v, float low, float high) { return int32_t(between(v, low, high)); }

// For each spot a new Visit::Sum, then visit.cell(cell, spot, sum, hit, full, alpha, before, u, dy) for cells with a pixel of the
// support, hit: `full` is alpha before its limit, `alpha` is 0 in the other lanes, `before` is T; and visit.end(i, sum). A cell's
// number is group * PGS_TILE + row. Leaves T in `through`, negative where a pixel ended early or is outside.
// Visit::Sum is a local variable of the walk, so that it stays in registers.
template <typename Visit>
PGS_INLINE void walk_tile(const pgs_scene_tile &tile, const pgs_spot *spots, float *through, Visit &visit) {
    uint32_t live[GROUPS]; // rows with pixels that still let light through
    for (int g = 0; g < GROUPS; g++) {
        const I inside = index() < tile.width - g * N;
        const F start = inside ? F{} + 1.0f : F{} - 1.0f;
        for (int row = 0; row < PGS_TILE; row++) store(through + (g * PGS_TILE + row) * N, start);
        live[g] = tile.width > g * N ? (1u << tile.height) - 1 : 0;
    }
    for (int32_t i = 0; i < tile.count; i++) {
        const pgs_spot spot = spots[tile.order[i]];
        if (i + AHEAD_SPOTS < tile.count) __builtin_prefetch(spots + tile.order[i + AHEAD_SPOTS]);
        const float x = spot.x - float(tile.left) - 0.5f, y = spot.y - float(tile.top) - 0.5f; // from the first pixel
        const int32_t top = limited(y - spot.reach_y + 1, 0, PGS_TILE), end = limited(y + spot.reach_y + 1, 0, PGS_TILE);
        const int32_t first = limited(x - spot.reach_x + 1, 0, PGS_TILE - 1), last = limited(x + spot.reach_x, 0, PGS_TILE - 1);
        const uint32_t rows = ((1u << end) - 1) & ~((1u << top) - 1);
        typename Visit::Sum sum = {};
        uint32_t left = 0;
        for (int g = 0; g < GROUPS; g++) {
            left |= live[g];
            if (GROUPS > 1 && (g < first / N || g > last / N)) continue;
            const F dx = (float(g * N) - x) + ramp(1.0f), along = spot.l * dx;
            for (uint32_t todo = rows & live[g]; todo; todo &= todo - 1) {
                const int row = __builtin_ctz(todo), cell = g * PGS_TILE + row;
                const float dy = float(row) - y;
                const F u = along + spot.l * spot.k * dy, power = (spot.peak - spot.m * dy * dy) - u * u;
                const F before = load(through + cell * N);
                Mask hit = at_least(power, LEAST) & above(before, 0);
                if (!any(hit)) continue;
                const F full = exp2_of(power), alpha = full < MOST_ALPHA ? full : F{} + MOST_ALPHA;
                const F after = before - before * alpha;
                const Mask goes_on = hit & above(after, LEAST_THROUGH);
                F rest = choose(hit, after, before);
                if (__builtin_expect(any(hit ^ goes_on), 0)) {
                    rest = choose(hit ^ goes_on, -before, rest);
                    hit = goes_on;
                    if (!any(above(rest, 0))) live[g] &= ~(1u << row);
                }
                store(through + cell * N, rest);
                visit.cell(cell, spot, sum, hit, full, keep(hit, alpha), before, u, dy);
            }
        }
        visit.end(i, sum);
        if (!left) return;
    }
}

} // namespace
