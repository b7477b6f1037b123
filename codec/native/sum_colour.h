// How far a colour reaches: where weights are so small that every part of the sum rounds to 0, nothing is to be added.
#pragma once
#include "sum_form.h"

namespace {

// The weight of 8.5 in Q15.
constexpr int32_t weight_of(uint32_t x) {
    uint32_t w = 32768 - ((x * 10923) >> 16);
    w = 65535 - ((x * w) >> 16);
    w = 65535 - ((x * w) >> 16);
    for (int k = 0; k < 4; k++) w = (w * w) >> 16;
    return int32_t(w >> 1);
}

// Of magnitude m: (c w + 2^14) >> 15 is 0 where m w < 2^14. For m up to MOST the form that reaches there (Q48), for
// larger ones the whole support. A sample outside has q, from second differences, of at least x << 13, as these are good
// to 2^14 (8.8: a q of the support is at most that above 12).
class ColourReach {
  public:
    constexpr ColourReach() : limit() {
        int m = MOST, w = 0;
        for (uint32_t x = 24578; m > 0; x--) { // the largest x (8.8); w: the largest weight from there on
            if (weight_of(x) > w) w = weight_of(x);
            for (; m > 0 && m * w >= 1 << 14; m--) {
                const int64_t q = (int64_t(x + 1) << 37) + (int64_t(1) << 38);
                limit[m] = q < LIMIT ? q : LIMIT;
            }
        }
    }

    template <int COMPONENTS>
    int64_t of(const int16_t *colour) const {
        int m = 0;
        for (int c = 0; c < COMPONENTS; c++) {
            const int magnitude = colour[c] < 0 ? -colour[c] : colour[c];
            if (magnitude > m) m = magnitude;
        }
        return m > MOST ? LIMIT : limit[m];
    }

  private:
    static constexpr int MOST = 255;
    int64_t limit[MOST + 1]; // 0 for no colour
};
constexpr ColourReach COLOUR_REACH;

} // namespace
