#include "draw.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "bands.h"
#include "dispatch.h"
#include "room.h"
#include "samples.h"

namespace pgs {

namespace {

constexpr int64_t BAND_BYTES = 640 << 10; // of the sums of a band
constexpr size_t KEPT_BYTES = 8 << 20;     // of sums of coarser octaves: so many are kept for the next picture

struct Line {
    alignas(64) int16_t sums[32];
};
constexpr int32_t LINE = sizeof(Line) / sizeof(int16_t);

// Sums [components, rows, columns] in whole lines. Rows do not begin a multiple of 512 bytes apart, as in Python's empty_sums.
struct Planes {
    int32_t row;
    ptrdiff_t plane;

    Planes(int32_t rows, int32_t columns) {
        const int32_t lines = (columns + LINE - 1) / LINE;
        row = (lines % 8 ? lines : lines + 1) * LINE;
        plane = ptrdiff_t(row) * rows;
    }
    size_t lines(int32_t components) const { return size_t(components * plane / LINE); }
};

// Lines that are not cleared; where they are few, those of the thread's last picture.
class Room {
  public:
    explicit Room(size_t lines) {
        thread_local std::vector<Line> kept;
        if (lines * sizeof(Line) > KEPT_BYTES) own_.reset(new Line[lines]);
        data_ = own_ ? own_.get() : at_least(kept, lines);
    }
    int16_t *at(size_t line) const { return data_[line].sums; }

  private:
    std::unique_ptr<Line[]> own_;
    Line *data_;
};

template <typename Sample>
void draw_samples(const pgs_kernels &k, const pgs_grid_i32 *grids, const pgs_splats_i32 &splats, const int16_t *base, Sample *out,
                  int threads) {
    const int32_t width = grids[0].width, height = grids[0].height, components = splats.components;
    const int64_t bytes = int64_t(sizeof(Line) * Planes(1, width).lines(components)) * height;
    const int32_t count = int32_t((bytes + BAND_BYTES - 1) / BAND_BYTES), parts = threads > 1 ? std::max(count, 2 * threads) : 1;
    BandRows rows = bands_of(grids, parts);
    rows[0] = bands_of(grids, std::max(count, parts))[0];
    const Bands bands(k, grids, splats, rows);

    size_t first[PGS_OCTAVES], lines = 0; // of the sums of octaves; of octave 0 each thread has a band's
    for (int j = 1; j < PGS_OCTAVES; j++) {
        first[j] = lines;
        lines += Planes(grids[j].height, grids[j].width).lines(components);
    }
    const Room room(lines);
    pgs_grid_i32 coarser{};
    for (int j = PGS_OCTAVES - 1; j >= 0; j--) {
        const Planes planes(j ? grids[j].height : rows[0], grids[j].width);
        pgs_grid_i32 grid = grids[j];
        grid.row = planes.row, grid.plane = planes.plane;
        pgs_parallel(bands.count(j), threads, [&](int b) {
            const int32_t top = bands.top(j, b), here = std::min(rows[j], grid.height - top);
            thread_local std::vector<Line> band;
            int16_t *acc = j ? room.at(first[j]) + ptrdiff_t(top) * grid.row : at_least(band, planes.lines(components))->sums;
            for (int32_t c = 0; c < components; c++) {
                int16_t *plane = acc + c * grid.plane;
                if (j == PGS_OCTAVES - 1) std::fill_n(plane, ptrdiff_t(here) * grid.row, base[c]);
                else {
                    const pgs_join join{room.at(first[j + 1]) + c * coarser.plane, coarser.row, coarser.width, coarser.height,
                                        top, 0, here, grid.width, nullptr, plane, 0, grid.row};
                    k.join(&join);
                }
            }
            bands.add(acc, grid, j, b, false);
            for (int32_t c = 0; c < components && !j; c++)
                for (int32_t y = 0; y < here; y++)
                    to_samples(k, acc + c * grid.plane + ptrdiff_t(y) * grid.row, width, out + (ptrdiff_t(c) * height + top + y) * width);
        });
        coarser = grid;
    }
}

} // namespace

void draw(const pgs_kernels &k, const pgs_grid_i32 *grids, const pgs_splats_i32 &splats, const int16_t *base, uint8_t *out, int threads) {
    draw_samples(k, grids, splats, base, out, threads);
}

void draw(const pgs_kernels &k, const pgs_grid_i32 *grids, const pgs_splats_i32 &splats, const int16_t *base, uint16_t *out, int threads) {
    draw_samples(k, grids, splats, base, out, threads);
}

} // namespace pgs
