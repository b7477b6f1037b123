// Listing and adding units with AVX2: eight rows are listed at once, and two units share a vector of 16 lanes.
#pragma once
#include <immintrin.h>

#include "sum_units.h"

namespace {

// PACK[mask] moves the lanes of the mask to the front.
struct Pack {
    alignas(64) uint8_t lanes[256][GROUP];
    constexpr Pack() : lanes() {
        for (int mask = 0; mask < 256; mask++)
            for (int k = 0, n = 0; k < GROUP; k++)
                if (mask >> k & 1) lanes[mask][n++] = uint8_t(k);
    }
};
constexpr Pack PACK;

constexpr int WIDE = 16, LISTED = BLOCK * RUN / UNIT;
constexpr int AHEAD = 12; // vectors between a prefetch and the use, and room behind the listed ones for a whole vector

inline __m256i each(uint32_t v) { return _mm256_set1_epi32(int32_t(v)); }
inline __m256i each64(uint64_t v) { return _mm256_set1_epi64x(int64_t(v)); }

// v * k modulo 2^64, k below 2^32 in each 64-bit lane.
inline __m256i times(uint64_t v, __m256i k) {
    const __m256i low = _mm256_mul_epu32(each64(v), k), high = _mm256_mul_epu32(each64(v >> 32), k);
    return _mm256_add_epi64(low, _mm256_slli_epi64(high, 32));
}

// Eight 64-bit numbers in the order of RunRows after their shift by 24, in Q27 modulo 2^32.
inline __m256i shifted(const __m256i *v) {
    const __m256i a = _mm256_srli_epi64(v[0], 24), b = _mm256_srli_epi64(v[1], 24);
    const __m256 both = _mm256_shuffle_ps(_mm256_castsi256_ps(a), _mm256_castsi256_ps(b), 0x88);
    return _mm256_slli_epi32(_mm256_castps_si256(both), 3);
}

// Samples of which q is listed, until the rows of the run are done: UNIT or fewer of a row, or WIDE. There is room for
// all of BLOCK rows, and some more to write beyond.
struct Units {
    int count = 0;
    alignas(32) uint32_t q[LISTED + AHEAD], d1[LISTED + AHEAD]; // of the first sample; Q27, modulo 2^32
    alignas(32) uint32_t offset[LISTED + AHEAD];                // of the first sample, from the block's first row
    alignas(32) uint32_t half[LISTED + AHEAD];                  // UNIT times the columns; not for WIDE
};

// The polynomial of 8.5: w16 of x.
inline __m256i sixteenth_power(__m256i x) {
    const __m256i ones = each(0xFFFFFFFF);
    __m256i w = _mm256_sub_epi16(_mm256_set1_epi16(int16_t(32768)), _mm256_mulhi_epu16(x, _mm256_set1_epi16(10923)));
    w = _mm256_xor_si256(_mm256_mulhi_epu16(x, w), ones); // 65535 - v
    w = _mm256_xor_si256(_mm256_mulhi_epu16(x, w), ones);
    w = _mm256_mulhi_epu16(w, w);
    w = _mm256_mulhi_epu16(w, w);
    w = _mm256_mulhi_epu16(w, w);
    return _mm256_mulhi_epu16(w, w);
}

// x of q in even lanes and in odd ones: the upper halves, but 0 for negative numbers.
inline __m256i x_of(__m256i even, __m256i odd) {
    const __m256i x = _mm256_blend_epi16(_mm256_srli_epi32(even, 16), odd, 0xAA);
    return _mm256_max_epi16(x, _mm256_setzero_si256());
}

template <bool SUBTRACT>
inline __m256i summed(__m256i before, __m256i colour, __m256i weight) {
    const __m256i part = _mm256_mulhrs_epi16(weight, colour);
    return SUBTRACT ? _mm256_sub_epi16(before, part) : _mm256_add_epi16(before, part);
}

// Both loops read before they write, as reads would wait for writes to planes that lie a multiple of 4096 bytes apart.
template <int COMPONENTS, bool SUBTRACT>
void add_wide(const Target<COMPONENTS, SUBTRACT> &target, Units &units) {
    // From vector to vector the way is down a column: no processor guesses what is needed next.
    for (int n = 0; n < AHEAD && units.count; n++) units.offset[units.count + n] = units.offset[units.count - 1];
    const __m256i k = _mm256_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14), d2 = each(target.d2); // even lanes
    const __m256i bend = _mm256_mullo_epi32(d2, _mm256_setr_epi32(0, 1, 6, 15, 28, 45, 66, 91));
    const __m256i rise = _mm256_mullo_epi32(d2, k);
    __m256i colour[COMPONENTS];
    for (int c = 0; c < COMPONENTS; c++) colour[c] = _mm256_set1_epi16(target.colour[c]);
    for (int n = 0; n < units.count; n++) {
        const __m256i d = each(units.d1[n]), q = each(units.q[n]);
        const __m256i even = _mm256_add_epi32(_mm256_add_epi32(_mm256_mullo_epi32(d, k), bend), q);
        const __m256i odd = _mm256_add_epi32(even, _mm256_add_epi32(d, rise));
        const __m256i w = _mm256_srli_epi16(sixteenth_power(x_of(even, odd)), 1);
        int16_t *a = target.acc + units.offset[n];
        const int16_t *later = target.acc + units.offset[n + AHEAD];
        for (int c = 0; c < COMPONENTS; c++) __builtin_prefetch(later + c * target.plane, 1);
        __m256i sum[COMPONENTS];
        for (int c = 0; c < COMPONENTS; c++)
            sum[c] = summed<SUBTRACT>(_mm256_loadu_si256(reinterpret_cast<const __m256i *>(a + c * target.plane)), colour[c], w);
        for (int c = 0; c < COMPONENTS; c++)
            _mm256_storeu_si256(reinterpret_cast<__m256i *>(a + c * target.plane), sum[c]);
    }
}

