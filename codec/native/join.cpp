// From the sums of the octaves to samples, row by row (spec 8.7). Loops are written for the vectoriser.
#include "isa.h"

namespace {

constexpr int32_t BLOCK = 512; // columns of the coarser octave at once
constexpr int32_t LANES = 32;  // loops of so many columns need no rest

// A quarter of the way from own to near, modulo 2^16: (d + 2) >> 2 is (d 2^13 + 2^14) >> 15, written so that it is recognised as a
// rounding high multiply. Were `quarter`, 2^13, known to the compiler, it would shift, in 32 bits.
inline int16_t between(int16_t own, int16_t near, int16_t quarter) {
    const int16_t line = int16_t(uint16_t(near) - uint16_t(own));
    return int16_t(uint16_t(own) + uint16_t((((int32_t(line) * int32_t(quarter)) >> 14) + 1) >> 1));
}

// Down `count` columns of two rows.
inline void down(const int16_t *own, const int16_t *near, int32_t count, int16_t quarter, int16_t *__restrict out) {
    for (int32_t k = 0; k < count; k++) out[k] = between(own[k], near[k], quarter);
}

// Along `count` columns of a row, which has another on each side: two samples for each, in 32 bits.
inline void along(const int16_t *row, int32_t count, int16_t quarter, uint32_t *__restrict out) {
    for (int32_t k = 0; k < count; k++) {
        const uint16_t left = uint16_t(between(row[k], row[k - 1], quarter)), right = uint16_t(between(row[k], row[k + 1], quarter));
        out[k] = uint32_t(left) | uint32_t(right) << 16;
    }
}

// Calls use(first, LANES) until all are done, the last time with some that were done before; with fewer use(0, count).
template <typename Use>
inline void in_lanes(int32_t count, const Use &use) {
    if (count < LANES) return use(0, count);
    int32_t k = 0;
    for (; k + LANES <= count; k += LANES) use(k, LANES);
    if (k < count) use(count - LANES, LANES);
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
    alignas(64) int16_t mixed[BLOCK + 2]; // down the columns, with a neighbour on each side
    alignas(64) uint32_t pairs[BLOCK];    // two columns each
    int16_t quarter = 1 << 13;
    __asm__("" : "+r"(quarter));
    const int32_t end = first + count; // first and end are columns of the finer octave
    for (int32_t begin = first / 2; 2 * begin < end; begin += BLOCK) {
        const int32_t rest = (end + 1) / 2 - begin, n = rest < BLOCK ? rest : BLOCK;
        const int32_t from = begin > 0 ? begin - 1 : 0, to = begin + n < columns ? begin + n + 1 : columns;
        int16_t *const middle = mixed + 1, *const at = middle - (begin - from); // of columns begin and from
        in_lanes(to - from, [&](int32_t k, int32_t some) __attribute__((always_inline)) {
            down(own + from + k, near + from + k, some, quarter, at + k);
        });
        if (begin == 0) middle[-1] = middle[0]; // the first and the last go on
        if (begin + n == columns) middle[n] = middle[n - 1];
        in_lanes(n, [&](int32_t k, int32_t some) __attribute__((always_inline)) { along(middle + k, some, quarter, pairs + k); });
        const int16_t *both = reinterpret_cast<const int16_t *>(pairs), *before = sums + (2 * begin - first);
        int16_t *after = out + (2 * begin - first);
        const int32_t samples = 2 * begin + 2 * n < end ? 2 * n : end - 2 * begin;
        for (int32_t i = 0; i < samples; i++) after[i] = int16_t(uint16_t(before[i]) + uint16_t(both[i]));
    }
}

void PGS_NAME(samples_8)(const int16_t *sums, ptrdiff_t count, uint8_t *out) { convert<8>(sums, count, out); }

void PGS_NAME(samples_10)(const int16_t *sums, ptrdiff_t count, uint16_t *out) { convert<10>(sums, count, out); }
