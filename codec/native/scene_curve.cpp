#include "scene_curve.h"

#include <cstring>
#include <numeric>

namespace pgs::scene {

namespace {

constexpr int FAR = 15; // octaves of squared distance, behind which all weigh alike

// Bit lengths of whole numbers below 2^53 that are kept as floats.
int octave_of(double square) {
    uint64_t bits;
    std::memcpy(&bits, &square, sizeof bits);
    return std::max(int(bits >> 52) - 1022, 0);
}

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

void Curve::resize(size_t n) {
    codes_.resize(n), order_.resize(n + NEAR, 0);
    for (auto &places : places_) places.resize(n + NEAR, 0);
}

void Curve::update(const Cube &cube, const int32_t *position, size_t n) {
    const size_t before = cube == cube_ ? codes_.size() : 0;
    cube_ = cube;
    const int64_t last = (int64_t(1) << cube.cube_bits) - 1;
    resize(n);
    for (size_t i = before; i < n; i++) {
        int64_t code = 0;
        for (int axis = 0; axis < AXES; axis++) {
            const int64_t local = std::clamp<int64_t>(position[AXES * i + size_t(axis)] - cube.origin[axis], 0, last);
            code |= spread3(local >> cube.leaf_bits) << axis;
            places_[axis][i] = int32_t(local >> cube.shift());
        }
        codes_[i] = code, order_[i] = uint32_t(i);
    }
    // A slice's splats lie in boxes that are in order: only in another cube they have to be sorted.
    if (!std::is_sorted(codes_.begin() + ptrdiff_t(before), codes_.end())) {
        std::vector<uint32_t> by(n - before);
        std::iota(by.begin(), by.end(), 0);
        std::stable_sort(by.begin(), by.end(), [&](uint32_t a, uint32_t b) { return codes_[before + a] < codes_[before + b]; });
        reorder(by, before, codes_, order_, places_[0], places_[1], places_[2]);
    }
    if (before && before < n) merge(before);
}

// Two sorted runs become one, from behind, so that a copy of the second one is enough.
void Curve::merge(size_t before) {
    const auto second = [&](auto &array) {
        return std::remove_reference_t<decltype(array)>(array.begin() + ptrdiff_t(before), array.begin() + ptrdiff_t(codes_.size()));
    };
    const auto codes = second(codes_);
    const auto order = second(order_);
    const std::vector<int32_t> places[] = {second(places_[0]), second(places_[1]), second(places_[2])};
    size_t a = before, b = codes.size();
    const auto take = [](auto &own, const auto &other, size_t from, size_t by, bool old) {
        own[from + by - 1] = *(old ? &own[from - 1] : &other[by - 1]);
    };
    while (a > 0 && b > 0) { // which one is next cannot be foretold, so nothing branches on it
        const bool old = codes_[a - 1] > codes[b - 1];
        take(codes_, codes, a, b, old);
        take(order_, order, a, b, old);
        for (int axis = 0; axis < AXES; axis++) take(places_[axis], places[axis], a, b, old);
        a -= old, b -= !old;
    }
    std::copy_n(codes.begin(), b, codes_.begin());
    std::copy_n(order.begin(), b, order_.begin());
    for (int axis = 0; axis < AXES; axis++) std::copy_n(places[axis].begin(), b, places_[axis].begin());
}

std::vector<Neighbours> Curve::neighbours(const Boxes &boxes) const {
    const int64_t count = int64_t(codes_.size());
    std::vector<Neighbours> out(boxes.code.size());
    int64_t at = 0, last = -1;
    for (size_t i = 0; i < out.size(); i++) {
        const int64_t code = boxes.code[i];
        if (code < last) at = 0;
        last = code;
        while (at < count && codes_[size_t(at)] < code) at++;
        double centre[AXES];
        for (int axis = 0; axis < AXES; axis++) {
            const int64_t corner = gather3(code >> axis) << cube_.leaf_bits, side = int64_t(1) << boxes.side_bits(i, axis, cube_.leaf_bits);
            centre[axis] = double((corner + (side >> 1)) >> cube_.shift());
        }
        const int64_t first = std::max<int64_t>(at - REACH, 0);
        const int there = int(std::min(at + REACH, count) - first);
        double square[NEAR] = {};
        for (int axis = 0; axis < AXES; axis++) {
            const int32_t *place = places_[axis].data() + first;
            for (int k = 0; k < NEAR; k++) {
                const double apart = place[k] - centre[axis]; // whole numbers, below 2^21
                square[k] += apart * apart;
            }
        }
        int octave[NEAR], nearest = 0;
        for (int k = 0; k < there; k++) {
            octave[k] = octave_of(square[k]);
            nearest = octave[k] < octave[nearest] ? k : nearest;
        }
        out[i] = {uint32_t(first), order_[size_t(first + nearest)], {}};
        for (int k = 0; k < there; k++) out[i].weight[k] = uint16_t(1 << FAR >> std::min(octave[k] - octave[nearest], FAR));
    }
    return out;
}

} // namespace pgs::scene
