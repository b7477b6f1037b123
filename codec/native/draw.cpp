#include "draw.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "dispatch.h"
#include "join.h"
#include "octave.h"

namespace pgs {

namespace {

constexpr int64_t BAND_BYTES = 640 << 10; // of the sums of a band

// Splats by where they are summed: those of coarser octaves, then those of octave 0 by bands, each as often as it has bands.
class Bands {
  public:
    Bands(const pgs_grid_i32 &grid, const pgs_splats_i32 &splats, int32_t rows) : count((grid.height + rows - 1) / rows), first(count + 2) {
        struct Range {
            int32_t begin, end; // of lists
        };
        std::vector<Range> ranges(size_t(splats.count));
        for (ptrdiff_t n = 0; n < splats.count; n++) {
            const int64_t *form = splats.form + 3 * n;
            Range &range = ranges[size_t(n)];
            if (octave_of(form, grid.step_x, grid.step_y)) range = {0, 1};
            else {
                const double p = double(form[0]), k = double(form[1]), r = double(form[2]);
                // Its half height, Q8, and some samples for rounding; of what is not a splat, nothing or too much.
                const double extent = __builtin_sqrt(PGS_SUPPORT * 0x1p48 * p / (p * r - k * k)) + 2.0 * grid.step_y;
                const double middle = double(splats.position[2 * n + 1]) - grid.origin_y, unit = 1.0 / (double(grid.step_y) * rows);
                range = {1 + band((middle - extent) * unit, 0), 2 + band((middle + extent) * unit, count - 1)};
            }
            for (int32_t list = range.begin; list < range.end; list++) first[size_t(list) + 1]++;
        }
        for (size_t i = 1; i < first.size(); i++) first[i] += first[i - 1];
        order.resize(size_t(first.back()));
        std::vector<int32_t> next(first.begin(), first.end() - 1);
        for (size_t n = 0; n < ranges.size(); n++)
            for (int32_t list = ranges[n].begin; list < ranges[n].end; list++) order[size_t(next[size_t(list)]++)] = int32_t(n);
    }

    // List 0 is of coarser octaves, list b + 1 of band b.
    pgs_splats_i32 part(const pgs_splats_i32 &all, int32_t list) const {
        pgs_splats_i32 out = all;
        out.order = order.data() + first[size_t(list)];
        out.count = first[size_t(list) + 1] - first[size_t(list)];
        return out;
    }

    const int32_t count;

  private:
    int32_t band(double place, int32_t otherwise) const { // of the picture's, the nearest
        if (!(place > -1e9 && place < 1e9)) return otherwise;
        return std::clamp(int32_t(__builtin_floor(place)), 0, count - 1);
    }

    std::vector<int32_t> first, order;
};

// int16 [components, rows, row], not filled; rows lie apart as in Python's empty_sums.
struct Planes {
    int32_t row;
    ptrdiff_t plane;

    Planes(const pgs_grid_i32 &grid, int32_t rows)
        : row(grid.width % 256 ? grid.width : grid.width + 16), plane(ptrdiff_t(row) * rows) {}
};

template <typename Sample>
void draw_samples(const pgs_kernels &k, const pgs_grid_i32 *grids, const pgs_splats_i32 &splats, const int16_t *base, Sample *out,
                  int threads) {
    const int32_t width = grids[0].width, height = grids[0].height, components = splats.components;
    const int64_t row_bytes = int64_t(sizeof(int16_t)) * components * Planes(grids[0], 1).row;
    int32_t rows = int32_t(std::clamp<int64_t>(BAND_BYTES / row_bytes, WHOLE_ROWS, height));
    if (threads > 1) rows = std::min(rows, height / (2 * threads) + 1);
    rows = (rows + WHOLE_ROWS - 1) / WHOLE_ROWS * WHOLE_ROWS;
    const Bands bands(grids[0], splats, rows);

    std::vector<int16_t> coarse;
    pgs_grid_i32 planes[PGS_OCTAVES];
    int16_t *acc[PGS_OCTAVES] = {};
    ptrdiff_t places[PGS_OCTAVES] = {}, room = 0;
    std::copy_n(grids, PGS_OCTAVES, planes);
    for (int j = 1; j < PGS_OCTAVES; j++) {
        const Planes p(grids[j], grids[j].height);
        planes[j].row = p.row, planes[j].plane = p.plane;
        places[j] = room;
        room += components * p.plane;
    }
    coarse.assign(size_t(room), 0);
    for (int j = 1; j < PGS_OCTAVES; j++) acc[j] = coarse.data() + places[j];
    for (int32_t c = 0; c < components; c++) // where there are fewer samples: enlarged, a number more is that number more
        if (base[c]) std::fill_n(acc[1] + c * planes[1].plane, planes[1].plane, base[c]);
    const auto of_coarser = bands.part(splats, 0);
    pgs_parallel(bands.count, threads, [&](int b) {
        k.sum_i16(acc, planes, &of_coarser, 0, b * rows, std::min(height, (b + 1) * rows));
    });
    for (int j = PGS_OCTAVES - 2; j > 0; j--)
        pgs_parallel(components, threads, [&](int c) {
            for (int32_t y = 0; y < planes[j].height; y++) {
                int16_t *sums = acc[j] + c * planes[j].plane + ptrdiff_t(y) * planes[j].row;
                join(k, sums, acc[j + 1] + c * planes[j + 1].plane, planes[j + 1], y, 0, planes[j].width, sums);
            }
        });

    pgs_parallel(bands.count, threads, [&](int b) {
        thread_local std::vector<int16_t> work;
        const int32_t top = b * rows, here = std::min(rows, height - top);
        const Planes p(grids[0], here);
        work.resize(size_t(components * p.plane + width));
        std::memset(work.data(), 0, size_t(components * p.plane) * sizeof(int16_t));
        pgs_grid_i32 band[PGS_OCTAVES];
        std::copy_n(planes, PGS_OCTAVES, band);
        band[0].height = here, band[0].row = p.row, band[0].plane = p.plane;
        band[0].origin_y += top * band[0].step_y;
        int16_t *own[PGS_OCTAVES] = {work.data(), acc[1], acc[2], acc[3]}, *joined = work.data() + components * p.plane;
        const auto part = bands.part(splats, b + 1);
        k.sum_i16(own, band, &part, 0, 0, here);
        for (int32_t c = 0; c < components; c++)
            for (int32_t y = 0; y < here; y++) {
                join(k, work.data() + c * p.plane + ptrdiff_t(y) * p.row, acc[1] + c * planes[1].plane, planes[1], top + y, 0, width,
                     joined);
                to_samples(k, joined, width, out + (ptrdiff_t(c) * height + top + y) * width);
            }
    });
}

} // namespace

void draw(const pgs_kernels &k, const pgs_grid_i32 *grids, const pgs_splats_i32 &splats, const int16_t *base, uint8_t *out, int threads) {
    draw_samples(k, grids, splats, base, out, threads);
}

void draw(const pgs_kernels &k, const pgs_grid_i32 *grids, const pgs_splats_i32 &splats, const int16_t *base, uint16_t *out, int threads) {
    draw_samples(k, grids, splats, base, out, threads);
}

} // namespace pgs
