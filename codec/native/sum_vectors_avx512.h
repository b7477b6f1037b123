// Adding listed samples with AVX-512, a vector of 32 lanes at a time: of one row, or 16 of each of two (spec 8.5, 8.6).
#pragma once
#include "intrinsics.h"
#include "sum_units.h"

namespace {

constexpr int WIDE = 32, NARROW = 16, LISTED = BLOCK * RUN / WIDE;

inline __m512i each(uint32_t v) { return _mm512_set1_epi32(int32_t(v)); }

// Samples of which z is listed, until the rows of a run are done: WIDE or fewer of a row, or NARROW or fewer. There is
// room for BLOCK rows, and a vector more.
struct Pieces {
    int count = 0;
    alignas(64) uint32_t z[LISTED + GROUP], d1[LISTED + GROUP]; // of the first sample, modulo 2^32
    // of the first sample, from the block's first row, below 2^24 as rows are at most 2^17 apart; in the low byte, columns
    alignas(64) uint32_t place[LISTED + GROUP];

    int32_t columns(int n) const { return int32_t(place[n] & 0xFF); }
    ptrdiff_t offset(int n) const { return ptrdiff_t(place[n] >> 8); }
};

// Begins at NARROW - n with n lanes of 2^15, then zeros.
struct First {
    alignas(64) uint16_t lanes[2 * NARROW];
    constexpr First() : lanes() {
        for (int k = 0; k < NARROW; k++) lanes[k] = 1 << 15;
    }
};
constexpr First FIRST;

// z along a row, from its first sample and difference: the columns of the even lanes, and what a splat's rows share.
class Rise {
  public:
    Rise(uint32_t d2, __m512i columns) : k(columns) {
        const __m512i twice = _mm512_mullo_epi32(k, _mm512_sub_epi32(k, each(1)));
        bend = _mm512_mullo_epi32(each(d2), _mm512_srli_epi32(twice, 1)); // k (k - 1) / 2
        step = _mm512_mullo_epi32(each(d2), k);
    }

    // w2: the square of s, the upper halves.
    __m512i square(__m512i z, __m512i d1) const {
        const __m512i even = _mm512_add_epi32(_mm512_mullo_epi32(d1, k), _mm512_add_epi32(bend, z));
        const __m512i odd = _mm512_add_epi32(even, _mm512_add_epi32(d1, step));
        const __m512i s = _mm512_mask_mov_epi16(odd, 0x55555555, _mm512_srli_epi32(even, 16));
        return _mm512_mulhi_epu16(s, s);
    }

  private:
    __m512i k, bend, step;
};

template <bool SUBTRACT>
inline __m512i summed(__m512i before, __m512i colour, __m512i weight) {
    const __m512i part = _mm512_mulhrs_epi16(weight, colour);
    return SUBTRACT ? _mm512_sub_epi16(before, part) : _mm512_add_epi16(before, part);
}

// Both loops read before they write, as reads would wait for writes to planes that lie a multiple of 4096 bytes apart.
template <int COMPONENTS, bool SUBTRACT>
void add_wide(const Target<COMPONENTS, SUBTRACT> &target, const Pieces &pieces) {
    const Rise rise(target.d2, _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30));
    const ptrdiff_t plane = target.plane;
    __m512i colour[COMPONENTS];
    for (int c = 0; c < COMPONENTS; c++) colour[c] = _mm512_set1_epi16(target.colour[c]);
    for (int n = 0; n < pieces.count; n++) {
        const __m512i w = _mm512_srli_epi16(rise.square(each(pieces.z[n]), each(pieces.d1[n])), 1);
        const __mmask32 some = _cvtu32_mask32(_bzhi_u32(0xFFFFFFFF, uint32_t(pieces.columns(n))));
        int16_t *a = target.acc + pieces.offset(n);
        __m512i sum[COMPONENTS];
        for (int c = 0; c < COMPONENTS; c++)
            sum[c] = summed<SUBTRACT>(_mm512_maskz_loadu_epi16(some, a + c * plane), colour[c], w);
        for (int c = 0; c < COMPONENTS; c++) _mm512_mask_storeu_epi16(a + c * plane, some, sum[c]);
    }
}

// Two pieces at a time, an even number, of which NARROW columns lie in their rows. No two overlap, so that both can be
// read before any is written.
template <int COMPONENTS, bool SUBTRACT>
void add_narrow(const Target<COMPONENTS, SUBTRACT> &target, const Pieces &pieces) {
    const Rise rise(target.d2, _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 0, 2, 4, 6, 8, 10, 12, 14));
    const ptrdiff_t plane = target.plane;
    __m512i colour[COMPONENTS];
    for (int c = 0; c < COMPONENTS; c++) colour[c] = _mm512_set1_epi16(target.colour[c]);
    auto both = [](const uint32_t *v) { return _mm512_mask_set1_epi32(each(v[0]), 0xFF00, int32_t(v[1])); };
    auto pair = [](const void *a, const void *b) {
        const __m256i low = _mm256_loadu_si256(static_cast<const __m256i *>(a));
        const __m256i upper = _mm256_loadu_si256(static_cast<const __m256i *>(b));
        return _mm512_inserti64x4(_mm512_castsi256_si512(low), upper, 1);
    };
    for (int n = 0; n < pieces.count; n += 2) {
        const __m512i w2 = rise.square(both(pieces.z + n), both(pieces.d1 + n));
        const __m512i half = pair(FIRST.lanes + NARROW - pieces.columns(n), FIRST.lanes + NARROW - pieces.columns(n + 1));
        const __m512i w = _mm512_mulhi_epu16(w2, half);
        int16_t *a = target.acc + pieces.offset(n), *b = target.acc + pieces.offset(n + 1);
        __m512i sum[COMPONENTS];
        for (int c = 0; c < COMPONENTS; c++)
            sum[c] = summed<SUBTRACT>(pair(a + c * plane, b + c * plane), colour[c], w);
        for (int c = 0; c < COMPONENTS; c++) {
            _mm256_storeu_si256(reinterpret_cast<__m256i *>(a + c * plane), _mm512_castsi512_si256(sum[c]));
            _mm256_storeu_si256(reinterpret_cast<__m256i *>(b + c * plane), _mm512_extracti64x4_epi64(sum[c], 1));
        }
    }
}

} // namespace
