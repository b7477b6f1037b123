// Numbers of a slice as symbols (spec 10.5), and the tables that learn from slice to slice. Twins: scene/symbols.py, tables.py.
#pragma once
#include "scene_state.h"

namespace pgs::scene {

constexpr int LENGTHS = 18, CLASSES = 5, CONTEXTS = 1 + 2 * CLASSES, SPREADS = 7, DEGREES = 3;
constexpr int LEVELS = 8, LOOKS = 6, HEIGHTS = 10, THICKNESSES = 8, ABOVE = 10, SIZES = 5, RECENT = 8, OTHERS = 5, LIFTS = 12, LIFT_BITS = 3;
constexpr uint32_t FORGOTTEN = 512;

// `SMALL_NUMBERS`: most are 0.
template <int COUNT, bool SMALL_NUMBERS = false> struct NumberTables {
    Table<LENGTHS> lengths[COUNT];
    Table<2> halves[4 * LENGTHS];

    int32_t length(Reader &reader, size_t context) {
        if constexpr (SMALL_NUMBERS) return reader.symbol_or_0(lengths[context]);
        else return reader.symbol(lengths[context]);
    }
};

// Tables of an object in a tile.
struct Tables {
    Table<SMALL + 1> small[CONTEXTS][SMALL + 1];
    Table<BUCKETS> large[CONTEXTS];
    NumberTables<5 * SIZES> opacity;
    NumberTables<SPREADS> scale;
    NumberTables<LEVELS * LOOKS> second;
    NumberTables<HEIGHTS * THICKNESSES> third;
    Table<2> less[ABOVE], thin[HEIGHTS * THICKNESSES];
    Table<16> upper[17];
    Table<1 << LIFT_BITS> lift[LIFTS];
    Table<2> choice;
    NumberTables<SPREADS> colour_0;
    NumberTables<8 * SPREADS> colour_1;
    NumberTables<8> colour_2;
    Table<2> has_sh;
    NumberTables<DEGREES * RECENT * OTHERS, true> sh[3];

    // Calls use(table) for all of them, in the order of scene/compiled.py.
    template <typename Use> void each(const Use &use) {
        const auto numbers = [&](auto &t) { visit_all(use, t.lengths, t.halves); };
        visit_all(use, small, large);
        each_of_size(use);
        visit_all(use, upper, lift, choice);
        numbers(colour_0), numbers(colour_1), numbers(colour_2);
        use(has_sh);
        for (auto &t : sh) numbers(t);
    }

    // Lets tables of numbers whose steps may change learn fast.
    void begin_slice() {
        each_of_size([](auto &table) { table.forget(FORGOTTEN); });
    }

private:
    template <typename Use> void each_of_size(const Use &use) {
        const auto numbers = [&](auto &t) { visit_all(use, t.lengths, t.halves); };
        numbers(opacity), numbers(scale), numbers(second), numbers(third);
        visit_all(use, less, thin);
    }
};

// Indices of the numbers that have more to come, so that loops over these need not ask each one.
struct Scratch {
    std::vector<uint32_t> places;
    std::vector<uint8_t> lengths;

    void room(size_t n) {
        if (places.size() < n) places.resize(n), lengths.resize(n);
    }
};

// n numbers 0 .. 2^17 - 1, the i-th with the table of context(i). A symbol waits for the one before, and contexts do not: they
// are found here, while the processor would have nothing else to do, and not in a loop of their own.
template <typename Numbers, typename Context>
void read_numbers(pgs_range_reader &data, Numbers &tables, size_t n, const Context &context, int32_t *out,
                  Scratch &scratch) {
    Reader reader(data);
    scratch.room(n);
    uint32_t *places = scratch.places.data();
    uint8_t *lengths = scratch.lengths.data();
    size_t more = 0, kept = 0;
    for (size_t i = 0; i < n; i++) {
        const int32_t length = tables.length(reader, context(i));
        out[i] = length > 0;
        places[more] = uint32_t(i);
        lengths[more] = uint8_t(length);
        more += length > 1;
    }
    for (size_t k = 0; k < more; k++) {
        const uint32_t at = places[k];
        const uint8_t length = lengths[k];
        out[at] = 2 + reader.symbol(tables.halves[2 * LENGTHS + 2 * length]);
        places[kept] = at;
        lengths[kept] = length;
        kept += length > 2;
    }
    more = kept, kept = 0;
    for (size_t k = 0; k < more; k++) {
        const uint32_t at = places[k];
        const uint8_t length = lengths[k];
        out[at] = 2 * out[at] + reader.symbol(tables.halves[2 * length + (out[at] & 1)]);
        places[kept] = at;
        lengths[kept] = length;
        kept += length > 3;
    }
    for (size_t k = 0; k < kept; k++) {
        const int rest = lengths[k] - 3;
        out[places[k]] = out[places[k]] << rest | reader.bits(rest);
    }
}

// Likewise of either sign.
template <typename Numbers, typename Context>
void read_signed(pgs_range_reader &data, Numbers &tables, size_t n, const Context &context, int32_t *out,
                 Scratch &scratch) {
    read_numbers(data, tables, n, context, out, scratch);
    Reader reader(data);
    size_t others = 0;
    for (size_t i = 0; i < n; i++) {
        scratch.places[others] = uint32_t(i);
        others += out[i] > 0;
    }
    for (size_t k = 0; k < others; k++)
        if (reader.bits(1)) out[scratch.places[k]] *= -1;
}

// n numbers of bits(i) bits. What is sure is not read, as in all of these: that no code is met there, symbols before have shown.
template <typename Bits, typename Use>
void read_bits(pgs_range_reader &data, size_t n, const Bits &bits, const Use &use) {
    Reader reader(data);
    for (size_t i = 0; i < n; i++) {
        const int count = bits(i);
        use(i, count ? reader.bits(count) : 0);
    }
}

} // namespace pgs::scene
