#include "scene_curve.h"

#include <numeric>

namespace pgs::scene {

namespace {

constexpr int FAR = 15; // octaves of squared distance, behind which all weigh alike

uint64_t packed(const int64_t *v) { return uint64_t(v[0]) | uint64_t(v[1]) << SIDE_BITS | uint64_t(v[2]) << 2 * SIDE_BITS; }

// The last runs of arrays that are sorted by the first of them become one.
template <typename... Arrays>
void reorder(const std::vector<uint32_t> &by, size_t from, Arrays &...arrays) {
    const auto one = [&](auto &array) {
        const std::remove_reference_t<decltype(array)> old(array.begin() + ptrdiff_t(from), array.end());
        for (size_t i = 0; i < by.size(); i++) array[from + i] = old[by[i]];
    };
    (one(arrays), ...);
}

} // namespace

void Curve::update(const Cube &cube, const int32_t *position, size_t n) {
    if (!(cube == cube_)) codes_.clear(), places_.clear(), order_.clear();
    cube_ = cube;
    const size_t before = codes_.size();
    const int64_t last = (int64_t(1) << cube.cube_bits) - 1;
    codes_.resize(n), places_.resize(n), order_.resize(n);
    for (size_t i = before; i < n; i++) {
        int64_t code = 0, place[AXES];
        for (int axis = 0; axis < AXES; axis++) {
            const int64_t local = std::clamp<int64_t>(position[AXES * i + axis] - cube.origin[axis], 0, last);
            code |= spread3(local >> cube.leaf_bits) << axis;
            place[axis] = local >> cube.shift();
        }
        codes_[i] = code, places_[i] = packed(place), order_[i] = uint32_t(i);
    }
    // A slice's splats lie in boxes that are in order: only in another cube they have to be sorted.
    if (!std::is_sorted(codes_.begin() + ptrdiff_t(before), codes_.end())) {
        std::vector<uint32_t> by(n - before);
        std::iota(by.begin(), by.end(), 0);
        std::stable_sort(by.begin(), by.end(), [&](uint32_t a, uint32_t b) { return codes_[before + a] < codes_[before + b]; });
        reorder(by, before, codes_, places_, order_);
    }
    if (before && before < n) merge(before);
    order_.resize(n + NEAR, 0);
}

// Two sorted runs become one, from behind, so that a copy of the shorter one is enough.
void Curve::merge(size_t before) {
    const auto tail = [&](auto &array) { return std::remove_reference_t<decltype(array)>(array.begin() + ptrdiff_t(before), array.end()); };
    const auto codes = tail(codes_);
    const auto places = tail(places_);
    const auto order = tail(order_);
    size_t a = before, b = codes.size();
    while (a > 0 && b > 0) { // which one is next cannot be foretold, so nothing branches on it
        const bool old = codes_[a - 1] > codes[b - 1];
        const size_t out = a + b - 1;
        codes_[out] = *(old ? &codes_[a - 1] : &codes[b - 1]);
        places_[out] = *(old ? &places_[a - 1] : &places[b - 1]);
        order_[out] = *(old ? &order_[a - 1] : &order[b - 1]);
        a -= old, b -= !old;
    }
    std::copy_n(codes.begin(), b, codes_.begin());
    std::copy_n(places.begin(), b, places_.begin());
    std::copy_n(order.begin(), b, order_.begin());
}

std::vector<Neighbours> Curve::neighbours(const Boxes &boxes) const {
    const int64_t count = int64_t(codes_.size());
    std::vector<Neighbours> out(boxes.code.size());
    const int32_t mask = (1 << SIDE_BITS) - 1;
    int64_t at = 0, last = -1;
    for (size_t i = 0; i < out.size(); i++) {
        const int64_t code = boxes.code[i];
        if (code < last) at = 0;
        last = code;
        while (at < count && codes_[size_t(at)] < code) at++;
        int32_t centre[AXES];
        for (int axis = 0; axis < AXES; axis++) {
            const int64_t corner = gather3(code >> axis) << cube_.leaf_bits, side = int64_t(1) << boxes.side_bits(i, axis, cube_.leaf_bits);
            centre[axis] = int32_t((corner + (side >> 1)) >> cube_.shift());
        }
        const int64_t first = std::max<int64_t>(at - REACH, 0);
        const int there = int(std::min(at + REACH, count) - first);
        int octave[NEAR], nearest = 0;
        for (int k = 0; k < there; k++) {
            const uint64_t place = places_[size_t(first + k)];
            const int64_t x = int32_t(place & mask) - centre[0], y = int32_t(place >> SIDE_BITS & mask) - centre[1],
                          z = int32_t(place >> 2 * SIDE_BITS) - centre[2];
            octave[k] = bit_length(uint64_t(x * x + y * y + z * z));
            nearest = octave[k] < octave[nearest] ? k : nearest;
        }
        out[i] = {uint32_t(first), order_[size_t(first + nearest)], {}};
        for (int k = 0; k < there; k++) out[i].weight[k] = uint16_t(1 << FAR >> std::min(octave[k] - octave[nearest], FAR));
    }
    return out;
}

} // namespace pgs::scene
