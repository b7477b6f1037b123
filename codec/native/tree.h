// The tree of counts (spec 7.10). The twin is planar/tree.py.
#pragma once
#include "turns.h"

namespace pgs {

constexpr int SMALL = 12, BUCKETS = 16;

// Cells of n splats: what a tree needs of one payload.
struct Tree {
    pgs_range_reader *reader;
    uint32_t columns, rows;
    size_t n;
    Table<SMALL + 1> *small; // [SMALL + 1]
    Table<BUCKETS> *large;
};

// Morton codes of the cells of the splats of up to ABREAST payloads, in order.
void code_cells(const Tree *trees, size_t count, std::vector<uint32_t> *codes);

inline int bit_length(uint64_t v) { return 64 - __builtin_clzll(v | 1) - (v == 0); } // without a branch

inline uint32_t gather(uint32_t x) { // the even bits
    x &= 0x55555555;
    x = (x | x >> 1) & 0x33333333;
    x = (x | x >> 2) & 0x0F0F0F0F;
    x = (x | x >> 4) & 0x00FF00FF;
    return (x | x >> 8) & 0x0000FFFF;
}

} // namespace pgs
