// Key frames with graded tools: energies, shapes and places, and what splats follow from them.
#include "graded.h"

#include "clones.h"
#include "plain.h"

namespace pgs {

namespace {

// What is known of a slice between its passes; arrays of numbers lie one behind the other.
struct Slice {
    const KeySlice &of;
    const Header &h;
    const size_t n, components;
    KeyTables tables;
    std::vector<uint32_t> cells;
    std::vector<uint8_t> context, symbol, place_bits[2];
    std::vector<int32_t> energy, shear; // [components, n], and Q12
    std::vector<int32_t> scale;              // [2, n]
    std::vector<int8_t> bits, slant, scale_exp;

    Slice(const KeySlice &slice, const KeyTables &first)
        : of(slice), h(*slice.header), n(slice.n), components(size_t(h.components)), tables(first), context(n), symbol(n),
          place_bits{std::vector<uint8_t>(n), std::vector<uint8_t>(n)}, energy(n * components), shear(n),
          scale(2 * n), bits(n), slant(n), scale_exp(n) {}

    SignedNumbers numbers(Lengths *lengths, Halves &halves, int32_t *out) const {
        return {of.reader, n, lengths, context.data(), halves, out};
    }

    void find_energy_context(size_t component) {
        if (component == 0) return;
        each([before = energy.data() + n * (component - 1), to = context.data()](const Header &, size_t i) {
            to[i] = uint8_t(std::min(bit_length(uint64_t(std::abs(before[i]))), 7));
        });
    }

    // Functions of each splat work on copies of what they read through: what they write could be any of that.
    template <typename Use> void each(const Use &use) const {
        const Header header = h;
        for (size_t i = 0, end = n; i < end; i++) use(header, i);
    }

    void find_shear_context() {
        const int32_t *luma = energy.data();
        const size_t first = components > 1 ? n : 0, second = 2 * first; // of grey the others are not used
        each([=, to = bits.data(), context_to = context.data()](const Header &header, size_t i) {
            const int32_t of_splat[3] = {luma[i], luma[first + i], luma[second + i]};
            const int found = energy_bits(header, of_splat);
            to[i] = int8_t(found);
            context_to[i] = uint8_t(shear_exponent(header, found) - FINEST);
        });
    }

    void find_scale_context() {
        each([known = bits.data(), steps = shear.data(), slants = slant.data(), exponents = scale_exp.data(),
              to = context.data()](const Header &header, size_t i) {
            const int of_splat = known[i];
            steps[i] = clip(shift_left(steps[i], 12 + shear_exponent(header, of_splat)), -SHEAR_LIMIT, SHEAR_LIMIT); // Q12 now
            const int found = slant_bits(steps[i]), exponent = scale_exponent(header, of_splat, found);
            slants[i] = int8_t(found);
            exponents[i] = int8_t(exponent);
            to[i] = uint8_t(exponent - FINEST);
        });
    }

    // The bits below the halves of octaves.
    void read_scale(size_t axis) {
        const auto width = [exponents = scale_exp.data()](size_t i) { return std::max(-1 - exponents[i], 0); };
        const auto use = [upper = symbol.data(), out = scale.data() + n * axis](size_t i, int bits, uint32_t low) {
            out[i] = upper[i] << bits | int32_t(low);
        };
        read_plain(*of.reader, n, width, use);
    }

