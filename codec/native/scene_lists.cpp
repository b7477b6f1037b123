// Sorting of spots and lists of tiles, see scene_lists.h.
#include "scene_lists.h"

#include <atomic>
#include <cmath>
#include <cstring>
#include <new>
#include <stdexcept>
#include <utility>

#include "dispatch.h"

namespace {

constexpr size_t MOST_ENTRIES = size_t(1) << 28; // 2 GiB of them here, and 10 GiB of sums on the way back
constexpr float LOG2_255 = 7.99435344f; // what the peak of a spot is above the border of its support
constexpr int32_t MOST_PARTS = 64;

int32_t tile_at(float v, int32_t tiles) { // the tile of a pixel coordinate, at the ends of the range outside of it
    const float at = v * (1.0f / PGS_TILE);
    return at > 0 ? int32_t(std::min(at, float(tiles - 1))) : 0;
}

float square(float v) { return v * v; }

// The support at a distance of dy from the centre: its middle and half its width, with some slack for rounding.
struct Row {
    float middle, half;
    Row(const pgs_spot &s, float widest, float dy)
        : middle(s.x - s.k * dy),
          half(widest * std::sqrt(std::max(0.0f, 1 - square(dy / s.reach_y))) + 0.01f + 1e-4f * s.reach_x) {}
};

} // namespace

SceneLists::SceneLists(const std::vector<pgs_spot> &spots, int32_t width, int32_t height, bool places, int threads)
    : width_(width), height_(height), across_((width + PGS_TILE - 1) / PGS_TILE),
      down_((height + PGS_TILE - 1) / PGS_TILE), places_(places), threads_(std::max(threads, 1)) {
    sort(spots);
    list();
}

// By depth, then by index: positive floats are in the order of their bits.
void SceneLists::sort(const std::vector<pgs_spot> &spots) {
    constexpr int BITS = 11, SIZE = 1 << BITS;
    std::vector<uint64_t> keys, other;
    for (size_t n = 0; n < spots.size(); n++)
        if (spots[n].reach_x >= 0) {
            uint32_t bits;
            std::memcpy(&bits, &spots[n].depth, 4);
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
    sorted_.resize(keys.size());
    for (size_t i = 0; i < keys.size(); i++) sorted_[i] = spots[order_[i] = int32_t(uint32_t(keys[i]))];
}

// Calls visit(tile) for the tiles with the support in them, row by row: its part in a row of tiles is between the two points
// farthest left and right there, which are those of the ellipse or at the border of the row.
template <typename Visit>
void SceneLists::each_tile(const pgs_spot &s, const Visit &visit) const {
    const int32_t x0 = tile_at(s.x - s.reach_x, across_), x1 = tile_at(s.x + s.reach_x, across_);
    const int32_t y0 = tile_at(s.y - s.reach_y, down_), y1 = tile_at(s.y + s.reach_y, down_);
    if (x0 == x1 || y0 == y1) {
        for (int32_t y = y0; y <= y1; y++)
            for (int32_t x = x0; x <= x1; x++) visit(y * across_ + x);
        return;
    }
    const float leftmost = s.k * (s.reach_y * s.reach_y) / s.reach_x; // its dy; that of the point farthest right is opposite
    const float widest = std::sqrt(std::max(0.0f, s.peak + LOG2_255)) / s.l;
    for (int32_t y = y0; y <= y1; y++) {
        const float above = float(y * PGS_TILE) - s.y, below = above + PGS_TILE;
        const Row left(s, widest, std::clamp(leftmost, above, below)), right(s, widest, std::clamp(-leftmost, above, below));
        const int32_t from = std::max(x0, tile_at(left.middle - left.half, across_));
        const int32_t to = std::min(x1, tile_at(right.middle + right.half, across_));
        for (int32_t x = from; x <= to; x++) visit(y * across_ + x);
    }
}

// Each part of the order notes and counts its entries tile by tile, so that all parts can then put theirs into the lists.
void SceneLists::list() {
    struct Part {
        std::vector<size_t> next; // of each tile: the count of entries, then where the next one goes
        std::vector<int32_t> tiles;
    };
    const int32_t seen = this->seen(), tiles = this->tiles(), count = std::min(threads_, MOST_PARTS);
    std::vector<Part> parts(count);
    auto first = [&](int part) { return int32_t(int64_t(seen) * part / count); };
    place_.assign(size_t(seen) + 1, 0);
    std::atomic<bool> full{false}; // nothing may be thrown out of a thread
    pgs_parallel(count, threads_, [&](int p) {
        Part &part = parts[p];
        try {
            part.next.assign(tiles, 0);
            for (int32_t r = first(p); r < first(p + 1) && part.tiles.size() <= MOST_ENTRIES; r++) {
                const size_t before = part.tiles.size();
                each_tile(sorted_[r], [&](int32_t t) { part.next[t]++, part.tiles.push_back(t); });
                place_[r + 1] = part.tiles.size() - before;
            }
        } catch (const std::bad_alloc &) {
            full = true;
        }
    });
    if (full) throw std::bad_alloc();
    starts_.assign(size_t(tiles) + 1, 0);
    size_t sum = 0;
    for (int32_t t = 0; t < tiles; t++) {
        for (Part &part : parts) sum += std::exchange(part.next[t], sum);
        starts_[t + 1] = sum;
    }
    if (sum > MOST_ENTRIES) throw std::length_error("the splats cover too many tiles of the picture");
    for (int32_t r = 0; r < seen; r++) place_[r + 1] += place_[r];
    listed_.resize(sum);
    if (places_) entry_.resize(sum);
    pgs_parallel(count, threads_, [&](int p) {
        Part &part = parts[p];
        const int32_t *tile = part.tiles.data();
        for (int32_t r = first(p); r < first(p + 1); r++)
            for (size_t at = place_[r]; at < place_[r + 1]; at++) {
                const size_t entry = part.next[*tile++]++;
                listed_[entry] = r;
                if (places_) entry_[at] = uint32_t(entry);
            }
    });
}
