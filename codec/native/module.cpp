// Python binding: checks shapes, releases the GIL, deals row bands or splat ranges to threads (see pgs_kernel.h).
// Takes numpy arrays and torch CPU tensors; nothing is ever converted or copied.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "dispatch.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

template <typename T, int D>
using Array = nb::ndarray<T, nb::ndim<D>, nb::c_contig, nb::device::cpu>;
using Position = nb::ndarray<const int32_t, nb::shape<-1, 2>, nb::c_contig, nb::device::cpu>;
using Factor = nb::ndarray<const int32_t, nb::shape<-1, 3>, nb::c_contig, nb::device::cpu>;
using Form = nb::ndarray<const int64_t, nb::shape<-1, 3>, nb::c_contig, nb::device::cpu>;
using Geometry = nb::ndarray<const float, nb::shape<-1, 5>, nb::c_contig, nb::device::cpu>;
using GradGeometry = nb::ndarray<float, nb::shape<-1, 5>, nb::c_contig, nb::device::cpu>;
using Curvature = nb::ndarray<float, nb::shape<-1, 6>, nb::c_contig, nb::device::cpu>;

constexpr int64_t MAX_FACTOR = (int64_t(1) << 32) / 1448; // of A and B, spec 8.8
constexpr int SPLATS_PER_JOB = 128;
constexpr double PAIRS_PER_THREAD = 500000; // a quarter of a millisecond, many times the start of a thread
constexpr int64_t SAMPLES_PER_JOB = 32768; // fixed, so that error sums do not depend on the number of threads

void require(bool ok, const char *message) {
    if (!ok) throw std::invalid_argument(message);
}

const pgs_kernels &kernels(int isa) {
    const pgs_kernels *table = pgs_table(isa);
    require(table != nullptr, "this instruction set is not available; see isa_levels()");
    return *table;
}

// Two bands per thread even out where splats crowd; a single thread needs no bands.
template <typename Job>
void by_rows(int32_t rows, int threads, const Job &job) {
    const int bands = threads > 1 ? std::min(2 * threads, rows) : 1;
    pgs_parallel(bands, threads, [&](int b) {
        job(int32_t(int64_t(rows) * b / bands), int32_t(int64_t(rows) * (b + 1) / bands));
    });
}

template <typename Job>
void by_splats(int32_t count, int threads, const Job &job) {
    pgs_parallel((count + SPLATS_PER_JOB - 1) / SPLATS_PER_JOB, threads,
                 [&](int b) { job(b * SPLATS_PER_JOB, std::min(count, (b + 1) * SPLATS_PER_JOB)); });
}

template <typename A>
int32_t size(const A &array, int axis) {
    require(array.shape(axis) <= 0x3fffffff, "array too large");
    return int32_t(array.shape(axis));
}

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
    return {geometry.data(), colour.data(), s, layers, components};
}

// About how many samples splats add to: the areas of their ellipses q <= 12, at most the picture each.
double covered(const pgs_grid_i32 &grid, const pgs_splats_i32 &splats) {
    const double picture = double(grid.width) * grid.height, cell = double(grid.step_x) * grid.step_y;
    double sum = 0;
    for (ptrdiff_t n = 0; n < splats.count; n++) {
        const double P = double(splats.form[3 * n]), K = double(splats.form[3 * n + 1]), R = double(splats.form[3 * n + 2]);
        const double area = 3.1416 * 12 * 0x1p48 / (std::sqrt(std::max(P * R - K * K, 1.0)) * cell);
        sum += std::min(area, picture);
    }
    return sum;
}

