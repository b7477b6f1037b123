// Vector lanes of floats, as many as the instruction set has. In an anonymous namespace on purpose (see isa.h).
#pragma once
#include "isa.h"

#define PGS_INLINE __attribute__((always_inline)) inline

namespace {

constexpr int LANES = VECTOR_BYTES / sizeof(float);

typedef float F __attribute__((vector_size(VECTOR_BYTES)));
typedef int32_t I __attribute__((vector_size(VECTOR_BYTES)));
typedef float Loose __attribute__((vector_size(VECTOR_BYTES), aligned(4), may_alias)); // unaligned memory

inline I index() {
    I i;
    for (int k = 0; k < LANES; k++) i[k] = k;
    return i;
}

inline float sum(F v) {
    for (int half = LANES / 2; half; half /= 2) v += __builtin_shuffle(v, index() ^ half);
    return v[0];
}

inline F load(const float *p) { return *reinterpret_cast<const Loose *>(p); }
inline void store(float *p, F v) { *reinterpret_cast<Loose *>(p) = v; }
inline F ramp(float step) { return __builtin_convertvector(index(), F) * step; } // 0, step, 2 step ...

} // namespace
