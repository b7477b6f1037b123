// A picture in tiles, each with the list of splats whose support may reach it: what a tile needs stays in the second-level cache.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "pgs_kernel.h"

class Tiles {
public:
    // Neither the tiles nor the order in a list depends on the number of threads, so neither do any sums.
    Tiles(const pgs_grid_f32 &grid, const pgs_splats_f32 &splats) : grid_(grid), layers_(splats.layers), components_(splats.components) {
        across_ = (grid.width + MOST_COLUMNS - 1) / MOST_COLUMNS;
        columns_ = across_ ? (grid.width + across_ - 1) / across_ : 0;
        const int64_t row = int64_t(4) * splats.layers * splats.components * row_floats();
        rows_ = row ? int32_t(std::min<int64_t>(64, std::max<int64_t>(8, BYTES / row))) : 1;
        down_ = columns_ ? (grid.height + rows_ - 1) / rows_ : 0;
        list(splats);
    }

    int count() const { return across_ * down_; }
    int32_t left(int tile) const { return tile % across_ * columns_; }
    int32_t top(int tile) const { return tile / across_ * rows_; }
    // Where in the lists of all tiles that of a tile begins.
    int32_t first(int tile) const { return starts_[size_t(tile) * layers_]; }
    int32_t entries() const { return int32_t(splat_.size()); }

    // Planes of a tile in work space, all zero: the components of a row follow each other, and an odd number of cache lines
    // from one to the next keeps what is above each other out of the same places of the cache.
    pgs_planes planes(std::vector<float> &work) const {
        const ptrdiff_t row = row_floats() * components_, layer = row * rows_;
        work.resize(size_t(layer) * layers_ + LINE);
        float *data = work.data() + (-(reinterpret_cast<uintptr_t>(work.data()) / 4) & (LINE - 1));
        std::memset(data, 0, size_t(layer) * layers_ * sizeof(float));
        return {data, row, row_floats(), layer};
    }

    // The tile as a grid of its own.
    pgs_grid_f32 grid(int tile) const {
        const int32_t x = left(tile), y = top(tile);
        return {std::min(columns_, grid_.width - x), std::min(rows_, grid_.height - y), grid_.step_x, grid_.step_y,
                grid_.origin_x + float(x) * grid_.step_x, grid_.origin_y + float(y) * grid_.step_y};
    }

    // Splats of a tile: entry i of its list is the splat order[i], those of layer k are starts[k] .. starts[k + 1] - 1.
    pgs_splats_f32 splats(int tile, const pgs_splats_f32 &all, std::vector<int32_t> &starts) const {
        starts.resize(layers_ + 1);
        for (int32_t k = 0; k <= layers_; k++) starts[k] = starts_[size_t(tile) * layers_ + k] - first(tile);
        return {all.geometry, all.colour, starts.data(), splat_.data() + first(tile), all.layers, all.components};
    }

    // The splat of an entry.
    int32_t splat(int32_t entry) const { return splat_[entry]; }

private:
    static constexpr int32_t MOST_COLUMNS = 256, LINE = 16; // floats
    static constexpr int64_t BYTES = 640 << 10; // of the sums of a tile; many rows at once cost less than they take of the cache
    struct Box { int32_t x0, x1, y0, y1; };     // tiles, inclusive; none if y1 < y0

    int32_t row_floats() const { return (columns_ + LINE - 1) / LINE * LINE | LINE; }

    Box box(const float *g) const {
        const float a = g[2], b = g[3], c = g[4], across = std::sqrt(PGS_SUPPORT) / a;
        const float along = std::sqrt(PGS_SUPPORT * (a * a + c * c)) / (a * b);
        if (!(across >= 0 && across < 1e9f && along >= 0 && along < 1e9f)) return {0, -1, 0, -1};
        Box out;
        range(g[0] - grid_.origin_x, across, grid_.step_x, columns_, across_, out.x0, out.x1);
        range(g[1] - grid_.origin_y, along, grid_.step_y, rows_, down_, out.y0, out.y1);
        if (out.x1 < out.x0) out.y1 = out.y0 - 1;
        return out;
    }

    // Tiles from sample (middle - reach) / step to (middle + reach) / step, with some slack for rounding.
    static void range(float middle, float reach, float step, int32_t size, int32_t tiles, int32_t &first, int32_t &last) {
        const float slack = 0.1f, scale = 1 / (step * float(size)), most = float(tiles);
        const float a = (middle - reach - slack * step) * scale, b = (middle + reach + slack * step) * scale;
        first = a > 0 ? int32_t(std::min(a, most)) : 0;
        last = b < 0 ? -1 : int32_t(std::min(b, most - 1));
    }

    // Splats of each layer sorted by their column, so that the samples of one are in the first-level cache after another.
    std::vector<int32_t> from_left(const pgs_splats_f32 &splats) const {
        constexpr float STRIP = 8; // columns that count as one
        const int32_t strips = grid_.width / int32_t(STRIP) + 1;
        const float scale = 1 / (STRIP * grid_.step_x);
        std::vector<int32_t> order(splats.starts[layers_]), strip(order.size()), next;
        for (int32_t k = 0; k < layers_; k++) {
            const int32_t first = splats.starts[k], last = splats.starts[k + 1];
            next.assign(size_t(strips) + 1, first);
            for (int32_t i = first; i < last; i++) {
                const float place = (splats.geometry[5 * ptrdiff_t(i)] - grid_.origin_x) * scale;
                strip[i] = place > 0 ? int32_t(std::min(place, float(strips - 1))) : 0;
                next[strip[i] + 1]++;
            }
            for (int32_t s = 1; s < strips; s++) next[s + 1] += next[s] - first;
            for (int32_t i = first; i < last; i++) order[next[strip[i]]++] = i;
        }
        return order;
    }

    void list(const pgs_splats_f32 &splats) {
        struct Visit { int32_t splat, list; };
        std::vector<Visit> visits; // noted once: loops over a few tiles are mispredicted
        visits.reserve(size_t(splats.starts[layers_]) * 3 / 2);
        starts_.assign(size_t(count()) * layers_ + 1, 0);
        const std::vector<int32_t> order = from_left(splats);
        for (int32_t k = 0; k < layers_; k++)
            for (int32_t place = splats.starts[k]; place < splats.starts[k + 1]; place++) {
                const int32_t n = order[place];
                const Box b = box(splats.geometry + 5 * ptrdiff_t(n));
                for (int32_t y = b.y0; y <= b.y1; y++)
                    for (int32_t x = b.x0; x <= b.x1; x++) visits.push_back({n, (y * across_ + x) * layers_ + k});
            }
        for (const Visit &v : visits) starts_[v.list + 1]++;
        for (size_t i = 1; i < starts_.size(); i++) starts_[i] += starts_[i - 1];
        splat_.resize(visits.size());
        std::vector<int32_t> next(starts_.begin(), starts_.end() - 1);
        for (const Visit &v : visits) splat_[next[v.list]++] = v.splat;
    }

    pgs_grid_f32 grid_;
    int32_t layers_, components_, across_, columns_, rows_, down_;
    std::vector<int32_t> starts_; // of layer k of tile t at t * layers + k, in splat_
    std::vector<int32_t> splat_;
};
