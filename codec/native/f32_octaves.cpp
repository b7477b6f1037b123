// Planes of a tile from those of the next octave, and back. See f32_octaves.h.
#include "f32_octaves.h"

void PGS_NAME(f32_enlarge)(const pgs_planes *planes, int32_t width, int32_t height, int32_t layers, int32_t components,
                           const pgs_coarse *coarse) {
    alignas(64) float rows[WIDE * ROW], unused[ROW];
    for (ptrdiff_t k = 0; k < layers; k++)
        for (ptrdiff_t c = 0; c < components; c++) {
            Enlarger from{coarse->planes.data + k * coarse->planes.layer + c * coarse->planes.component, *coarse, width, rows};
            float *to = planes->data + k * planes->layer + c * planes->component;
            for (int32_t y = 0; y < height; y += 2, to += 2 * planes->row)
                from.pair(y, to, y + 1 < height ? to + planes->row : unused);
        }
}

void PGS_NAME(f32_reduce)(const pgs_planes *planes, int32_t width, int32_t height, int32_t layers, int32_t components,
                          const pgs_coarse *coarse) {
    const int32_t room = 2 * whole((width + 1) / 2); // of all that is read
    for (ptrdiff_t k = 0; k < layers; k++)
        for (ptrdiff_t c = 0; c < components; c++) {
            const ptrdiff_t stride = planes->row;
            float *from = planes->data + k * planes->layer + c * planes->component;
            for (ptrdiff_t y = 0; y < height; y++)
                for (int32_t i = width; i < room; i++) from[y * stride + i] = 0;
            float *to = coarse->planes.data + k * coarse->planes.layer + c * coarse->planes.component;
            for (int32_t r = 0; r < coarse->height; r++, to += coarse->planes.row)
                reduce([=](ptrdiff_t y) { return from + y * stride; }, width, height, *coarse, r, to);
        }
}
