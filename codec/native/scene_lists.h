// Spots sorted by depth, and for each tile the list of those that may reach it. Nothing here depends on the number of threads.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "pgs_kernel.h"

class SceneLists {
public:
    // `places`: entries_of will be asked for. Throws std::length_error if there would be more entries than memory may hold.
    SceneLists(const std::vector<pgs_spot> &spots, int32_t width, int32_t height, bool places, int threads);

    int tiles() const { return across_ * down_; }
    size_t entries() const { return listed_.size(); }
    int32_t seen() const { return int32_t(order_.size()); }
    // The seen splats from front to back, by rank; the kernels' orders are of ranks, so that memory is read forwards.
    const pgs_spot *spots() const { return sorted_.data(); }
    int32_t splat(int32_t rank) const { return order_[rank]; }
    size_t first(int tile) const { return starts_[tile]; }     // of the entries of a tile

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
    void sort(const std::vector<pgs_spot> &spots);
    void list();
    template <typename Visit>
    void each_tile(const pgs_spot &spot, const Visit &visit) const;

    int32_t width_, height_, across_, down_;
    bool places_;
    int threads_;
    std::vector<int32_t> order_;
    std::vector<pgs_spot> sorted_;
    std::vector<size_t> starts_;  // of tile t in listed_
    std::vector<int32_t> listed_; // ranks
    std::vector<size_t> place_;   // of rank r: entry_[place_[r] .. place_[r + 1] - 1]
    std::vector<uint32_t> entry_;
};
