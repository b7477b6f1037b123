// One symbol and one number of the adaptive range coder (spec 7.9).
#pragma once
#include "pgs_kernel.h"

namespace pgs {

constexpr uint32_t TOP = 1u << 24;
constexpr uint32_t STEP = 32, LIMIT = 1u << 15; // what a symbol's count grows by, and the largest sum of counts

inline void fill(pgs_range_reader *r) {
    while (r->range < TOP) {
        r->code = r->code << 8 | (r->position < r->size ? r->data[r->position] : 0);
        r->position++;
        r->range <<= 8;
    }
}

// A symbol below `size` from its table, which learns; -1: the data is no code.
inline int32_t symbol(pgs_range_reader *r, uint16_t *counts, int32_t size) {
    uint32_t total = 0;
    for (int32_t i = 0; i < size; i++) total += counts[i];
    const uint32_t unit = r->range / total, value = r->code / unit;
    if (value >= total) return -1;
    uint32_t below = 0;
    int32_t s = 0;
    while (below + counts[s] <= value) below += counts[s++];
    r->code -= below * unit;
    r->range = counts[s] * unit;
    fill(r);
    counts[s] = uint16_t(counts[s] + STEP);
    if (total + STEP > LIMIT)
        for (int32_t i = 0; i < size; i++) counts[i] = uint16_t((counts[i] + 1) >> 1);
    return s;
}

// A number below `size`, 1 .. 65536, all equally likely; -1: the data is no code.
inline int32_t number(pgs_range_reader *r, uint32_t size) {
    if (size == 1) return r->code < r->range ? 0 : -1;
    const uint32_t unit = r->range / size, value = r->code / unit;
    if (value >= size) return -1;
    r->code -= value * unit;
    r->range = unit;
    fill(r);
    return int32_t(value);
}

} // namespace pgs