    void find_shapes_and_colours() {
        const int32_t *luma = energy.data(), *a = scale.data(), *b = a + n;
        const size_t first = components > 1 ? n : 0, second = 2 * first;
        each([=, to = of.out, steps = shear.data(), exponents = scale_exp.data(), known = bits.data(), slants = slant.data(),
              x_bits = place_bits[0].data(), y_bits = place_bits[1].data()](const Header &header, size_t i) {
            const int by = 12 + exponents[i];
            const int64_t shape[3] = {(int64_t(a[i]) << by) + A_LOW, steps[i], (int64_t(b[i]) << by) + A_LOW};
            int32_t *clipped = to.shape + 3 * i;
            clip_shape(shape, clipped);
            int place[2]; // exponents
            position_exponents(header, known[i], slants[i], clipped, place);
            x_bits[i] = uint8_t(clip(header.cell_bits - place[0], 0, header.cell_bits - FINEST_POSITION));
            y_bits[i] = uint8_t(clip(header.cell_bits - place[1], 0, header.cell_bits - FINEST_POSITION));
            const int32_t of_splat[3] = {luma[i], luma[first + i], luma[second + i]};
            int64_t colour[3];
            colours(header, of_splat, clipped, colour);
            int16_t *to_colour = to.colour + size_t(header.components) * i;
            for (int c = 0; c < header.components; c++) to_colour[c] = clip_colour(colour[c]);
        });
    }

    void read_places(size_t axis) {
        const auto width = [widths = place_bits[axis].data()](size_t i) { return int(widths[i]); };
        const int cell_bits = h.cell_bits;
        const auto use = [=, to = of.out.position + axis, codes = cells.data()](size_t i, int bits, uint32_t low) {
            const int64_t cell = gather(codes[i] >> axis), part = 2 * int64_t(low) + 1;
            to[2 * i] = clip_position((cell << (8 + cell_bits)) + (part << (7 + cell_bits - bits)));
        };
        read_plain(*of.reader, n, width, use);
    }
};

void code_trees(std::vector<Slice> &slices) {
    std::vector<Tree> trees;
    for (Slice &s : slices) {
        const auto cells = [&](int32_t samples) { return uint32_t((samples - 1) >> s.h.cell_bits) + 1; };
        trees.push_back({s.of.reader, cells(s.h.width), cells(s.h.height), s.n, s.tables.small, &s.tables.large});
    }
    std::vector<uint32_t> cells[ABREAST];
    code_cells(trees.data(), trees.size(), cells);
    for (size_t k = 0; k < slices.size(); k++) slices[k].cells.swap(cells[k]);
}

void code_numbers(std::vector<Slice> &slices, const KeyTables &first) {
    std::vector<SignedNumbers> numbers(slices.size());
    Halves halves[ABREAST];
    const auto code = [&](const auto &numbers_of) {
        for (size_t k = 0; k < slices.size(); k++) {
            std::copy_n(first.halves, LENGTHS, halves[k]);
            numbers[k] = numbers_of(slices[k], halves[k]);
        }
        code_signed(numbers.data(), numbers.size());
    };
    const auto components = slices.empty() ? 0 : slices[0].components;
    for (size_t c = 0; c < components; c++)
        code([&](Slice &s, Halves &fresh) {
            s.find_energy_context(c);
            Lengths *lengths[] = {s.tables.energy_0, s.tables.energy_1, s.tables.energy_2};
            return s.numbers(lengths[c], fresh, s.energy.data() + c * s.n);
        });
    code([](Slice &s, Halves &fresh) {
        s.find_shear_context();
        return s.numbers(s.tables.shear, fresh, s.shear.data());
    });
}

void code_scales(std::vector<Slice> &slices) {
    for (Slice &s : slices) s.find_scale_context();
    for (size_t axis = 0; axis < 2; axis++) {
        Turns<Symbols<OCTAVE_HALVES>> symbols;
        for (Slice &s : slices) symbols.add(*s.of.reader, s.n, {s.tables.scale[axis], s.context.data(), s.symbol.data()});
        symbols.run();
        for (Slice &s : slices) s.read_scale(axis);
    }
}

} // namespace

PGS_CLONES void key_splats(const KeySlice *from, size_t count, const KeyTables &first) {
    std::vector<Slice> slices;
    slices.reserve(count);
    for (size_t k = 0; k < count; k++) slices.emplace_back(from[k], first);
    code_trees(slices);
    code_numbers(slices, first);
    code_scales(slices);
    for (Slice &s : slices) {
        s.find_shapes_and_colours();
        s.read_places(0);
        s.read_places(1);
    }
}

} // namespace pgs
