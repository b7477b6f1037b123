#include "scene_parts.h"
#include "scene_shape.h"

namespace pgs::scene {

namespace {

constexpr int QUARTER_TURN = 1 << 15, NOBODY = 16;

} // namespace

// Of the nearest's direction.
int Slice::quarters(const Neighbours &v) const {
    const int32_t *r = known.rotation + ROTATION * size_t(v.nearest);
    return 4 * ((r[0] + 32768) >> 14) + ((r[1] + 32768) >> 14);
}

// Directions by the nearest's where both numbers have two bits or more: first the two upper bits of each, then the rest.
// Then the largest axis' angles about them, and lifts.
void Slice::rotation() {
    std::vector<uint8_t> roll(n), tilt(n), turn(n);
    {
        Reader reader(data);
        for (size_t i = 0; i < n; i++) {
            int64_t scales[AXES];
            effective(i, scales);
            roll[i] = uint8_t(angle_bits(angles, h.rotation_precision, scales[1] - scales[2]));
            tilt[i] = uint8_t(angle_bits(angles, h.rotation_precision, scales[0] - scales[2]));
            turn[i] = uint8_t(angle_bits(angles, h.rotation_precision, scales[0] - scales[1]));
            const int32_t both = roll[i] >= 2 ? reader.symbol(tables.upper[near.empty() ? NOBODY : quarters(near[i])]) : 0;
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
void Slice::lift(const std::vector<uint8_t> &roll, const std::vector<uint8_t> &tilt) {
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

} // namespace pgs::scene
