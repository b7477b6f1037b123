// The normative integer sum of splats (spec 8.5, 8.6). Exact for all splats in the ranges of spec 8.8.
//
// Per row: the columns of the support, then runs of 64 samples with q by
// second differences (uint32, Q24), evaluated in chunks of 16 samples that start at the first column of the support, so
// that short rows stay cheap. Weights are 16-bit lanes; plain loops over 16 elements that the compiler turns into
// pmulhuw/pmulhrsw.
#include "isa.h"

namespace {

// A loop over lanes. Without the pragma GCC unrolls it completely before it can be vectorised.
#define EACH(count) _Pragma("GCC unroll 1") for (int k = 0; k < count; k++)

constexpr int CHUNK = 16;
constexpr int RUN = 64;
// A sample is in the support if and only if P X^2 - 2 K X Y + R Y^2 < LIMIT (Q48): the inequality of 8.5 without shift.
constexpr int64_t LIMIT = ((int64_t(12) << 24) + 1) << 24;

struct Form {
    int64_t P, K, R;       // Q32
    double p, k, det;      // the same, and P R - K^2
    double inverse_p;
};

Form make_form(const int64_t *form) {
    Form f;
    f.P = form[0];
    f.K = form[1];
    f.R = form[2];
    f.p = double(f.P);
    f.k = double(f.K);
    f.det = double(__int128(f.P) * f.R - __int128(f.K) * f.K); // exact before the conversion: its sign decides
    f.inverse_p = 1.0 / f.p;
    return f;
}

// The form at (X, Y), modulo 2^64.
inline uint64_t form_at(const Form &f, int64_t X, int64_t Y) {
    const uint64_t x = uint64_t(X), y = uint64_t(Y);
    return uint64_t(f.P) * x * x - 2 * uint64_t(f.K) * x * y + uint64_t(f.R) * y * y;
}

// Exact support test. The double only tells values that may leave 64 bits, far above LIMIT, from those that cannot.
bool inside(const Form &f, int64_t X, int64_t Y) {
    const double x = double(X), y = double(Y);
    const double rough = f.p * x * x - 2 * f.k * x * y + double(f.R) * y * y;
    return rough < 4 * double(LIMIT) && int64_t(form_at(f, X, Y)) < LIMIT;
}

inline int32_t floor_clamped(double v) {
    if (!(v > -1e9)) return -1000000000;
    if (!(v < 1e9)) return 1000000000;
    const int32_t i = int32_t(v);
    return i - (double(i) > v);
}

constexpr int ROWS = 16; // rows whose ends are found together, in vector lanes

// First and last column of the support in ROWS rows (lo > hi: none), limited to the picture.
struct RowEnds {
    alignas(64) double left[ROWS], right[ROWS]; // estimated ends in columns, plus 1
    int32_t lo[ROWS + 1], hi[ROWS];
};

// The ends come from a square root in double. Its error: det is good to 2^-53 and det Y^2 <= P LIMIT, so the
// discriminant is good to 2^-50 P LIMIT and the root over P to 2^-25 sqrt(LIMIT / P), less than 1/2 in Q8 as P >= 16
// (8.8); the middle, below 2^28 in Q8 within the ellipse, to 2^-22. Together that is less than 1/256 column. Hence a
// column nearer than 1/64 to an end is decided by the exact test, and any other by the estimate.
void find_ends(const Form &f, const pgs_grid_i32 &grid, int32_t cx, int64_t first_Y, RowEnds &ends) {
    const double inverse_step = 1.0 / grid.step_x, scale = inverse_step * f.inverse_p;
    const double y0 = double(first_Y), step_y = grid.step_y, full = f.p * double(LIMIT), least = -0x1p-40 * full;
    const double shift = 1.0 - (double(grid.origin_x) - cx) * inverse_step, most = grid.width + 0.5;
    const double det = f.det, k_form = f.k;
    EACH(ROWS) {
        const double y = y0 + k * step_y, discriminant = full - det * y * y;
        const double half = __builtin_sqrt(discriminant > 0 ? discriminant : 0.0) * scale;
        const double middle = k_form * y * scale + shift;
        double left = middle - half, right = middle + half;
        left = left > 0.5 ? left : 0.5; // far from an integer, so that no exact test follows outside the picture
        left = left < most ? left : most;
        right = right > 0.5 ? right : 0.5;
        right = right < most ? right : most;
        ends.left[k] = discriminant < least ? most : left;
        ends.right[k] = discriminant < least ? 0.5 : right;
    }
    constexpr double MARGIN = 1.0 / 64;
    alignas(64) double doubt[ROWS]; // distance from the middle between two columns, of the end where it is larger
    EACH(ROWS) {
        const int32_t l = int32_t(ends.left[k]), r = int32_t(ends.right[k]); // truncation is floor here
        const double l_off = __builtin_fabs(ends.left[k] - l - 0.5), r_off = __builtin_fabs(ends.right[k] - r - 0.5);
        ends.lo[k] = l;
        ends.hi[k] = r - 1;
        doubt[k] = l_off > r_off ? l_off : r_off;
    }
    for (int k = 0; k < ROWS; k++) {
        if (doubt[k] <= 0.5 - MARGIN) continue;
        const int64_t Y = first_Y + int64_t(k) * grid.step_y;
        auto in_column = [&](int32_t i) {
            return inside(f, int64_t(grid.origin_x) + int64_t(i) * grid.step_x - cx, Y);
        };
        const int32_t l = ends.lo[k] - 1, r = ends.hi[k];
        const double l_rest = ends.left[k] - (l + 1), r_rest = ends.right[k] - (r + 1);
        if (l_rest < MARGIN) ends.lo[k] -= in_column(l);
        if (l_rest > 1 - MARGIN) ends.lo[k] += !in_column(l + 1);
        if (r_rest < MARGIN) ends.hi[k] -= !in_column(r);
        if (r_rest > 1 - MARGIN) ends.hi[k] += in_column(r + 1);
        if (ends.lo[k] < 0) ends.lo[k] = 0;
        if (ends.hi[k] > grid.width - 1) ends.hi[k] = grid.width - 1;
    }
}

// KEEP[16 - a + k] selects lanes k >= a.
alignas(64) constexpr uint16_t KEEP[2 * CHUNK] = {0,      0,      0,      0,      0,      0,      0,      0,
                                                  0,      0,      0,      0,      0,      0,      0,      0,
                                                  0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF,
                                                  0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF};

inline uint16_t high(uint16_t a, uint16_t b) { return uint16_t((uint32_t(a) * uint32_t(b)) >> 16); }

// Weights (Q15) of N samples whose q is q + k * d1 + bend[k]; lanes outside [begin, end) get 0.
template <int N>
inline void weights(uint32_t q, uint32_t d1, const uint32_t *__restrict bend, int begin, int end,
                    int16_t *__restrict weight) {
    alignas(64) uint16_t x[N];
    EACH(N) {
        const int32_t v = int32_t(q + uint32_t(k) * d1 + bend[k]);
        x[k] = uint16_t((v > 0 ? v : 0) >> 13);
    }
    // One loop per product: only a product stored at once as 16 bits is recognised as a 16-bit high multiply.
    alignas(64) uint16_t w[N];
    EACH(N) w[k] = high(x[k], 10923);
    EACH(N) w[k] = uint16_t(32768 - w[k]);
    for (int repeat = 0; repeat < 2; repeat++) {
        EACH(N) w[k] = high(x[k], w[k]);
        EACH(N) w[k] = uint16_t(65535 - w[k]);
    }
    EACH(N) w[k] = high(w[k], w[k]);
    EACH(N) w[k] = high(w[k], w[k]);
    EACH(N) w[k] = high(w[k], w[k]);
    EACH(N) w[k] = high(w[k], w[k]);
    const uint16_t *not_before = KEEP + CHUNK - begin, *not_after = KEEP + CHUNK - end;
    EACH(N) weight[k] = int16_t((w[k] >> 1) & not_before[k] & ~not_after[k]);
}

template <int N, bool SUBTRACT>
inline void accumulate(int16_t *__restrict row, int16_t colour, const int16_t *__restrict weight) {
    EACH(N) {
        // (c w + 2^14) >> 15, written so that it is recognised as a rounding high multiply
        const int16_t part = int16_t((((int32_t(colour) * int32_t(weight[k])) >> 14) + 1) >> 1);
        row[k] = int16_t(SUBTRACT ? uint16_t(row[k]) - uint16_t(part) : uint16_t(row[k]) + uint16_t(part));
    }
}

// What q0 and d1 of a run share in all rows. Only their low 32 bits matter (8.5): arithmetic modulo 2^64 is enough.
struct RunStart {
    int32_t i0;
    uint64_t p_part, k_part, d1_part, d1_slope;
    RunStart(const Form &f, const pgs_grid_i32 &grid, int32_t cx, int32_t column) : i0(column) {
        const uint64_t X0 = uint64_t(int64_t(grid.origin_x) + int64_t(column) * grid.step_x - cx);
        const uint64_t step = uint64_t(grid.step_x), P = uint64_t(f.P), twice_K = 2 * uint64_t(f.K), half = 1 << 23;
        p_part = P * X0 * X0 + half;
        k_part = twice_K * X0;
        d1_part = P * (2 * X0 * step + step * step) + half;
        d1_slope = twice_K * step;
    }
    uint32_t q0(const Form &f, uint64_t Y) const { return uint32_t((p_part + (uint64_t(f.R) * Y - k_part) * Y) >> 24); }
    uint32_t d1(uint64_t Y) const { return uint32_t((d1_part - d1_slope * Y) >> 24); }
};

// N = 16, or 1 for pictures narrower than 16 columns.
template <int N, int COMPONENTS, bool SUBTRACT>
void add_splats(int16_t *acc, const pgs_grid_i32 &grid, const pgs_splats_i32 &splats, int32_t row_begin,
                int32_t row_end) {
    const ptrdiff_t plane = ptrdiff_t(grid.width) * grid.height;
    const uint64_t step = uint64_t(grid.step_x);
    const double inverse_step_y = 1.0 / grid.step_y;
    constexpr int IN_RUN = RUN / N, LISTED = 2 * RUN; // most chunks of one row in one run; most chunks listed at once
    for (ptrdiff_t n = 0; n < splats.count; n++) {
        const Form f = make_form(splats.form + 3 * n);
        if (!(f.P > 0 && f.det > 0)) continue; // not a splat; cannot happen within the ranges of 8.8
        const int32_t cx = splats.position[2 * n], cy = splats.position[2 * n + 1];
        const int16_t *colour = splats.colour + COMPONENTS * n;

        // Rows of the ellipse; one row of slack for the rounding of the estimate.
        const double extent = __builtin_sqrt(double(LIMIT) * f.p / f.det), first_y = double(grid.origin_y) - cy;
        int32_t top = floor_clamped((-extent - first_y) * inverse_step_y);
        int32_t bottom = floor_clamped((extent - first_y) * inverse_step_y) + 1;
        if (top < row_begin) top = row_begin;
        if (bottom > row_end - 1) bottom = row_end - 1;
        if (top > bottom) continue;

        const int64_t left_of_cx = int64_t(cx) - grid.origin_x;
        const int32_t anchor = // ic - 32, where a run starts; the division is a floor
            int32_t(left_of_cx / grid.step_x) - (left_of_cx % grid.step_x < 0) - RUN / 2;
        const uint32_t d2 = uint32_t((2 * uint64_t(f.P) * step * step + (1 << 23)) >> 24);
        alignas(64) uint32_t bend[N];
        EACH(N) bend[k] = uint32_t(k * (k - 1) / 2) * d2;

        RunStart run(f, grid, cx, anchor);
        RowEnds ends;
        struct { int32_t row, first, last, run; } list[LISTED];
        for (int32_t block = top; block <= bottom; block += ROWS) {
            const int64_t block_Y = int64_t(grid.origin_y) + int64_t(block) * grid.step_y - cy;
            find_ends(f, grid, cx, block_Y, ends);
            const int rows = bottom - block + 1 < ROWS ? bottom - block + 1 : ROWS;
            ends.lo[ROWS] = 0;
            int32_t row = 0, column = ends.lo[0];
            while (row < rows) {
                // List chunks with no branch on the length of a row, as that would be mispredicted at nearly every row.
                int count = 0;
                while (row < rows && count <= LISTED - IN_RUN) {
                    const int32_t i0 = anchor + ((column - anchor) & ~(RUN - 1)), hi = ends.hi[row];
                    const bool more = hi > i0 + RUN - 1;
                    const int32_t last = more ? i0 + RUN - 1 : hi;
                    for (int g = 0; g < IN_RUN; g++) list[count + g] = {row, column + g * N, last, i0};
                    count += last >= column ? (last - column) / N + 1 : 0;
                    row += !more;
                    column = more ? last + 1 : ends.lo[row];
                }
                for (int g = 0; g < count; g++) {
                    const auto [j, i, last, i0] = list[g];
                    if (i0 != run.i0) run = RunStart(f, grid, cx, i0);
                    const uint64_t Y = uint64_t(block_Y + int64_t(j) * grid.step_y);
                    const uint32_t q0 = run.q0(f, Y), d1 = run.d1(Y);
                    // At the right border the chunk moves left to stay in the row; lanes before i were already added.
                    const int32_t at = i < grid.width - N ? i : grid.width - N;
                    const uint32_t m = uint32_t(at - i0), bends = uint32_t(int64_t(at - i0) * (at - i0 - 1) / 2);
                    const int end = last + 1 - at < N ? last + 1 - at : N;
                    alignas(64) int16_t weight[N];
                    weights<N>(q0 + m * d1 + bends * d2, d1 + m * d2, bend, i - at, end, weight);
                    int16_t *out = acc + ptrdiff_t(block + j) * grid.width + at;
                    for (int c = 0; c < COMPONENTS; c++) accumulate<N, SUBTRACT>(out + c * plane, colour[c], weight);
                }
            }
        }
    }
}

template <int COMPONENTS>
void add_components(int16_t *acc, const pgs_grid_i32 &g, const pgs_splats_i32 &s, bool subtract, int32_t a, int32_t b) {
    const bool narrow = g.width < CHUNK;
    if (narrow && subtract) add_splats<1, COMPONENTS, true>(acc, g, s, a, b);
    else if (narrow) add_splats<1, COMPONENTS, false>(acc, g, s, a, b);
    else if (subtract) add_splats<CHUNK, COMPONENTS, true>(acc, g, s, a, b);
    else add_splats<CHUNK, COMPONENTS, false>(acc, g, s, a, b);
}

} // namespace

void PGS_NAME(sum_i16)(int16_t *acc, const pgs_grid_i32 *grid, const pgs_splats_i32 *splats, int subtract,
                       int32_t row_begin, int32_t row_end) {
    if (splats->components == 1) add_components<1>(acc, *grid, *splats, subtract, row_begin, row_end);
    else if (splats->components == 2) add_components<2>(acc, *grid, *splats, subtract, row_begin, row_end);
    else if (splats->components == 3) add_components<3>(acc, *grid, *splats, subtract, row_begin, row_end);
}
