// Small splats with AVX-512: strips of sixteen columns, two rows at a time, or of eight, four rows at a time (spec 8.5, 8.6).
#pragma once
#include "sum_box.h"
#include "sum_vectors_avx512.h"

namespace {

inline __m256i rows_of_8(const int16_t *a, const int16_t *b) {
    const __m128i low = _mm_loadu_si128(reinterpret_cast<const __m128i *>(a));
    return _mm256_inserti128_si256(_mm256_castsi128_si256(low), _mm_loadu_si128(reinterpret_cast<const __m128i *>(b)), 1);
}
inline void store_rows_of_8(__m256i sums, int16_t *a, int16_t *b) { // b first: the same row is a's
    _mm_storeu_si128(reinterpret_cast<__m128i *>(b), _mm256_extracti128_si256(sums, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i *>(a), _mm256_castsi256_si128(sums));
}

// Rows of 16 or of 8 columns; where some are the same row, what is written to the first of them stays.
template <int ROWS>
inline __m512i load_rows(int16_t *const *to, ptrdiff_t plane) {
    __m256i low, upper;
    if constexpr (ROWS == 2) {
        low = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(to[0] + plane));
        upper = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(to[1] + plane));
    } else {
        low = rows_of_8(to[0] + plane, to[1] + plane);
        upper = rows_of_8(to[2] + plane, to[3] + plane);
    }
    return _mm512_inserti64x4(_mm512_castsi256_si512(low), upper, 1);
}
template <int ROWS>
inline void store_rows(__m512i sums, int16_t *const *to, ptrdiff_t plane) {
    const __m256i low = _mm512_castsi512_si256(sums), upper = _mm512_extracti64x4_epi64(sums, 1);
    if constexpr (ROWS == 2) {
        _mm256_storeu_si256(reinterpret_cast<__m256i *>(to[1] + plane), upper);
        _mm256_storeu_si256(reinterpret_cast<__m256i *>(to[0] + plane), low);
    } else {
        store_rows_of_8(upper, to[2] + plane, to[3] + plane);
        store_rows_of_8(low, to[0] + plane, to[1] + plane);
    }
}

// Strips of a splat, of which each row begins with v and its fall d in the first of their columns (see add_box).
template <int COLUMNS, int COMPONENTS, bool SUBTRACT>
class Strip {
  public:
    static constexpr int ROWS = 32 / COLUMNS;

    // Columns [begin, end) of a strip's.
    Strip(const Target<COMPONENTS, SUBTRACT> &target, int32_t begin, int32_t end)
        : plane(target.plane), lanes(__mmask32(((1u << end) - (1u << begin)) * (ROWS == 2 ? 0x10001u : 0x01010101u))) {
        const int far = ROWS == 2 ? 8 : 0; // vectors of 32-bit lanes are packed by halves of eight
        const __m512i k = _mm512_setr_epi32(0, 1, 2, 3, far, far + 1, far + 2, far + 3, 0, 1, 2, 3, far, far + 1, far + 2, far + 3);
        const __m512i bends = _mm512_srli_epi32(_mm512_mullo_epi32(k, _mm512_sub_epi32(k, each(1))), 1), d2 = each(target.d2);
        columns = k;
        bend = _mm512_mullo_epi32(d2, bends);
        next_bend = _mm512_mullo_epi32(d2, _mm512_add_epi32(_mm512_slli_epi32(k, 2), each(6))); // four columns on
        for (int c = 0; c < COMPONENTS; c++) colour[c] = _mm512_set1_epi16(target.colour[c]);
    }

    // Adds `count` rows, at most 16, with v and d in the lanes; `places` [16 + 3] are where their strips begin. Rows that have no
    // partner have themselves: what is written there is written over.
    void add(__m512i v, __m512i d, int16_t *acc, int32_t *places, int32_t count) const {
        const int two = ROWS == 2 ? 0 : 1, three = ROWS == 2 ? 1 : 2, four = ROWS == 2 ? 1 : 3;
        __m512i which = _mm512_setr_epi32(0, 0, 0, 0, two, two, two, two, three, three, three, three, four, four, four, four);
        for (int i = 0; i < ROWS - 1; i++) places[count + i] = places[count - 1];
        for (int32_t row = 0; row < count; row += ROWS) {
            const __m512i w = weights(_mm512_permutexvar_epi32(which, v), _mm512_permutexvar_epi32(which, d));
            which = _mm512_add_epi32(which, each(ROWS));
            int16_t *to[ROWS];
            for (int i = 0; i < ROWS; i++) to[i] = acc + places[row + i];
            __m512i sum[COMPONENTS];
            for (int c = 0; c < COMPONENTS; c++) sum[c] = summed<SUBTRACT>(load_rows<ROWS>(to, c * plane), colour[c], w);
            for (int c = 0; c < COMPONENTS; c++) store_rows<ROWS>(sum[c], to, c * plane);
        }
    }