// Two units at a time, which lie whole in their rows. No two overlap, so that both can be read before any is written.
template <int COMPONENTS, bool SUBTRACT>
void add_units(const Target<COMPONENTS, SUBTRACT> &target, Units &units) {
    const int count = units.count;
    if (!count) return;
    if (count == 1) return target.add_whole(units.offset[0], units.q[0], units.d1[0], units.half[0] / UNIT);
    units.q[count] = units.d1[count] = 0; // the partner of the last one, if that is single, adds nothing to the first
    units.offset[count] = units.offset[0];
    units.half[count] = 0;
    const __m256i k = _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6), d2 = each(target.d2); // even lanes
    const __m256i bend = _mm256_mullo_epi32(d2, _mm256_setr_epi32(0, 1, 6, 15, 0, 1, 6, 15));
    const __m256i rise = _mm256_mullo_epi32(d2, k);
    const __m256i spread = _mm256_setr_epi8(0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, //
                                            4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7);
    const ptrdiff_t plane = target.plane;
    __m256i colour[COMPONENTS];
    for (int c = 0; c < COMPONENTS; c++) colour[c] = _mm256_set1_epi16(target.colour[c]);
    auto both = [&](const uint32_t *v) {
        int64_t two;
        __builtin_memcpy(&two, v, sizeof two);
        return _mm256_shuffle_epi8(_mm256_set1_epi64x(two), spread);
    };
    auto pair = [](const void *a, const void *b) {
        const __m128i low = _mm_loadu_si128(static_cast<const __m128i *>(a));
        return _mm256_inserti128_si256(_mm256_castsi128_si256(low), _mm_loadu_si128(static_cast<const __m128i *>(b)), 1);
    };
    for (int n = 0; n < count; n += 2) {
        const __m256i d = both(units.d1 + n), q = both(units.q + n);
        const __m256i even = _mm256_add_epi32(_mm256_add_epi32(_mm256_mullo_epi32(d, k), bend), q);
        const __m256i odd = _mm256_add_epi32(even, _mm256_add_epi32(d, rise));
        const __m256i half = pair(HALF.lanes + units.half[n], HALF.lanes + units.half[n + 1]);
        const __m256i w = _mm256_mulhi_epu16(sixteenth_power(x_of(even, odd)), half);
        int16_t *a = target.acc + units.offset[n], *b = target.acc + units.offset[n + 1];
        __m256i sum[COMPONENTS];
        for (int c = 0; c < COMPONENTS; c++)
            sum[c] = summed<SUBTRACT>(pair(a + c * plane, b + c * plane), colour[c], w);
        for (int c = 0; c < COMPONENTS; c++) {
            _mm_storeu_si128(reinterpret_cast<__m128i *>(a + c * plane), _mm256_castsi256_si128(sum[c]));
            _mm_storeu_si128(reinterpret_cast<__m128i *>(b + c * plane), _mm256_extracti128_si256(sum[c], 1));
        }
    }
}

