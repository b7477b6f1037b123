// Ends of the support in eight rows, with AVX2.
#pragma once
#include "intrinsics.h"
#include "sum_ends.h"

namespace {

// The rows from first_Y on; those from `rows` on are left empty.
inline void find(const Ends &e, int64_t first_Y, int rows, Columns &columns) {
    alignas(32) int32_t left[GROUP], right[GROUP];
    const __m256d least = _mm256_set1_pd(e.least), most = _mm256_set1_pd(e.most);
    const __m256d det = _mm256_set1_pd(e.form.det), full = _mm256_set1_pd(e.full);
    const __m256d scale = _mm256_set1_pd(e.scale), slope = _mm256_set1_pd(e.slope);
    const __m256d shift = _mm256_set1_pd(e.shift), step = _mm256_set1_pd(double(e.grid.step_y));
    // The maximum is its second operand where the first is NaN.
    auto limited = [&](__m256d v) { return _mm256_cvttpd_epi32(_mm256_min_pd(_mm256_max_pd(v, least), most)); };
    __m128i l[2], r[2];
    for (int h = 0; h < 2; h++) {
        const __m256d row = _mm256_add_pd(_mm256_setr_pd(0, 1, 2, 3), _mm256_set1_pd(4 * h));
        const __m256d y = _mm256_fmadd_pd(row, step, _mm256_set1_pd(double(first_Y)));
        const __m256d root = _mm256_sqrt_pd(_mm256_fnmadd_pd(_mm256_mul_pd(det, y), y, full));
        const __m256d middle = _mm256_fmadd_pd(slope, y, shift);
        l[h] = limited(_mm256_fnmadd_pd(root, scale, middle));
        r[h] = limited(_mm256_fmadd_pd(root, scale, middle));
    }
    const __m256i lefts = _mm256_set_m128i(l[1], l[0]), rights = _mm256_set_m128i(r[1], r[0]);
    const __m256i one = _mm256_set1_epi32(1), part = _mm256_set1_epi32((1 << e.bits) - 2);
    const __m256i within = _mm256_cmpgt_epi32(_mm256_set1_epi32(rows), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    const __m128i count = _mm_cvtsi32_si128(e.bits);
    auto whole = [&](__m256i v) {
        return _mm256_cmpeq_epi32(_mm256_and_si256(_mm256_add_epi32(v, one), part), _mm256_setzero_si256());
    };
    const __m256i last = _mm256_sub_epi32(_mm256_and_si256(_mm256_sra_epi32(rights, count), within), one);
    _mm256_store_si256(reinterpret_cast<__m256i *>(columns.first), _mm256_sra_epi32(lefts, count));
    _mm256_store_si256(reinterpret_cast<__m256i *>(columns.last), last);
    const __m256i doubt = _mm256_or_si256(whole(lefts), whole(rights));
    if (_mm256_testz_si256(doubt, doubt)) return;
    _mm256_store_si256(reinterpret_cast<__m256i *>(left), lefts);
    _mm256_store_si256(reinterpret_cast<__m256i *>(right), rights);
    e.decide(first_Y, rows, left, right, columns);
}

} // namespace
