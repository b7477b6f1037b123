#include "scene_slice.h"

#include "scene_shape.h"

namespace pgs::scene {

namespace {

constexpr int CHOICE = 2, GREY = 1 << 15, MOST_PLACE_BITS = 16;

// The parts of a slice; `out` are its rows of the state.
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

    void opacity() {
        const int32_t last = (65535 + h.opacity_step - 1) / h.opacity_step;
        const auto context = [&](size_t i) {
            return near.empty() ? 4 : mean(near[i], [&](uint32_t s) { return int64_t(known.opacity[s]); }) >> 14;
        };
        read_numbers(data, tables.opacity, n, context, out.opacity, scratch);
        for (size_t i = 0; i < n; i++) {
            const int64_t value = int64_t(std::max(last - out.opacity[i], 0)) * h.opacity_step;
            out.opacity[i] = clip(value, FIRST_OPACITY, LAST_OPACITY);
        }
    }

    // Scales, largest first: the first against the neighbours' or the usual one, each other against the one before.
    void scale() {
        const int64_t step = int64_t(h.scale_step) << 6, usual = h.usual_scale * 1024 + h.unit * 4096;
        std::vector<int32_t> first(n, int32_t(floor_div(usual + step / 2, step))), second(n);
        const auto value = [&](uint32_t s) { return int64_t(known.scale[AXES * size_t(s)]); };
        const auto by_spread = [&](size_t i) {
            if (near.empty()) return SPREADS - 1;
            first[i] = int32_t(floor_div(mean(near[i], value) + step / 2, step));
            return spread(near[i], first[i] * step, step, value);
        };
        read_signed(data, tables.scale, n, by_spread, numbers.data(), scratch);
        for (size_t i = 0; i < n; i++) first[i] += numbers[i];
        read_numbers(data, tables.second, n, [](size_t) { return 0; }, second.data(), scratch);
        const auto by_second = [&](size_t i) { return std::min(bit_length(uint64_t(second[i])), 5); };
        read_numbers(data, tables.third, n, by_second, numbers.data(), scratch);
        for (size_t i = 0; i < n; i++) {
            const int64_t steps[] = {first[i], int64_t(first[i]) - second[i], int64_t(first[i]) - second[i] - numbers[i]};
            for (int k = 0; k < AXES; k++) out.scale[AXES * i + size_t(k)] = clip(steps[k] * step, -SCALE_LIMIT, SCALE_LIMIT);
        }
    }

    // Scales, Q12 octaves, of which none is below the finest that matters.
    void effective(size_t i, int64_t *scales) const {
        const int64_t least = h.finest_scale * 1024 + h.unit * 4096;
        for (size_t k = 0; k < AXES; k++) scales[k] = std::max<int64_t>(out.scale[AXES * i + k], least);
    }

    int quarters(const Neighbours &v) const { // of the nearest's direction
        const int32_t *r = known.rotation + AXES * size_t(v.nearest);
        return 4 * ((r[0] + 32768) >> 14) + ((r[1] + 32768) >> 14);
    }

    // Directions by the nearest's where both numbers have two bits or more: first the two upper bits of each, then the rest.
    void rotation() {
        std::vector<uint8_t> tilt(n), turn(n);
        {
            Reader reader(data);
            for (size_t i = 0; i < n; i++) {
                int64_t scales[AXES];
                effective(i, scales);
                tilt[i] = uint8_t(angle_bits(angles, h.rotation_precision, scales[0] - scales[2]));
                turn[i] = uint8_t(angle_bits(angles, h.rotation_precision, scales[0] - scales[1]));
                const int32_t both = tilt[i] >= 2 ? reader.symbol(tables.upper[near.empty() ? 16 : quarters(near[i])]) : 0;
                out.rotation[AXES * i] = both >> 2, out.rotation[AXES * i + 1] = both & 3;
            }
        }
        for (size_t axis = 0; axis < 2; axis++)
            read_bits(data, n, [&](size_t i) { return tilt[i] >= 2 ? tilt[i] - 2 : tilt[i]; }, [&](size_t i, int32_t low) {
                int32_t &place = out.rotation[AXES * i + axis];
                const int32_t index = (tilt[i] >= 2 ? place << (tilt[i] - 2) : 0) | low;
                place = ((2 * index + 1) << (15 - tilt[i])) - 32768;
            });
        read_bits(data, n, [&](size_t i) { return turn[i]; }, [&](size_t i, int32_t angle) {
            out.rotation[AXES * i + 2] = (2 * angle + 1) << (15 - turn[i]);
        });
    }

    // Positions inside the boxes, x, y and z one after the other.
    void place() {
        std::vector<uint8_t> widths(AXES * n);
        for (size_t i = 0; i < n; i++) {
            int64_t scales[AXES], exponents[AXES];
            effective(i, scales);
            place_exponents(angles, h, scales, out.rotation + AXES * i, exponents);
            for (int axis = 0; axis < AXES; axis++) {
                const int side = boxes.side_bits(i, axis, h.leaf_bits);
                widths[size_t(axis) * n + i] = uint8_t(clip(side - exponents[axis], 0, std::min(side, MOST_PLACE_BITS)));
            }
        }
        for (int axis = 0; axis < AXES; axis++) {
            const uint8_t *width = widths.data() + size_t(axis) * n;
            read_bits(data, n, [&](size_t i) { return width[i]; }, [&](size_t i, int32_t place) {
                const int rest = boxes.side_bits(i, axis, h.leaf_bits) - width[i];
                const int64_t corner = h.origin[axis] + (gather3(boxes.code[i] >> axis) << h.leaf_bits);
                const int64_t value = corner + (int64_t(place) << rest) + (int64_t(1) << rest >> 1);
                out.position[AXES * i + size_t(axis)] = clip(value, -POSITION_LIMIT, POSITION_LIMIT);
            });
        }
    }

