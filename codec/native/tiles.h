// A picture in tiles, each with a part of every octave (spec 8.5 to 8.7) and the lists of splats whose support may reach it: what a
// tile needs stays in the second-level cache. Of the coarser octaves the part overlaps with those of other tiles, as far as
// samples of the tile take from theirs: little, and so nothing has to be exchanged between tiles.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "pgs_kernel.h"

// The octave of a splat: the last one in which it is not too small. Not a number: 0.
inline int octave_of(const float *g, double step_x, double step_y) {
    const double a = g[2], b = g[3], c = g[4], trace = (a * a + c * c) * (step_x * step_x) + b * b * (step_y * step_y);
    int octave = 0;
    for (int j = 1; j < PGS_OCTAVES; j++) octave += trace * double(1 << 2 * j) <= 0.5;
    return octave;
}

// The samples of an octave lie amid those of octave 0.
inline pgs_grid_f32 octave_grid(const pgs_grid_f32 &g, int octave) {
    const int32_t scale = 1 << octave, more = scale - 1;
    const float between = float(more) / 2;
    return {(g.width + more) >> octave, (g.height + more) >> octave, g.step_x * float(scale), g.step_y * float(scale),
            g.origin_x + between * g.step_x, g.origin_y + between * g.step_y};
}

// Samples of an octave.
struct Part { int32_t x, y, width, height; };

class Tiles {
public:
    static constexpr int32_t LINE = 16, PAIR = 2 * LINE; // floats: a cache line, and columns whose coarse samples fill one

    // Neither the tiles nor the order in a list depends on the number of threads, so neither do any sums.
    Tiles(const pgs_grid_f32 &grid, const pgs_splats_f32 &splats) : layers_(splats.layers), components_(splats.components) {
        for (int j = 0; j < PGS_OCTAVES; j++) grids_[j] = octave_grid(grid, j);
        const int32_t most = std::max(1, (grid.width + PGS_TILE_COLUMNS - 1) / PGS_TILE_COLUMNS);
        columns_ = std::max(PAIR, up_to((grid.width + most - 1) / most, PAIR));
        across_ = (grid.width + columns_ - 1) / columns_;
        const int64_t row = int64_t(4) * splats.layers * splats.components * columns_;
        rows_ = int32_t(std::min<int64_t>(MOST_ROWS, std::max<int64_t>(8, BYTES / std::max<int64_t>(1, row) & -8)));
        down_ = (grid.height + rows_ - 1) / rows_;
        list(splats);
    }

    static int32_t up_to(int32_t n, int32_t multiple) { return (n + multiple - 1) / multiple * multiple; }

    int count() const { return across_ * down_; }
    // Up to the last one with splats.
    int octaves() const { return octaves_; }
    int32_t entries() const { return int32_t(splat_.size()); }
    // The splat of an entry.
    int32_t splat(int32_t entry) const { return splat_[entry]; }
    // Where the list of an octave of a tile begins in those of all.
    int32_t first(int tile, int octave) const { return starts_[list_of(tile, octave, 0)]; }

    // Splats of an octave of a tile, with the gain of planes that are enlarged without products: entry i of its list is the
    // splat order[i], those of layer k are starts[k] .. starts[k + 1] - 1.
    pgs_splats_f32 splats(int tile, int octave, const pgs_splats_f32 &all, std::vector<int32_t> &starts) const {
        starts.resize(layers_ + 1);
        for (int32_t k = 0; k <= layers_; k++) starts[k] = starts_[list_of(tile, octave, k)] - first(tile, octave);
        return {all.geometry, all.colour, starts.data(), splat_.data() + first(tile, octave),
                1 / float(1 << 4 * octave), all.layers, all.components};
    }

    // Of an octave the samples of a tile: of octave 0 its own, then those that the ones of the octave before take from, and
    // more, so that all begin at even rows and columns.
    Part part(int tile, int octave) const {
        const int32_t x = tile % across_ * columns_, y = tile / across_ * rows_;
        Part p{x, y, std::min(columns_, grids_[0].width - x), std::min(rows_, grids_[0].height - y)};
        for (int j = 1; j <= octave; j++) {
            const int32_t right = std::min((p.x + p.width) / 2 + 1, grids_[j].width);
            const int32_t bottom = std::min((p.y + p.height) / 2 + 1, grids_[j].height);
            p.x = std::max(0, p.x / 2 - 1) & -2, p.y = std::max(0, p.y / 2 - 1) & -2;
            p.width = right - p.x, p.height = bottom - p.y;
        }
        return p;
    }

    // These samples as a grid of their own.
    pgs_grid_f32 grid(int tile, int octave) const {
        const Part p = part(tile, octave);
        const auto &g = grids_[octave];
        return {p.width, p.height, g.step_x, g.step_y, g.origin_x + float(p.x) * g.step_x, g.origin_y + float(p.y) * g.step_y};
    }

