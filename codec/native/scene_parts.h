// The parts of a slice and what they share: the neighbours' means, and numbers on the way (spec 10.5). Twins: scene/slice.py and
// the modules that it calls.
#pragma once
#include "scene_slice.h"

namespace pgs::scene {

// `out` are the slice's rows of the state, which its parts write one after the other.
struct Slice {
    pgs_range_reader &data;
    const Header &h;
    const Angles &angles;
    Tables &tables;
    const Curve &lower;
    const State &known;
    const State out;
    const size_t n;
    const Boxes boxes;
    const std::vector<Neighbours> near; // empty: nothing predicts
    std::vector<int32_t> numbers;
    Scratch scratch;

    void scale();
    void opacity();
    void rotation();
    void place();
    void colour(const int16_t *codewords);
    void sh();

private:
    // Weighted mean of value(splat) among neighbours, rounded down.
    template <typename Value> int64_t mean(const Neighbours &v, const Value &value) const {
        const uint32_t *splats = lower.splats(v);
        int64_t sum = 0, total = 0;
        for (int k = 0; k < NEAR; k++) {
            sum += v.weight[k] * value(splats[k]);
            total += v.weight[k];
        }
        // Below 2^46 and 2^19, quotients below 2^28: what the division of floats loses never reaches the next integer.
        const int64_t quotient = int64_t(double(sum) / double(total));
        return quotient - (quotient * total > sum);
    }

    // The context of a difference from a prediction, by how many steps the neighbours' values lie from it.
    template <typename Value> int spread(const Neighbours &v, int64_t guess, int64_t step, const Value &value) const {
        const int64_t distance = mean(v, [&](uint32_t s) { return std::abs(value(s) - guess); });
        return std::min(bit_length(uint64_t(distance / step)), SPREADS - 2);
    }

    // The neighbours' mean of differences of scales in half octaves, the last of the contexts where there are none.
    template <typename Value> int look(size_t i, int contexts, const Value &value) const {
        if (near.empty()) return contexts - 1;
        return clip(mean(near[i], [&](uint32_t s) { return value(known.scale + AXES * size_t(s)); }) >> 11, 0, contexts - 2);
    }

    // Scales, Q12 octaves, of which none is below the finest that matters.
    void effective(size_t i, int64_t *scales) const {
        for (size_t k = 0; k < AXES; k++) scales[k] = std::max<int64_t>(out.scale[AXES * i + k], h.least());
    }

    int quarters(const Neighbours &v) const;
    void largest(std::vector<int32_t> &out);
    void lift(const std::vector<uint8_t> &roll, const std::vector<uint8_t> &tilt);
    void guess(size_t i);
    void choose();
};

} // namespace pgs::scene
