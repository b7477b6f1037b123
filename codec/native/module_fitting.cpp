// Binding of the float kernels, which the encoder fits splats with (see pgs_kernel.h).
#include <algorithm>
#include <optional>
#include <vector>

#include <nanobind/stl/optional.h>

#include "binding.h"
#include "dispatch.h"
#include "octaves.h"

namespace {

using Geometry = nb::ndarray<const float, nb::shape<-1, 5>, nb::c_contig, nb::device::cpu>;
using GradGeometry = nb::ndarray<float, nb::shape<-1, 5>, nb::c_contig, nb::device::cpu>;
using Curvature = nb::ndarray<float, nb::shape<-1, 6>, nb::c_contig, nb::device::cpu>;
template <typename T, int D>
using Maybe = std::optional<Array<T, D>>;

constexpr int SPLATS_PER_JOB = 128;

pgs_grid_f32 float_grid(int32_t width, int32_t height, float step_x, float step_y, float origin_x, float origin_y) {
    require(step_x > 0 && step_y > 0, "steps must be positive");
    return {width, height, step_x, step_y, origin_x, origin_y};
}

pgs_splats_f32 float_splats(const Geometry &geometry, const Array<const float, 2> &colour,
                            const Array<const int32_t, 1> &starts, int32_t layers, int32_t components) {
    require(components >= 1 && components <= 3, "1 to 3 components");
    require(colour.shape(0) == geometry.shape(0) && size(colour, 1) == components, "colour must be [N, C]");
    require(size(starts, 0) == layers + 1, "starts must have one entry more than there are layers");
    const int32_t *s = starts.data();
    require(s[0] == 0 && std::is_sorted(s, s + layers + 1) && s[layers] == size(geometry, 0),
            "starts must rise from 0 to N");
    return {geometry.data(), colour.data(), s, nullptr, 1, layers, components};
}

void require_gradients(const Geometry &geometry, const Array<const float, 2> &colour, const GradGeometry &grad_geometry,
                       const Array<float, 2> &grad_colour) {
    require(grad_geometry.shape(0) == geometry.shape(0), "grad_geometry must be [N, 5]");
    require(grad_colour.shape(0) == colour.shape(0) && grad_colour.shape(1) == colour.shape(1), "grad_colour must be [N, C]");
}

// Calls row(a, b, columns) for the rows of a picture [K, C, H, W] and of a tile's planes that hold the same samples.
template <typename T, typename Row>
void each_row(T *picture, const pgs_grid_f32 &grid, const Octaves::Work &work, const pgs_splats_f32 &splats, const Row &row) {
    const Part &p = work.part;
    const auto &planes = work.planes();
    for (ptrdiff_t k = 0; k < splats.layers; k++)
        for (ptrdiff_t c = 0; c < splats.components; c++)
            for (ptrdiff_t y = 0; y < p.height; y++)
                row(picture + ((k * splats.components + c) * grid.height + p.y + y) * grid.width + p.x,
                    planes.data + k * planes.layer + y * planes.row + c * planes.component, p.width);
}

void f32_sums(Array<float, 4> layers, Geometry geometry, Array<const float, 2> colour, Array<const int32_t, 1> starts,
              float step_x, float step_y, float origin_x, float origin_y, int isa, int threads) {
    const pgs_kernels &k = kernels(isa);
    const auto grid = float_grid(size(layers, 3), size(layers, 2), step_x, step_y, origin_x, origin_y);
    const auto splats = float_splats(geometry, colour, starts, size(layers, 0), size(layers, 1));
    nb::gil_scoped_release release;
    Octaves octaves(k, grid, splats);
    octaves.each_tile(threads, [&](const Octaves::Work &work) {
        work.sum(0);
        each_row(layers.data(), grid, work, splats, [](float *to, const float *from, int32_t n) {
            for (int32_t i = 0; i < n; i++) to[i] += from[i];
        });
    });
}

void f32_backward(Array<const float, 4> grad_layers, Geometry geometry, Array<const float, 2> colour,
                  Array<const int32_t, 1> starts, GradGeometry grad_geometry, Array<float, 2> grad_colour, float step_x,
                  float step_y, float origin_x, float origin_y, int isa, int threads) {
    const pgs_kernels &k = kernels(isa);
    const auto grid = float_grid(size(grad_layers, 3), size(grad_layers, 2), step_x, step_y, origin_x, origin_y);
    const auto splats = float_splats(geometry, colour, starts, size(grad_layers, 0), size(grad_layers, 1));
    require_gradients(geometry, colour, grad_geometry, grad_colour);
    nb::gil_scoped_release release;
    Octaves octaves(k, grid, splats);
    octaves.each_tile(threads, [&](const Octaves::Work &work) {
        each_row(grad_layers.data(), grid, work, splats, [](const float *from, float *to, int32_t n) {
            std::fill_n(std::copy_n(from, n, to), Tiles::up_to(n, Tiles::LINE) - n, 0.0f);
        });
        work.back(0);
    });
    octaves.add_gradients(grad_geometry.data(), grad_colour.data());
}

// Tile by tile, with all that a tile needs in the cache: sums, errors of the levels, gradients.
void f32_step(Geometry geometry, Array<const float, 2> colour, Array<const int32_t, 1> starts,
              Array<const float, 3> target, Array<const float, 2> weight, Maybe<const float, 2> map,
              Maybe<const float, 4> given, Array<double, 2> sse, GradGeometry grad_geometry, Array<float, 2> grad_colour,
              float step_x, float step_y, float origin_x, float origin_y, int isa, int threads) {
    const pgs_kernels &k = kernels(isa);
    const int32_t layers = size(weight, 0), components = size(weight, 1), height = size(target, 1), width = size(target, 2);
    const auto grid = float_grid(width, height, step_x, step_y, origin_x, origin_y);
    const auto splats = float_splats(geometry, colour, starts, layers, components);
    require(size(target, 0) == components, "target must be [C, H, W]");
    require(size(sse, 0) == layers && size(sse, 1) == components, "sse must be [K, C]");
    require(!map || (size(*map, 0) == height && size(*map, 1) == width), "map must be [H, W]");
    require(!given || (size(*given, 0) == layers && size(*given, 1) == components && size(*given, 2) == height &&
                       size(*given, 3) == width), "given must be [K, C, H, W]");
    require_gradients(geometry, colour, grad_geometry, grad_colour);
    nb::gil_scoped_release release;
    Octaves octaves(k, grid, splats);
    std::vector<double> errors(size_t(octaves.count()) * components * layers);
    octaves.each_tile(threads, [&](const Octaves::Work &work) {
        const ptrdiff_t corner = ptrdiff_t(work.part.y) * width + work.part.x;
        work.step({layers, components, weight.data(), target.data() + corner, map ? map->data() + corner : nullptr,
                   given ? given->data() + corner : nullptr, width, ptrdiff_t(height) * width, nullptr, nullptr},
                  errors.data() + size_t(work.tile) * sse.size());
    });
    octaves.add_gradients(grad_geometry.data(), grad_colour.data());
    std::fill_n(sse.data(), sse.size(), 0.0);
    for (size_t i = 0; i < errors.size(); i++) sse.data()[i % sse.size()] += errors[i];
}

void f32_curvature(Geometry geometry, Array<const float, 2> colour, Curvature curvature, int32_t width, int32_t height,
                   Array<const float, 1> weights, float step_x, float step_y, float origin_x, float origin_y, int isa,
                   int threads) {
    const pgs_kernels &k = kernels(isa);
    require(width >= 0 && height >= 0, "negative size");
    const auto grid = float_grid(width, height, step_x, step_y, origin_x, origin_y);
    require(colour.shape(0) == geometry.shape(0) && curvature.shape(0) == geometry.shape(0), "N must agree");
    require(colour.shape(1) >= 1 && colour.shape(1) <= 3, "1 to 3 components");
    require(weights.shape(0) == colour.shape(1), "one weight for each component");
    const int32_t starts[] = {0, size(geometry, 0)};
    const pgs_splats_f32 splats{geometry.data(), colour.data(), starts, nullptr, 1, 1, size(colour, 1)};
    nb::gil_scoped_release release;
    std::vector<int32_t> order[PGS_OCTAVES];
    for (int32_t n = 0; n < starts[1]; n++) order[octave_of(splats.geometry + 5 * ptrdiff_t(n), step_x, step_y)].push_back(n);
    // A splat is walked in its own octave. Smooth sums that are enlarged have four times the energy; exactly it would depend on
    // where the splat lies between the samples.
    for (int j = 0; j < PGS_OCTAVES; j++) {
        const auto own_grid = octave_grid(grid, j);
        const pgs_splats_f32 own{splats.geometry, splats.colour, nullptr, order[j].data(), 1, 1, splats.components};
        const int32_t count = int32_t(order[j].size());
        pgs_parallel((count + SPLATS_PER_JOB - 1) / SPLATS_PER_JOB, threads, [&](int job) {
            k.f32_curvature(curvature.data(), &own_grid, &own, weights.data(), float(1 << 2 * j), job * SPLATS_PER_JOB,
                            std::min(count, (job + 1) * SPLATS_PER_JOB));
        });
    }
}

} // namespace

