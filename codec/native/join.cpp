// From the sums of the octaves to samples, row by row (spec 8.7).
#include "isa.h"

namespace {

#if defined(__AVX512BW__)
constexpr int LANES = 32;
#elif defined(__AVX2__)
constexpr int LANES = 16;
#else
constexpr int LANES = 8;
#endif
typedef int16_t V __attribute__((vector_size(2 * LANES))); // arithmetic wraps
typedef int16_t Loose __attribute__((vector_size(2 * LANES), aligned(2), may_alias)); // unaligned memory

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

// Adds a row, enlarged along its columns, to `count` sums; it has a neighbour before its first column, and behind its last one
// what may be read.
inline void along(const int16_t *row, const int16_t *sums, int32_t count, int16_t *out) {
    const Turns turns;
    for (int32_t i = 0; i < count; i += 2 * LANES, row += LANES) {
        const V own = load(row), left = between(own, load(row - 1)), right = between(own, load(row + 1));
        const V low = __builtin_shuffle(left, right, turns.low), upper = __builtin_shuffle(left, right, turns.upper);
        if (i + 2 * LANES <= count) {
            const V before = load(sums + i), behind = load(sums + i + LANES);
            store(out + i, before + low);
            store(out + i + LANES, behind + upper);
        } else {
            int16_t rest[2 * LANES];
            store(rest, low);
            store(rest + LANES, upper);
            for (int32_t k = 0; k < count - i; k++) out[i + k] = int16_t(sums[i + k] + rest[k]);
        }
    }
}

template <int BITS, typename Sample>
inline void convert(const int16_t *__restrict sums, ptrdiff_t count, Sample *__restrict out) {
    constexpr int SHIFT = 13 - BITS;
    constexpr int16_t MOST_SAMPLE = (1 << BITS) - 1;
    for (ptrdiff_t i = 0; i < count; i++) { // adding half before shifting could leave 16 bits: the bit below is added after it
        const int16_t whole = int16_t(sums[i] >> SHIFT), half = int16_t(int16_t(sums[i] >> (SHIFT - 1)) & 1);
        const int16_t v = int16_t(whole + half), low = v > 0 ? v : int16_t(0);
        out[i] = Sample(low < MOST_SAMPLE ? low : MOST_SAMPLE);
    }
}

} // namespace

void PGS_NAME(join_row)(const int16_t *sums, const int16_t *own, const int16_t *near, int32_t columns, int32_t first,
                        int32_t count, int16_t *out) {
    alignas(64) int16_t mixed[BLOCK + 2 + LANES]; // down the columns, with a neighbour on each side
    int16_t *const middle = mixed + 1;
    const int32_t end = first + count; // first and end are columns of the finer octave
    for (int32_t begin = first / 2; 2 * begin < end; begin += BLOCK) {
        const int32_t rest = (end + 1) / 2 - begin, n = rest < BLOCK ? rest : BLOCK;
        const int32_t from = begin > 0 ? begin - 1 : 0, to = begin + n < columns ? begin + n + 1 : columns;
        down(own + from, near + from, to - from, middle - (begin - from));
        if (begin == 0) middle[-1] = middle[0]; // the first and the last go on
        if (begin + n == columns) middle[n] = middle[n - 1];
        const int32_t done = 2 * begin - first;
        along(middle, sums + done, 2 * n < end - 2 * begin ? 2 * n : end - 2 * begin, out + done);
    }
}

void PGS_NAME(samples_8)(const int16_t *sums, ptrdiff_t count, uint8_t *out) { convert<8>(sums, count, out); }

void PGS_NAME(samples_10)(const int16_t *sums, ptrdiff_t count, uint16_t *out) { convert<10>(sums, count, out); }
