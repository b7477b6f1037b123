#include "scene_slice.h"

#include "scene_shape.h"

namespace pgs::scene {

namespace {

constexpr int CHOICE = 2, GREY = 1 << 15, MOST_PLACE_BITS = 16, QUARTER_TURN = 1 << 15, LARGE = 127;

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

    // The neighbours' mean of differences of scales in half octaves, the last of the contexts where there are none.
    template <typename Value> int look(size_t i, int contexts, const Value &value) const {
        if (near.empty()) return contexts - 1;
        return clip(mean(near[i], [&](uint32_t s) { return value(known.scale + AXES * size_t(s)); }) >> 11, 0, contexts - 2);
    }

    // The largest scales in steps, against the neighbours' or the usual one; where these are large for the box, it is likely less.
    void largest(std::vector<int32_t> &out) {
        const int64_t step = h.scale_step * 64;
        std::vector<uint8_t> above(n);
        const auto value = [&](uint32_t s) { return int64_t(known.scale[AXES * size_t(s)]); };
        const auto by_spread = [&](size_t i) {
            const int64_t middle = near.empty() ? h.usual() : mean(near[i], value);
            int sides = 0;
            for (int axis = 0; axis < AXES; axis++) sides += boxes.side_bits(i, axis, h.leaf_bits);
            above[i] = uint8_t(clip(((middle - sides * 4096 / AXES - h.unit * 4096) >> 12) + ABOVE / 2, 0, ABOVE - 1));
            out[i] = int32_t(floor_div(middle + step / 2, step));
            return near.empty() ? SPREADS - 1 : spread(near[i], out[i] * step, step, value);
        };
        read_numbers(data, tables.scale, n, by_spread, numbers.data(), scratch);
        Reader reader(data);
        for (size_t i = 0; i < n; i++)
            if (numbers[i]) out[i] += reader.symbol(tables.less[above[i]]) ? -numbers[i] : numbers[i];
    }

    // The others: the middle against the largest, the smallest against the finest that matters, which it often is.
    void scale() {
        const int64_t step = h.scale_step * 64, usual = h.usual(), least = h.least();
        std::vector<int32_t> first(n), second(n);
        std::vector<uint32_t> thick;
        std::vector<uint8_t> context(n);
        largest(first);
        const auto by_largest = [&](size_t i) {
            const int level = clip(((first[i] * step - usual) >> 11) + LEVELS / 2, 0, LEVELS - 1);
            return LOOKS * level + look(i, LOOKS, [](const int32_t *scales) { return int64_t(scales[0]) - scales[1]; });
        };
        read_numbers(data, tables.second, n, by_largest, second.data(), scratch);
        {
            Reader reader(data);
            for (size_t i = 0; i < n; i++) {
                second[i] = first[i] - second[i];
                const int height = clip((second[i] * step - least) >> 11, 0, HEIGHTS - 1);
                const int thin = look(i, THICKNESSES, [&](const int32_t *scales) { return scales[2] - least; });
                context[i] = uint8_t(THICKNESSES * height + thin);
                if (!reader.symbol(tables.thin[context[i]])) thick.push_back(uint32_t(i));
            }
        }
        const auto by_height = [&](size_t j) { return context[thick[j]]; };
        read_numbers(data, tables.third, thick.size(), by_height, numbers.data(), scratch);
        const int64_t floor = floor_div(least + step / 2, step);
        size_t j = 0;
        for (size_t i = 0; i < n; i++) {
            const int64_t more = j < thick.size() && thick[j] == i ? 1 + numbers[j++] : 0;
            const int64_t steps[] = {first[i], second[i], std::min<int64_t>(second[i], floor + more)};
            for (int k = 0; k < AXES; k++) out.scale[AXES * i + size_t(k)] = clip(steps[k] * step, -SCALE_LIMIT, SCALE_LIMIT);
        }
    }

    void opacity() {
        const int32_t last = (65535 + h.opacity_step - 1) / h.opacity_step;
        const auto context = [&](size_t i) {
            const int64_t seen = near.empty() ? 4 : mean(near[i], [&](uint32_t s) { return int64_t(known.opacity[s]); }) >> 14;
            return SIZES * seen + clip(((out.scale[AXES * i] - h.usual()) >> 12) + SIZES / 2, 0, SIZES - 1);
        };
        read_numbers(data, tables.opacity, n, context, out.opacity, scratch);
        for (size_t i = 0; i < n; i++) {
            const int64_t value = int64_t(std::max(last - out.opacity[i], 0)) * h.opacity_step;
            out.opacity[i] = clip(value, FIRST_OPACITY, LAST_OPACITY);
        }
    }

    // Scales, Q12 octaves, of which none is below the finest that matters.
    void effective(size_t i, int64_t *scales) const {
        for (size_t k = 0; k < AXES; k++) scales[k] = std::max<int64_t>(out.scale[AXES * i + k], h.least());
    }

    int quarters(const Neighbours &v) const { // of the nearest's direction
        const int32_t *r = known.rotation + ROTATION * size_t(v.nearest);
        return 4 * ((r[0] + 32768) >> 14) + ((r[1] + 32768) >> 14);
    }

