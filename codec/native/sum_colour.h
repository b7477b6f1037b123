// How far a colour reaches: where weights are so small that every part of the sum rounds to 0, nothing is to be added.
#pragma once
#include "sum_form.h"

namespace {

// Of magnitude m: (c w + 2^14) >> 15 is 0 where m w < 2^14. For m up to MOST the form that reaches there (Q48), for
// larger ones the whole support. Where the form is larger, s is below the least that counts, as q from second differences
// is good to 2^11 (8.8).
class ColourReach {
  public:
    constexpr ColourReach() : limit() {
        int m = MOST;
        for (uint32_t s = 0; m > 0 && s < 1 << 16; s++) // the least s that counts for m
            for (; m > 0 && m * int32_t(s * s >> 17) >= 1 << 14; m--) {
                const int64_t q = int64_t(1 << 26) - (int64_t(s) << 10);
                limit[m] = q <= QMAX ? (q + 1) << 24 : LIMIT;
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
