// The range decoder (spec 7.9) for alphabets of any size, one call for many symbols; the same in every instruction set.
#include "range_reader.h"

namespace {

int32_t symbol(pgs::RangeState &r, uint16_t *counts, int32_t size) {
    uint32_t total = 0;
    for (int32_t i = 0; i < size; i++) total += counts[i];
    const uint32_t unit = r.range / total, value = r.code / unit;
    if (value >= total) return -1;
    uint32_t below = 0;
    int32_t s = 0;
    while (below + counts[s] <= value) below += counts[s++];
    r.narrow(unit, below, below + counts[s]);
    counts[s] = uint16_t(counts[s] + pgs::STEP);
    if (total + pgs::STEP > pgs::LIMIT)
        for (int32_t i = 0; i < size; i++) counts[i] = uint16_t((counts[i] + 1) >> 1);
    return s;
}

// Writes n values; returns whether one of them was no code.
template <typename Next>
int read(pgs_range_reader *reader, ptrdiff_t n, int32_t *out, const Next &next) {
    pgs::RangeState state(*reader);
    ptrdiff_t i = 0;
    while (i < n && (out[i] = next(state, i)) >= 0) i++;
    *reader = state;
    return i < n;
}

} // namespace

int pgs_range_decode(pgs_range_reader *r, uint16_t *counts, int32_t size, const int32_t *context, ptrdiff_t n,
                     int32_t *out) {
    return read(r, n, out, [=](pgs::RangeState &state, ptrdiff_t i) {
        return symbol(state, counts + ptrdiff_t(size) * context[i], size);
    });
}

int pgs_range_uniform(pgs_range_reader *r, const int32_t *size, ptrdiff_t n, int32_t *out) {
    return read(r, n, out, [=](pgs::RangeState &state, ptrdiff_t i) { return state.number(uint32_t(size[i])); });
}