void sum_i16(Array<int16_t, 3> acc, Position position, Form form, Array<const int16_t, 2> colour, int32_t step_x,
             int32_t step_y, int32_t origin_x, int32_t origin_y, bool subtract, int isa, int threads) {
    const pgs_kernels &k = kernels(isa);
    const int32_t components = size(acc, 0);
    require(components >= 1 && components <= 3, "1 to 3 components");
    require(step_x > 0 && step_y > 0 && step_x <= 65536 && step_y <= 65536, "steps must be within 1..65536");
    require(acc.shape(1) <= 65536 && acc.shape(2) <= 65536, "at most 65536 rows and columns");
    require(std::min(origin_x, origin_y) >= -65536 && std::max(origin_x, origin_y) <= 65536, "origin out of range");
    require(form.shape(0) == position.shape(0) && colour.shape(0) == position.shape(0) &&
                size(colour, 1) == components, "position [N,2], form [N,3] and colour [N,C] must agree");
    const pgs_grid_i32 grid{size(acc, 2), size(acc, 1), step_x, step_y, origin_x, origin_y};
    const pgs_splats_i32 splats{position.data(), form.data(), colour.data(), ptrdiff_t(position.shape(0)),
                                components};
    nb::gil_scoped_release release;
    if (threads > 1) threads = int(std::min(double(threads), 1 + covered(grid, splats) / PAIRS_PER_THREAD));
    by_rows(grid.height, threads, [&](int32_t a, int32_t b) { k.sum_i16(acc.data(), &grid, &splats, subtract, a, b); });
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

void f32_forward(Array<float, 4> layers, Geometry geometry, Array<const float, 2> colour,
                 Array<const int32_t, 1> starts, float step_x, float step_y, float origin_x, float origin_y, int isa,
                 int threads) {
    const pgs_kernels &k = kernels(isa);
    const auto grid = float_grid(size(layers, 3), size(layers, 2), step_x, step_y, origin_x, origin_y);
    const auto splats = float_splats(geometry, colour, starts, size(layers, 0), size(layers, 1));
    nb::gil_scoped_release release;
    by_rows(grid.height, threads, [&](int32_t a, int32_t b) { k.f32_forward(layers.data(), &grid, &splats, a, b); });
}

void f32_backward(Array<const float, 4> grad_layers, Geometry geometry, Array<const float, 2> colour,
                  Array<const int32_t, 1> starts, GradGeometry grad_geometry, Array<float, 2> grad_colour, float step_x,
                  float step_y, float origin_x, float origin_y, int isa, int threads) {
    const pgs_kernels &k = kernels(isa);
    const auto grid = float_grid(size(grad_layers, 3), size(grad_layers, 2), step_x, step_y, origin_x, origin_y);
    const auto splats = float_splats(geometry, colour, starts, size(grad_layers, 0), size(grad_layers, 1));
    require(grad_geometry.shape(0) == geometry.shape(0), "grad_geometry must be [N, 5]");
    require(grad_colour.shape(0) == colour.shape(0) && grad_colour.shape(1) == colour.shape(1),
            "grad_colour must be [N, C]");
    nb::gil_scoped_release release;
    by_splats(size(geometry, 0), threads, [&](int32_t a, int32_t b) {
        k.f32_backward(grad_layers.data(), &grid, &splats, grad_geometry.data(), grad_colour.data(), a, b);
    });
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
    const pgs_splats_f32 splats{geometry.data(), colour.data(), nullptr, 1, size(colour, 1)};
    nb::gil_scoped_release release;
    by_splats(size(geometry, 0), threads, [&](int32_t a, int32_t b) {
        k.f32_curvature(curvature.data(), &grid, &splats, weights.data(), a, b);
    });
}

void f32_levels(Array<float, 4> layers, Array<const float, 3> target, Array<const float, 2> weight,
                Array<double, 2> sse, int isa, int threads) {
    const pgs_kernels &k = kernels(isa);
    const int32_t count = size(layers, 0), components = size(layers, 1);
    for (int axis = 0; axis < 3; axis++)
        require(target.shape(axis) == layers.shape(axis + 1), "target must be [C, H, W]");
    require(size(weight, 0) == count && size(weight, 1) == components, "weight must be [K, C]");
    require(size(sse, 0) == count && size(sse, 1) == components, "sse must be [K, C]");
    const int64_t plane = int64_t(layers.shape(2)) * int64_t(layers.shape(3));
    nb::gil_scoped_release release;
    const int pieces = int((plane + SAMPLES_PER_JOB - 1) / SAMPLES_PER_JOB), jobs = pieces * components;
    std::vector<double> part(size_t(jobs) * count);
    pgs_parallel(jobs, threads, [&](int job) {
        const int64_t c = job / pieces, begin = job % pieces * SAMPLES_PER_JOB;
        k.f32_levels(layers.data() + c * plane, components * plane, count, target.data() + c * plane, weight.data() + c,
                     components, part.data() + size_t(job) * count, begin, std::min(plane, begin + SAMPLES_PER_JOB));
    });
    std::fill_n(sse.data(), sse.size(), 0.0);
    for (int job = 0; job < jobs; job++)
        for (int32_t level = 0; level < count; level++)
            sse.data()[level * components + job / pieces] += part[size_t(job) * count + level];
}

using Reader = Array<uint64_t, 1>; // position, code, range: what is kept of a reader between calls

pgs_range_reader reader_of(const Array<const uint8_t, 1> &data, const Reader &state) {
    require(state.shape(0) == 3, "the state is [3]");
    return {data.data(), data.shape(0), state.data()[0], uint32_t(state.data()[1]), uint32_t(state.data()[2])};
}

bool keep(const pgs_range_reader &reader, Reader &state, int bad) {
    state.data()[0] = reader.position;
    state.data()[1] = reader.code;
    state.data()[2] = reader.range;
    return !bad;
}

bool range_decode(Array<const uint8_t, 1> data, Reader state, Array<uint16_t, 2> counts, Array<const int32_t, 1> context,
                  Array<int32_t, 1> out) {
    const int32_t rows = size(counts, 0), alphabet = size(counts, 1);
    require(out.shape(0) == context.shape(0), "one context for each symbol");
    for (size_t i = 0; i < context.shape(0); i++)
        require(context.data()[i] >= 0 && context.data()[i] < rows, "no such context");
    for (int32_t row = 0; row < rows; row++) {
        const uint16_t *c = counts.data() + ptrdiff_t(alphabet) * row;
        require(std::all_of(c, c + alphabet, [](uint16_t v) { return v > 0; }) &&
                    std::accumulate(c, c + alphabet, uint64_t(0)) <= 1u << 15,
                "counts must be positive and sum to 2^15 at the most");
    }
    auto reader = reader_of(data, state);
    return keep(reader, state, pgs_range_decode(&reader, counts.data(), alphabet, context.data(),
                                                ptrdiff_t(context.shape(0)), out.data()));
}

bool range_uniform(Array<const uint8_t, 1> data, Reader state, Array<const int32_t, 1> size, Array<int32_t, 1> out) {
    require(out.shape(0) == size.shape(0), "one size for each number");
    for (size_t i = 0; i < size.shape(0); i++)
        require(size.data()[i] >= 1 && size.data()[i] <= 65536, "sizes must be in 1..65536");
    auto reader = reader_of(data, state);
    return keep(reader, state, pgs_range_uniform(&reader, size.data(), ptrdiff_t(size.shape(0)), out.data()));
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
    m.def("isa_levels", &isa_levels, "Names of the instruction sets that this build and processor have.");
    m.def("sum_i16", &sum_i16, a("acc"), a("position"), a("form"), a("colour"), "step_x"_a, "step_y"_a, "origin_x"_a,
          "origin_y"_a, "subtract"_a, "isa"_a, "threads"_a, "Add splats to a 16-bit accumulator [C,H,W] (spec 8.6).");
    m.def("scale_splats", &scale_splats, a("position"), a("factor"), a("colour"), a("out_position"), a("out_form"),
          a("out_colour"), "width"_a, "height"_a, "new_width"_a, "new_height"_a, "step_x"_a, "step_y"_a,
          "Splats at another picture size (spec 8.4).");
    m.def("range_decode", &range_decode, a("data"), a("state"), a("counts"), a("context"), a("out"),
          "Adaptive symbols out [n] (spec 7.9); state [3] and counts [contexts, alphabet] change. False: no code.");
    m.def("range_uniform", &range_uniform, a("data"), a("state"), a("size"), a("out"),
          "Equally likely numbers out [n] below sizes (spec 7.9).");
    m.def("f32_forward", &f32_forward, a("layers"), a("geometry"), a("colour"), a("starts"), "step_x"_a, "step_y"_a,
          "origin_x"_a, "origin_y"_a, "isa"_a, "threads"_a, "Add the splats of each layer to layers [K,C,H,W].");
    m.def("f32_backward", &f32_backward, a("grad_layers"), a("geometry"), a("colour"), a("starts"), a("grad_geometry"),
          a("grad_colour"), "step_x"_a, "step_y"_a, "origin_x"_a, "origin_y"_a, "isa"_a, "threads"_a,
          "Add the gradients of f32_forward to grad_geometry [N,5] and grad_colour [N,C].");
    m.def("f32_curvature", &f32_curvature, a("geometry"), a("colour"), a("curvature"), "width"_a, "height"_a,
          a("weights"), "step_x"_a, "step_y"_a, "origin_x"_a, "origin_y"_a, "isa"_a, "threads"_a,
          "Add the Gauss-Newton diagonal of x, y, A, B, C and the sum of w^2 to curvature [N,6].");
    m.def("f32_levels", &f32_levels, a("layers"), a("target"), a("weight"), a("sse"), "isa"_a, "threads"_a,
          "Replace layers by the gradient of the weighted squared errors of all levels; sse [K,C] is overwritten.");
}