template <int COMPONENTS, bool SUBTRACT>
class RunRows {
  public:
    RunRows(const Target<COMPONENTS, SUBTRACT> &target, const RunStart &start, int32_t i0, const pgs_grid_i32 &grid)
        : target(target), d2(target.d2), i0(i0), width(grid.width) {
        const __m256i row[2] = {_mm256_setr_epi64x(0, 1, 4, 5), _mm256_setr_epi64x(2, 3, 6, 7)};
        const __m256i pairs[2] = {_mm256_setr_epi64x(0, 0, 6, 10), _mm256_setr_epi64x(1, 3, 15, 21)}; // k (k - 1) / 2
        for (int h = 0; h < 2; h++) {
            const __m256i bends = times(start.q0_bend, pairs[h]);
            const __m256i eights = _mm256_slli_epi64(times(start.q0_bend, row[h]), 3);
            q0[h] = _mm256_add_epi64(each64(start.q0), _mm256_add_epi64(times(start.q0_rise, row[h]), bends));
            q0_rise[h] = _mm256_add_epi64(each64(8 * start.q0_rise + 28 * start.q0_bend), eights);
            d1[h] = _mm256_add_epi64(each64(start.d1), times(start.d1_rise, row[h]));
        }
        q0_bend = each64(64 * start.q0_bend);
        d1_rise = each64(8 * start.d1_rise);
    }

