#include "scene_slice.h"

#include "scene_parts.h"
#include "scene_shape.h"

namespace pgs::scene {

namespace {

constexpr int MOST_PLACE_BITS = 16;

State rows(const State &s, size_t from) {
    return {s.position + AXES * from, s.scale + AXES * from,  s.rotation + ROTATION * from,   s.opacity + from,
            s.colour + 3 * from,      s.sh + 3 * s.rest * from, s.rest};
}

} // namespace

// Positions inside the boxes, x, y and z one after the other.
void Slice::place() {
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
