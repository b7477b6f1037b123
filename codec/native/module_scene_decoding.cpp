// Binding of the decoder of scenes: slices and refinements of an object in a tile, and the floats of other programs.
// The GIL is released while they work, so that tiles and objects are decoded side by side.
#include <algorithm>
#include <cstring>

#include "binding.h"
#include "scene_floats.h"
#include "scene_slice.h"

namespace {

using namespace pgs::scene;
template <typename T>
using Flat = Array<T, 1>;
template <typename T, int C>
using Columns = nb::ndarray<T, nb::shape<-1, C>, nb::c_contig, nb::device::cpu>;
template <typename T>
using Rest = nb::ndarray<T, nb::shape<-1, -1, 3>, nb::c_contig, nb::device::cpu>;
using Three = Columns<int32_t, 3>;
using Four = Columns<int32_t, ROTATION>;

constexpr size_t SPLATS_PER_JOB = 1 << 13;

struct Arrays {
    Three position, scale;
    Four rotation;
    Flat<int32_t> opacity;
    Three colour;
    Rest<int32_t> sh;

    size_t rows() const {
        const size_t n = position.shape(0), rest = sh.shape(1);
        require(n <= 0x3fffffff, "too many splats");
        require(scale.shape(0) == n && rotation.shape(0) == n && opacity.shape(0) == n && colour.shape(0) == n && sh.shape(0) == n,
                "N must agree");
        require(rest == 0 || rest == 3 || rest == 8 || rest == 15, "sh must have 0, 3, 8 or 15 coefficients");
        return n;
    }
    State state() const {
        return {position.data(), scale.data(), rotation.data(), opacity.data(), colour.data(), sh.data(), sh.shape(1)};
    }
};

Header header_of(const Flat<const int32_t> &numbers) {
    Header h;
    require(numbers.shape(0) * sizeof(int32_t) == sizeof h, "numbers of another size");
    std::memcpy(&h, numbers.data(), sizeof h);
    const auto within = [](int64_t v, int64_t low, int64_t high) { return v >= low && v <= high; };
    bool good = within(h.prediction, 0, 2) && within(h.place_precision, -128, 127) && within(h.finest_scale, 0, 255) &&
                within(h.usual_scale, 0, 255) && within(h.scale_step, 1, 255) && within(h.rotation_precision, -128, 127) &&
                within(h.opacity_step, 1, 65535) && within(h.codebook_bits, 0, 8) && within(h.unit, -128, 127) &&
                within(h.leaf_bits, 0, 30) && within(h.cube_bits, h.leaf_bits, std::min(30, h.leaf_bits + SIDE_BITS));
    for (const int32_t step : h.colour_steps) good &= within(step, 1, 1 << 20);
    for (const auto &steps : h.sh_steps)
        for (const int32_t step : steps) good &= within(step, 0, 1 << 20);
    for (const int32_t corner : h.origin) good &= within(corner, -POSITION_LIMIT, POSITION_LIMIT - (int64_t(1) << h.cube_bits));
    require(good, "a header field is out of range");
    return h;
}

// The splats of an object in a tile while slice after slice is decoded into arrays that have room for all of them.
class Decoder {
public:
    Decoder(Flat<const uint16_t> counts, Flat<const int64_t> cosine, Flat<const int64_t> anisotropy, Three position, Three scale,
            Four rotation, Flat<int32_t> opacity, Three colour, Rest<int32_t> sh)
        : arrays_{position, scale, rotation, opacity, colour, sh}, cosine_(cosine), anisotropy_(anisotropy) {
        arrays_.rows();
        require(cosine.shape(0) == 513 && anisotropy.shape(0) == 16, "functions of another size");
        const size_t size = counts.shape(0);
        require(std::all_of(counts.data(), counts.data() + size, [](uint16_t v) { return v > 0 && v <= 1024; }),
                "counts must be positive and not too large");
        size_t taken = 0;
        tables_.each([&](auto &table) {
            taken += table.COUNTS;
            require(taken <= size, "tables of another size");
            table.begin(counts.data() + taken - table.COUNTS);
        });
        require(taken == size, "tables of another size");
    }

    int slice(Flat<const uint8_t> data, Flat<uint64_t> state, Flat<const int32_t> numbers, Flat<const int16_t> codewords,
              size_t count, Flat<const int64_t> codes, bool given) {
        const Header h = header_of(numbers);
        const size_t known = filled_;
        require(count <= arrays_.rows() - known, "there is no room for the slice");
        require(codewords.shape(0) == (h.codebook_bits ? size_t(3) << h.codebook_bits : 0), "codewords of another number");
        require(codes.shape(0) == (given ? count : 0), "one code for each splat");
        const int64_t end = int64_t(1) << AXES * (h.cube_bits - h.leaf_bits);
        for (size_t i = 0; i < codes.shape(0); i++) require(codes.data()[i] >= 0 && codes.data()[i] < end, "no such cell");
        const Boxes boxes{{codes.data(), codes.data() + codes.shape(0)}, std::vector<uint8_t>(codes.shape(0), 0)};
        const Angles angles{cosine_.data(), anisotropy_.data()};
        const int fault = reading(data, state, [&](pgs_range_reader &reader) {
            if (!count) return;
            curve_.update(h.cube(), arrays_.position.data(), known);
            read_slice(reader, h, angles, codewords.data(), given ? &boxes : nullptr, tables_, curve_, arrays_.state(), known, count);
        });
        filled_ += fault ? 0 : count;
        return fault;
    }

