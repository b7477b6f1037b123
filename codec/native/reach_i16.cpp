// Which samples splats reach: in which octave, and which rows and columns of it (spec 8.5), some splats at once in lanes and
// without branches.
//
// Were each splat's own followed by its samples, a processor that guesses wrong where rows end, as it does for every other splat,
// would have to wait for roots and quotients each time.
#include "isa.h"
#include "sum_colour.h"

namespace {

constexpr int BATCH = 64;

// A grid, and columns and rows per unit of Q8.
struct Octave {
    double origin_x, origin_y, step_x, step_y, across, down, width, height;

    explicit Octave(const pgs_grid_i32 &g)
        : origin_x(g.origin_x), origin_y(g.origin_y), step_x(g.step_x), step_y(g.step_y), across(1.0 / g.step_x),
          down(1.0 / g.step_y), width(g.width), height(g.height) {}
};

class Batch {
  public:
    explicit Batch(const pgs_grid_i32 *grids)
        : step_x_(grids[0].step_x), step_y_(grids[0].step_y),
          octaves_{Octave(grids[0]), Octave(grids[1]), Octave(grids[2]), Octave(grids[3])} {
        static_assert(PGS_OCTAVES == 4);
    }

    // Splat n, of which the form matters as far as `limit`; at most BATCH.
    void add(int32_t n, const int64_t *of_splat, int64_t limit, const int32_t *position) {
        const int i = count_++, j = octave_of(of_splat, step_x_, step_y_);
        const Form f = make_form(of_splat, limit);
        const Octave &o = octaves_[j];
        splat[i] = n, octave[i] = j;
        p[i] = f.p, k[i] = f.k, r[i] = f.r;
        quotient[i] = f.P > 0 && f.det > 0 ? double(f.limit) : -1; // not a splat: cannot happen within the ranges of 8.8
        det[i] = f.det;
        x[i] = double(position[0]) - o.origin_x;
        y[i] = double(position[1]) - o.origin_y;
        step_x[i] = o.step_x, step_y[i] = o.step_y;
        across[i] = o.across, down[i] = o.down;
        width[i] = o.width, height[i] = o.height;
    }

    // Writes what those that were added reach, where they reach anything, and is empty then; returns what is behind.
    pgs_reach *find(pgs_reach *out) {
        for (int i = 0; i < count_; i++) measure(i);
        for (int i = 0; i < count_; i++) {
            *out = {splat[i], first_row[i], last_row[i], first_column[i], last_column[i], anchor[i], octave[i], is_low[i]};
            out += first_row[i] <= last_row[i];
        }
        count_ = 0;
        return out;
    }

  private:
    void measure(int i) {
        constexpr double SLACK = 0x1p-10; // columns, for rounding; where the support ends weights are 0 anyway
        const double q = quotient[i] / det[i], wide = __builtin_sqrt(q * r[i]), high = __builtin_sqrt(q * p[i]); // Q8
        const double top = limited(__builtin_floor((y[i] - high) * down[i] - SLACK) + 1, 0, height[i]);
        const double bottom = limited(__builtin_floor((y[i] + high) * down[i] + SLACK), -1, height[i] - 1);
        const double left = limited(__builtin_floor((x[i] - wide) * across[i] - SLACK) + 1, 0, width[i]);
        const double right = limited(__builtin_floor((x[i] + wide) * across[i] + SLACK), -1, width[i] - 1);
        const bool some = quotient[i] > 0 && right >= left; // or there is no row
        first_row[i] = int32_t(top);
        last_row[i] = some ? int32_t(bottom) : -1;
        first_column[i] = int32_t(left);
        last_column[i] = int32_t(right);
        const double column = limited(__builtin_floor(x[i] * across[i]), -1e9, 1e9), beyond = x[i] - column * step_x[i]; // exact
        anchor[i] = int32_t(column + (beyond < 0 ? -1 : beyond < step_x[i] ? 0 : 1)) - RUN / 2;
        const double far_x = larger(left * step_x[i] - x[i], right * step_x[i] - x[i]);
        const double far_y = larger(top * step_y[i] - y[i], bottom * step_y[i] - y[i]);
        const double most = p[i] * far_x * far_x + 2 * magnitude(k[i]) * far_x * far_y + r[i] * far_y * far_y;
        is_low[i] = most < 0x1.fp54;
    }

    static double limited(double v, double low, double high) { // not a number gives low
        const double up = v > low ? v : low;
        return up < high ? up : high;
    }
    static double magnitude(double v) { return v < 0 ? -v : v; }
    static double larger(double a, double b) { return magnitude(a) > magnitude(b) ? magnitude(a) : magnitude(b); }

    const int32_t step_x_, step_y_;
    const Octave octaves_[PGS_OCTAVES];
    int count_ = 0;
    int32_t splat[BATCH];
    alignas(64) double p[BATCH], k[BATCH], r[BATCH], det[BATCH], quotient[BATCH], x[BATCH], y[BATCH], step_x[BATCH], step_y[BATCH],
        across[BATCH], down[BATCH];
    alignas(64) double width[BATCH], height[BATCH];
    alignas(64) int32_t first_row[BATCH], last_row[BATCH], first_column[BATCH], last_column[BATCH], anchor[BATCH], octave[BATCH],
        is_low[BATCH];
};

template <int COMPONENTS>
pgs_reach *find_all(const pgs_grid_i32 *grids, const pgs_splats_i32 &splats, pgs_reach *out) {
    Batch batch(grids);
    int32_t coloured[BATCH]; // splats without colour are common in chroma, and lie in no order that could be guessed
    for (int32_t first = 0, all = int32_t(splats.count); first < all; first += BATCH) {
        const int32_t end = first + BATCH < all ? first + BATCH : all;
        int count = 0;
        for (int32_t n = first; n < end; n++) {
            const int16_t *colour = splats.colour + COMPONENTS * n;
            int some = 0;
            for (int c = 0; c < COMPONENTS; c++) some |= colour[c];
            coloured[count] = n;
            count += some != 0;
        }
        for (int i = 0; i < count; i++) {
            const ptrdiff_t n = coloured[i];
            batch.add(int32_t(n), splats.form + 3 * n, COLOUR_REACH.of<COMPONENTS>(splats.colour + COMPONENTS * n),
                      splats.position + 2 * n);
        }
        out = batch.find(out);
    }
    return out;
}

} // namespace

ptrdiff_t PGS_NAME(reach_i16)(const pgs_grid_i32 *grids, const pgs_splats_i32 *splats, pgs_reach *out) {
    if (splats->components == 1) return find_all<1>(grids, *splats, out) - out;
    if (splats->components == 2) return find_all<2>(grids, *splats, out) - out;
    return find_all<3>(grids, *splats, out) - out;
}
