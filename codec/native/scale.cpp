// Splats at another picture size (spec 8.4), the letters of the specification with 128-bit intermediates (spec 8.8).
#include "pgs_kernel.h"

namespace {

typedef unsigned __int128 u128;

// Blur along one axis in Q32: Max(0, 2^16 step^2 (old^2 - new^2) / (6 old^2)).
uint64_t blur(int32_t old_size, int32_t new_size, int32_t step) {
    if (new_size >= old_size) return 0;
    const uint64_t o = uint64_t(old_size), n = uint64_t(new_size);
    return uint64_t((u128(o * o - n * n) * (uint64_t(step) * uint64_t(step)) << 16) / (6 * o * o));
}

uint64_t square_root(uint64_t v) { // floor
    uint64_t s = uint64_t(__builtin_sqrt(double(v)));
    while (s * s > v) s--;
    while ((s + 1) * (s + 1) <= v) s++;
    return s;
}

int64_t floor_division(int64_t a, int64_t b) { return a / b - (a % b < 0); } // b positive

int64_t rescaled(int32_t v, int32_t from, int32_t to) { return (int64_t(v) << 12) * from / to; } // truncates

} // namespace

void pgs_scale_splats(const pgs_scale *sizes, const int32_t *factor, const pgs_splats_i32 *in, int32_t *position,
                      int64_t *form, int16_t *colour) {
    const int64_t W = sizes->width, H = sizes->height;
    const u128 Vx = blur(sizes->width, sizes->new_width, sizes->step_x);
    const u128 Vy = blur(sizes->height, sizes->new_height, sizes->step_y);
    for (ptrdiff_t n = 0; n < in->count; n++, factor += 3, form += 3, position += 2) {
        position[0] = int32_t(floor_division(2 * int64_t(in->position[2 * n]) * sizes->new_width + W, 2 * W));
        position[1] = int32_t(floor_division(2 * int64_t(in->position[2 * n + 1]) * sizes->new_height + H, 2 * H));

        const int64_t A = rescaled(factor[0], sizes->width, sizes->new_width);
        const int64_t B = rescaled(factor[1], sizes->height, sizes->new_height);
        const int64_t C = rescaled(factor[2], sizes->width, sizes->new_width);
        const u128 AA = u128(A) * u128(A), BB = u128(B) * u128(B), abs_C = u128(C < 0 ? -C : C), CC = abs_C * abs_C;
        const u128 alpha = (u128(1) << 32) + (Vx * AA >> 64), beta = (u128(1) << 32) + (Vy * BB >> 64);
        const uint64_t D = uint64_t((alpha * beta + (Vx * CC >> 32)) >> 30);
        const int64_t abs_K = int64_t((u128(B) * abs_C << 2) / D);
        form[0] = int64_t(((AA * beta + (CC << 32)) >> 30) / D) + 1;
        form[1] = C < 0 ? -abs_K : abs_K;
        form[2] = int64_t((BB * alpha >> 30) / D) + 1;

        const int64_t S = int64_t(square_root(D));
        for (int c = 0; c < in->components; c++) {
            const int64_t value = in->colour[in->components * n + c];
            colour[in->components * n + c] = int16_t(floor_division(value * (1 << 18) + S, 2 * S));
        }
    }
}
