// Python binding of what becomes of planes: what sums begin with, the patches that a frame changes, samples.
#include <algorithm>
#include <cstring>
#include <vector>

#include "dispatch.h"
#include "draw.h"
#include "patches.h"
#include "room.h"
#include "samples.h"
#include "sums.h"

namespace {

constexpr int32_t SAMPLES_PER_PART = 1 << 18;

using Marked = Array<const uint8_t, 1>; // the patches of all octaves

template <typename A>
void require_patches(const A &marked, const pgs::PatchMap &map) {
    require(marked.shape(0) == map.first[PGS_OCTAVES], "patches of another grid");
}

// Calls use(plane, top, rows, left, count) for the samples of an octave's marked patches, threads dealing in rows of patches.
template <typename A, typename Use>
void each_marked(const uint8_t *marked, const A &plane, int threads, const Use &use) {
    const int32_t planes = size(plane, 0), height = size(plane, 1), width = size(plane, 2);
    const int32_t rows = pgs::patches(height, pgs::PATCH_HEIGHT);
    const int32_t per_part = std::max(1, SAMPLES_PER_PART / (pgs::PATCH_HEIGHT * planes * width));
    pgs_parallel((rows + per_part - 1) / per_part, threads, [&](int part) {
        pgs::each_marked(marked, planes, height, width, part * per_part, std::min(rows, (part + 1) * per_part), use);
    });
}

// Rows of joined sums, from the first one on.
struct Rows {
    int16_t *data;
    ptrdiff_t row;
};

// Writes the joined sums of patches of an octave and the coarser ones to out(plane, top, rows, left), then calls
// use(plane, top, rows, left, count, out).
template <typename A, typename B, typename Out, typename Use>
void each_joined(const pgs_kernels &k, const uint8_t *marked, const A &sums, const B &coarser, int threads, const Out &out, const Use &use) {
    each_marked(marked, sums, threads, [&](int32_t plane, int32_t top, int32_t rows, int32_t left, int32_t count) {
        const Rows to = out(plane, top, rows, left);
        const pgs_join join{row_of(coarser, plane, 0), ptrdiff_t(coarser.stride(1)), size(coarser, 2), size(coarser, 1), top, left,
                            rows, count, row_of(sums, plane, top) + left, to.data, ptrdiff_t(sums.stride(1)), to.row};
        k.join(&join);
        use(plane, top, rows, left, count, to);
    });
}

int64_t patch_count(int32_t width, int32_t height) {
    require(width >= 1 && height >= 1 && width <= 65536 && height <= 65536, "1 to 65536 rows and columns");
    return int64_t(pgs::PatchMap(width, height).first[PGS_OCTAVES]);
}

void fill(OctaveSums<int16_t> sums, Array<const int16_t, 1> values) {
    const int32_t planes = size(sums[0], 0);
    require(size(values, 0) == planes, "one value for each plane");
    require_octaves(sums, planes, size(sums[0], 1), size(sums[0], 2));
    nb::gil_scoped_release release;
    for (int j = 0; j < PGS_OCTAVES; j++) {
        const size_t columns = sums[j].shape(2);
        for (int32_t plane = 0; plane < planes && columns; plane++) {
            int16_t *first = row_of(sums[j], plane, 0);
            std::fill_n(first, columns, j ? int16_t(0) : values.data()[plane]);
            for (size_t row = 1; row < sums[j].shape(1); row++)
                std::memcpy(row_of(sums[j], plane, int64_t(row)), first, columns * sizeof(int16_t));
        }
    }
}

void mark_patches(Position position, Form form, Array<const int16_t, 2> colour, int32_t width, int32_t height,
                  int32_t step_x, int32_t step_y, int32_t origin_x, int32_t origin_y, Array<uint8_t, 1> marked) {
    require(patch_count(width, height) == int64_t(marked.shape(0)), "patches of another grid");
    require(form.shape(0) == position.shape(0) && colour.shape(0) == position.shape(0),
            "position [N,2], form [N,3] and colour [N,C] must agree");
    const auto grids = octave_grids(width, height, step_x, step_y, origin_x, origin_y);
    const pgs_splats_i32 splats{position.data(), form.data(), colour.data(), ptrdiff_t(position.shape(0)), size(colour, 1)};
    nb::gil_scoped_release release;
    pgs::mark_patches(grids.data(), splats, marked.data());
}

void copy_patches(OctaveSums<const int16_t> from, OctaveSums<int16_t> to, Marked marked) {
    const int32_t planes = size(from[0], 0), height = size(from[0], 1), width = size(from[0], 2);
    require_octaves(from, planes, height, width);
    require_octaves(to, planes, height, width);
    const pgs::PatchMap map(width, height);
    require_patches(marked, map);
    nb::gil_scoped_release release;
    for (int j = 0; j < PGS_OCTAVES; j++)
        each_marked(marked.data() + map.first[j], from[j], 1, [&](int32_t plane, int32_t top, int32_t rows, int32_t left, int32_t count) {
            for (int32_t row = top; row < top + rows; row++)
                std::memcpy(row_of(to[j], plane, row) + left, row_of(from[j], plane, row) + left, size_t(count) * sizeof(int16_t));
        });
}

template <typename Sample>
void to_samples(OctaveSums<const int16_t> sums, OctaveSums<int16_t> joined, Array<Sample, 3> out, Marked marked, int isa, int threads) {
    const pgs_kernels &k = kernels(isa);
    const int32_t planes = size(sums[0], 0), height = size(sums[0], 1), width = size(sums[0], 2);
    require_octaves(sums, planes, height, width);
    require_octaves(joined, planes, height, width, 1);
    require(size(out, 0) == planes && size(out, 1) == height && size(out, 2) == width, "samples of another size");
    const pgs::PatchMap map(width, height);
    require_patches(marked, map);
    nb::gil_scoped_release release;
    auto join_octave = [&](int j, const auto &to, const auto &use) {
        const uint8_t *patches = marked.data() + map.first[j];
        if (j == PGS_OCTAVES - 2) each_joined(k, patches, sums[j], sums[j + 1], threads, to, use); // nothing is below the last
        else each_joined(k, patches, sums[j], joined[j + 1], threads, to, use);
    };
    for (int j = PGS_OCTAVES - 2; j > 0; j--)
        join_octave(
            j,
            [&](int32_t plane, int32_t top, int32_t, int32_t left) {
                return Rows{row_of(joined[j], plane, top) + left, ptrdiff_t(joined[j].stride(1))};
            },
            [](auto...) {});
    join_octave(
        0,
        [&](int32_t, int32_t, int32_t rows, int32_t) {
            thread_local std::vector<int16_t> room;
            return Rows{pgs::at_least(room, size_t(rows) * size_t(width)), width};
        },
        [&](int32_t plane, int32_t top, int32_t rows, int32_t left, int32_t count, const Rows &of) {
            for (int32_t y = 0; y < rows; y++)
                pgs::to_samples(k, of.data + y * of.row, count, out.data() + (ptrdiff_t(plane) * height + top + y) * width + left);
        });
}

template <typename Sample>
void draw(Position position, Form form, Array<const int16_t, 2> colour, Array<const int16_t, 1> base, Array<Sample, 3> out,
          int32_t step_x, int32_t step_y, int32_t origin_x, int32_t origin_y, int isa, int threads) {
    const pgs_kernels &k = kernels(isa);
    const int32_t planes = size(out, 0), height = size(out, 1), width = size(out, 2);
    require(planes >= 1 && planes <= 3 && size(base, 0) == planes, "1 to 3 components, and a value for each");
    require(width >= 1 && height >= 1 && width <= 65536 && height <= 65536, "1 to 65536 rows and columns");
    require(form.shape(0) == position.shape(0) && colour.shape(0) == position.shape(0) && size(colour, 1) == planes,
            "position [N,2], form [N,3] and colour [N,C] must agree");
    const auto grids = octave_grids(width, height, step_x, step_y, origin_x, origin_y);
    const pgs_splats_i32 splats{position.data(), form.data(), colour.data(), size(position, 0), planes};
    nb::gil_scoped_release release;
    pgs::draw(k, grids.data(), splats, base.data(), out.data(), threads);
}

template <typename Sample>
void bind_samples(nb::module_ &m) {
    auto a = [](const char *name) { return nb::arg(name).noconvert(); };
    m.def("to_samples", &to_samples<Sample>, a("sums"), a("joined"), a("out"), a("marked"), "isa"_a, "threads"_a,
          "Samples of 8 bits in uint8 or of 10 bits in uint16 from sums (spec 8.7), in the marked patches. Octaves 1 and 2 of "
          "joined keep what they and the coarser ones come to.");
    m.def("draw", &draw<Sample>, a("position"), a("form"), a("colour"), a("base"), a("out"), "step_x"_a, "step_y"_a,
          "origin_x"_a, "origin_y"_a, "isa"_a, "threads"_a,
          "Samples [C,H,W] of splats whose sums are not needed again, on sums that begin with base [C].");
}

} // namespace

void bind_planes(nb::module_ &m) {
    auto a = [](const char *name) { return nb::arg(name).noconvert(); };
    m.attr("PATCH") = nb::make_tuple(pgs::PATCH_WIDTH, pgs::PATCH_HEIGHT);
    m.def("patch_count", &patch_count, "width"_a, "height"_a, "How many patches the octaves of a plane group have.");
    m.def("fill", &fill, a("sums"), a("values"), "Sets each plane of octave 0 to its value, the other octaves to 0.");
    m.def("mark_patches", &mark_patches, a("position"), a("form"), a("colour"), "width"_a, "height"_a, "step_x"_a, "step_y"_a,
          "origin_x"_a, "origin_y"_a, a("marked"),
          "Sets the patches of octaves, by rows and columns, whose sums or joined sums splats may change.");
    m.def("copy_patches", &copy_patches, a("source"), a("out"), a("marked"), "Copies the marked patches of all octaves.");
    bind_samples<uint8_t>(m);
    bind_samples<uint16_t>(m);
}
