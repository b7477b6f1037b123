// Units: up to eight samples of one row and one run, evaluated from z and its first difference (spec 8.5, 8.6).
//
// What is stepped instead of q is z = (2^26 - 2^11 - q) 2^6, which is 1 - q/4 in Q32: its upper half is s of 8.5. In the
// support it is never negative and fits 32 bits (8.8), so that all arithmetic can be modulo 2^32.
#pragma once
#include "sum_ends.h"

namespace {

constexpr int UNIT = 8;

// HALF[UNIT * n] begins n lanes of 2^15, then zeros: the high half of the product with w2 is w in the first n lanes.
struct Half {
    alignas(64) uint16_t lanes[UNIT * (UNIT + 1)];
    constexpr Half() : lanes() {
        for (int n = 0; n <= UNIT; n++)
            for (int k = 0; k < UNIT; k++) lanes[UNIT * n + k] = k < n ? 1 << 15 : 0;
    }
};
constexpr Half HALF;

// z and its differences from q and its own in Q24.
constexpr int Z_BITS = 6;
constexpr uint32_t z_of(uint32_t q) { return ((1u << 26) - (1u << 11) - q) << Z_BITS; }
constexpr uint32_t fall(uint32_t difference) { return (0 - difference) << Z_BITS; }

inline uint16_t high(uint16_t a, uint16_t b) { return uint16_t((uint32_t(a) * uint32_t(b)) >> 16); }

// The sum of one splat: where to, and what its units share.
template <int COMPONENTS, bool SUBTRACT>
struct Target {
    int16_t *acc;
    ptrdiff_t plane;
    const int16_t *colour;
    uint32_t d2; // second difference of z

    // Weights (Q15) of a unit; lanes from `columns` on get 0.
    void weights(uint32_t z, uint32_t d1, int32_t columns, int16_t *__restrict weight) const {
        // Only a product stored at once as 16 bits is recognised as a 16-bit high multiply.
        alignas(32) uint16_t s[UNIT], w[UNIT];
        EACH(UNIT) s[k] = uint16_t((z + uint32_t(k) * d1 + uint32_t(k * (k - 1) / 2) * d2) >> 16);
        EACH(UNIT) w[k] = high(s[k], s[k]);
        const uint16_t *half = HALF.lanes + UNIT * columns;
        EACH(UNIT) weight[k] = int16_t(high(w[k], half[k]));
    }

    // (c w + 2^14) >> 15, written so that it is recognised as a rounding high multiply; then added modulo 2^16.
    static int16_t sum(int16_t before, int16_t colour, int16_t weight) {
        const int16_t part = int16_t((((int32_t(colour) * int32_t(weight)) >> 14) + 1) >> 1);
        return int16_t(SUBTRACT ? uint16_t(before) - uint16_t(part) : uint16_t(before) + uint16_t(part));
    }

    // A unit of which not all lanes lie in the row.
    void add_part(int32_t offset, uint32_t z, uint32_t d1, int32_t columns) const {
        alignas(32) int16_t weight[UNIT];
        weights(z, d1, columns, weight);
        for (int c = 0; c < COMPONENTS; c++) {
            int16_t *at = acc + c * plane + offset;
            for (int k = 0; k < columns; k++) at[k] = sum(at[k], colour[c], weight[k]);
        }
    }

    void add_whole(int32_t offset, uint32_t z, uint32_t d1, int32_t columns) const {
        alignas(32) int16_t weight[UNIT];
        weights(z, d1, columns, weight);
        for (int c = 0; c < COMPONENTS; c++) {
            int16_t *__restrict at = acc + c * plane + offset;
            EACH(UNIT) at[k] = sum(at[k], colour[c], weight[k]);
        }
    }
};

} // namespace
