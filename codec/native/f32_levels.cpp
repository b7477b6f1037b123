// Joint supervision of all levels (a picture is a sum, spec 3): level sums, squared errors and layer gradients in one pass over memory.
#include "f32_walk.h"

namespace {

struct Many {
    typedef Loose V;
};
struct One { // the last columns of a tile
    typedef float V;
};

// Samples at at of a row of level k: its sum and its own share of the gradient; returns the weighted squared error.
template <typename L>
inline auto level_error(float *layer, float *sum, const float *target, const float *map, int32_t at, float scale) {
    typedef typename L::V V;
    const V level = *(V *)(sum + at) + *(V *)(layer + at), error = level - *(const V *)(target + at);
    const V weighted = map ? *(const V *)(map + at) * error : error;
    *(V *)(sum + at) = level;
    *(V *)(layer + at) = scale * weighted;
    return weighted * error;
}

constexpr int32_t BLOCK_COLUMNS = 512; // at once

} // namespace

void PGS_NAME(f32_levels)(const pgs_planes *planes, int32_t width, int32_t height, const pgs_levels *levels, double *sse) {
    alignas(64) float running[BLOCK_COLUMNS];
    const int32_t count = levels->count;
    for (int32_t k = 0; k < count; k++) sse[k] = 0;
    for (int32_t row = 0; row < height; row++)
        for (int32_t first = 0; first < width; first += BLOCK_COLUMNS) {
            const int32_t size = width - first < BLOCK_COLUMNS ? width - first : BLOCK_COLUMNS;
            const ptrdiff_t place = row * levels->columns + first;
            const float *target = levels->target + place, *map = levels->map ? levels->map + place : nullptr;
            float *block = planes->data + row * planes->row + first;
            for (int32_t i = 0; i < size; i++) running[i] = 0;
            for (int32_t k = 0; k < count; k++) {
                float *layer = block + k * planes->layer;
                const float scale = 2 * levels->weight[k * levels->weight_stride];
                F squares = {};
                float tail = 0;
                int32_t i = 0;
                for (; i + LANES <= size; i += LANES) squares += level_error<Many>(layer, running, target, map, i, scale);
                for (; i < size; i++) tail += level_error<One>(layer, running, target, map, i, scale);
                sse[k] += double(sum(squares)) + double(tail);
            }
            for (int32_t k = count - 2; k >= 0; k--) {
                float *layer = block + k * planes->layer;
                const float *above = layer + planes->layer;
                for (int32_t i = 0; i < size; i++) layer[i] += above[i];
            }
        }
}
