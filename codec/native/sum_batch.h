// Which samples splats reach, for a batch of them at once, in lanes and without branches (spec 8.5).
//
// Were each splat's own followed by its samples, a processor that guesses wrong where rows end, as it does for every other splat,
// would have to wait for roots and quotients each time.
#pragma once
#include "sum_form.h"

namespace {

constexpr int BATCH = 64;

// Rows and columns that hold the support, of those asked for; none where the first is behind the last.
struct Reach {
    int32_t first_row, last_row, first_column, last_column;
    int32_t anchor;  // ic - 32, where a run starts (8.5)
    int32_t is_low;  // 1: q stays below 2^31 at all these samples
};

class Batch {
  public:
    int32_t count = 0;
    Form form[BATCH];
    int32_t cx[BATCH], cy[BATCH], octave[BATCH];
    const int16_t *colour[BATCH];

    void add(const Form &f, const int32_t *position, int32_t in_octave, const int16_t *of_colour, const pgs_grid_i32 &grid,
             int32_t row_begin, int32_t row_end) {
        const int i = count++;
        form[i] = f;
        cx[i] = position[0];
        cy[i] = position[1];
        octave[i] = in_octave;
        colour[i] = of_colour;
        p[i] = f.p, k[i] = f.k, r[i] = f.r;
        quotient[i] = double(f.limit);
        det[i] = f.det;
        x[i] = double(cx[i]) - grid.origin_x;
        y[i] = double(cy[i]) - grid.origin_y;
        step_x[i] = grid.step_x;
        step_y[i] = grid.step_y;
        rows_begin[i] = row_begin;
        rows_end[i] = row_end;
        width[i] = grid.width;
    }

    // Of all that were added.
    void measure() {
        constexpr double SLACK = 0x1p-10; // columns, for rounding; where the support ends weights are 0 anyway
        for (int i = 0; i < count; i++) {
            const double q = quotient[i] / det[i], wide = __builtin_sqrt(q * r[i]), high = __builtin_sqrt(q * p[i]); // Q8
            const double across = 1.0 / step_x[i], down = 1.0 / step_y[i];
            const double top = limited(__builtin_floor((y[i] - high) * down - SLACK) + 1, rows_begin[i], rows_end[i]);
            const double bottom = limited(__builtin_floor((y[i] + high) * down + SLACK), rows_begin[i] - 1, rows_end[i] - 1);
            const double left = limited(__builtin_floor((x[i] - wide) * across - SLACK) + 1, 0, width[i]);
            const double right = limited(__builtin_floor((x[i] + wide) * across + SLACK), -1, width[i] - 1);
            first_row[i] = int32_t(top);
            last_row[i] = int32_t(bottom);
            first_column[i] = int32_t(left);
            last_column[i] = int32_t(right);
            // The quotient of numbers of 33 and 17 bits is never rounded to a whole number.
            anchor[i] = int32_t(limited(__builtin_floor(x[i] / step_x[i]), -1e9, 1e9)) - RUN / 2;
            const double far_x = larger(left * step_x[i] - x[i], right * step_x[i] - x[i]);
            const double far_y = larger(top * step_y[i] - y[i], bottom * step_y[i] - y[i]);
            const double most = p[i] * far_x * far_x + 2 * magnitude(k[i]) * far_x * far_y + r[i] * far_y * far_y;
            is_low[i] = most < 0x1.fp54;
        }
    }

    Reach reach(int i) const {
        return {first_row[i], last_row[i], first_column[i], last_column[i], anchor[i], is_low[i]};
    }

  private:
    static double limited(double v, double low, double high) { // not a number gives low
        const double up = v > low ? v : low;
        return up < high ? up : high;
    }
    static double magnitude(double v) { return v < 0 ? -v : v; }
    static double larger(double a, double b) { return magnitude(a) > magnitude(b) ? magnitude(a) : magnitude(b); }

    alignas(64) double p[BATCH], k[BATCH], r[BATCH], det[BATCH], quotient[BATCH], x[BATCH], y[BATCH], step_x[BATCH], step_y[BATCH];
    alignas(64) double rows_begin[BATCH], rows_end[BATCH], width[BATCH];
    alignas(64) int32_t first_row[BATCH], last_row[BATCH], first_column[BATCH], last_column[BATCH], anchor[BATCH], is_low[BATCH];
};

} // namespace
