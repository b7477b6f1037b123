// Binding of the float kernels, which the encoder fits splats with (see pgs_kernel.h).
#include <algorithm>
#include <optional>
#include <vector>

#include <nanobind/stl/optional.h>

#include "binding.h"
#include "dispatch.h"
#include "tiles.h"

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
    return {geometry.data(), colour.data(), s, nullptr, layers, components};
}

void require_gradients(const Geometry &geometry, const Array<const float, 2> &colour, const GradGeometry &grad_geometry,
                       const Array<float, 2> &grad_colour) {
    require(grad_geometry.shape(0) == geometry.shape(0), "grad_geometry must be [N, 5]");
    require(grad_colour.shape(0) == colour.shape(0) && grad_colour.shape(1) == colour.shape(1), "grad_colour must be [N, C]");
}

// Copies the samples of a tile between a picture [K, C, H, W] and the tile's planes.
template <bool IN, typename T>
void copy_tile(T *picture, const pgs_grid_f32 &grid, const pgs_planes &planes, const pgs_grid_f32 &tile, int32_t left,
               int32_t top, const pgs_splats_f32 &splats) {
    for (ptrdiff_t k = 0; k < splats.layers; k++)
        for (ptrdiff_t c = 0; c < splats.components; c++)
            for (ptrdiff_t row = 0; row < tile.height; row++) {
                T *a = picture + ((k * splats.components + c) * grid.height + top + row) * grid.width + left;
                float *b = planes.data + k * planes.layer + row * planes.row + c * planes.component;
                if constexpr (IN) std::copy_n(a, tile.width, b);
                else std::copy_n(b, tile.width, a);
            }
}

// Calls use(number, grid, splats, planes) for each tile; the planes are the thread's own and all zero.
template <typename Use>
void each_tile(const Tiles &tiles, const pgs_splats_f32 &splats, int threads, const Use &use) {
    pgs_parallel(tiles.count(), threads, [&](int t) {
        thread_local std::vector<float> work;
        thread_local std::vector<int32_t> starts;
        const auto tile = tiles.grid(t);
        const auto part = tiles.splats(t, splats, starts);
        use(t, tile, part, tiles.planes(work));
    });
}

void f32_sums(Array<float, 4> layers, Geometry geometry, Array<const float, 2> colour, Array<const int32_t, 1> starts,
              float step_x, float step_y, float origin_x, float origin_y, int isa, int threads) {
    const pgs_kernels &k = kernels(isa);
    const auto grid = float_grid(size(layers, 3), size(layers, 2), step_x, step_y, origin_x, origin_y);
    const auto splats = float_splats(geometry, colour, starts, size(layers, 0), size(layers, 1));
    nb::gil_scoped_release release;
    const Tiles tiles(grid, splats);
    each_tile(tiles, splats, threads, [&](int t, const pgs_grid_f32 &tile, const pgs_splats_f32 &part, const pgs_planes &planes) {
        copy_tile<true>(layers.data(), grid, planes, tile, tiles.left(t), tiles.top(t), splats);
        k.f32_forward(&planes, &tile, &part);
        copy_tile<false>(layers.data(), grid, planes, tile, tiles.left(t), tiles.top(t), splats);
    });
}

// Adds up what the tiles say of each splat, in an order that no thread changes.
void add_gradients(const Tiles &tiles, const std::vector<float> &gradients, int32_t components, float *by_geometry,
                   float *by_colour) {
    const float *from = gradients.data();
    for (int32_t entry = 0; entry < tiles.entries(); entry++, from += 5 + components) {
        const ptrdiff_t n = tiles.splat(entry);
        for (int i = 0; i < 5; i++) by_geometry[5 * n + i] += from[i];
        for (int c = 0; c < components; c++) by_colour[components * n + c] += from[5 + c];
    }
}

void f32_backward(Array<const float, 4> grad_layers, Geometry geometry, Array<const float, 2> colour,
                  Array<const int32_t, 1> starts, GradGeometry grad_geometry, Array<float, 2> grad_colour, float step_x,
                  float step_y, float origin_x, float origin_y, int isa, int threads) {
    const pgs_kernels &k = kernels(isa);
    const auto grid = float_grid(size(grad_layers, 3), size(grad_layers, 2), step_x, step_y, origin_x, origin_y);
    const auto splats = float_splats(geometry, colour, starts, size(grad_layers, 0), size(grad_layers, 1));
    require_gradients(geometry, colour, grad_geometry, grad_colour);
    nb::gil_scoped_release release;
    const Tiles tiles(grid, splats);
    const int32_t numbers = 5 + splats.components;
    std::vector<float> gradients(size_t(tiles.entries()) * numbers);
    each_tile(tiles, splats, threads, [&](int t, const pgs_grid_f32 &tile, const pgs_splats_f32 &part, const pgs_planes &planes) {
        copy_tile<true>(grad_layers.data(), grid, planes, tile, tiles.left(t), tiles.top(t), splats);
        k.f32_backward(&planes, &tile, &part, gradients.data() + ptrdiff_t(tiles.first(t)) * numbers);
    });
    add_gradients(tiles, gradients, splats.components, grad_geometry.data(), grad_colour.data());
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
    const Tiles tiles(grid, splats);
    const int32_t numbers = 5 + components;
    std::vector<float> gradients(size_t(tiles.entries()) * numbers);
    std::vector<double> errors(size_t(tiles.count()) * components * layers);
    each_tile(tiles, splats, threads, [&](int t, const pgs_grid_f32 &tile, const pgs_splats_f32 &part, const pgs_planes &planes) {
        const ptrdiff_t corner = ptrdiff_t(tiles.top(t)) * width + tiles.left(t);
        if (given) copy_tile<true>(given->data(), grid, planes, tile, tiles.left(t), tiles.top(t), splats);
        k.f32_forward(&planes, &tile, &part);
        for (ptrdiff_t c = 0; c < components; c++) {
            const pgs_planes plane{planes.data + c * planes.component, planes.row, planes.component, planes.layer};
            const pgs_levels levels{layers, weight.data() + c, components, width, target.data() + c * height * width + corner,
                                    map ? map->data() + corner : nullptr};
            k.f32_levels(&plane, tile.width, tile.height, &levels, errors.data() + (ptrdiff_t(t) * components + c) * layers);
        }
        k.f32_backward(&planes, &tile, &part, gradients.data() + ptrdiff_t(tiles.first(t)) * numbers);
    });
    add_gradients(tiles, gradients, components, grad_geometry.data(), grad_colour.data());
    std::fill_n(sse.data(), sse.size(), 0.0);
    for (int t = 0; t < tiles.count(); t++)
        for (int32_t c = 0; c < components; c++)
            for (int32_t level = 0; level < layers; level++)
                sse.data()[level * components + c] += errors[(size_t(t) * components + c) * layers + level];
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
    const pgs_splats_f32 splats{geometry.data(), colour.data(), nullptr, nullptr, 1, size(colour, 1)};
    const int32_t count = size(geometry, 0);
    nb::gil_scoped_release release;
    pgs_parallel((count + SPLATS_PER_JOB - 1) / SPLATS_PER_JOB, threads, [&](int job) {
        k.f32_curvature(curvature.data(), &grid, &splats, weights.data(), job * SPLATS_PER_JOB,
                        std::min(count, (job + 1) * SPLATS_PER_JOB));
    });
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
