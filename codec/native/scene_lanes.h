// Lanes of a tile's row, and the few functions of mathematics that scenes need, for lanes and for single floats.
#pragma once
#include "lanes.h"
#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace {

// Which lanes: a register of bits where there is one.
#if defined(__AVX512F__)
using Mask = __mmask16;
inline Mask at_least(F v, float limit) { return _mm512_cmp_ps_mask(__m512(v), _mm512_set1_ps(limit), _CMP_GE_OQ); }
inline Mask above(F v, float limit) { return _mm512_cmp_ps_mask(__m512(v), _mm512_set1_ps(limit), _CMP_GT_OQ); }
inline bool any(Mask mask) { return mask != 0; }
inline F keep(Mask mask, F v) { return F(_mm512_maskz_mov_ps(mask, __m512(v))); }
inline F choose(Mask mask, F yes, F no) { return F(_mm512_mask_mov_ps(__m512(no), mask, __m512(yes))); }
inline int count(Mask mask) { return __builtin_popcount(mask); }
#else
using Mask = I;
inline Mask at_least(F v, float limit) { return v >= limit; }
inline Mask above(F v, float limit) { return v > limit; }
inline F keep(Mask mask, F v) { return F(mask & I(v)); }
inline F choose(Mask mask, F yes, F no) { return mask ? yes : no; }
inline int count(Mask mask) {
    int sum = 0;
    for (int k = 0; k < LANES; k++) sum -= mask[k];
    return sum;
}
inline bool any(Mask mask) {
#if defined(__AVX2__)
    return _mm256_movemask_ps(__m256(mask)) != 0;
#elif defined(__SSE2__)
    return _mm_movemask_ps(__m128(mask)) != 0;
#else
    return count(mask) != 0;
#endif
}
#endif

inline F to_floats(I bits) { return F(bits); }
inline I to_bits(F v) { return I(v); }
inline float to_floats(int32_t bits) { return __builtin_bit_cast(float, bits); }
inline int32_t to_bits(float v) { return __builtin_bit_cast(int32_t, v); }

// 2^x within 2e-7 of it for |x| < 126; a minimax polynomial on [-1/2, 1/2]. Anything for other x.
template <typename V>
inline V exp2_of(V x) {
    const float round = 12582912.0f; // 1.5 * 2^23: the sum has the nearest integer in its low bits
    const V shifted = x + round, f = x - (shifted - round);
    const V p = 1.00000012f + f * (0.693146944f + f * (0.240221202f + f * (0.0555071346f + f * (0.00967554096f + f * 0.00132764655f))));
    return to_floats(to_bits(p) + (to_bits(shifted) << 23));
}

constexpr float LOG2_E = 1.44269504f;

inline float between(float v, float low, float high) { return v < low ? low : v > high ? high : v; }

inline float exp_of(float x) { return exp2_of(between(x * LOG2_E, -125.0f, 125.0f)); }

// log2 of a normal positive number: the exponent, and the series of the inverse hyperbolic tangent for the rest.
inline float log2_of(float v) {
    const int32_t bits = to_bits(v), exponent = (bits - 0x3f3504f3) >> 23; // the rest is within sqrt(1/2) .. sqrt(2)
    const float rest = to_floats(bits - int32_t(uint32_t(exponent) << 23)), t = (rest - 1) / (rest + 1), t2 = t * t;
    return float(exponent) + 2 * LOG2_E * t * (1 + t2 * (1.0f / 3 + t2 * (1.0f / 5 + t2 * (1.0f / 7))));
}

} // namespace
