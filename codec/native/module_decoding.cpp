// Python binding of what comes before the sum: range coder, graded tools, geometry.
// The GIL is released while they work, so that the next frames are read while one is summed.
#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>

#include <nanobind/stl/array.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include "binding.h"
#include "differences.h"
#include "dispatch.h"
#include "geometry.h"

namespace {

constexpr size_t SPLATS_PER_JOB = 1 << 13; // of geometry, a tenth of a millisecond

template <typename T>
using Flat = Array<T, 1>;
using Data = Flat<const uint8_t>;
using State = Flat<uint64_t>;   // position, code, range: what is kept of a reader between calls
using Powers = Flat<const int64_t>;  // T_HI, then T_LO
using Tables = Flat<const uint16_t>; // all fields of a struct of tables
using Steps = nb::ndarray<const int32_t, nb::shape<-1, 3>, nb::c_contig, nb::device::cpu>;

constexpr size_t NUMBERS = offsetof(pgs::Header, powers) / sizeof(int32_t);
using Numbers = std::array<int32_t, NUMBERS>;

pgs_range_reader reader_of(const Data &data, const State &state) {
    require(state.shape(0) == 3, "the state is [3]");
    return {data.data(), data.shape(0), state.data()[0], uint32_t(state.data()[1]), uint32_t(state.data()[2])};
}

void keep(const pgs_range_reader &reader, State &state) {
    state.data()[0] = reader.position;
    state.data()[1] = reader.code;
    state.data()[2] = reader.range;
}

bool range_decode(Data data, State state, Array<uint16_t, 2> counts, Flat<const int32_t> context, Flat<int32_t> out) {
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
    const int bad = pgs_range_decode(&reader, counts.data(), alphabet, context.data(), ptrdiff_t(context.shape(0)), out.data());
    keep(reader, state);
    return !bad;
}

bool range_uniform(Data data, State state, Flat<const int32_t> size, Flat<int32_t> out) {
    require(out.shape(0) == size.shape(0), "one size for each number");
    for (size_t i = 0; i < size.shape(0); i++)
        require(size.data()[i] >= 1 && size.data()[i] <= 65536, "sizes must be in 1..65536");
    auto reader = reader_of(data, state);
    const int bad = pgs_range_uniform(&reader, size.data(), ptrdiff_t(size.shape(0)), out.data());
    keep(reader, state);
    return !bad;
}

template <typename T>
T tables_of(const Tables &counts) {
    constexpr size_t MOST = (1 << 15) / pgs::OCTAVE_HALVES;
    const size_t size = counts.shape(0);
    require(std::all_of(counts.data(), counts.data() + size, [](uint16_t v) { return v > 0 && v <= MOST; }),
            "counts must be positive and not too large");
    T out;
    size_t taken = 0;
    out.each([&](auto &table) {
        taken += table.COUNTS;
        require(taken <= size, "tables of another size");
        table.begin(counts.data() + taken - table.COUNTS);
    });
    require(taken == size, "tables of another size");
    return out;
}

// `numbers`: the fields up to `powers`.
pgs::Header header_of(const Numbers &numbers, const Powers &powers) {
    pgs::Header h;
    require(powers.shape(0) == 128, "powers of another size");
    std::memcpy(&h, numbers.data(), NUMBERS * sizeof(int32_t));
    h.powers = powers.data();
    const auto within = [](int32_t v, int32_t low, int32_t high) { return v >= low && v <= high; };
    require(within(h.width, 1, 65535) && within(h.height, 1, 65535), "sizes must be in 1..65535");
    require(h.components == 3 || (h.components == 1 && !h.is_rgb), "1 or 3 components");
    require(within(h.cell_bits, 0, 8) && within(h.motion_bits, 4, 8) && within(h.shape_precision, 0, 63) &&
                within(h.position_precision, 0, 63) && within(h.energy_step, 0, 128) &&
                within(h.chroma_steps[0], 0, 15) && within(h.chroma_steps[1], 0, 15) && within(h.chroma_weight, 0, 255),
            "a header field is out of range");
    return h;
}

const pgs::Step *steps_of(const Steps &steps) {
    static_assert(sizeof(pgs::Step) == 3 * sizeof(int32_t));
    const int32_t frames = size(steps, 0);
    require(frames <= 64, "at most 64 frames");
    const auto *out = reinterpret_cast<const pgs::Step *>(steps.data());
    for (int32_t i = 0; i < frames; i++)
        require(out[i].frame >= 1 && out[i].frame <= frames && out[i].before >= 0 && out[i].before < out[i].frame &&
                    (out[i].after == -1 || (out[i].after > out[i].frame && out[i].after <= frames)),
                "a step that is none");
    return out;
}

template <typename Work>
pgs::Fault fault_of(const Work &work) {
    try {
        work();
    } catch (pgs::Fault found) {
        return found;
    }
    return pgs::Fault::none;
}

template <typename Work>
int reading(const Data &data, State &state, const Work &work) {
    auto reader = reader_of(data, state);
    pgs::Fault fault;
    {
        nb::gil_scoped_release release;
        fault = fault_of([&] { work(reader); });
    }
    keep(reader, state);
    return int(fault);
}

// A key frame slice, one of some whose symbols are read in turns.
struct KeyJob {
    const uint8_t *data;
    size_t size;
    pgs::Header header;
    size_t n;
    pgs::Splats out;
    pgs_range_reader reader;
};

pgs::Fault read_keys(KeyJob *jobs, size_t count, const pgs::KeyTables &first) {
    pgs::KeySlice slices[pgs::ABREAST];
    for (size_t k = 0; k < count; k++) {
        KeyJob &job = jobs[k];
        if (job.size && !job.data[job.size - 1]) return pgs::Fault::zero_end;
        job.reader = pgs::begin(job.data, job.size);
        slices[k] = {&job.reader, &job.header, job.n, job.out};
    }
    const pgs::Fault fault = fault_of([&] { pgs::key_splats(slices, count, first); });
    const bool is_rest = std::any_of(jobs, jobs + count, [](const KeyJob &job) { return job.reader.position < job.size; });
    return fault == pgs::Fault::none && is_rest ? pgs::Fault::rest : fault;
}

using Slices = std::vector<std::tuple<nb::bytes, Numbers, size_t>>;

std::vector<int> graded_keys(const Slices &slices, Powers powers, Tables tables, Array<int32_t, 2> position, Array<int32_t, 2> shape,
                             Array<int16_t, 2> colour) {
    const auto first = tables_of<pgs::KeyTables>(tables);
    const size_t all = position.shape(0), components = colour.shape(1);
    require(shape.shape(0) == all && colour.shape(0) == all && position.shape(1) == 2 && shape.shape(1) == 3,
            "position [N,2], shape [N,3] and colour [N,C] must agree");
    std::vector<KeyJob> jobs;
    size_t begin = 0;
    for (const auto &[data, numbers, n] : slices) {
        const auto h = header_of(numbers, powers);
        const auto *bytes = static_cast<const uint8_t *>(data.data());
        require(size_t(h.components) == components && n <= all - begin, "slices of one picture, N splats together");
        const pgs::Splats out{position.data() + 2 * begin, shape.data() + 3 * begin, colour.data() + components * begin};
        jobs.push_back({bytes, data.size(), h, n, out, {}});
        begin += n;
    }
    require(begin == all, "N splats together");
    std::vector<int> faults(jobs.size(), 0);
    nb::gil_scoped_release release;
    for (size_t k = 0; k < jobs.size(); k += pgs::ABREAST) {
        const size_t count = std::min(pgs::ABREAST, jobs.size() - k);
        // Where one of them has a fault, each is read again by itself to find whose it is.
        if (read_keys(&jobs[k], count, first) != pgs::Fault::none)
            for (size_t i = k; i < k + count; i++) faults[i] = int(read_keys(&jobs[i], 1, first));
    }
    return faults;
}

int motion_fields(Data data, State state, Steps steps, Tables tables, Flat<int32_t> modes, Array<int32_t, 4> vectors) {
    const auto *order = steps_of(steps);
    const auto first = tables_of<pgs::MotionTables>(tables);
    require(modes.shape(0) == steps.shape(0) && vectors.shape(0) == steps.shape(0) && vectors.shape(3) == 2 &&
                vectors.shape(1) >= 2 && vectors.shape(2) >= 2,
            "modes must be [F] and vectors [F,rows,columns,2]");
    const pgs::Fields out{size(vectors, 1), size(vectors, 2), modes.data(), vectors.data()};
    const int32_t frames = size(steps, 0);
    return reading(data, state, [&](pgs_range_reader &reader) { pgs::code_fields(reader, order, frames, first, out); });
}

int graded_frames(Data data, State state, Numbers numbers, Powers powers, Steps steps, Flat<int32_t> modes,
                  Array<int32_t, 4> vectors, Tables tables, Tables key_tables, Array<int32_t, 3> position,
                  Array<int32_t, 3> shape, Array<int16_t, 3> colour) {
    const auto h = header_of(numbers, powers);
    const auto *order = steps_of(steps);
    const auto first = tables_of<pgs::DifferenceTables>(tables);
    const auto born = tables_of<pgs::KeyTables>(key_tables);
    const int32_t frames = size(steps, 0);
    const size_t n = position.shape(1);
    require(modes.shape(0) == steps.shape(0) && vectors.shape(0) == steps.shape(0) && vectors.shape(3) == 2 &&
                size(vectors, 1) == ((h.height - 1) >> h.motion_bits) + 2 &&
                size(vectors, 2) == ((h.width - 1) >> h.motion_bits) + 2,
            "modes must be [F] and vectors [F,rows,columns,2]");
    for (int axis = 0; axis < 2; axis++)
        require(shape.shape(axis) == position.shape(axis) && colour.shape(axis) == position.shape(axis), "F and N must agree");
    require(size(position, 0) == frames + 1 && position.shape(2) == 2 && shape.shape(2) == 3 && size(colour, 2) == h.components,
            "position [F+1,N,2], shape [F+1,N,3] and colour [F+1,N,C]");
    const pgs::Fields fields{size(vectors, 1), size(vectors, 2), modes.data(), vectors.data()};
    const pgs::Splats states{position.data(), shape.data(), colour.data()};
    return reading(data, state, [&](pgs_range_reader &reader) {
        pgs::code_frames(reader, h, order, frames, fields, first, born, n, states);
    });
}

void geometry(Factor shape, Flat<const uint8_t> domain, Powers powers, int32_t width, int32_t height, int32_t new_width,
              int32_t new_height, Array<int32_t, 2> factor, Array<int64_t, 2> form, Flat<int64_t> covered, int threads) {
    const size_t n = shape.shape(0);
    require(powers.shape(0) == 128, "powers of another size");
    require(std::min({width, height, new_width, new_height}) >= 1 && std::max({width, height, new_width, new_height}) <= 65535,
            "sizes must be in 1..65535");
    require(domain.shape(0) == n && factor.shape(0) == n && form.shape(0) == n && covered.shape(0) == n && factor.shape(1) == 3 &&
                form.shape(1) == 3,
            "domain [N], factor [N,3], form [N,3] and covered [N] must agree");
    require(pgs::in_range(shape.data(), domain.data(), n), "a shape is out of range");
    nb::gil_scoped_release release;
    pgs_parallel(int((n + SPLATS_PER_JOB - 1) / SPLATS_PER_JOB), threads, [&](int job) {
        const size_t i = size_t(job) * SPLATS_PER_JOB, count = std::min(SPLATS_PER_JOB, n - i);
        pgs::geometry(shape.data() + 3 * i, domain.data() + i, count, powers.data(), {width, height, new_width, new_height},
                      factor.data() + 3 * i, form.data() + 3 * i, covered.data() + i);
    });
}

using Colour = Array<const int16_t, 2>;

size_t changed_splats(Position position, Factor shape, Colour colour, Position old_position, Factor old_shape,
                      Colour old_colour, int64_t first, size_t count, Flat<int64_t> rows, Array<int32_t, 2> out_position,
                      Array<int32_t, 2> out_shape, Array<int16_t, 2> out_colour) {
    const size_t n = position.shape(0), components = colour.shape(1), space = rows.shape(0);
    require(shape.shape(0) == n && colour.shape(0) == n && old_position.shape(0) == n && old_shape.shape(0) == n &&
                old_colour.shape(0) == n && old_colour.shape(1) == components,
            "position [N,2], shape [N,3] and colour [N,C] must agree");
    require(out_position.shape(0) == space && out_shape.shape(0) == space && out_colour.shape(0) == space &&
                out_position.shape(1) == 2 && out_shape.shape(1) == 3 && out_colour.shape(1) == components,
            "rows [M], out_position [M,2], out_shape [M,3] and out_colour [M,C] must agree");
    require(count <= space && n <= space - count, "not enough space");
    const pgs::Splats out{out_position.data() + 2 * count, out_shape.data() + 3 * count,
                          out_colour.data() + components * count};
    nb::gil_scoped_release release;
    return count + pgs::changed_splats({position.data(), shape.data(), colour.data()},
                                       {old_position.data(), old_shape.data(), old_colour.data()}, n, components, first,
                                       rows.data() + count, out);
}

} // namespace

