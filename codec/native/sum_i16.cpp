// The normative integer sum of splats (spec 8.5, 8.6). Exact for all splats in the ranges of spec 8.8.
//
// Per splat: the columns of its support in each row (sum_ends.h); then, run by run, the weights of units of up to eight
// samples of a row (sum_units.h, sum_generic.h). With AVX2 units are first listed, eight rows at a time (sum_avx2.h), and
// then added, so that short rows share vectors and few branches depend on the length of a row (sum_vectors_avx2.h). With
// AVX-512 rows and vectors are twice as long (sum_avx512.h, sum_vectors_avx512.h).
#include "isa.h"
#include "sum_colour.h"

#ifdef __AVX512BW__
#include "sum_avx512.h"
#elif defined(__AVX2__)
#include "sum_avx2.h"
#else
#include "sum_generic.h"
#endif

namespace {

// Rows or columns of the grid that an ellipse reaches: its extent on both sides of the centre, in Q8.
struct Reach {
    int32_t first, last;
    Reach(double extent, int32_t centre, int32_t origin, int32_t step, int32_t begin, int32_t end) {
        const double inverse_step = 1.0 / step, offset = double(origin) - centre;
        first = floor_clamped((-extent - offset) * inverse_step); // one more on each side, for rounding
        last = floor_clamped((extent - offset) * inverse_step) + 1;
        if (first < begin) first = begin;
        if (last > end - 1) last = end - 1;
    }
};

// Whether a splat lies above or below a band of rows, as most do. One row more and a thousandth are for rounding: P R is
// less than 275 times the determinant (8.8).
inline bool outside(const int64_t *form, int64_t limit, const pgs_grid_i32 &grid, int32_t cy, int32_t row_begin,
                    int32_t row_end) {
    const double above = double(cy) - grid.origin_y - double(grid.step_y) * row_end;
    const double below = double(grid.origin_y) - cy + double(grid.step_y) * (row_begin - 1);
    const double distance = above > below ? above : below;
    const double p = double(form[0]), k = double(form[1]), r = double(form[2]);
    return distance > 0 && distance * distance * (p * r - k * k) > 1.001 * double(limit) * p;
}

template <int COMPONENTS, bool SUBTRACT>
void add_splat(int16_t *acc, const pgs_grid_i32 &grid, const Form &f, int32_t cx, int32_t cy, const int16_t *colour,
               int32_t row_begin, int32_t row_end) {
    const double quotient = double(f.limit) / f.det;
    const Reach rows(__builtin_sqrt(quotient * f.p), cy, grid.origin_y, grid.step_y, row_begin, row_end);
    const Reach columns(__builtin_sqrt(quotient * f.r), cx, grid.origin_x, grid.step_x, 0, grid.width);
    if (rows.first > rows.last || columns.first > columns.last) return;

    const uint64_t step = uint64_t(grid.step_x);
    const uint32_t d2 = fall(uint32_t((2 * uint64_t(f.P) * step * step + (1 << 23)) >> 24));
    // ic - 32, where a run starts. The double quotient of numbers of 33 and 17 bits is never rounded to a whole number.
    const int32_t anchor = floor_clamped((double(cx) - grid.origin_x) / grid.step_x) - RUN / 2;
    const int32_t first_run = anchor + ((columns.first - anchor) & ~(RUN - 1));

    const Ends ends(f, grid, cx);
    Columns support[BLOCK / GROUP];
    for (int32_t block = rows.first; block <= rows.last; block += BLOCK) {
        const int32_t count = rows.last - block + 1 < BLOCK ? rows.last - block + 1 : BLOCK;
        const int64_t first_Y = int64_t(grid.origin_y) + int64_t(block) * grid.step_y - cy;
        for (int32_t row = 0; row < count; row += GROUP)
            find(ends, first_Y + int64_t(row) * grid.step_y, count - row, support[row / GROUP]);
        const Target<COMPONENTS, SUBTRACT> target{acc + ptrdiff_t(block) * grid.row, grid.plane, colour, d2};
        for (int32_t i0 = first_run; i0 <= columns.last; i0 += RUN) {
            RunRows<COMPONENTS, SUBTRACT> run(target, RunStart(f, grid, cx, i0, first_Y), i0, grid);
            for (int32_t row = 0; row < count; row += GROUP) run.add(support[row / GROUP]);
            run.finish();
        }
    }
}

template <int COMPONENTS, bool SUBTRACT>
void add_splats(int16_t *acc, const pgs_grid_i32 &grid, const pgs_splats_i32 &splats, int32_t row_begin,
                int32_t row_end) {
    for (ptrdiff_t n = 0; n < splats.count; n++) {
        const int16_t *colour = splats.colour + COMPONENTS * n;
        const int64_t limit = COLOUR_REACH.of<COMPONENTS>(colour);
        if (!limit) continue; // no colour: common in chroma
        const int64_t *form = splats.form + 3 * n;
        if (outside(form, limit, grid, splats.position[2 * n + 1], row_begin, row_end)) continue;
        const Form f = make_form(form, limit);
        if (!(f.P > 0 && f.det > 0)) continue; // not a splat; cannot happen within the ranges of 8.8
        add_splat<COMPONENTS, SUBTRACT>(acc, grid, f, splats.position[2 * n], splats.position[2 * n + 1], colour,
                                        row_begin, row_end);
    }
}

template <int COMPONENTS>
void add_components(int16_t *acc, const pgs_grid_i32 &g, const pgs_splats_i32 &s, bool subtract, int32_t a, int32_t b) {
    if (subtract) add_splats<COMPONENTS, true>(acc, g, s, a, b);
    else add_splats<COMPONENTS, false>(acc, g, s, a, b);
}

} // namespace

void PGS_NAME(sum_i16)(int16_t *acc, const pgs_grid_i32 *grid, const pgs_splats_i32 *splats, int subtract,
                       int32_t row_begin, int32_t row_end) {
    if (splats->components == 1) add_components<1>(acc, *grid, *splats, subtract, row_begin, row_end);
    else if (splats->components == 2) add_components<2>(acc, *grid, *splats, subtract, row_begin, row_end);
    else if (splats->components == 3) add_components<3>(acc, *grid, *splats, subtract, row_begin, row_end);
}
