// From an octave to the next finer one and back (spec 8.7): each sample lies a quarter of a coarse step from the nearest coarse
// sample, and takes a quarter of the next one on that side; three quarters are the nearest's. Here it is 1 and 3, in both
// directions: all is times 16, and a fused product and sum. Where a plane ends, its last samples are repeated. In an anonymous
// namespace on purpose (see isa.h).
#pragma once
#include "lanes.h"

namespace {

constexpr float NEAREST = 3;
constexpr int32_t ROW = PGS_TILE_COLUMNS + 16; // floats from row to row, an odd number of cache lines
constexpr int32_t WIDE = 3;                    // coarse rows that two rows are mixed of
constexpr float NOTHING[ROW] = {};             // a row beyond the tile

inline int32_t whole(int32_t columns) { return (columns + LANES - 1) & -LANES; }
inline bool ends(int32_t size, int32_t coarse_size, int32_t first) { return coarse_size - 1 - first == (size - 1) / 2; }

// Rows of one plane of a tile, in order.
struct Enlarger {
    const float *from;
    const pgs_coarse &coarse;
    int32_t width;
    float *rows; // [WIDE, ROW], coarse rows that are already wide
    int32_t next = coarse.y ? coarse.y - 1 : 0;

    const float *row(int32_t r) const {
        r = r < 0 ? 0 : r < coarse.height ? r : coarse.height - 1;
        return rows + r % WIDE * ROW;
    }

    // Rows are widened once and then mixed several times, in vectors as they were stored: loads that need parts of two
    // stores would wait for both.
    void widen() {
        const float *in = from + next * coarse.planes.row + coarse.x;
        float *out = rows + next++ % WIDE * ROW;
        const int32_t n = (width + 1) / 2;
        const ptrdiff_t later = 2 * coarse.planes.row; // rows are too short to be foreseen
        const I both = (index() >> 1) + (index() & 1) * LANES; // lanes of two vectors in turn
        for (int32_t i = 0; i < n; i += LANES) {
            __builtin_prefetch(in + later + i);
            const F here = load(in + i), left = NEAREST * here + load(in + i - 1), right = NEAREST * here + load(in + i + 1);
            store(out + 2 * i, __builtin_shuffle(left, right, both));
            store(out + 2 * i + LANES, __builtin_shuffle(left, right, both + LANES / 2));
        }
        if (coarse.x == 0) out[0] = (NEAREST + 1) * in[0];
        if (ends(width, coarse.width, coarse.x)) out[2 * n - 1] = (NEAREST + 1) * in[n - 1];
    }

    // Rows y and y + 1, y even.
    void pair(int32_t y, float *above, float *below) {
        const int32_t r = y / 2 + coarse.y;
        while (next <= r + 1 && next < coarse.height) widen();
        const float *before = row(r - 1), *here = row(r), *after = row(r + 1);
        const int32_t end = width;
        for (int32_t i = 0; i < end; i += LANES) {
            const F nearest = load(here + i);
            store(above + i, NEAREST * nearest + load(before + i));
            store(below + i, NEAREST * nearest + load(after + i));
        }
    }
};

// The adjoint for coarse row r of one plane: what it gave to rows y - 1 .. y + 2, y = 2 (r - coarse.y), which row(y) gives,
// comes back. Columns behind their width are 0.
template <typename Row>
PGS_INLINE void reduce(const Row &row, int32_t width, int32_t height, const pgs_coarse &coarse, int32_t r, float *to) {
    const float *rows[4]; // members that are read in loops would be read again after each store
    for (int32_t k = 0, y = 2 * (r - coarse.y) - 1; k < 4; k++, y++) rows[k] = y >= 0 && y < height ? row(y) : NOTHING;
    if (coarse.y == 0 && r == 0) rows[0] = rows[1];
    if (height % 2 == 0 && r == coarse.height - 1 && ends(height, coarse.height, coarse.y)) rows[3] = rows[2];
    struct Pair { F even, odd; };
    const auto mixed = [&](int32_t at) __attribute__((always_inline)) {
        F half[2];
        for (int h = 0; h < 2; h++, at += LANES)
            half[h] = NEAREST * (load(rows[1] + at) + load(rows[2] + at)) + (load(rows[0] + at) + load(rows[3] + at));
        return Pair{__builtin_shuffle(half[0], half[1], 2 * index()), __builtin_shuffle(half[0], half[1], 2 * index() + 1)};
    };
    const int32_t n = (width + 1) / 2;
    Pair now = mixed(0);
    F odd_before = {};
    for (int32_t i = 0; i < coarse.x; i++) to[i] = i < coarse.x - 1 ? 0 : now.even[0];
    if (coarse.x == 0) odd_before += now.even[0];
    to += coarse.x;
    for (int32_t i = 0; i < n; i += LANES) {
        const Pair after = i + LANES < n ? mixed(2 * (i + LANES)) : Pair{};
        const F before = __builtin_shuffle(odd_before, now.odd, index() + (LANES - 1));
        const F behind = __builtin_shuffle(now.even, after.even, index() + 1);
        store(to + i, NEAREST * (now.even + now.odd) + (before + behind));
        odd_before = now.odd;
        now = after;
    }
    store(to + whole(n), F{}); // up to the end of all vectors of the row
    if (width % 2) return;
    const float last = NEAREST * (rows[1][width - 1] + rows[2][width - 1]) + (rows[0][width - 1] + rows[3][width - 1]);
    if (ends(width, coarse.width, coarse.x)) to[n - 1] += last;
    else to[n] = last;
}

} // namespace
