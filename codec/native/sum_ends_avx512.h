// Ends of the support in sixteen rows, with AVX-512.
#pragma once
#include "intrinsics.h"
#include "sum_ends.h"

namespace {

// The rows from first_Y on; those from `rows` on are left empty. A root is estimated to 2^-14, then corrected by one step
// after Newton, to 2^-27.4; the divider would take as long as all the rest.
inline void find(const Ends &e, int64_t first_Y, int rows, Columns &columns) {
    const __m512d least = _mm512_set1_pd(e.least), most = _mm512_set1_pd(e.most);
    const __m512d det = _mm512_set1_pd(e.form.det), full = _mm512_set1_pd(e.full);
    const __m512d scale = _mm512_set1_pd(e.scale), slope = _mm512_set1_pd(e.slope);
    const __m512d shift = _mm512_set1_pd(e.shift), step = _mm512_set1_pd(double(e.grid.step_y));
    const __m512d half = _mm512_set1_pd(0.5);
    // The maximum is its second operand where the first is NaN.
    auto limited = [&](__m512d v) { return _mm512_cvttpd_epi32(_mm512_min_pd(_mm512_max_pd(v, least), most)); };
    __m256i l[2], r[2];
    for (int h = 0; h < 2; h++) {
        const __m512d row = _mm512_add_pd(_mm512_setr_pd(0, 1, 2, 3, 4, 5, 6, 7), _mm512_set1_pd(8 * h));
        const __m512d y = _mm512_fmadd_pd(row, step, _mm512_set1_pd(double(first_Y)));
        const __m512d square = _mm512_fnmadd_pd(_mm512_mul_pd(det, y), y, full);
        const __m512d inverse = _mm512_rsqrt14_pd(square), estimate = _mm512_mul_pd(square, inverse);
        const __m512d error = _mm512_fnmadd_pd(estimate, _mm512_mul_pd(inverse, half), half);
        const __m512d root = _mm512_fmadd_pd(estimate, error, estimate);
        const __m512d middle = _mm512_fmadd_pd(slope, y, shift);
        l[h] = limited(_mm512_fnmadd_pd(root, scale, middle));
        r[h] = limited(_mm512_fmadd_pd(root, scale, middle));
    }
    auto joined = [](const __m256i *v) { return _mm512_inserti64x4(_mm512_castsi256_si512(v[0]), v[1], 1); };
    const __m512i lefts = joined(l), rights = joined(r), one = _mm512_set1_epi32(1);
    const __m512i part = _mm512_set1_epi32((1 << e.bits) - 2);
    const __m512i k = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __mmask16 within = _mm512_cmpgt_epi32_mask(_mm512_set1_epi32(rows), k);
    const __m128i count = _mm_cvtsi32_si128(e.bits);
    _mm512_store_si512(columns.first, _mm512_sra_epi32(lefts, count));
    _mm512_store_si512(columns.last, _mm512_sub_epi32(_mm512_maskz_sra_epi32(within, rights, count), one));
    auto whole = [&](__m512i v) { return _mm512_testn_epi32_mask(_mm512_add_epi32(v, one), part); };
    if (!(whole(lefts) | whole(rights))) return;
    alignas(64) int32_t left[GROUP], right[GROUP];
    _mm512_store_si512(left, lefts);
    _mm512_store_si512(right, rights);
    e.decide(first_Y, rows, left, right, columns);
}

} // namespace
