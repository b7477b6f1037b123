// Small splats with AVX2: strips of sixteen columns, a row at a time, or of eight, two rows at a time (spec 8.5, 8.6).
#pragma once
#include "sum_avx2.h"
#include "sum_box.h"

namespace {

// Strips of a splat, of which each row begins with v and its fall d in the first of their columns (see add_box).
template <int COLUMNS, int COMPONENTS, bool SUBTRACT>
class Strip {
  public:
    static constexpr int ROWS = 16 / COLUMNS;

    // Columns [begin, end) of a strip's.
    Strip(const Target<COMPONENTS, SUBTRACT> &target, int32_t begin, int32_t end) : plane(target.plane) {
        const int far = ROWS == 1 ? 8 : 0; // vectors of 32-bit lanes are packed by halves
        const __m256i k = _mm256_setr_epi32(0, 1, 2, 3, far, far + 1, far + 2, far + 3), d2 = each(target.d2);
        columns = k;
        bend = _mm256_mullo_epi32(d2, _mm256_srli_epi32(_mm256_mullo_epi32(k, _mm256_sub_epi32(k, each(1))), 1));
        next_bend = _mm256_mullo_epi32(d2, _mm256_add_epi32(_mm256_slli_epi32(k, 2), each(6))); // four columns on
        const int16_t n = ROWS == 1 ? 8 : 0;
        const __m256i lane = _mm256_setr_epi16(0, 1, 2, 3, 4, 5, 6, 7, n, n + 1, n + 2, n + 3, n + 4, n + 5, n + 6, n + 7);
        lanes = _mm256_and_si256(_mm256_cmpgt_epi16(lane, _mm256_set1_epi16(int16_t(begin - 1))),
                                 _mm256_cmpgt_epi16(_mm256_set1_epi16(int16_t(end)), lane));
        for (int c = 0; c < COMPONENTS; c++) colour[c] = _mm256_set1_epi16(target.colour[c]);
    }

    // Adds `count` rows, at most 8, with their v [8 + 1] and d; `places` [8 + 1] are where their strips begin. A row that has no
    // partner has itself: what is written there is written over.
    void add(const uint32_t *v, const uint32_t *d, int16_t *acc, int32_t *places, int32_t count) const {
        if (ROWS == 2) places[count] = places[count - 1];
        for (int32_t k = 0; k < count; k += ROWS) {
            int16_t *const to = acc + places[k], *const partner = acc + places[k + ROWS - 1];
            const __m256i fall = both(d + k);
            const __m256i first = _mm256_sub_epi32(_mm256_sub_epi32(both(v + k), bend), _mm256_mullo_epi32(columns, fall));
            const __m256i next = _mm256_sub_epi32(_mm256_sub_epi32(first, next_bend), _mm256_slli_epi32(fall, 2));
            const __m256i s = _mm256_packus_epi32(_mm256_srai_epi32(first, 10), _mm256_srai_epi32(next, 10));
            const __m256i w = _mm256_and_si256(lanes, _mm256_srli_epi16(_mm256_mulhi_epu16(s, s), 1));
            __m256i sum[COMPONENTS];
            for (int c = 0; c < COMPONENTS; c++) {
                const __m256i before = ROWS == 1 ? load(to + c * plane) : pair(to + c * plane, partner + c * plane);
                sum[c] = summed<SUBTRACT>(before, colour[c], w);
            }
            for (int c = 0; c < COMPONENTS; c++) {
                if (ROWS == 1) store(to + c * plane, sum[c]);
                else {
                    _mm_storeu_si128(reinterpret_cast<__m128i *>(partner + c * plane), _mm256_extracti128_si256(sum[c], 1));
                    _mm_storeu_si128(reinterpret_cast<__m128i *>(to + c * plane), _mm256_castsi256_si128(sum[c]));
                }
            }
        }
    }

  private:
    static __m256i both(const uint32_t *of) { // of one row, or half of the lanes of each of two
        return ROWS == 1 ? each(of[0]) : _mm256_set_m128i(_mm_set1_epi32(int32_t(of[1])), _mm_set1_epi32(int32_t(of[0])));
    }

