// Which patches splats reach: by rows of patches, the columns of their ellipses, with a sample on each side for rounding.
#include "patches.h"

#include <algorithm>

#include "sum_form.h"

namespace pgs {

namespace {

// Patches from one place to another, Q8 along an axis, as far as they are in the picture.
struct Range {
    int32_t first, last;

    Range(double from, double to, int32_t origin, double inverse_step, int32_t samples, int32_t size) {
        const int32_t low = floor_clamped((from - origin) * inverse_step) - 1;
        const int32_t high = floor_clamped((to - origin) * inverse_step) + 2;
        first = low < 0 ? 0 : low / size;
        last = high < 0 ? -1 : (high < samples ? high : samples - 1) / size;
    }
};

// Marks the patches of a grid that a splat may reach, and so many samples more on each side.
void mark(const pgs_grid_i32 &grid, const Form &f, double x, double y, int32_t margin, uint8_t *marked) {
    const int32_t across = patches(grid.width, PATCH_WIDTH);
    const double inverse_x = 1.0 / grid.step_x, inverse_y = 1.0 / grid.step_y, limit = double(LIMIT);
    const double beside = double(margin) * grid.step_x, above = double(margin) * grid.step_y;
    const double quotient = limit / f.det;
    const double half_width = __builtin_sqrt(quotient * f.r), half_height = __builtin_sqrt(quotient * f.p);
    const Range rows(y - half_height - above, y + half_height + above, grid.origin_y, inverse_y, grid.height, PATCH_HEIGHT);
    const double widest = half_width * f.k / f.r, inverse_p = 1.0 / f.p; // where it reaches farthest to the right
    for (int32_t row = rows.first; row <= rows.last; row++) {
        double left = -half_width, right = half_width;
        if (rows.last - rows.first > 1) { // of tall ones what lies between the ends of the row of patches, a sample more
            const double first_row = grid.origin_y + double(grid.step_y) * (row * PATCH_HEIGHT - 1) - y;
            const double top = first_row - above, bottom = first_row + double(grid.step_y) * (PATCH_HEIGHT + 1) + above;
            const auto half_chord = [&](double at) { return __builtin_sqrt(std::max(f.p * limit - f.det * at * at, 0.0)); };
            const double to_right = std::clamp(widest, top, bottom), to_left = std::clamp(-widest, top, bottom);
            right = (f.k * to_right + half_chord(to_right)) * inverse_p;
            left = (f.k * to_left - half_chord(to_left)) * inverse_p;
        }
        const Range columns(x + left - beside, x + right + beside, grid.origin_x, inverse_x, grid.width, PATCH_WIDTH);
        for (int32_t column = columns.first; column <= columns.last; column++) marked[ptrdiff_t(row) * across + column] = 1;
    }
}

} // namespace

void mark_patches(const pgs_grid_i32 *grids, const pgs_splats_i32 &splats, uint8_t *marked) {
    const PatchMap map(grids[0].width, grids[0].height);
    for (ptrdiff_t n = 0; n < splats.count; n++) {
        const int16_t *colour = splats.colour + splats.components * n;
        if (std::all_of(colour, colour + splats.components, [](int16_t c) { return c == 0; })) continue; // common in chroma
        const int64_t *form = splats.form + 3 * n;
        const Form f = make_form(form, LIMIT);
        if (!(f.P > 0 && f.det > 0)) continue; // sums leave it out
        const double x = splats.position[2 * n], y = splats.position[2 * n + 1];
        const int octave = octave_of(form, grids[0].step_x, grids[0].step_y);
        // Enlarged once, a sample reaches 1.5 finer ones from its middle, n times 1.5 (2^n - 1).
        for (int j = 0; j <= octave; j++)
            mark(grids[j], f, x, y, j == octave ? 0 : 2 << (octave - j), marked + map.first[j]);
    }
}

} // namespace pgs