    // Directions by the nearest's where both numbers have two bits or more: first the two upper bits of each, then the rest.
    // Then the largest axis' angles about them, and lifts.
    void rotation() {
        std::vector<uint8_t> roll(n), tilt(n), turn(n);
        {
            Reader reader(data);
            for (size_t i = 0; i < n; i++) {
                int64_t scales[AXES];
                effective(i, scales);
                roll[i] = uint8_t(angle_bits(angles, h.rotation_precision, scales[1] - scales[2]));
                tilt[i] = uint8_t(angle_bits(angles, h.rotation_precision, scales[0] - scales[2]));
                turn[i] = uint8_t(angle_bits(angles, h.rotation_precision, scales[0] - scales[1]));
                const int32_t both = roll[i] >= 2 ? reader.symbol(tables.upper[near.empty() ? 16 : quarters(near[i])]) : 0;
                int32_t *r = out.rotation + ROTATION * i;
                r[0] = both >> 2, r[1] = both & 3, r[3] = 0;
            }
        }
        for (size_t axis = 0; axis < 2; axis++)
            read_bits(data, n, [&](size_t i) { return roll[i] >= 2 ? roll[i] - 2 : roll[i]; }, [&](size_t i, int32_t low) {
                int32_t &place = out.rotation[ROTATION * i + axis];
                const int32_t index = (roll[i] >= 2 ? place << (roll[i] - 2) : 0) | low;
                place = ((2 * index + 1) << (15 - roll[i])) - 32768;
            });
        read_bits(data, n, [&](size_t i) { return turn[i]; }, [&](size_t i, int32_t angle) {
            out.rotation[ROTATION * i + 2] = (2 * angle + 1) << (15 - turn[i]);
        });
        lift(roll, tilt);
    }

    // Three bits by a table, or as many as there are, then the rest.
    void lift(const std::vector<uint8_t> &roll, const std::vector<uint8_t> &tilt) {
        std::vector<uint32_t> lifted;
        lifted.reserve(n);
        {
            Reader reader(data);
            for (size_t i = 0; i < n; i++) {
                if (tilt[i] <= roll[i]) continue;
                out.rotation[ROTATION * i + 3] = reader.symbol(tables.lift[tilt[i] - roll[i] - 1]);
                lifted.push_back(uint32_t(i));
            }
        }
        const auto rest = [&](size_t j) { return std::max(tilt[lifted[j]] - roll[lifted[j]] + 1 - LIFT_BITS, 0); };
        read_bits(data, lifted.size(), rest, [&](size_t j, int32_t low) {
            const size_t i = lifted[j];
            int32_t &value = out.rotation[ROTATION * i + 3];
            const int64_t steps = (value << rest(j) | low) - (1 << (tilt[i] - roll[i]));
            value = clip((2 * steps + 1) * (1 << (15 - tilt[i])), -QUARTER_TURN, QUARTER_TURN);
        });
    }

    // Positions inside the boxes, x, y and z one after the other.
    void place() {
        std::vector<uint8_t> widths(AXES * n);
        for (size_t i = 0; i < n; i++) {
            int64_t scales[AXES], exponents[AXES];
            effective(i, scales);
            place_exponents(angles, h, scales, out.rotation + ROTATION * i, exponents);
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
        const auto apart = [&](size_t i, size_t k) { // how much the neighbours differ
            const auto value = [&](uint32_t s) { return int64_t(known.colour[3 * size_t(s) + k]); };
            return near.empty() ? SPREADS - 1 : spread(near[i], out.colour[3 * i + k], h.colour_steps[k], value);
        };
        std::vector<uint8_t> before(n); // bit lengths of the differences of the component before
        const auto component = [&](size_t k, auto &table, const auto &context) {
            read_signed(data, table, n, context, numbers.data(), scratch);
            for (size_t i = 0; i < n; i++) {
                add(i, k, int64_t(numbers[i]) * h.colour_steps[k]);
                before[i] = uint8_t(std::min(bit_length(uint64_t(std::abs(numbers[i]))), 7));
            }
        };
        component(0, tables.colour_0, [&](size_t i) {
            if (!chosen) guess(i);
            return apart(i, 0);
        });
        component(1, tables.colour_1, [&](size_t i) { return SPREADS * before[i] + apart(i, 1); });
        component(2, tables.colour_2, [&](size_t i) { return before[i]; });
    }

    // Further coefficients: whether a splat has any, then each of those, by the last three and its components before.
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
        const size_t m = has.size();
        std::vector<uint8_t> sizes(m * out.rest, 0); // of |q| in component 0, then twice that of 1 added; what is large is alike
        struct Last {
            uint8_t size[3];
        };
        std::vector<Last> last(m, Last{});
        for (size_t c = 0; c < 3; c++)
            for (size_t degree = 0, k = 0; degree < degrees; k += 2 * degree + 3, degree++) {
                const int64_t step = h.sh_steps[degree][c];
                for (size_t own = k; step && own < k + 2 * degree + 3; own++) {
                    uint8_t *others = sizes.data() + m * own;
                    const auto context = [&](size_t j) {
                        const auto &[a, b, d] = last[j].size;
                        const int recent = std::min(bit_length(uint64_t(a + b + d)), RECENT - 1);
                        return size_t(OTHERS) * (RECENT * degree + size_t(recent)) + size_t(std::min(bit_length(others[j]), OTHERS - 1));
                    };
                    read_signed(data, tables.sh[c], m, context, numbers.data(), scratch);
                    for (size_t j = 0; j < m; j++) {
                        const int64_t value = numbers[j];
                        const int size = int(std::min<int64_t>(std::abs(value), LARGE));
                        last[j] = {{last[j].size[1], last[j].size[2], uint8_t(size)}};
                        others[j] = uint8_t(std::min(others[j] + (c == 0 ? size : 2 * size), 255));
                        if (value) out.sh[row * has[j] + 3 * own + c] = clip(value * step, -COLOUR_LIMIT, COLOUR_LIMIT);
                    }
                }
            }
    }
};

State rows(const State &s, size_t from) {
    return {s.position + AXES * from, s.scale + AXES * from,  s.rotation + ROTATION * from,   s.opacity + from,
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
    tables.begin_slice();
    slice.scale();
    slice.opacity();
    slice.rotation();
    slice.place();
    slice.colour(codewords);
    slice.sh();
}

} // namespace pgs::scene
