// Geometry of splats and what of them changed; the same in every instruction set.
#include "geometry.h"

#include "clones.h"

#include <cstring>

namespace pgs {

namespace {

int64_t rescaled(int64_t half, int64_t old_size, int64_t new_size) { // bound on a half-axis after a change of size
    if (new_size == old_size) return half;
    const int64_t scaled = half * new_size / old_size;
    return new_size < old_size ? std::min(half, scaled + 2) : scaled + 1;
}

// Rounded down; of positive numbers below 2^53, of which a quotient that is no whole number is never rounded up to one.
int64_t quotient(int64_t of, int64_t by) { return int64_t(double(of) / double(by)); }

} // namespace

PGS_CLONES bool in_range(const int32_t *shape, const uint8_t *domain, size_t n) {
    bool out = false;
    for (size_t i = 0; i < n; i++, shape += 3) {
        const int32_t low = domain[i] ? -6144 : 1448, high = domain[i] ? 40960 : 1 << 22;
        out |= std::min(shape[0], shape[2]) < low || std::max(shape[0], shape[2]) > high;
    }
    return !out;
}

PGS_CLONES void geometry(const int32_t *shape, const uint8_t *domain, size_t n, const int64_t *powers, const Sizes &sizes, int32_t *factor,
              int64_t *form, int64_t *covered) {
    constexpr int64_t REACH = int64_t(3548) << 10; // of a unit splat, Q20
    for (size_t i = 0; i < n; i++, shape += 3, factor += 3, form += 3) {
        int64_t a, b, c;
        if (domain[i]) {
            a = exp2(powers, -int64_t(shape[0])), b = exp2(powers, -int64_t(shape[2]));
            c = (shape[1] * a) >> 12;
        } else {
            a = (int64_t(1) << 32) / shape[0], b = (int64_t(1) << 32) / shape[2];
            c = shape[1] * a / shape[2]; // toward zero
        }
        factor[0] = int32_t(a), factor[1] = int32_t(b), factor[2] = int32_t(c);
        form[0] = (a * a + c * c) >> 8, form[1] = (b * c) >> 8, form[2] = (b * b) >> 8;
        const int64_t half_width = rescaled(quotient(REACH, a) + 1, sizes.width, sizes.new_width);
        const int64_t half_height = rescaled(quotient(REACH * (a + std::abs(c)), a * b) + 1, sizes.height, sizes.new_height);
        covered[i] = std::min<int64_t>(2 * half_width + 1, sizes.new_width) *
                     std::min<int64_t>(2 * half_height + 1, sizes.new_height);
    }
}

size_t changed_splats(const ConstSplats &now, const ConstSplats &before, size_t n, size_t components, int64_t first,
                      int64_t *rows, const Splats &out) {
    size_t count = 0;
    const size_t colour = components * sizeof *out.colour;
    for (size_t i = 0; i < n; i++) {
        const int32_t *position = now.position + 2 * i, *shape = now.shape + 3 * i;
        const int16_t *own = now.colour + components * i;
        if (!std::memcmp(position, before.position + 2 * i, 2 * sizeof *position) &&
            !std::memcmp(shape, before.shape + 3 * i, 3 * sizeof *shape) &&
            !std::memcmp(own, before.colour + components * i, colour))
            continue;
        std::memcpy(out.position + 2 * count, position, 2 * sizeof *position);
        std::memcpy(out.shape + 3 * count, shape, 3 * sizeof *shape);
        std::memcpy(out.colour + components * count, own, colour);
        rows[count++] = first + int64_t(i);
    }
    return count;
}

} // namespace pgs
