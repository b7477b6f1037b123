// Joint supervision of all levels (a picture is a sum, spec 3): level sums, squared errors and layer gradients in one pass over memory.
#include "f32_walk.h"

namespace {

constexpr int BLOCK = 512; // samples; a block of all layers stays in the first-level cache

// Samples [at, at + N) of a block: error of level k, its square and its own share of the gradient.
template <typename L>
inline typename L::F level_error(float *layer, float *sum, const float *target, ptrdiff_t at, float scale) {
    const auto level = L::load(sum + at) + L::load(layer + at), error = level - L::load(target + at);
    L::store(sum + at, level);
    L::store(layer + at, scale * error);
    return error * error;
}

} // namespace

void PGS_NAME(f32_levels)(float *layers, ptrdiff_t stride, int32_t count, const float *target, const float *weight,
                          ptrdiff_t weight_stride, double *sse, ptrdiff_t begin, ptrdiff_t end) {
    alignas(64) float sum[BLOCK];
    for (int32_t k = 0; k < count; k++) sse[k] = 0;
    for (ptrdiff_t first = begin; first < end; first += BLOCK) {
        const ptrdiff_t size = end - first < BLOCK ? end - first : BLOCK;
        for (int i = 0; i < BLOCK; i++) sum[i] = 0;
        for (int32_t k = 0; k < count; k++) {
            float *layer = layers + k * stride + first;
            const float scale = 2 * weight[k * weight_stride];
            Wide::F squares = {};
            Single::F tail = {};
            ptrdiff_t i = 0;
            for (; i + WIDE <= size; i += WIDE) squares += level_error<Wide>(layer, sum, target + first, i, scale);
            for (; i < size; i++) tail += level_error<Single>(layer, sum, target + first, i, scale);
            sse[k] += double(Wide::sum(squares)) + double(Single::sum(tail));
        }
        for (int32_t k = count - 2; k >= 0; k--) {
            float *layer = layers + k * stride + first;
            const float *above = layer + stride;
            for (ptrdiff_t i = 0; i < size; i++) layer[i] += above[i];
        }
    }
}