    // Planes for the samples of any tile, `floats` of them. The components of a row follow each other, and an odd number of
    // cache lines from one to the next keeps what is above each other out of the same places of the cache.
    pgs_planes planes(float *data, int octave) const {
        const int32_t more = octave ? MARGIN + LINE : 0; // what the octave before takes from, and whole vectors
        const ptrdiff_t component = up_to((columns_ >> octave) + more, PAIR) | LINE, row = component * components_;
        return {data, row, component, row * ((rows_ >> octave) + MARGIN)};
    }
    size_t floats(int octave) const { return size_t(planes(nullptr, octave).layer) * layers_; }

private:
    static constexpr int32_t MARGIN = 4, MOST_ROWS = 128;
    static constexpr int64_t BYTES = 1280 << 10; // of the sums of a tile, most of which are never written
    struct Box { int32_t x0, x1, y0, y1; };      // tiles, inclusive; none if y1 < y0

    size_t list_of(int tile, int octave, int32_t layer) const { return (size_t(tile) * octaves_ + octave) * layers_ + layer; }

    Box box(const float *g, int octave) const {
        const float a = g[2], b = g[3], c = g[4], across = std::sqrt(PGS_SUPPORT) / a;
        const float along = std::sqrt(PGS_SUPPORT * (a * a + c * c)) / (a * b);
        if (!(across >= 0 && across < 1e9f && along >= 0 && along < 1e9f)) return {0, -1, 0, -1};
        const auto &grid = grids_[octave];
        const float more = octave ? 1.1f : 0.1f; // a sample of neighbours, and some slack for rounding
        Box out;
        range(g[0] - grid.origin_x, across + more * grid.step_x, grid.step_x * float(columns_ >> octave), across_, out.x0, out.x1);
        range(g[1] - grid.origin_y, along + more * grid.step_y, grid.step_y * float(rows_ >> octave), down_, out.y0, out.y1);
        if (out.x1 < out.x0) out.y1 = out.y0 - 1;
        return out;
    }

    // Tiles from (middle - reach) / size to (middle + reach) / size.
    static void range(float middle, float reach, float size, int32_t tiles, int32_t &first, int32_t &last) {
        const float scale = 1 / size, most = float(tiles), a = (middle - reach) * scale, b = (middle + reach) * scale;
        first = a > 0 ? int32_t(std::min(a, most)) : 0;
        last = b < 0 ? -1 : int32_t(std::min(b, most - 1));
    }

    // Splats of each layer sorted by their column, so that the samples of one are in the first-level cache after another.
    std::vector<int32_t> from_left(const pgs_splats_f32 &splats) const {
        constexpr float STRIP = 8; // columns that count as one
        const auto &grid = grids_[0];
        const int32_t strips = grid.width / int32_t(STRIP) + 1;
        const float scale = 1 / (STRIP * grid.step_x);
        std::vector<int32_t> order(splats.starts[layers_]), strip(order.size()), next;
        for (int32_t k = 0; k < layers_; k++) {
            const int32_t first = splats.starts[k], last = splats.starts[k + 1];
            next.assign(size_t(strips) + 1, first);
            for (int32_t i = first; i < last; i++) {
                const float place = (splats.geometry[5 * ptrdiff_t(i)] - grid.origin_x) * scale;
                strip[i] = place > 0 ? int32_t(std::min(place, float(strips - 1))) : 0;
                next[strip[i] + 1]++;
            }
            for (int32_t s = 1; s < strips; s++) next[s + 1] += next[s] - first;
            for (int32_t i = first; i < last; i++) order[next[strip[i]]++] = i;
        }
        return order;
    }

    void list(const pgs_splats_f32 &splats) {
        const int32_t all = splats.starts[layers_];
        std::vector<uint8_t> octave(all);
        octaves_ = 1;
        for (int32_t n = 0; n < all; n++) {
            octave[n] = uint8_t(octave_of(splats.geometry + 5 * ptrdiff_t(n), grids_[0].step_x, grids_[0].step_y));
            octaves_ = std::max(octaves_, octave[n] + 1);
        }
        struct Visit { int32_t splat, list; };
        std::vector<Visit> visits; // noted once: loops over a few tiles are mispredicted
        visits.reserve(size_t(all) * 2);
        starts_.assign(list_of(count(), 0, 0) + 1, 0);
        const std::vector<int32_t> order = from_left(splats);
        for (int32_t k = 0; k < layers_; k++)
            for (int32_t place = splats.starts[k]; place < splats.starts[k + 1]; place++) {
                const int32_t n = order[place];
                const Box b = box(splats.geometry + 5 * ptrdiff_t(n), octave[n]);
                for (int32_t y = b.y0; y <= b.y1; y++)
                    for (int32_t x = b.x0; x <= b.x1; x++)
                        visits.push_back({n, int32_t(list_of(y * across_ + x, octave[n], k))});
            }
        for (const Visit &v : visits) starts_[v.list + 1]++;
        for (size_t i = 1; i < starts_.size(); i++) starts_[i] += starts_[i - 1];
        splat_.resize(visits.size());
        std::vector<int32_t> next(starts_.begin(), starts_.end() - 1);
        for (const Visit &v : visits) splat_[next[v.list]++] = v.splat;
    }

    pgs_grid_f32 grids_[PGS_OCTAVES];
    int32_t layers_, components_, across_, columns_, rows_, down_, octaves_;
    std::vector<int32_t> starts_; // of layer k of octave j of tile t at (t * octaves + j) * layers + k, in splat_
    std::vector<int32_t> splat_;
};