    const ptrdiff_t plane;
    __m256i columns, bend, next_bend, lanes, colour[COMPONENTS];
};

// A splat in strips.
template <int COLUMNS, int COMPONENTS, bool SUBTRACT>
void add_strips(int16_t *acc, const pgs_grid_i32 &grid, const Form &f, int32_t cx, int32_t cy, const int16_t *colour,
                const pgs_reach &reach, const Lean &lean) {
    const Target<COMPONENTS, SUBTRACT> target{acc, grid.plane, colour, second_difference(f, grid)};
    const __m256i k[2] = {_mm256_setr_epi64x(0, 1, 4, 5), _mm256_setr_epi64x(2, 3, 6, 7)}; // as `shifted` takes them
    const __m256i pairs[2] = {_mm256_setr_epi64x(0, 0, 6, 10), _mm256_setr_epi64x(1, 3, 15, 21)};
    RunStart now = box_start(f, grid, cx, cy, reach);
    const __m256i rows = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), down = _mm256_mullo_epi32(rows, each(uint32_t(grid.row)));
    alignas(32) uint32_t v[8 + 1] = {}, fall[8 + 1] = {};
    alignas(32) int32_t places[8 + 1];
    for (int32_t row = reach.first_row; row <= reach.last_row; row += 8) {
        __m256i q[2], d[2];
        for (int h = 0; h < 2; h++) {
            const __m256i straight = _mm256_add_epi64(each64(now.q0), times(now.q0_rise, k[h]));
            q[h] = _mm256_add_epi64(straight, times(now.q0_bend, pairs[h]));
            d[h] = _mm256_add_epi64(each64(now.d1), times(now.d1_rise, k[h]));
        }
        const __m256i v0 = _mm256_sub_epi32(each((1u << 26) - (1u << 11)), shifted(q)), d1 = shifted(d), one = each(1);
        const int32_t count = reach.last_row - row + 1 < 8 ? reach.last_row - row + 1 : 8;
        // Rows whose strips have these columns, of which m is the first from where the run starts.
        auto add = [&](__m256i m, int32_t begin, int32_t end) {
            const __m256i bends = _mm256_srai_epi32(_mm256_mullo_epi32(m, _mm256_sub_epi32(m, one)), 1), d2 = each(target.d2);
            const __m256i there = _mm256_sub_epi32(v0, _mm256_mullo_epi32(bends, d2));
            store(v, _mm256_sub_epi32(there, _mm256_mullo_epi32(d1, m)));
            store(fall, _mm256_add_epi32(d1, _mm256_mullo_epi32(m, d2)));
            store(places, _mm256_add_epi32(down, _mm256_add_epi32(m, each(uint32_t(reach.anchor)))));
            Strip<COLUMNS, COMPONENTS, SUBTRACT>(target, begin, end).add(v, fall, acc + ptrdiff_t(row) * grid.row, places, count);
        };
        if (lean.columns) {
            const __m256i steps = _mm256_add_epi32(rows, each(uint32_t(row - reach.first_row)));
            const __m256i from_start = _mm256_mullo_epi32(steps, each(uint32_t(lean.slope)));
            add(_mm256_srai_epi32(_mm256_add_epi32(each(uint32_t(lean.start)), from_start), 16), 0, lean.columns);
        } else {
            for (int32_t i = reach.first_column; i <= reach.last_column; i += COLUMNS) {
                const StripColumns strip(i, COLUMNS, grid, reach);
                add(each(uint32_t(strip.place - reach.anchor)), strip.begin, strip.end);
            }
        }
        now.q0 += 8 * now.q0_rise + 28 * now.q0_bend;
        now.q0_rise += 8 * now.q0_bend;
        now.d1 += 8 * now.d1_rise;
    }
}

template <int COMPONENTS, bool SUBTRACT>
void add_box(int16_t *acc, const pgs_grid_i32 &grid, const Form &f, int32_t cx, int32_t cy, const int16_t *colour,
             const pgs_reach &reach, const Lean &lean) {
    if (strip_columns(reach, lean) == STRIP) add_strips<STRIP, COMPONENTS, SUBTRACT>(acc, grid, f, cx, cy, colour, reach, lean);
    else add_strips<NARROW_STRIP, COMPONENTS, SUBTRACT>(acc, grid, f, cx, cy, colour, reach, lean);
}

} // namespace
