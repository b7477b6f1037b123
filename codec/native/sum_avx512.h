// The samples of a run with AVX-512: sixteen rows are listed at once, in lanes, and added when the last one is listed.
#pragma once
#include "sum_ends_avx512.h"
#include "sum_vectors_avx512.h"

namespace {

// Sixteen 64-bit numbers after their shift by 24, modulo 2^32.
inline __m512i shifted(const __m512i *v) {
    const __m512i low = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    const __m512i a = _mm512_srli_epi64(v[0], 24), b = _mm512_srli_epi64(v[1], 24);
    return _mm512_permutex2var_epi32(a, low, b);
}

template <int COMPONENTS, bool SUBTRACT>
class RunRows {
  public:
    RunRows(const Target<COMPONENTS, SUBTRACT> &target, const RunStart &start, int32_t i0, const pgs_grid_i32 &grid)
        : target(target), d2(target.d2), i0(i0), width(grid.width) {
        for (int h = 0; h < 2; h++) {
            const __m512i k = _mm512_add_epi64(_mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7), each64(uint64_t(8 * h)));
            const __m512i pairs = _mm512_srli_epi64(_mm512_mullo_epi64(k, _mm512_sub_epi64(k, each64(1))), 1);
            auto along = [&](uint64_t v, __m512i n) { return _mm512_mullo_epi64(each64(v), n); };
            const __m512i bends = along(start.q0_bend, pairs);
            q0[h] = _mm512_add_epi64(each64(start.q0), _mm512_add_epi64(along(start.q0_rise, k), bends));
            q0_rise[h] = _mm512_add_epi64(each64(16 * start.q0_rise + 120 * start.q0_bend), along(16 * start.q0_bend, k));
            d1[h] = _mm512_add_epi64(each64(start.d1), along(start.d1_rise, k));
        }
        const __m512i rows = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        starts = _mm512_mullo_epi32(rows, each(uint32_t(256 * grid.row)));
        next_starts = each(uint32_t(256 * GROUP * grid.row));
        q0_bend = each64(256 * start.q0_bend);
        d1_rise = each64(16 * start.d1_rise);
    }

    // The next GROUP rows.
    void add(const Columns &columns) {
        list(columns);
        starts = _mm512_add_epi32(starts, next_starts);
        for (int h = 0; h < 2; h++) {
            q0[h] = _mm512_add_epi64(q0[h], q0_rise[h]);
            q0_rise[h] = _mm512_add_epi64(q0_rise[h], q0_bend);
            d1[h] = _mm512_add_epi64(d1[h], d1_rise);
        }
    }

    void finish() {
        if (narrow.count & 1) { // it has no partner
            const int from = --narrow.count, to = wide.count++;
            wide.z[to] = narrow.z[from];
            wide.d1[to] = narrow.d1[from];
            wide.place[to] = narrow.place[from];
        }
        add_narrow(target, narrow);
        add_wide(target, wide);
    }

  private:
    // The pieces of a group's rows: wide ones while more than NARROW columns are left, then one for the rest. A narrow one
    // that would reach over the right border goes among the wide ones, which write no more than they have.
    void list(const Columns &columns) {
        const __m512i begin = each(uint32_t(i0)), end = each(uint32_t(i0 + RUN)), one = each(1), bend = each(d2);
        const __m512i first = _mm512_load_si512(columns.first), last = _mm512_load_si512(columns.last);
        __m512i i = _mm512_max_epi32(first, begin);
        __m512i left = _mm512_sub_epi32(_mm512_min_epi32(_mm512_add_epi32(last, one), end), i); // columns left
        if (!_mm512_cmpgt_epi32_mask(left, _mm512_setzero_si512())) return;
        const __m512i m = _mm512_sub_epi32(i, begin);
        const __m512i bends = _mm512_srli_epi32(_mm512_mullo_epi32(m, _mm512_sub_epi32(m, one)), 1);
        __m512i d = _mm512_sub_epi32(_mm512_setzero_si512(), _mm512_slli_epi32(shifted(d1), Z_BITS)); // fall
        const __m512i z0 = _mm512_sub_epi32(each(z_of(0)), _mm512_slli_epi32(shifted(q0), Z_BITS)); // z_of
        __m512i z = _mm512_add_epi32(_mm512_add_epi32(z0, _mm512_mullo_epi32(m, d)), _mm512_mullo_epi32(bends, bend));
        d = _mm512_add_epi32(d, _mm512_mullo_epi32(m, bend));
        __m512i place = _mm512_add_epi32(starts, _mm512_slli_epi32(i, 8));
        for (int n = 0; n < RUN / WIDE; n++) {
            const __mmask16 some = _mm512_cmpgt_epi32_mask(left, each(NARROW));
            if (!some) break;
            put(wide, some, z, d, place, _mm512_min_epi32(left, each(WIDE)));
            const __m512i rise = _mm512_add_epi32(_mm512_slli_epi32(d, 5), each(uint32_t(WIDE * (WIDE - 1) / 2) * d2));
            z = _mm512_mask_add_epi32(z, some, z, rise);
            d = _mm512_mask_add_epi32(d, some, d, each(uint32_t(WIDE) * d2));
            i = _mm512_mask_add_epi32(i, some, i, each(WIDE));
            place = _mm512_mask_add_epi32(place, some, place, each(256 * WIDE));
            left = _mm512_mask_sub_epi32(left, some, left, each(WIDE));
        }
        const __mmask16 rest = _mm512_cmpgt_epi32_mask(left, _mm512_setzero_si512());
        const __mmask16 outside = _mm512_mask_cmpgt_epi32_mask(rest, i, each(uint32_t(width - NARROW)));
        if (outside) put(wide, outside, z, d, place, left);
        put(narrow, __mmask16(rest & ~outside), z, d, place, left);
    }

    static __m512i each64(uint64_t v) { return _mm512_set1_epi64(int64_t(v)); }

    // Appends what the lanes of the mask hold.
    static void put(Pieces &pieces, __mmask16 mask, __m512i z, __m512i d1, __m512i place, __m512i columns) {
        const __m512i whole = _mm512_or_si512(place, columns);
        _mm512_storeu_si512(pieces.z + pieces.count, _mm512_maskz_compress_epi32(mask, z));
        _mm512_storeu_si512(pieces.d1 + pieces.count, _mm512_maskz_compress_epi32(mask, d1));
        _mm512_storeu_si512(pieces.place + pieces.count, _mm512_maskz_compress_epi32(mask, whole));
        pieces.count += __builtin_popcount(mask);
    }

    const Target<COMPONENTS, SUBTRACT> &target;
    const uint32_t d2;
    const int32_t i0, width;
    Pieces wide, narrow;
    __m512i starts, next_starts; // places of the group's rows
    __m512i q0[2], q0_rise[2], d1[2], q0_bend, d1_rise; // of eight rows each
};

} // namespace
