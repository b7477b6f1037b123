// The normative integer sum of splats (spec 8.5, 8.6). Exact for all splats in the ranges of spec 8.8.
//
// What splats reach is known (reach_i16.cpp). With AVX2 and AVX-512 small ones, and narrow ones that lean, are added in strips
// (sum_box.h). Of the others, and of all without vectors: the columns of the support in each row (sum_ends.h); then, run by run,
// the weights of units of up to eight samples of a row (sum_units.h, sum_generic.h). With AVX2 units are first listed, eight
// rows at a time (sum_avx2.h), and then added, so that short rows share vectors and few branches depend on the length of a row
// (sum_vectors_avx2.h). With AVX-512 rows and vectors are twice as long (sum_avx512.h, sum_vectors_avx512.h).
#include "isa.h"
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

// acc is that of row 0 of the grid, as far as it is there; likewise in add_box.
template <int COMPONENTS, bool SUBTRACT>
void add_splat(int16_t *acc, const pgs_grid_i32 &grid, const Form &f, int32_t cx, int32_t cy, const int16_t *colour,
               const pgs_reach &reach) {
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
void add_splats(int16_t *acc, const pgs_grid_i32 &grid, const pgs_splats_i32 &splats, const pgs_reach *reaches,
                const int32_t *order, ptrdiff_t count, int32_t row_begin, int32_t row_end) {
    acc -= ptrdiff_t(row_begin) * grid.row;
    for (ptrdiff_t i = 0; i < count; i++) {
        pgs_reach reach = reaches[order[i]];
        const ptrdiff_t n = reach.splat;
        if (reach.first_row < row_begin) reach.first_row = row_begin;
        if (reach.last_row >= row_end) reach.last_row = row_end - 1;
        if (reach.first_row > reach.last_row) continue;
        const int16_t *colour = splats.colour + COMPONENTS * n;
        const int32_t cx = splats.position[2 * n], cy = splats.position[2 * n + 1];
        const Form f = make_form(splats.form + 3 * n, COLOUR_REACH.of<COMPONENTS>(colour));
#ifdef PGS_BOXES
        Lean lean;
        const bool is_small = is_box(grid, reach);
        if (!is_small || reach.last_column - reach.first_column >= STRIP) lean = Lean(f, grid, cx, cy, reach);
        if (is_small || lean.columns) {
            add_box<COMPONENTS, SUBTRACT>(acc, grid, f, cx, cy, colour, reach, lean);
            continue;
        }
#endif
        add_splat<COMPONENTS, SUBTRACT>(acc, grid, f, cx, cy, colour, reach);
    }
}

template <int COMPONENTS>
void add_components(int16_t *acc, const pgs_grid_i32 &g, const pgs_splats_i32 &s, const pgs_reach *reach, const int32_t *order,
                    ptrdiff_t count, bool subtract, int32_t a, int32_t b) {
    if (subtract) add_splats<COMPONENTS, true>(acc, g, s, reach, order, count, a, b);
    else add_splats<COMPONENTS, false>(acc, g, s, reach, order, count, a, b);
}

} // namespace

void PGS_NAME(sum_i16)(int16_t *acc, const pgs_grid_i32 *grid, const pgs_splats_i32 *splats, const pgs_reach *reach,
                       const int32_t *order, ptrdiff_t count, int subtract, int32_t row_begin, int32_t row_end) {
    if (splats->components == 1) add_components<1>(acc, *grid, *splats, reach, order, count, subtract, row_begin, row_end);
    else if (splats->components == 2) add_components<2>(acc, *grid, *splats, reach, order, count, subtract, row_begin, row_end);
    else if (splats->components == 3) add_components<3>(acc, *grid, *splats, reach, order, count, subtract, row_begin, row_end);
}
