// The adaptive range coder (spec 7.9), its decoder; one symbol after the other, the same in every instruction set.
#include "pgs_kernel.h"

namespace {

constexpr uint32_t TOP = 1u << 24;
constexpr uint32_t STEP = 32, LIMIT = 1u << 15; // what a symbol's count grows by, and the largest sum of counts

uint32_t sum(const uint16_t *counts, int32_t size) {
    uint32_t total = 0;
    for (int32_t i = 0; i < size; i++) total += counts[i];
    return total;
}

void learn(uint16_t *counts, int32_t size, int32_t symbol, uint32_t total) {
    counts[symbol] = uint16_t(counts[symbol] + STEP);
    if (total + STEP > LIMIT)
        for (int32_t i = 0; i < size; i++) counts[i] = uint16_t((counts[i] + 1) >> 1);
}

void fill(pgs_range_reader *r) {
    while (r->range < TOP) {
        r->code = r->code << 8 | (r->position < r->size ? r->data[r->position] : 0);
        r->position++;
        r->range <<= 8;
    }
}

} // namespace

int pgs_range_decode(pgs_range_reader *r, uint16_t *counts, int32_t size, const int32_t *context, ptrdiff_t n,
                     int32_t *out) {
    for (ptrdiff_t i = 0; i < n; i++) {
        uint16_t *c = counts + ptrdiff_t(size) * context[i];
        const uint32_t total = sum(c, size), unit = r->range / total, value = r->code / unit;
        if (value >= total) return 1;
        uint32_t below = 0;
        int32_t s = 0;
        while (below + c[s] <= value) below += c[s++];
        r->code -= below * unit;
        r->range = c[s] * unit;
        fill(r);
        learn(c, size, s, total);
        out[i] = s;
    }
    return 0;
}

int pgs_range_uniform(pgs_range_reader *r, const int32_t *size, ptrdiff_t n, int32_t *out) {
    for (ptrdiff_t i = 0; i < n; i++) {
        const uint32_t unit = r->range / uint32_t(size[i]), value = r->code / unit;
        if (value >= uint32_t(size[i])) return 1;
        r->code -= value * unit;
        r->range = unit;
        fill(r);
        out[i] = int32_t(value);
    }
    return 0;
}
