// From the sums of the octaves to samples, row by row (spec 8.7).
#include "isa.h"

namespace {

constexpr int LANES = VECTOR_BYTES / sizeof(int16_t);

typedef int16_t V __attribute__((vector_size(VECTOR_BYTES))); // arithmetic wraps
typedef int16_t Loose __attribute__((vector_size(VECTOR_BYTES), aligned(2), may_alias)); // unaligned memory

constexpr int32_t BLOCK = 512; // columns of the coarser octave at once

inline V load(const int16_t *from) { return *reinterpret_cast<const Loose *>(from); }
inline void store(int16_t *to, V v) { *reinterpret_cast<Loose *>(to) = v; }

// A quarter of the way from own to near, modulo 2^16: own + ((near - own + 2) >> 2), in steps that stay within 16 bits.
inline V between(V own, V near) { return own + ((((near - own) >> 1) + 1) >> 1); }
inline int16_t between(int16_t own, int16_t near) {
    const int16_t half = int16_t(int16_t(near - own) >> 1);
    return int16_t(own + (int16_t(half + 1) >> 1));
}

// Lanes of two vectors in turn: the first halves of both, and the second.
struct Turns {
    V low, upper;
    Turns() {
        for (int k = 0; k < LANES; k++) low[k] = int16_t(k / 2 + k % 2 * LANES);
        upper = low + int16_t(LANES / 2);
    }
};

// Down `count` columns of two rows.
inline void down(const int16_t *own, const int16_t *near, int32_t count, int16_t *out) {
    int32_t k = 0;
    for (; k + LANES <= count; k += LANES) store(out + k, between(load(own + k), load(near + k)));
    if (k < count && count >= LANES) { // some columns once more
        k = count - LANES;
        store(out + k, between(load(own + k), load(near + k)));
    } else {
        for (; k < count; k++) out[k] = between(own[k], near[k]);
    }
}

// A row, enlarged along its columns, of `count` samples, added to sums where there are some; it has a neighbour before its first
// column, and behind its last one what may be read.
inline void along(const int16_t *row, const int16_t *sums, int32_t count, int16_t *out) {
    const Turns turns;
    for (int32_t i = 0; i < count; i += 2 * LANES, row += LANES) {
        const V own = load(row), left = between(own, load(row - 1)), right = between(own, load(row + 1));
        const V low = __builtin_shuffle(left, right, turns.low), upper = __builtin_shuffle(left, right, turns.upper);
        if (i + 2 * LANES <= count) {
            store(out + i, sums ? load(sums + i) + low : low);
            store(out + i + LANES, sums ? load(sums + i + LANES) + upper : upper);
        } else {
            int16_t rest[2 * LANES];
            store(rest, low);
            store(rest + LANES, upper);
            for (int32_t k = 0; k < count - i; k++) out[i + k] = int16_t((sums ? sums[i + k] : 0) + rest[k]);
        }
    }
}

// Columns of the coarser octave amid rows, and the samples that they are enlarged to.
class Joined {
  public:
    Joined(const pgs_join &all, int32_t begin, int32_t columns)
        : of(all), begin(begin), columns(columns), done(2 * begin - all.left),
          count(all.columns - done < 2 * columns ? all.columns - done : 2 * columns) {}

    // A row is mixed while the one before, which has left the processor by then, is enlarged.
    void run() {
        mix(0);
        for (int32_t row = 0; row < of.rows; row++) {
            if (row + 1 < of.rows) mix(row + 1);
            along(middle(row), of.sums ? of.sums + row * of.sums_row + done : nullptr, count, of.out + row * of.out_row + done);
        }
    }

  private:
    int16_t *middle(int32_t row) { return mixed[row & 1] + 1; }

    // Down the columns, with a neighbour on each side.
    void mix(int32_t row) {
        const int32_t y = of.top + row, own = y / 2, other = y % 2 ? own + 1 : own - 1;
        const int32_t near = other < 0 ? 0 : other < of.height ? other : of.height - 1;
        const int32_t from = begin > 0 ? begin - 1 : 0, to = begin + columns < of.width ? begin + columns + 1 : of.width;
        int16_t *const out = middle(row);
        down(of.coarser + own * of.coarser_row + from, of.coarser + near * of.coarser_row + from, to - from, out - (begin - from));
        if (begin == 0) out[-1] = out[0]; // the first and the last go on
        if (begin + columns == of.width) out[columns] = out[columns - 1];
    }

    const pgs_join &of;
    const int32_t begin, columns, done, count;
    alignas(64) int16_t mixed[2][BLOCK + 2 + LANES];
};

template <int BITS, typename Sample>
inline void convert(const int16_t *__restrict sums, ptrdiff_t count, Sample *__restrict out) {
    constexpr int SHIFT = 13 - BITS;
    constexpr int16_t HALF = 1 << (SHIFT - 1), LEAST = -HALF, MOST = ((1 << BITS) << SHIFT) - 1 - HALF;
    for (ptrdiff_t i = 0; i < count; i++) { // limited first, so that half more stays within 16 bits
        const int16_t low = sums[i] > LEAST ? sums[i] : LEAST, v = low < MOST ? low : MOST;
        out[i] = Sample(int16_t(v + HALF) >> SHIFT);
    }
}

} // namespace

void PGS_NAME(join)(const pgs_join *rows) {
    const int32_t end = (rows->left + rows->columns + 1) / 2;
    for (int32_t begin = rows->left / 2; begin < end; begin += BLOCK)
        Joined(*rows, begin, end - begin < BLOCK ? end - begin : BLOCK).run();
}

void PGS_NAME(samples_8)(const int16_t *sums, ptrdiff_t count, uint8_t *out) { convert<8>(sums, count, out); }

void PGS_NAME(samples_10)(const int16_t *sums, ptrdiff_t count, uint16_t *out) { convert<10>(sums, count, out); }
