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

inline __m256i each(uint32_t v) { return _mm256_set1_epi32(int32_t(v)); }
inline __m256i each64(uint64_t v) { return _mm256_set1_epi64x(int64_t(v)); }

// v * k modulo 2^64, k below 2^32 in each 64-bit lane.
inline __m256i times(uint64_t v, __m256i k) {
    const __m256i low = _mm256_mul_epu32(each64(v), k), high = _mm256_mul_epu32(each64(v >> 32), k);
    return _mm256_add_epi64(low, _mm256_slli_epi64(high, 32));
}

// Bits 24 to 55 of eight 64-bit numbers in the order of RunRows.
inline __m256i middle(const __m256i *v) {
    const __m256i a = _mm256_srli_epi64(v[0], 24), b = _mm256_srli_epi64(v[1], 24);
    return _mm256_castps_si256(_mm256_shuffle_ps(_mm256_castsi256_ps(a), _mm256_castsi256_ps(b), 0x88));
}

class RunRows {
  public:
    RunRows(const RunStart &start, uint32_t d2, int32_t i0, const pgs_grid_i32 &grid)
        : d2(d2), i0(i0), width(grid.width), safe(grid.width - UNIT) {
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

    // Lists the units of the next GROUP rows; `row` counts from the block's first. Those near the border are added at once.
    template <typename Target>
    void list(const Columns &columns, int32_t row, Units &units, const Target &target) {
        const __m256i begin = each(uint32_t(i0)), end = each(uint32_t(i0 + RUN)), one = each(1), bend = each(d2);
        const __m256i first = _mm256_load_si256(reinterpret_cast<const __m256i *>(columns.first));
        const __m256i last = _mm256_load_si256(reinterpret_cast<const __m256i *>(columns.last));
        __m256i i = _mm256_max_epi32(first, begin);
        __m256i left = _mm256_sub_epi32(_mm256_min_epi32(_mm256_add_epi32(last, one), end), i); // columns left
        const __m256i m = _mm256_sub_epi32(i, begin);
        const __m256i bends = _mm256_srli_epi32(_mm256_mullo_epi32(m, _mm256_sub_epi32(m, one)), 1);
        __m256i d = middle(d1);
        __m256i q = _mm256_add_epi32(_mm256_add_epi32(middle(q0), _mm256_mullo_epi32(m, d)),
                                     _mm256_mullo_epi32(bends, bend));
        d = _mm256_add_epi32(d, _mm256_mullo_epi32(m, bend));
        const __m256i rows = _mm256_add_epi32(each(uint32_t(row)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
        __m256i offset = _mm256_add_epi32(_mm256_mullo_epi32(rows, each(uint32_t(width))), i);
        const __m256i unit = each(UNIT), unit_d2 = each(UNIT * d2), unit_bend = each(UNIT * (UNIT - 1) / 2 * d2);
        for (;;) {
            const __m256i active = _mm256_cmpgt_epi32(left, _mm256_setzero_si256());
            unsigned mask = lanes(active);
            if (!mask) break;
            const __m256i outside = _mm256_and_si256(active, _mm256_cmpgt_epi32(i, each(uint32_t(safe))));
            const __m256i count = _mm256_min_epi32(left, unit);
            if (const unsigned border = lanes(outside)) {
                alignas(32) uint32_t a_q[GROUP], a_d1[GROUP];
                alignas(32) int32_t a_offset[GROUP], a_count[GROUP];
                put(a_q, q);
                put(a_d1, d);
                put(a_offset, offset);
                put(a_count, count);
                for (int k = 0; k < GROUP; k++)
                    if (border >> k & 1) target.add_part(a_offset[k], a_q[k], a_d1[k], a_count[k]);
                mask &= ~border;
            }
            const __m256i pack = _mm256_cvtepu8_epi32(
                _mm_loadl_epi64(reinterpret_cast<const __m128i *>(PACK.lanes[mask])));
            const int n = units.count;
            put(units.q + n, _mm256_permutevar8x32_epi32(q, pack));
            put(units.d1 + n, _mm256_permutevar8x32_epi32(d, pack));
            put(units.offset + n, _mm256_permutevar8x32_epi32(offset, pack));
            put(units.columns + n, _mm256_permutevar8x32_epi32(count, pack));
            units.count = n + __builtin_popcount(mask);
            q = _mm256_add_epi32(_mm256_add_epi32(q, unit_bend), _mm256_slli_epi32(d, 3));
            d = _mm256_add_epi32(d, unit_d2);
            i = _mm256_add_epi32(i, unit);
            offset = _mm256_add_epi32(offset, unit);
            left = _mm256_sub_epi32(left, unit);
        }
        for (int h = 0; h < 2; h++) {
            q0[h] = _mm256_add_epi64(q0[h], q0_rise[h]);
            q0_rise[h] = _mm256_add_epi64(q0_rise[h], q0_bend);
            d1[h] = _mm256_add_epi64(d1[h], d1_rise);
        }
    }

  private:
    static unsigned lanes(__m256i mask) { return unsigned(_mm256_movemask_ps(_mm256_castsi256_ps(mask))); }
    static void put(void *to, __m256i v) { _mm256_storeu_si256(static_cast<__m256i *>(to), v); }

    const uint32_t d2;
    const int32_t i0, width, safe;
    __m256i q0[2], q0_rise[2], d1[2], q0_bend, d1_rise; // rows 0, 1, 4, 5 and 2, 3, 6, 7 of a group
};

// Two units at a time. All lie whole in their rows and no two overlap, so both may be read before both are written.
template <int COMPONENTS, bool SUBTRACT>
void add_units(const Target<COMPONENTS, SUBTRACT> &target, Units &units) {
    const int count = units.count;
    if (count == 1) return target.add_whole(units.offset[0], units.q[0], units.d1[0], units.columns[0]);
    units.q[count] = units.d1[count] = 0; // the partner of the last one, if that is single, adds nothing to the first
    units.offset[count] = units.offset[0];
    units.columns[count] = 0;
    // Lanes k = 0 .. 3 of both units, and 4 .. 7.
    const __m256i k = _mm256_setr_epi32(0, 1, 2, 3, 0, 1, 2, 3), d2 = each(target.d2);
    const __m256i bend = _mm256_mullo_epi32(d2, _mm256_setr_epi32(0, 0, 1, 3, 0, 0, 1, 3));
    const __m256i rise = _mm256_mullo_epi32(d2, _mm256_setr_epi32(6, 10, 14, 18, 6, 10, 14, 18));
    const __m256i spread = _mm256_setr_epi8(0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, //
                                            4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7);
    const __m256i third = _mm256_set1_epi16(10923), half = _mm256_set1_epi16(int16_t(32768)), ones = each(0xFFFFFFFF);
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
    const ptrdiff_t plane = target.plane;
    for (int n = 0; n < count; n += 2) {
        const __m256i d = both(units.d1 + n);
        const __m256i low = _mm256_add_epi32(_mm256_add_epi32(_mm256_mullo_epi32(d, k), bend), both(units.q + n));
        const __m256i up = _mm256_add_epi32(low, _mm256_add_epi32(_mm256_slli_epi32(d, 2), rise));
        // The saturation of negative numbers is the Max of 8.5.
        const __m256i x = _mm256_packus_epi32(_mm256_srai_epi32(low, 13), _mm256_srai_epi32(up, 13));
        __m256i w = _mm256_sub_epi16(half, _mm256_mulhi_epu16(x, third));
        w = _mm256_xor_si256(_mm256_mulhi_epu16(x, w), ones); // 65535 - v
        w = _mm256_xor_si256(_mm256_mulhi_epu16(x, w), ones);
        w = _mm256_mulhi_epu16(w, w);
        w = _mm256_mulhi_epu16(w, w);
        w = _mm256_mulhi_epu16(w, w);
        w = _mm256_mulhi_epu16(w, w);
        const __m256i keep = pair(KEEP.lanes + UNIT * units.columns[n], KEEP.lanes + UNIT * units.columns[n + 1]);
        w = _mm256_and_si256(_mm256_srli_epi16(w, 1), keep);
        int16_t *a = target.acc + units.offset[n], *b = target.acc + units.offset[n + 1];
        __m256i sum[COMPONENTS]; // all read before any is written: where planes lie 4096 bytes apart, reads wait for writes
        for (int c = 0; c < COMPONENTS; c++) {
            const __m256i part = _mm256_mulhrs_epi16(w, colour[c]), old = pair(a + c * plane, b + c * plane);
            sum[c] = SUBTRACT ? _mm256_sub_epi16(old, part) : _mm256_add_epi16(old, part);
        }
        for (int c = 0; c < COMPONENTS; c++) {
            _mm_storeu_si128(reinterpret_cast<__m128i *>(a + c * plane), _mm256_castsi256_si128(sum[c]));
            _mm_storeu_si128(reinterpret_cast<__m128i *>(b + c * plane), _mm256_extracti128_si256(sum[c], 1));
        }
    }
}

} // namespace
