// The normative integer sum of splats (spec 8.5, 8.6). Exact for all splats in the ranges of spec 8.8.
//
// Splats are measured in batches (sum_batch.h). With AVX2 and AVX-512 small ones are then added in strips of their box
// (sum_box.h). Of the others, and of all without vectors: the columns of the support in each row (sum_ends.h); then, run by run,
// the weights of units of up to eight samples of a row (sum_units.h, sum_generic.h). With AVX2 units are first listed, eight
// rows at a time (sum_avx2.h), and then added, so that short rows share vectors and few branches depend on the length of a row
// (sum_vectors_avx2.h). With AVX-512 rows and vectors are twice as long (sum_avx512.h, sum_vectors_avx512.h).
#include "isa.h"
#include "sum_batch.h"
#include "sum_colour.h"

#ifdef __AVX512BW__
#include "sum_avx512.h"
#include "sum_box_avx512.h"
#define PGS_BOXES
#elif defined(__AVX2__)
#include "sum_box_avx2.h"
#define PGS_BOXES
#else
#include "sum_generic.h"
#endif

namespace {

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
               const Reach &reach) {
    const uint32_t d2 = fall(second_difference(f, grid));
    const int32_t first_run = reach.anchor + ((reach.first_column - reach.anchor) & ~(RUN - 1));
    const Ends ends(f, grid, cx);
    Columns support[BLOCK / GROUP];
    for (int32_t block = reach.first_row; block <= reach.last_row; block += BLOCK) {
        const int32_t count = reach.last_row - block + 1 < BLOCK ? reach.last_row - block + 1 : BLOCK;
        const int64_t first_Y = int64_t(grid.origin_y) + int64_t(block) * grid.step_y - cy;
        for (int32_t row = 0; row < count; row += GROUP)
            find(ends, first_Y + int64_t(row) * grid.step_y, count - row, support[row / GROUP]);
        const Target<COMPONENTS, SUBTRACT> target{acc + ptrdiff_t(block) * grid.row, grid.plane, colour, d2};
        for (int32_t i0 = first_run; i0 <= reach.last_column; i0 += RUN) {
            RunRows<COMPONENTS, SUBTRACT> run(target, RunStart(f, grid, cx, i0, first_Y), i0, grid);
            for (int32_t row = 0; row < count; row += GROUP) run.add(support[row / GROUP]);
            run.finish();
        }
    }
}

template <int COMPONENTS, bool SUBTRACT>
void add_splats(int16_t *const *acc, const pgs_grid_i32 *grids, const pgs_splats_i32 &splats, int32_t first_row,
                int32_t last_row) {
    int32_t begins[PGS_OCTAVES], ends[PGS_OCTAVES];
    for (int j = 0; j < PGS_OCTAVES; j++) {
        begins[j] = first_row >> j;
        ends[j] = in_octave(last_row, j);
    }
    const bool is_part = first_row > 0 || last_row < grids[0].height;
    Batch batch;
    for (ptrdiff_t i = 0; i < splats.count;) {
        batch.count = 0;
        for (; i < splats.count && batch.count < BATCH; i++) {
            const ptrdiff_t n = splats.order ? splats.order[i] : i;
            const int16_t *colour = splats.colour + COMPONENTS * n;
            const int64_t limit = COLOUR_REACH.of<COMPONENTS>(colour), *form = splats.form + 3 * n;
            if (!limit) continue; // no colour: common in chroma
            const int j = octave_of(form, grids[0].step_x, grids[0].step_y);
            if (is_part && outside(form, limit, grids[j], splats.position[2 * n + 1], begins[j], ends[j])) continue;
            const Form f = make_form(form, limit);
            if (!(f.P > 0 && f.det > 0)) continue; // not a splat; cannot happen within the ranges of 8.8
            batch.add(f, splats.position + 2 * n, j, colour, grids[j], begins[j], ends[j]);
        }
        batch.measure();
        for (int b = 0; b < batch.count; b++) {
            const Reach reach = batch.reach(b);
            if (reach.first_row > reach.last_row || reach.first_column > reach.last_column) continue;
            const int j = batch.octave[b];
#ifdef PGS_BOXES
            if (is_box(grids[j], reach)) {
                add_box<COMPONENTS, SUBTRACT>(acc[j], grids[j], batch.form[b], batch.cx[b], batch.cy[b], batch.colour[b], reach);
                continue;
            }
#endif
            add_splat<COMPONENTS, SUBTRACT>(acc[j], grids[j], batch.form[b], batch.cx[b], batch.cy[b], batch.colour[b], reach);
        }
    }
}

template <int COMPONENTS>
void add_components(int16_t *const *acc, const pgs_grid_i32 *g, const pgs_splats_i32 &s, bool subtract, int32_t a,
                    int32_t b) {
    if (subtract) add_splats<COMPONENTS, true>(acc, g, s, a, b);
    else add_splats<COMPONENTS, false>(acc, g, s, a, b);
}

} // namespace

void PGS_NAME(sum_i16)(int16_t *const *acc, const pgs_grid_i32 *grids, const pgs_splats_i32 *splats, int subtract,
                       int32_t row_begin, int32_t row_end) {
    if (splats->components == 1) add_components<1>(acc, grids, *splats, subtract, row_begin, row_end);
    else if (splats->components == 2) add_components<2>(acc, grids, *splats, subtract, row_begin, row_end);
    else if (splats->components == 3) add_components<3>(acc, grids, *splats, subtract, row_begin, row_end);
}