    int refine(Flat<const uint8_t> data, Flat<uint64_t> state, int attribute, Columns<const int64_t, 2> rows,
               Array<const int32_t, 2> thirds) {
        require(attribute >= OPACITY && attribute <= SH, "no such attribute");
        const size_t width = attribute == OPACITY ? 1 : attribute == SH ? 3 * arrays_.sh.shape(1) : 3;
        require(thirds.shape(0) == rows.shape(0) && thirds.shape(1) == width, "a third for each number of a splat");
        std::vector<Part> parts;
        for (size_t i = 0; i < rows.shape(0); i++) {
            const int64_t first = rows.data()[2 * i], count = rows.data()[2 * i + 1], filled = int64_t(filled_);
            require(first >= 0 && count >= 0 && first <= filled && count <= filled - first, "no such splats");
            parts.push_back({size_t(first), size_t(count), thirds.data() + width * i});
        }
        for (size_t i = 0; i < width * rows.shape(0); i++)
            require(thirds.data()[i] >= 0 && thirds.data()[i] <= 1 << 20, "a third is out of range");
        return reading(data, state, [&](pgs_range_reader &reader) { pgs::scene::refine(reader, attribute, parts, arrays_.state()); });
    }

private:
    template <typename Work>
    static int reading(const Flat<const uint8_t> &data, Flat<uint64_t> &state, const Work &work) {
        require(state.shape(0) == 3, "the state is [3]");
        uint64_t *s = state.data();
        pgs_range_reader reader{data.data(), data.shape(0), s[0], uint32_t(s[1]), uint32_t(s[2])};
        pgs::Fault fault = pgs::Fault::none;
        {
            nb::gil_scoped_release release;
            try {
                work(reader);
            } catch (pgs::Fault found) {
                fault = found;
            }
        }
        s[0] = reader.position, s[1] = reader.code, s[2] = reader.range;
        return int(fault);
    }

    Arrays arrays_;
    Flat<const int64_t> cosine_, anisotropy_;
    Tables tables_;
    Curve curve_;
    size_t filled_ = 0;
};

void scene_floats(Three position, Three scale, Four rotation, Flat<int32_t> opacity, Three colour, Rest<int32_t> sh, double unit,
                  Flat<const float> logit, Flat<const double> cosine, Flat<const double> sine, Columns<float, 3> out_position,
                  Columns<float, 3> log_scale, Columns<float, 4> quaternion, Flat<float> out_opacity, Columns<float, 3> sh_dc,
                  Rest<float> sh_rest, int threads) {
    const Arrays arrays{position, scale, rotation, opacity, colour, sh};
    const size_t n = arrays.rows();
    require(logit.shape(0) == 65536 && cosine.shape(0) == 65536 && sine.shape(0) == 65536, "functions of another size");
    require(out_position.shape(0) == n && log_scale.shape(0) == n && quaternion.shape(0) == n && out_opacity.shape(0) == n &&
                sh_dc.shape(0) == n && sh_rest.shape(0) == n && sh_rest.shape(1) == sh.shape(1),
            "the outputs must be of N splats");
    const Functions functions{logit.data(), cosine.data(), sine.data()};
    const Floats out{out_position.data(), log_scale.data(), quaternion.data(), out_opacity.data(), sh_dc.data(), sh_rest.data()};
    nb::gil_scoped_release release;
    pgs_parallel(int((n + SPLATS_PER_JOB - 1) / SPLATS_PER_JOB), threads, [&](int job) {
        const size_t begin = size_t(job) * SPLATS_PER_JOB;
        to_floats(arrays.state(), unit, functions, out, begin, std::min(n, begin + SPLATS_PER_JOB));
    });
}

} // namespace

void bind_scene_decoding(nb::module_ &m) {
    auto a = [](const char *name) { return nb::arg(name).noconvert(); };
    nb::class_<Decoder>(m, "SceneDecoder", "Slices of an object in a tile, decoded one after the other into given arrays.")
        .def(nb::init<Flat<const uint16_t>, Flat<const int64_t>, Flat<const int64_t>, Three, Three, Four, Flat<int32_t>, Three,
                      Rest<int32_t>>(),
             a("tables"), a("cosine"), a("anisotropy"), a("position"), a("scale"), a("rotation"), a("opacity"), a("colour"), a("sh"))
        .def("slice", &Decoder::slice, a("data"), a("state"), a("numbers"), a("codewords"), "count"_a, a("codes"), "given"_a,
             "The next splats (spec 10.4 to 10.8). Returns a fault, 0: none.")
        .def("refine", &Decoder::refine, a("data"), a("state"), "attribute"_a, a("rows"), a("thirds"),
             "Splats of a SPLT chunk each: first row and number (spec 10.9). Returns a fault.");
    m.def("scene_floats", &scene_floats, a("position"), a("scale"), a("rotation"), a("opacity"), a("colour"), a("sh"), "unit"_a,
          a("logit"), a("cosine"), a("sine"), a("out_position"), a("log_scale"), a("quaternion"), a("out_opacity"), a("sh_dc"),
          a("sh_rest"), "threads"_a, "The numbers of other programs (spec 10.9).");
}
