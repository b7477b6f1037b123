// Python binding: checks shapes, releases the GIL, deals row bands to threads (see pgs_kernel.h).
// Takes numpy arrays and torch CPU tensors; nothing is ever converted or copied.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>
#include <utility>

#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "bands.h"
#include "dispatch.h"
#include "octave.h"
#include "sums.h"

namespace {

constexpr int64_t MAX_FACTOR = (int64_t(1) << 32) / 1448; // of A and B, spec 8.8
constexpr double PAIRS_PER_THREAD = 500000; // a quarter of a millisecond, many times the start of a thread

// About how many samples splats add to: the areas of their ellipses q < 4, at most the picture each.
double covered(const pgs_grid_i32 &grid, const pgs_splats_i32 &splats) {
    const double picture = double(grid.width) * grid.height, cell = double(grid.step_x) * grid.step_y;
    double sum = 0;
    for (ptrdiff_t n = 0; n < splats.count; n++) {
        const int64_t *form = splats.form + 3 * n;
        const double P = double(form[0]), K = double(form[1]), R = double(form[2]);
        const double area = 3.1416 * PGS_SUPPORT * 0x1p48 / (std::sqrt(std::max(P * R - K * K, 1.0)) * cell);
        sum += std::min(area, picture) / double(1 << 2 * octave_of(form, grid.step_x, grid.step_y));
    }
    return sum;
}

void sum_i16(OctaveSums<int16_t> sums, Position position, Form form, Array<const int16_t, 2> colour, int32_t step_x,
             int32_t step_y, int32_t origin_x, int32_t origin_y, bool subtract, int isa, int threads) {
    const pgs_kernels &k = kernels(isa);
    const int32_t components = size(sums[0], 0), height = size(sums[0], 1), width = size(sums[0], 2);
    require(components >= 1 && components <= 3, "1 to 3 components");
    require(form.shape(0) == position.shape(0) && colour.shape(0) == position.shape(0) &&
                size(colour, 1) == components, "position [N,2], form [N,3] and colour [N,C] must agree");
    require_octaves(sums, components, height, width);
    auto grids = octave_grids(width, height, step_x, step_y, origin_x, origin_y);
    int16_t *acc[PGS_OCTAVES];
    for (int j = 0; j < PGS_OCTAVES; j++) {
        acc[j] = sums[j].data();
        if (grids[j].height > 1) grids[j].row = int32_t(sums[j].stride(1));
        grids[j].plane = ptrdiff_t(sums[j].stride(0));
    }
    const pgs_splats_i32 splats{position.data(), form.data(), colour.data(), ptrdiff_t(position.shape(0)),
                                components};
    nb::gil_scoped_release release;
    if (threads > 1) threads = int(std::min(double(threads), 1 + covered(grids[0], splats) / PAIRS_PER_THREAD));
    const pgs::Bands bands(k, grids.data(), splats, pgs::bands_of(grids.data(), threads > 1 ? 2 * threads : 1)); // even out crowds
    int parts = 0;
    for (int j = 0; j < PGS_OCTAVES; j++) parts = std::max(parts, bands.count(j));
    pgs_parallel(PGS_OCTAVES * parts, threads, [&](int i) {
        const int j = i / parts, band = i % parts;
        if (band < bands.count(j))
            bands.add(acc[j] + ptrdiff_t(bands.top(j, band)) * grids[j].row, grids[j], j, band, subtract);
    });
}

void scale_splats(Position position, Factor factor, Array<const int16_t, 2> colour, Array<int32_t, 2> out_position,
                  Array<int64_t, 2> out_form, Array<int16_t, 2> out_colour, int32_t width, int32_t height,
                  int32_t new_width, int32_t new_height, int32_t step_x, int32_t step_y) {
    for (auto [old_size, new_size] : {std::pair(width, new_width), std::pair(height, new_height)}) {
        require(old_size >= 1 && old_size <= 65535 && new_size >= 1 && new_size <= 65535, "sizes must be in 1..65535");
        require(old_size <= 64 * new_size && new_size <= 16 * old_size, "the size changes too much");
    }
    require(step_x > 0 && step_y > 0 && step_x <= 512 && step_y <= 512, "steps must be within 1..512");
    const auto count = factor.shape(0), components = colour.shape(1);
    require(position.shape(0) == count && colour.shape(0) == count && out_position.shape(0) == count &&
                out_form.shape(0) == count && out_colour.shape(0) == count,
            "N must agree");
    require(out_position.shape(1) == 2 && out_form.shape(1) == 3 && out_colour.shape(1) == components,
            "the outputs must be [N,2], [N,3] and [N,C]");
    for (size_t n = 0; n < count; n++) {
        const int64_t A = factor.data()[3 * n], B = factor.data()[3 * n + 1], C = factor.data()[3 * n + 2];
        require(std::min(A, B) >= 1 << 10 && std::max(A, B) <= MAX_FACTOR && std::abs(C) <= 16 * A, "factor out of range");
    }
    const pgs_scale sizes{width, height, new_width, new_height, step_x, step_y};
    const pgs_splats_i32 splats{position.data(), nullptr, colour.data(), ptrdiff_t(count), size(colour, 1)};
    nb::gil_scoped_release release;
    pgs_scale_splats(&sizes, factor.data(), &splats, out_position.data(), out_form.data(), out_colour.data());
}

std::vector<std::string> isa_levels() {
    std::vector<std::string> names;
    for (auto [isa, name] : {std::pair(PGS_SCALAR, "scalar"), std::pair(PGS_V3, "v3"), std::pair(PGS_V4, "v4")})
        if (pgs_table(isa)) names.emplace_back(name);
    return names;
}

} // namespace

NB_MODULE(_native, m) {
    m.doc() = "Native kernels of pgsvc; isa is 1 scalar, 2 v3, 3 v4; formats in codec/native/pgs_kernel.h";
    auto a = [](const char *name) { return nb::arg(name).noconvert(); };
    bind_decoding(m);
    bind_planes(m);
    bind_fitting(m);
    bind_writing(m);
    bind_scene(m);
    bind_scene_decoding(m);
    m.def("isa_levels", &isa_levels, "Names of the instruction sets that this build and processor have.");
    m.def("sum_i16", &sum_i16, a("sums"), a("position"), a("form"), a("colour"), "step_x"_a, "step_y"_a, "origin_x"_a,
          "origin_y"_a, "subtract"_a, "isa"_a, "threads"_a, "Add splats to sums, 16 bits [C,H,W] of each octave (spec 8.6).");
    m.def("scale_splats", &scale_splats, a("position"), a("factor"), a("colour"), a("out_position"), a("out_form"),
          a("out_colour"), "width"_a, "height"_a, "new_width"_a, "new_height"_a, "step_x"_a, "step_y"_a,
          "Splats at another picture size (spec 8.4).");
}
