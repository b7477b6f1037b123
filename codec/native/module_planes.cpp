// Python binding of what becomes of planes: what sums begin with, the patches that a frame changes, samples.
#include <algorithm>

#include "binding.h"
#include "dispatch.h"
#include "geometry.h"
#include "patches.h"

namespace {

constexpr size_t SAMPLES_PER_PART = 1 << 18;

using Marked = Array<const uint8_t, 2>; // patches [rows, columns]

// Where row `row` of plane `plane` begins.
template <typename T>
T *row_of(const Sums<T> &sums, int64_t plane, int64_t row) {
    return sums.data() + plane * sums.stride(0) + row * sums.stride(1);
}

// Calls job(plane, row) for each row of all planes [C, H, W].
template <typename A, typename Job>
void by_rows(const A &planes, int threads, const Job &job) {
    const size_t columns = planes.shape(2), height = planes.shape(1), rows = height * planes.shape(0);
    const size_t per_part = SAMPLES_PER_PART / std::max<size_t>(columns, 1) + 1;
    pgs_parallel(int((rows + per_part - 1) / per_part), threads, [&](int part) {
        const size_t begin = size_t(part) * per_part, end = std::min(begin + per_part, rows);
        for (size_t row = begin; row < end; row++) job(int64_t(row / height), int64_t(row % height));
    });
}

template <typename A, typename B>
void require_alike(const A &a, const B &b) {
    for (int axis = 0; axis < 3; axis++) require(a.shape(axis) == b.shape(axis), "planes of another size");
}

template <typename A>
void require_patches(const A &marked, size_t height, size_t width) {
    require(height <= 65536 && width <= 65536, "at most 65536 rows and columns");
    require(size(marked, 0) == pgs::patches(int32_t(height), pgs::PATCH_HEIGHT) &&
                size(marked, 1) == pgs::patches(int32_t(width), pgs::PATCH_WIDTH),
            "patches of another grid");
}

void fill(Sums<int16_t> planes, Array<const int16_t, 1> values, int threads) {
    require(values.shape(0) == planes.shape(0), "one value for each plane");
    require_rows(planes);
    nb::gil_scoped_release release;
    by_rows(planes, threads, [&](int64_t plane, int64_t row) {
        pgs::fill(row_of(planes, plane, row), planes.shape(2), values.data()[plane]);
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
    pgs::mark_patches({width, height, step_x, step_y, origin_x, origin_y, width, 0}, splats, marked.data());
}

void copy_patches(Sums<const int16_t> from, Sums<int16_t> to, Marked marked) {
    require_alike(from, to);
    require_rows(from);
    require_rows(to);
    require_patches(marked, from.shape(1), from.shape(2));
    const int32_t planes = size(from, 0), height = size(from, 1), width = size(from, 2);
    nb::gil_scoped_release release;
    pgs::each_marked(marked.data(), planes, height, width, [&](int32_t plane, int32_t row, int32_t left, size_t count) {
        std::memcpy(row_of(to, plane, row) + left, row_of(from, plane, row) + left, count * sizeof(int16_t));
    });
}

template <typename Sample>
void patches_to_samples(Sums<const int16_t> sums, Array<Sample, 3> out, Marked marked) {
    require_alike(sums, out);
    require_rows(sums);
    require_patches(marked, sums.shape(1), sums.shape(2));
    const int32_t planes = size(sums, 0), height = size(sums, 1), width = size(sums, 2);
    nb::gil_scoped_release release;
    pgs::each_marked(marked.data(), planes, height, width, [&](int32_t plane, int32_t row, int32_t left, size_t count) {
        Sample *to = out.data() + (ptrdiff_t(plane) * height + row) * width + left;
        pgs::to_samples(row_of(sums, plane, row) + left, count, to);
    });
}

template <typename Sample>
void to_samples(Sums<const int16_t> sums, Array<Sample, 3> out, int threads) {
    require_alike(sums, out);
    require_rows(sums);
    nb::gil_scoped_release release;
    by_rows(sums, threads, [&](int64_t plane, int64_t row) {
        Sample *to = out.data() + (plane * int64_t(sums.shape(1)) + row) * int64_t(sums.shape(2));
        pgs::to_samples(row_of(sums, plane, row), sums.shape(2), to);
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