    // What a colour is predicted as where nobody chooses: the neighbours' mean.
    void guess(size_t i) {
        int32_t *c = out.colour + 3 * i;
        c[0] = GREY, c[1] = c[2] = 0;
        for (size_t k = 0; k < 3 && !near.empty(); k++)
            c[k] = int32_t(mean(near[i], [&](uint32_t s) { return int64_t(known.colour[3 * size_t(s) + k]); }));
    }

    void choose() {
        Reader reader(data);
        for (size_t i = 0; i < n; i++) {
            guess(i);
            if (reader.symbol(tables.choice)) std::copy_n(known.colour + 3 * size_t(near[i].nearest), 3, out.colour + 3 * i);
        }
    }

    void colour(const int16_t *codewords) {
        const bool chosen = h.prediction == CHOICE && !near.empty();
        if (chosen) choose();
        const auto add = [&](size_t i, size_t k, int64_t difference) {
            int32_t &c = out.colour[3 * i + k];
            c = clip(c + difference, -COLOUR_LIMIT, COLOUR_LIMIT);
        };
        if (h.codebook_bits) {
            std::vector<uint16_t> table(size_t(1) << h.codebook_bits, 4);
            const std::vector<int32_t> context(n, 0);
            const int size = 1 << h.codebook_bits;
            if (pgs_range_decode(&data, table.data(), size, context.data(), ptrdiff_t(n), numbers.data())) throw Fault::no_symbol;
            for (size_t i = 0; i < n; i++) {
                if (!chosen) guess(i);
                for (size_t k = 0; k < 3; k++) add(i, k, codewords[3 * size_t(numbers[i]) + k] * 4);
            }
            return;
        }
        const auto luma = [&](uint32_t s) { return int64_t(known.colour[3 * size_t(s)]); };
        const auto by_spread = [&](size_t i) {
            if (!chosen) guess(i);
            return near.empty() ? SPREADS - 1 : spread(near[i], out.colour[3 * i], h.colour_steps[0], luma);
        };
        std::vector<uint8_t> before(n); // bit lengths of the differences of the component before
        for (size_t k = 0; k < 3; k++) {
            if (k == 0) read_signed(data, tables.colour[k], n, by_spread, numbers.data(), scratch);
            else read_signed(data, tables.colour[k], n, [&](size_t i) { return before[i]; }, numbers.data(), scratch);
            for (size_t i = 0; i < n; i++) {
                add(i, k, int64_t(numbers[i]) * h.colour_steps[k]);
                before[i] = uint8_t(std::min(bit_length(uint64_t(std::abs(numbers[i]))), 7));
            }
        }
    }

    // Further coefficients: whether a splat has any, then each of those, by how many of the last three were not 0.
    void sh() {
        const size_t row = 3 * out.rest;
        std::fill_n(out.sh, row * n, 0);
        const size_t degrees = out.rest == 15 ? 3 : out.rest == 8 ? 2 : out.rest == 3 ? 1 : 0;
        bool any = false;
        for (size_t d = 0; d < degrees; d++) any |= h.sh_steps[d][0] > 0;
        if (!any) return;
        std::vector<uint32_t> has;
        {
            Reader reader(data);
            for (size_t i = 0; i < n; i++)
                if (reader.symbol(tables.has_sh)) has.push_back(uint32_t(i));
        }
        std::vector<uint8_t> recent(has.size(), 0); // three bits, the last in bit 0
        constexpr uint8_t COUNT[] = {0, 1, 1, 2, 1, 2, 2, 3};
        for (size_t c = 0; c < 3; c++)
            for (size_t degree = 0, k = 0; degree < degrees; k += 2 * degree + 3, degree++) {
                const int64_t step = h.sh_steps[degree][c];
                for (size_t m = k; step && m < k + 2 * degree + 3; m++) {
                    const auto context = [&](size_t j) { return 4 * degree + COUNT[recent[j]]; };
                    read_signed(data, tables.sh[c], has.size(), context, numbers.data(), scratch);
                    for (size_t j = 0; j < has.size(); j++) {
                        const int64_t value = numbers[j];
                        recent[j] = uint8_t((2 * recent[j] + (value != 0)) & 7);
                        if (value) out.sh[row * has[j] + 3 * m + c] = clip(value * step, -COLOUR_LIMIT, COLOUR_LIMIT);
                    }
                }
            }
    }
};

State rows(const State &s, size_t from) {
    return {s.position + AXES * from, s.scale + AXES * from,  s.rotation + AXES * from,   s.opacity + from,
            s.colour + 3 * from,      s.sh + 3 * s.rest * from, s.rest};
}

} // namespace

void read_slice(pgs_range_reader &data, const Header &h, const Angles &angles, const int16_t *codewords, const Boxes *given,
                Tables &tables, const Curve &lower, const State &state, size_t known, size_t n) {
    Boxes boxes = given ? *given : read_boxes(data, n, h.cube_bits - h.leaf_bits, lower.codes(), tables);
    std::vector<Neighbours> near;
    if (h.prediction && !lower.empty()) near = lower.neighbours(boxes);
    Slice slice{data, h, angles, tables, lower, state, rows(state, known), n, std::move(boxes), std::move(near),
                std::vector<int32_t>(n), {}};
    slice.opacity();
    slice.scale();
    slice.rotation();
    slice.place();
    slice.colour(codewords);
    slice.sh();
}

} // namespace pgs::scene