    // The next GROUP rows; `row` counts from the block's first.
    void add(const Columns &columns, int32_t row) {
        const __m256i begin = each(uint32_t(i0)), end = each(uint32_t(i0 + RUN)), one = each(1), bend = each(d2);
        const __m256i first = _mm256_load_si256(reinterpret_cast<const __m256i *>(columns.first));
        const __m256i last = _mm256_load_si256(reinterpret_cast<const __m256i *>(columns.last));
        __m256i i = _mm256_max_epi32(first, begin);
        __m256i left = _mm256_sub_epi32(_mm256_min_epi32(_mm256_add_epi32(last, one), end), i); // columns left
        const __m256i m = _mm256_sub_epi32(i, begin);
        const __m256i bends = _mm256_srli_epi32(_mm256_mullo_epi32(m, _mm256_sub_epi32(m, one)), 1);
        __m256i d = shifted(d1);
        __m256i q = _mm256_add_epi32(_mm256_add_epi32(shifted(q0), _mm256_mullo_epi32(m, d)),
                                     _mm256_mullo_epi32(bends, bend));
        d = _mm256_add_epi32(d, _mm256_mullo_epi32(m, bend));
        const __m256i rows = _mm256_add_epi32(each(uint32_t(row)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
        __m256i offset = _mm256_add_epi32(_mm256_mullo_epi32(rows, each(uint32_t(width))), i);
        auto advance = [&](int n) {
            q = _mm256_add_epi32(q, _mm256_add_epi32(_mm256_mullo_epi32(d, each(n)), each(uint32_t(n * (n - 1) / 2) * d2)));
            d = _mm256_add_epi32(d, each(uint32_t(n) * d2));
            i = _mm256_add_epi32(i, each(n));
            offset = _mm256_add_epi32(offset, each(n));
            left = _mm256_sub_epi32(left, each(n));
        };
        while (const unsigned mask = lanes(_mm256_cmpgt_epi32(left, each(WIDE - 1)))) {
            put(wide, mask, q, d, offset);
            const __m256i some = _mm256_cmpgt_epi32(left, each(WIDE - 1));
            const __m256i n = _mm256_and_si256(some, each(WIDE)), nd = _mm256_and_si256(some, each(WIDE * d2));
            q = _mm256_add_epi32(q, _mm256_and_si256(some, _mm256_add_epi32(_mm256_slli_epi32(d, 4), each(WIDE * (WIDE - 1) / 2 * d2))));
            d = _mm256_add_epi32(d, nd);
            i = _mm256_add_epi32(i, n);
            offset = _mm256_add_epi32(offset, n);
            left = _mm256_sub_epi32(left, n);
        }
        for (;;) {
            const __m256i active = _mm256_cmpgt_epi32(left, _mm256_setzero_si256());
            unsigned mask = lanes(active);
            if (!mask) break;
            const __m256i outside = _mm256_and_si256(active, _mm256_cmpgt_epi32(i, each(uint32_t(width - UNIT))));
            const __m256i count = _mm256_min_epi32(left, each(UNIT));
            if (const unsigned border = lanes(outside)) {
                add_parts(border, q, d, offset, count);
                mask &= ~border;
            }
            store(units.half + units.count, _mm256_permutevar8x32_epi32(_mm256_slli_epi32(count, 3), pack(mask)));
            put(units, mask, q, d, offset);
            advance(UNIT);
        }
        for (int h = 0; h < 2; h++) {
            q0[h] = _mm256_add_epi64(q0[h], q0_rise[h]);
            q0_rise[h] = _mm256_add_epi64(q0_rise[h], q0_bend);
            d1[h] = _mm256_add_epi64(d1[h], d1_rise);
        }
    }

    void finish() {
        add_wide(target, wide);
        add_units(target, units);
    }

  private:
    static unsigned lanes(__m256i mask) { return unsigned(_mm256_movemask_ps(_mm256_castsi256_ps(mask))); }
    static void store(void *to, __m256i v) { _mm256_storeu_si256(static_cast<__m256i *>(to), v); }

    static __m256i pack(unsigned mask) {
        return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i *>(PACK.lanes[mask])));
    }

    // Appends what the lanes of the mask hold.
    static void put(Units &units, unsigned mask, __m256i q, __m256i d1, __m256i offset) {
        const __m256i front = pack(mask);
        store(units.q + units.count, _mm256_permutevar8x32_epi32(q, front));
        store(units.d1 + units.count, _mm256_permutevar8x32_epi32(d1, front));
        store(units.offset + units.count, _mm256_permutevar8x32_epi32(offset, front));
        units.count += __builtin_popcount(mask);
    }

    // Units of which not all lanes lie in the row.
    __attribute__((noinline)) void add_parts(unsigned mask, __m256i q, __m256i d1, __m256i offset, __m256i columns) const {
        alignas(32) uint32_t a_q[GROUP], a_d1[GROUP];
        alignas(32) int32_t a_offset[GROUP], a_columns[GROUP];
        store(a_q, q);
        store(a_d1, d1);
        store(a_offset, offset);
        store(a_columns, columns);
        for (int k = 0; k < GROUP; k++)
            if (mask >> k & 1) target.add_part(a_offset[k], a_q[k], a_d1[k], a_columns[k]);
    }

    const Target<COMPONENTS, SUBTRACT> &target;
    const uint32_t d2;
    const int32_t i0, width;
    Units units, wide;
    __m256i q0[2], q0_rise[2], d1[2], q0_bend, d1_rise; // rows 0, 1, 4, 5 and 2, 3, 6, 7 of a group
};

} // namespace
