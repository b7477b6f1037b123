// The splats that are decoded already, sorted along the curve, and who of them predicts whom (spec 10.5). Twin: neighbours.py.
#pragma once
#include "scene_tree.h"

namespace pgs::scene {

constexpr int REACH = 4, NEAR = 2 * REACH; // neighbours on either side along the curve

// The neighbours of a box: consecutive along the curve, from `first` on; weights 2^15 and less, 0 where there is none.
struct Neighbours {
    uint32_t first;
    uint32_t nearest; // a splat
    uint16_t weight[NEAR];
};

class Curve {
public:
    // Brings the set up to date: the first n splats, in a cube that is usually the one of the slice before.
    void update(const Cube &cube, const int32_t *position, size_t n);

    const std::vector<int64_t> &codes() const { return codes_; } // sorted; of equal codes the splat that came first
    const uint32_t *splats(const Neighbours &v) const { return order_.data() + v.first; } // also where the weight is 0
    bool empty() const { return codes_.empty(); }

    // Of all boxes; there is a splat.
    std::vector<Neighbours> neighbours(const Boxes &boxes) const;

private:
    void merge(size_t before);
    void resize(size_t n);

    Cube cube_{};
    std::vector<int64_t> codes_;
    std::vector<int32_t> places_[AXES]; // in the units of Cube::shift; padded like the order
    std::vector<uint32_t> order_; // and splat 0, as often as there may be neighbours that are none
};

} // namespace pgs::scene
