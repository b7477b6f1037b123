#include "scene_shape.h"

#include <cmath>

namespace pgs::scene {

namespace {

constexpr int ONE = 1 << 14, QUARTERS = 16, MOST_BITS = 12;

int32_t floored(int32_t a, int32_t b) { // a / b, b positive
    const int32_t q = a / b;
    return q - (a % b < 0);
}

// Directions of the axes, largest first, Q14.
void axes(const Angles &angles, const int32_t *rotation, int32_t (*out)[AXES]) {
    const int32_t px = (rotation[0] + rotation[1]) >> 1, py = (rotation[0] - rotation[1]) >> 1;
    const int32_t pz = std::max((1 << 15) - std::abs(px) - std::abs(py), 0);
    const int64_t square = int64_t(px) * px + int64_t(py) * py + int64_t(pz) * pz;
    const int32_t length = int32_t(std::sqrt(double(square))); // exact below 2^52
    const int32_t x = floored(px * ONE, length), y = floored(py * ONE, length), z = pz * ONE / length;
    const int32_t below = ONE + z, xx = x * x / below, xy = floored(x * y, below), yy = y * y / below;
    const int32_t first[] = {ONE - xx, -xy, -x}, second[] = {-xy, ONE - yy, -y};
    const int32_t half_turns = rotation[2] >> 7;
    const int32_t c = int32_t(angles.cosine[half_turns]), s = int32_t(angles.cosine[std::abs(256 - half_turns)]);
    const int32_t lift = rotation[3] >> 7, n[] = {x, y, z};
    const int32_t up = int32_t(angles.cosine[std::abs(lift)]), sine = int32_t(angles.cosine[256 - std::abs(lift)]);
    const int32_t along = lift < 0 ? -sine : sine;
    for (int i = 0; i < AXES; i++) {
        const int32_t flat = (c * first[i] + s * second[i]) >> 14;
        out[0][i] = (up * flat + along * n[i]) >> 14;
        out[1][i] = (c * second[i] - s * first[i]) >> 14;
        out[2][i] = (up * n[i] - along * flat) >> 14;
    }
}

} // namespace

int angle_bits(const Angles &angles, int precision, int64_t difference) {
    const int64_t quarters = std::max<int64_t>(difference, 0) >> 11;
    const int64_t more = quarters < QUARTERS ? angles.anisotropy[quarters] : 2 * quarters;
    return int(std::clamp<int64_t>((precision + more) >> 3, 0, MOST_BITS));
}

void place_exponents(const Angles &angles, const Header &h, const int64_t *effective, const int32_t *rotation, int64_t *out) {
    int32_t direction[AXES][AXES], sharpness[AXES] = {};
    axes(angles, rotation, direction);
    int64_t octave[AXES]; // half as thin as they are for the largest
    for (int k = 0; k < AXES; k++) octave[k] = (effective[k] + ((effective[0] - effective[k]) >> 1)) >> 12;
    const int64_t finest = std::min({octave[0], octave[1], octave[2]});
    for (int k = 0; k < AXES; k++) {
        const int shift = int(std::min<int64_t>(2 * (octave[k] - finest), 31));
        for (int i = 0; i < AXES; i++) sharpness[i] += (direction[k][i] * direction[k][i] >> 14) >> shift;
    }
    for (int i = 0; i < AXES; i++) {
        const int bits = std::max(bit_length(uint64_t(sharpness[i])) - 15, -14);
        out[i] = (2 * (finest - h.unit) - bits + h.place_precision) >> 1;
    }
}

} // namespace pgs::scene
