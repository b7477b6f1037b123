// The columns of a splat's support, eight rows at a time (spec 8.5).
#pragma once
#ifdef __AVX2__
#include <immintrin.h>
#endif

#include "sum_form.h"

// A loop over lanes. Without the pragma GCC unrolls it completely before it can be vectorised.
#define EACH(count) _Pragma("GCC unroll 1") for (int k = 0; k < count; k++)

namespace {

constexpr int GROUP = 8, BLOCK = 64; // rows handled together, in vector lanes; rows of which all ends are found first

// First and last column of the support in each row of a group, limited to the picture; first > last: none.
struct Columns {
    alignas(32) int32_t first[GROUP], last[GROUP];
};

// The ends come from a square root in double. Its error: det is good to 2^-53 and det Y^2 <= P LIMIT, so the
// discriminant is good to 2^-50.5 P LIMIT. It is raised by 2^-48 P LIMIT, so that no row of the support gets a negative
// one, and the root over P is good to 2^-23.8 sqrt(LIMIT / P) in all. That is at most 2^-3.9 in Q8 as P >= 2^12, or
// 2^0.1 for pictures of another size, where P >= 16 (8.8); the middle, below 2^28 in Q8 within the ellipse, is good to
// 2^-22. Steps are 256 or more: the ends are good to 2^-11.8 columns, or 2^-7.8. So they are taken in 2^-11 or 2^-6
// columns; an end that is a whole column after truncation or one unit before is decided by the exact test.
class Ends {
  public:
    Ends(const Form &f, const pgs_grid_i32 &grid, int32_t cx)
        : form(f), grid(grid), cx(cx), bits(f.P >= 1 << 12 ? 11 : 6) {
        const double unit = double(1 << bits), inverse_step = unit / grid.step_x;
        scale = inverse_step / f.p;
        slope = f.k * scale;
        shift = unit - (double(grid.origin_x) - cx) * inverse_step; // ends plus one column, to stay positive
        full = f.p * double(LIMIT);
        full += 0x1p-48 * full;
        least = 0.5 * unit; // far from a whole column, so that no exact test follows outside the picture
        most = (grid.width + 0.5) * unit;
    }

    // The GROUP rows from Y on; those from `rows` on are left empty.
#ifdef __AVX2__
    void find(int64_t first_Y, int rows, Columns &columns) const {
        alignas(32) int32_t left[GROUP], right[GROUP];
        const __m256d least = _mm256_set1_pd(this->least), most = _mm256_set1_pd(this->most);
        const __m256d det = _mm256_set1_pd(form.det), full = _mm256_set1_pd(this->full);
        const __m256d scale = _mm256_set1_pd(this->scale), slope = _mm256_set1_pd(this->slope);
        const __m256d shift = _mm256_set1_pd(this->shift), step = _mm256_set1_pd(double(grid.step_y));
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
        const __m256i one = _mm256_set1_epi32(1), part = _mm256_set1_epi32((1 << bits) - 2);
        const __m256i within = _mm256_cmpgt_epi32(_mm256_set1_epi32(rows), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
        const __m128i count = _mm_cvtsi32_si128(bits);
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
        decide(first_Y, rows, left, right, columns);
    }
#else
    void find(int64_t first_Y, int rows, Columns &columns) const {
        int32_t left[GROUP], right[GROUP];
        bool doubt = false;
        for (int k = 0; k < GROUP; k++) {
            const double y = double(first_Y) + k * double(grid.step_y), root = __builtin_sqrt(full - form.det * y * y);
            const double middle = slope * y + shift, l = middle - root * scale, r = middle + root * scale;
            left[k] = int32_t(!(l > least) ? least : l < most ? l : most); // least also for NaN: no support
            right[k] = int32_t(!(r > least) ? least : r < most ? r : most);
            columns.first[k] = left[k] >> bits;
            columns.last[k] = k < rows ? (right[k] >> bits) - 1 : -1;
            const int32_t part = (1 << bits) - 2;
            doubt |= !((left[k] + 1) & part) || !((right[k] + 1) & part);
        }
        if (doubt) decide(first_Y, rows, left, right, columns);
    }
#endif

  private:
    __attribute__((noinline)) void decide(int64_t first_Y, int rows, const int32_t *left, const int32_t *right,
                                          Columns &columns) const {
        const int32_t below = (1 << bits) - 1;
        for (int k = 0; k < GROUP && k < rows; k++) {
            const int64_t Y = first_Y + int64_t(k) * grid.step_y;
            auto in_column = [&](int32_t i) {
                return inside(form, int64_t(grid.origin_x) + int64_t(i) * grid.step_x - cx, Y);
            };
            int32_t &first = columns.first[k], &last = columns.last[k];
            const int32_t l = left[k] & below, r = right[k] & below, f = first, t = last;
            if (l == 0) first -= in_column(f - 1);
            if (l == below) first += !in_column(f);
            if (r == 0) last -= !in_column(t);
            if (r == below) last += in_column(t + 1);
            if (first < 0) first = 0;
            if (last > grid.width - 1) last = grid.width - 1;
        }
    }

    const Form &form;
    const pgs_grid_i32 &grid;
    const int32_t cx;
    const int bits;
    double scale, slope, shift, full, least, most;
};

} // namespace