void bind_fitting(nb::module_ &m) {
    auto a = [](const char *name) { return nb::arg(name).noconvert(); };
    m.def("f32_sums", &f32_sums, a("layers"), a("geometry"), a("colour"), a("starts"), "step_x"_a, "step_y"_a,
          "origin_x"_a, "origin_y"_a, "isa"_a, "threads"_a, "Add the splats of each layer to layers [K,C,H,W].");
    m.def("f32_backward", &f32_backward, a("grad_layers"), a("geometry"), a("colour"), a("starts"), a("grad_geometry"),
          a("grad_colour"), "step_x"_a, "step_y"_a, "origin_x"_a, "origin_y"_a, "isa"_a, "threads"_a,
          "Add the gradients of f32_sums, from those by layers [K,C,H,W], to grad_geometry [N,5] and grad_colour [N,C].");
    m.def("f32_step", &f32_step, a("geometry"), a("colour"), a("starts"), a("target"), a("weight"), a("map").none(),
          a("given").none(), a("sse"), a("grad_geometry"), a("grad_colour"), "step_x"_a, "step_y"_a, "origin_x"_a,
          "origin_y"_a, "isa"_a, "threads"_a,
          "Squared errors sse [K,C] of the levels that the layers, on top of given [K,C,H,W], add up to, against target "
          "[C,H,W], each sample with its factor in map [H,W]; and add the gradients of their sum, weighted by weight "
          "[K,C], to grad_geometry [N,5] and grad_colour [N,C].");
    m.def("f32_curvature", &f32_curvature, a("geometry"), a("colour"), a("curvature"), "width"_a, "height"_a,
          a("weights"), "step_x"_a, "step_y"_a, "origin_x"_a, "origin_y"_a, "isa"_a, "threads"_a,
          "Add the Gauss-Newton diagonal of x, y, A, B, C and the sum of w^2 to curvature [N,6].");
}
