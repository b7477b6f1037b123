// Joint supervision of all levels (a picture is a sum, spec 3): level sums, squared errors and layer gradients in one pass over memory.
#include "f32_walk.h"

namespace {

// Samples [at, at + N) of a row of level k: its sum and its own share of the gradient; returns the weighted squared error.
template <typename L>
inline typename L::F level_error(float *layer, float *sum, const float *target, const float *map, int32_t at, float scale) {
    const auto level = L::load(sum + at) + L::load(layer + at), error = level - L::load(target + at);
    const auto weighted = map ? L::load(map + at) * error : error;
    L::store(sum + at, level);
    L::store(layer + at, scale * weighted);
    return weighted * error;
}

constexpr int32_t BLOCK = 512; // columns at once

} // namespace

void PGS_NAME(f32_levels)(float *layers, int32_t width, int32_t height, const pgs_levels *levels, double *sse) {
    alignas(64) float sum[BLOCK];
    const int32_t count = levels->count;
    for (int32_t k = 0; k < count; k++) sse[k] = 0;
    for (int32_t row = 0; row < height; row++)
        for (int32_t first = 0; first < width; first += BLOCK) {
            const int32_t size = width - first < BLOCK ? width - first : BLOCK;
            const ptrdiff_t place = row * levels->columns + first;
            const float *target = levels->target + place, *map = levels->map ? levels->map + place : nullptr;
            float *block = layers + ptrdiff_t(row) * width + first;
            for (int32_t i = 0; i < size; i++) sum[i] = 0;
            for (int32_t k = 0; k < count; k++) {
                float *layer = block + k * levels->stride;
                const float scale = 2 * levels->weight[k * levels->weight_stride];
                Wide::F squares = {};
                Single::F tail = {};
                int32_t i = 0;
                for (; i + WIDE <= size; i += WIDE) squares += level_error<Wide>(layer, sum, target, map, i, scale);
                for (; i < size; i++) tail += level_error<Single>(layer, sum, target, map, i, scale);
                sse[k] += double(Wide::sum(squares)) + double(Single::sum(tail));
            }
            for (int32_t k = count - 2; k >= 0; k--) {
                float *layer = block + k * levels->stride;
                const float *above = layer + levels->stride;
                for (int32_t i = 0; i < size; i++) layer[i] += above[i];
            }
        }
}
