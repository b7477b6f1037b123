// Python binding of what becomes of planes: what sums begin with, the patches that a frame changes, samples.
#include <algorithm>

#include "binding.h"
#include "dispatch.h"
#include "geometry.h"
#include "patches.h"

namespace {

constexpr size_t SAMPLES_PER_JOB = 1 << 18;

using Planes = Array<int16_t, 3>;         // [C, H, W]
using Marked = Array<const uint8_t, 2>; // patches [rows, columns]

// Calls job(begin, end) for parts of n samples.
template <typename Job>
void in_parts(size_t n, int threads, const Job &job) {
    pgs_parallel(int((n + SAMPLES_PER_JOB - 1) / SAMPLES_PER_JOB), threads, [&](int part) {
        const size_t begin = size_t(part) * SAMPLES_PER_JOB;
        job(begin, std::min(begin + SAMPLES_PER_JOB, n));
    });
}

template <typename A>
void require_patches(const A &marked, size_t height, size_t width) {
    require(height <= 65536 && width <= 65536, "at most 65536 rows and columns");
    require(size(marked, 0) == pgs::patches(int32_t(height), pgs::PATCH_HEIGHT) &&
                size(marked, 1) == pgs::patches(int32_t(width), pgs::PATCH_WIDTH),
            "patches of another grid");
}

void fill(Planes planes, Array<const int16_t, 1> values, int threads) {
    const size_t count = planes.shape(0), plane = planes.shape(1) * planes.shape(2);
    require(values.shape(0) == count, "one value for each plane");
    nb::gil_scoped_release release;
    in_parts(count * plane, threads, [&](size_t begin, size_t end) {
        for (size_t to; begin < end; begin = to) {
            const size_t number = begin / plane;
            to = std::min(end, (number + 1) * plane);
            pgs::fill(planes.data() + begin, to - begin, values.data()[number]);
        }
    });
}

void mark_patches(Position position, Form form, Array<const int16_t, 2> colour, int32_t width, int32_t height,
                  int32_t step_x, int32_t step_y, int32_t origin_x, int32_t origin_y, Array<uint8_t, 2> marked) {
    require(width >= 1 && height >= 1 && step_x >= 1 && step_y >= 1, "sizes and steps must be positive");
    require_patches(marked, size_t(height), size_t(width));
    require(form.shape(0) == position.shape(0) && colour.shape(0) == position.shape(0),
            "position [N,2], form [N,3] and colour [N,C] must agree");
    const pgs_splats_i32 splats{position.data(), form.data(), colour.data(), ptrdiff_t(position.shape(0)), size(colour, 1)};
    nb::gil_scoped_release release;
    pgs::mark_patches({width, height, step_x, step_y, origin_x, origin_y}, splats, marked.data());
}

void copy_patches(Planes from, Planes to, Marked marked) {
    for (int axis = 0; axis < 3; axis++) require(from.shape(axis) == to.shape(axis), "planes of another size");
    require_patches(marked, from.shape(1), from.shape(2));
    const int32_t planes = size(from, 0), height = size(from, 1), width = size(from, 2);
    nb::gil_scoped_release release;
    pgs::each_marked(marked.data(), planes, height, width, [&](ptrdiff_t first, size_t count) {
        std::memcpy(to.data() + first, from.data() + first, count * sizeof(int16_t));
    });
}

template <typename Sample>
void patches_to_samples(Planes sums, Array<Sample, 3> out, Marked marked) {
    for (int axis = 0; axis < 3; axis++) require(sums.shape(axis) == out.shape(axis), "planes of another size");
    require_patches(marked, sums.shape(1), sums.shape(2));
    const int32_t planes = size(sums, 0), height = size(sums, 1), width = size(sums, 2);
    nb::gil_scoped_release release;
    pgs::each_marked(marked.data(), planes, height, width, [&](ptrdiff_t first, size_t count) {
        pgs::to_samples(sums.data() + first, count, out.data() + first);
    });
}

template <typename Sample>
void to_samples(Array<const int16_t, 1> sums, Array<Sample, 1> out, int threads) {
    require(out.shape(0) == sums.shape(0), "one sample for each sum");
    nb::gil_scoped_release release;
    in_parts(sums.shape(0), threads, [&](size_t begin, size_t end) {
        pgs::to_samples(sums.data() + begin, end - begin, out.data() + begin);
    });
}

template <typename Sample>
void bind_samples(nb::module_ &m) {
    auto a = [](const char *name) { return nb::arg(name).noconvert(); };
    m.def("to_samples", &to_samples<Sample>, a("sums"), a("out"), "threads"_a,
          "Samples of 8 bits in uint8 or of 10 bits in uint16 from sums (spec 8.7).");
    m.def("patches_to_samples", &patches_to_samples<Sample>, a("sums"), a("out"), a("marked"),
          "Likewise in the marked patches of planes [C,H,W].");
}

} // namespace

void bind_planes(nb::module_ &m) {
    auto a = [](const char *name) { return nb::arg(name).noconvert(); };
    m.attr("PATCH") = nb::make_tuple(pgs::PATCH_WIDTH, pgs::PATCH_HEIGHT);
    m.def("fill", &fill, a("planes"), a("values"), "threads"_a, "Sets each plane of [C,H,W] to its value.");
    m.def("mark_patches", &mark_patches, a("position"), a("form"), a("colour"), "width"_a, "height"_a, "step_x"_a, "step_y"_a,
          "origin_x"_a, "origin_y"_a, a("marked"), "Sets the patches [rows, columns] of a grid that splats may reach.");
    m.def("copy_patches", &copy_patches, a("source"), a("out"), a("marked"), "Copies the marked patches of planes [C,H,W].");
    bind_samples<uint8_t>(m);
    bind_samples<uint16_t>(m);
}