void bind_decoding(nb::module_ &m) {
    auto a = [](const char *name) { return nb::arg(name).noconvert(); };
    m.def("range_decode", &range_decode, a("data"), a("state"), a("counts"), a("context"), a("out"),
          "Adaptive symbols out [n] (spec 7.9); state [3] and counts [contexts, alphabet] change. False: no code.");
    m.def("range_uniform", &range_uniform, a("data"), a("state"), a("size"), a("out"),
          "Equally likely numbers out [n] below sizes (spec 7.9).");
    m.def("graded_keys", &graded_keys, "slices"_a, a("powers"), a("tables"), a("position"), a("shape"), a("colour"),
          "Splats of key frame slices (spec 7.11, 8.2), one behind the other; of each slice (payload, numbers, splats). Returns a "
          "fault of each, 0: none.");
    m.def("motion_fields", &motion_fields, a("data"), a("state"), a("steps"), a("tables"), a("modes"), a("vectors"),
          "Motion fields of a chunk (spec 7.12). Returns a fault.");
    m.def("graded_frames", &graded_frames, a("data"), a("state"), "numbers"_a, a("powers"), a("steps"), a("modes"),
          a("vectors"), a("tables"), a("key_tables"), a("position"), a("shape"), a("colour"),
          "Splats of the frames of a chunk (spec 7.13) behind those of the frame before. Returns a fault.");
    m.def("geometry", &geometry, a("shape"), a("domain"), a("powers"), "width"_a, "height"_a, "new_width"_a,
          "new_height"_a, a("factor"), a("form"), a("covered"), "threads"_a,
          "(A,B,C), (P,K,R) and covered samples (spec 8.3, A.3).");
    m.def("changed_splats", &changed_splats, a("position"), a("shape"), a("colour"), a("old_position"), a("old_shape"),
          a("old_colour"), "first"_a, "count"_a, a("rows"), a("out_position"), a("out_shape"), a("out_colour"),
          "Writes splats that are others than before, and their rows from `first` on, behind `count`; returns the new count.");
}