  private:
    // w, Q15, of the columns of each row in turn; 0 outside the support.
    __m512i weights(__m512i v, __m512i d) const {
        const __m512i first = _mm512_sub_epi32(_mm512_sub_epi32(v, bend), _mm512_mullo_epi32(columns, d));
        const __m512i next = _mm512_sub_epi32(_mm512_sub_epi32(first, next_bend), _mm512_slli_epi32(d, 2));
        const __m512i s = _mm512_packus_epi32(_mm512_srai_epi32(first, 10), _mm512_srai_epi32(next, 10));
        return _mm512_maskz_srli_epi16(lanes, _mm512_mulhi_epu16(s, s), 1);
    }

    const ptrdiff_t plane;
    const __mmask32 lanes;
    __m512i columns, bend, next_bend, colour[COMPONENTS];
};

// A splat in strips.
template <int COLUMNS, int COMPONENTS, bool SUBTRACT>
void add_strips(int16_t *acc, const pgs_grid_i32 &grid, const Form &f, int32_t cx, int32_t cy, const int16_t *colour,
                const pgs_reach &reach, const Lean &lean) {
    const Target<COMPONENTS, SUBTRACT> target{acc, grid.plane, colour, second_difference(f, grid)};
    const __m512i k0 = _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7), k1 = _mm512_add_epi64(k0, _mm512_set1_epi64(8));
    const __m512i pairs0 = _mm512_setr_epi64(0, 0, 1, 3, 6, 10, 15, 21), pairs1 = _mm512_setr_epi64(28, 36, 45, 55, 66, 78, 91, 105);
    auto each64 = [](uint64_t v) { return _mm512_set1_epi64(int64_t(v)); };
    auto along = [&](uint64_t v, __m512i k) { return _mm512_mullo_epi64(each64(v), k); };
    RunStart now = box_start(f, grid, cx, cy, reach);
    const __m512i rows = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i down = _mm512_mullo_epi32(rows, each(uint32_t(grid.row)));
    alignas(64) int32_t places[16 + 3];
    for (int32_t row = reach.first_row; row <= reach.last_row; row += 16) {
        const __m512i q[] = {_mm512_add_epi64(each64(now.q0), _mm512_add_epi64(along(now.q0_rise, k0), along(now.q0_bend, pairs0))),
                             _mm512_add_epi64(each64(now.q0), _mm512_add_epi64(along(now.q0_rise, k1), along(now.q0_bend, pairs1)))};
        const __m512i d[] = {_mm512_add_epi64(each64(now.d1), along(now.d1_rise, k0)),
                             _mm512_add_epi64(each64(now.d1), along(now.d1_rise, k1))};
        const __m512i v0 = _mm512_sub_epi32(each((1u << 26) - (1u << 11)), shifted(q)), d1 = shifted(d);
        const int32_t count = reach.last_row - row + 1 < 16 ? reach.last_row - row + 1 : 16;
        // Rows whose strips have these columns, of which m is the first from where the run starts; rise: m d2, bends: m (m - 1) / 2 d2.
        auto add = [&](__m512i m, __m512i rise, __m512i bends, int32_t begin, int32_t end) {
            const __m512i there = _mm512_sub_epi32(_mm512_sub_epi32(v0, bends), _mm512_mullo_epi32(d1, m));
            _mm512_store_si512(places, _mm512_add_epi32(down, _mm512_add_epi32(m, each(uint32_t(reach.anchor)))));
            Strip<COLUMNS, COMPONENTS, SUBTRACT>(target, begin, end)
                .add(there, _mm512_add_epi32(d1, rise), acc + ptrdiff_t(row) * grid.row, places, count);
        };
        if (lean.columns) {
            const __m512i steps = _mm512_add_epi32(rows, each(uint32_t(row - reach.first_row))), d2 = each(target.d2);
            const __m512i from_start = _mm512_mullo_epi32(steps, each(uint32_t(lean.slope)));
            const __m512i m = _mm512_srai_epi32(_mm512_add_epi32(each(uint32_t(lean.start)), from_start), 16);
            const __m512i pairs = _mm512_srai_epi32(_mm512_mullo_epi32(m, _mm512_sub_epi32(m, each(1))), 1);
            add(m, _mm512_mullo_epi32(m, d2), _mm512_mullo_epi32(pairs, d2), 0, lean.columns);
        } else {
            for (int32_t i = reach.first_column; i <= reach.last_column; i += COLUMNS) {
                const StripColumns strip(i, COLUMNS, grid, reach);
                const uint32_t m = uint32_t(strip.place - reach.anchor);
                add(each(m), each(m * target.d2), each(m * (m - 1) / 2 * target.d2), strip.begin, strip.end);
            }
        }
        now.q0 += 16 * now.q0_rise + 120 * now.q0_bend;
        now.q0_rise += 16 * now.q0_bend;
        now.d1 += 16 * now.d1_rise;
    }
}

template <int COMPONENTS, bool SUBTRACT>
void add_box(int16_t *acc, const pgs_grid_i32 &grid, const Form &f, int32_t cx, int32_t cy, const int16_t *colour,
             const pgs_reach &reach, const Lean &lean) {
    if (strip_columns(reach, lean) == STRIP) add_strips<STRIP, COMPONENTS, SUBTRACT>(acc, grid, f, cx, cy, colour, reach, lean);
    else add_strips<NARROW_STRIP, COMPONENTS, SUBTRACT>(acc, grid, f, cx, cy, colour, reach, lean);
}

} // namespace
