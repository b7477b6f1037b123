// Adding listed samples with AVX2, a vector of 16 lanes at a time: 16 of a row, or two units (spec 8.5, 8.6).
#pragma once
#include "intrinsics.h"
#include "sum_units.h"

namespace {

constexpr int WIDE = 16, LISTED = BLOCK * RUN / WIDE;

inline __m256i each(uint32_t v) { return _mm256_set1_epi32(int32_t(v)); }
inline __m256i load(const void *from) { return _mm256_loadu_si256(static_cast<const __m256i *>(from)); }
inline void store(void *to, __m256i v) { _mm256_storeu_si256(static_cast<__m256i *>(to), v); }

inline __m256i pair(const void *a, const void *b) {
    const __m128i low = _mm_loadu_si128(static_cast<const __m128i *>(a));
    return _mm256_inserti128_si256(_mm256_castsi128_si256(low), _mm_loadu_si128(static_cast<const __m128i *>(b)), 1);
}

// Samples of which z is listed, until the rows of a run are done: WIDE of a row, or UNIT or fewer, of which a row has two
// at the most. There is room for BLOCK rows, and a vector more.
struct Units {
    int count = 0;
    alignas(32) uint32_t z[LISTED + GROUP], d1[LISTED + GROUP]; // of the first sample, modulo 2^32
    alignas(32) uint32_t offset[LISTED + GROUP];                // of the first sample, from the block's first row
    alignas(32) uint32_t half[LISTED + GROUP];                  // UNIT times the columns; not for WIDE
};

// w2 of z in even lanes and in odd ones: the square of s, the upper halves.
inline __m256i square(__m256i even, __m256i odd) {
    const __m256i s = _mm256_blend_epi16(_mm256_srli_epi32(even, 16), odd, 0xAA);
    return _mm256_mulhi_epu16(s, s);
}

template <bool SUBTRACT>
inline __m256i summed(__m256i before, __m256i colour, __m256i weight) {
    const __m256i part = _mm256_mulhrs_epi16(weight, colour);
    return SUBTRACT ? _mm256_sub_epi16(before, part) : _mm256_add_epi16(before, part);
}

// Both loops read before they write, as reads would wait for writes to planes that lie a multiple of 4096 bytes apart.
template <int COMPONENTS, bool SUBTRACT>
void add_wide(const Target<COMPONENTS, SUBTRACT> &target, const Units &units) {
    const __m256i k = _mm256_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14), d2 = each(target.d2); // even lanes
    const __m256i bend = _mm256_mullo_epi32(d2, _mm256_setr_epi32(0, 1, 6, 15, 28, 45, 66, 91));
    const __m256i rise = _mm256_mullo_epi32(d2, k);
    __m256i colour[COMPONENTS];
    for (int c = 0; c < COMPONENTS; c++) colour[c] = _mm256_set1_epi16(target.colour[c]);
    for (int n = 0; n < units.count; n++) {
        const __m256i d = each(units.d1[n]), z = each(units.z[n]);
        const __m256i even = _mm256_add_epi32(_mm256_add_epi32(_mm256_mullo_epi32(d, k), bend), z);
        const __m256i odd = _mm256_add_epi32(even, _mm256_add_epi32(d, rise));
        const __m256i w = _mm256_srli_epi16(square(even, odd), 1);
        int16_t *a = target.acc + units.offset[n];
        __m256i sum[COMPONENTS];
        for (int c = 0; c < COMPONENTS; c++)
            sum[c] = summed<SUBTRACT>(load(a + c * target.plane), colour[c], w);
        for (int c = 0; c < COMPONENTS; c++)
            store(a + c * target.plane, sum[c]);
    }
}

// Two units at a time, which lie whole in their rows. No two overlap, so that both can be read before any is written.
template <int COMPONENTS, bool SUBTRACT>
void add_units(const Target<COMPONENTS, SUBTRACT> &target, Units &units) {
    const int count = units.count;
    if (!count) return;
    if (count == 1) return target.add_whole(units.offset[0], units.z[0], units.d1[0], units.half[0] / UNIT);
    units.z[count] = units.d1[count] = 0; // the partner of the last one, if that is single, adds nothing to the first
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
    for (int n = 0; n < count; n += 2) {
        const __m256i d = both(units.d1 + n), z = both(units.z + n);
        const __m256i even = _mm256_add_epi32(_mm256_add_epi32(_mm256_mullo_epi32(d, k), bend), z);
        const __m256i odd = _mm256_add_epi32(even, _mm256_add_epi32(d, rise));
        const __m256i half = pair(HALF.lanes + units.half[n], HALF.lanes + units.half[n + 1]);
        const __m256i w = _mm256_mulhi_epu16(square(even, odd), half);
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

} // namespace
