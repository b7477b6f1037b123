// Spots sorted by depth, and for each tile the list of those that may reach it. Nothing here depends on the number of threads.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <utility>
#include <vector>

#include "dispatch.h"

class SceneLists {
public:
    // `places`: entries_of will be asked for.
    SceneLists(const std::vector<pgs_spot> &spots, int32_t width, int32_t height, bool places, int threads)
        : spots_(spots), width_(width), height_(height), across_((width + PGS_TILE - 1) / PGS_TILE),
          down_((height + PGS_TILE - 1) / PGS_TILE), places_(places), threads_(std::max(threads, 1)) {
        sort();
        list();
    }

    int tiles() const { return across_ * down_; }
    size_t entries() const { return listed_.size(); }
    int32_t seen() const { return int32_t(order_.size()); }
    int32_t splat(int32_t rank) const { return order_[rank]; } // of the seen ones, from front to back
    size_t first(int tile) const { return starts_[tile]; }

    pgs_scene_tile tile(int t) const {
        const int32_t left = t % across_ * PGS_TILE, top = t / across_ * PGS_TILE;
        return {left, top, std::min<int32_t>(PGS_TILE, width_ - left), std::min<int32_t>(PGS_TILE, height_ - top),
                listed_.data() + starts_[t], int32_t(starts_[t + 1] - starts_[t])};
    }

    // Calls use(entry) for the entries of a splat, tile after tile.
    template <typename Use>
    void entries_of(int32_t rank, const Use &use) const {
        for (size_t i = place_[rank]; i < place_[rank + 1]; i++) use(entry_[i]);
    }

private:
    static constexpr size_t MOST_ENTRIES = size_t(1) << 30;
    static constexpr float LOG2_255 = 7.99435344f; // what the peak of a spot is above the border of its support

    // By depth, then by index: positive floats are in the order of their bits.
    void sort() {
        constexpr int BITS = 11, SIZE = 1 << BITS;
        std::vector<uint64_t> keys, other;
        for (size_t n = 0; n < spots_.size(); n++)
            if (spots_[n].reach_x >= 0) {
                uint32_t bits;
                std::memcpy(&bits, &spots_[n].depth, 4);
                keys.push_back(uint64_t(bits) << 32 | n);
            }
        other.resize(keys.size());
        for (int shift = 32; shift < 64; shift += BITS) {
            std::vector<size_t> next(SIZE + 1);
            for (uint64_t key : keys) next[(key >> shift & (SIZE - 1)) + 1]++;
            for (int i = 0; i < SIZE; i++) next[i + 1] += next[i];
            for (uint64_t key : keys) other[next[key >> shift & (SIZE - 1)]++] = key;
            keys.swap(other);
        }
        order_.resize(keys.size());
        for (size_t i = 0; i < keys.size(); i++) order_[i] = int32_t(uint32_t(keys[i]));
    }

    static int32_t tile_at(float v, int32_t tiles) { // the tile of a pixel coordinate, at the ends of the range outside of it
        const float at = v / PGS_TILE;
        return at > 0 ? int32_t(std::min(at, float(tiles - 1))) : 0;
    }

    // Calls visit(tile) for the tiles with the support in them, row by row: its part in a row of tiles is between the two
    // points farthest left and right there, which are those of the ellipse or at the border of the row.
    template <typename Visit>
    void each_tile(const pgs_spot &s, const Visit &visit) const {
        const int32_t x0 = tile_at(s.x - s.reach_x, across_), x1 = tile_at(s.x + s.reach_x, across_);
        const int32_t y0 = tile_at(s.y - s.reach_y, down_), y1 = tile_at(s.y + s.reach_y, down_);
        const bool box = x0 == x1 || y0 == y1;
        const float farthest = s.k * (s.reach_y * s.reach_y) / s.reach_x; // minus dy of the point farthest right, see below
        const float half = std::sqrt(std::max(0.0f, s.peak + LOG2_255)) / s.l; // of the width at the height of the centre
        for (int32_t y = y0; y <= y1; y++) {
            int32_t from = x0, to = x1;
            if (!box) {
                const float above = float(y * PGS_TILE) - s.y, below = above + PGS_TILE;
                const float right = std::clamp(-farthest, above, below), left = std::clamp(farthest, above, below);
                from = std::max(from, tile_at(s.x - s.k * left - width_at(s, half, left), across_));
                to = std::min(to, tile_at(s.x - s.k * right + width_at(s, half, right), across_));
            }
            for (int32_t x = from; x <= to; x++) visit(y * across_ + x);
        }
    }

    static float square(float v) { return v * v; }
    // Half the width of the support at a distance of dy from its centre, with some slack for rounding.
    static float width_at(const pgs_spot &s, float half, float dy) {
        return half * std::sqrt(std::max(0.0f, 1 - square(dy / s.reach_y))) + 0.01f + 1e-4f * s.reach_x;
    }

    // Each part of the order counts its entries tile by tile, so that all parts can then fill in theirs.
    void list() {
        const int32_t seen = this->seen(), parts = std::min(threads_, 64), tiles = this->tiles();
        std::vector<std::vector<size_t>> next(parts);
        place_.assign(size_t(seen) + 1, 0);
        auto ranks = [&](int part, auto visit) {
            const int32_t end = int32_t(int64_t(seen) * (part + 1) / parts);
            for (int32_t r = int32_t(int64_t(seen) * part / parts); r < end; r++) visit(r, spots_[order_[r]]);
        };
        pgs_parallel(parts, threads_, [&](int part) {
            next[part].assign(tiles, 0);
            ranks(part, [&](int32_t r, const pgs_spot &s) {
                size_t count = 0;
                each_tile(s, [&](int32_t t) { next[part][t]++, count++; });
                place_[r + 1] = count;
            });
        });
        starts_.assign(size_t(tiles) + 1, 0);
        size_t sum = 0;
        for (int32_t t = 0; t < tiles; t++) {
            for (auto &counts : next) sum += std::exchange(counts[t], sum);
            starts_[t + 1] = sum;
        }
        if (sum > MOST_ENTRIES) throw std::length_error("the splats cover too many tiles of the picture");
        for (int32_t r = 0; r < seen; r++) place_[r + 1] += place_[r];
        listed_.resize(sum);
        if (places_) entry_.resize(sum);
        pgs_parallel(parts, threads_, [&](int part) {
            ranks(part, [&](int32_t r, const pgs_spot &s) {
                size_t at = place_[r];
                each_tile(s, [&](int32_t t) {
                    const size_t entry = next[part][t]++;
                    listed_[entry] = order_[r];
                    if (places_) entry_[at++] = uint32_t(entry);
                });
            });
        });
    }

    const std::vector<pgs_spot> &spots_;
    int32_t width_, height_, across_, down_;
    bool places_;
    int threads_;
    std::vector<int32_t> order_;
    std::vector<size_t> starts_;  // of tile t in listed_
    std::vector<int32_t> listed_; // splats
    std::vector<size_t> place_;   // of rank r: entry_[place_[r] .. place_[r + 1] - 1]
    std::vector<uint32_t> entry_;
};
