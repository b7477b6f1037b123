// Boxes of splats by the tree of counts in space (spec 10.4). The twin is scene/tree.py.
#pragma once
#include "scene_symbols.h"

namespace pgs::scene {

// One box for each splat, in the order of their codes: the first cell, and halvings that are left down to one cell.
struct Boxes {
    std::vector<int64_t> code;
    std::vector<uint8_t> height;

    // log2 of a side in grid units.
    int side_bits(size_t i, int axis, int leaf_bits) const { return leaf_bits + (height[i] + 2 - axis) / AXES; }
};

// Boxes of n splats; `lower` are the sorted codes of those that are decoded already.
Boxes read_boxes(pgs_range_reader &data, size_t n, int depth, const std::vector<int64_t> &lower, Tables &tables);

} // namespace pgs::scene
