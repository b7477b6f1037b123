// Graded tools: what key frames and predicted frames share (spec 7.10, 7.11, 8.2). The twin is planar/graded.py, whose names
// these functions have. Unlike the kernels these functions allocate, and throw what is wrong with the data.
#pragma once
#include <algorithm>
#include <cstdlib>
#include <vector>

#include "range_reader.h"

namespace pgs {

enum class Fault { none, no_symbol, no_number, more_than_all }; // in the order of planar/compiled.py

constexpr int LENGTHS = 16, SMALL = 12, BUCKETS = 16, OCTAVE_HALVES = 24;
constexpr int FINEST = -5, COARSEST = 1, FINEST_POSITION = -3;
constexpr int64_t A_LOW = -6144, SHEAR_LIMIT = 65536, MOST = (1 << 15) - 1;

// Fields of a KEYF or PRED header and of the stream, then T_HI and T_LO of planar/splats.py.
struct Header {
    int32_t width, height, components, is_rgb, cell_bits, shape_precision, position_precision, energy_step,
        chroma_steps[2], chroma_weight, motion_bits;
    const int64_t *powers;
};

// Calls use(table) for tables and arrays of tables.
template <int SIZE, typename Use> void visit(Table<SIZE> &table, const Use &use) { use(table); }
template <typename T, size_t N, typename Use> void visit(T (&tables)[N], const Use &use) {
    for (T &table : tables) visit(table, use);
}
template <typename Use, typename... Tables> void visit_all(const Use &use, Tables &...tables) {
    (visit(tables, use), ...);
}

using Lengths = Table<LENGTHS>;
using Halves = Table<2>[LENGTHS];

// Tables with which the code of key frames begins.
struct KeyTables {
    Table<SMALL + 1> small[SMALL + 1];
    Table<BUCKETS> large;
    Lengths energy_0[1], energy_1[8], energy_2[8], shear[7];
    Table<OCTAVE_HALVES> scale[2][7];
    Halves halves;

    // Calls use(table) for all of them, in the order of planar/compiled.py.
    template <typename Use> void each(const Use &use) {
        visit_all(use, small, large, energy_0, energy_1, energy_2, shear, scale, halves);
    }
};

// Arrays of N splats: position [N,2] Q8, shape [N,3] Q12, colour [N,C] Q13 (spec 8.1).
struct Splats {
    int32_t *position, *shape;
    int16_t *colour;
};

// A copy of a payload's reader for one loop, which goes on where the loop before ended, and hands its state back.
class Reader {
public:
    explicit Reader(pgs_range_reader &kept) : kept_(kept), state_(kept) {}
    ~Reader() { kept_ = state_; }
    Reader(const Reader &) = delete;

    template <int SIZE> int32_t symbol(Table<SIZE> &table) { return checked(table.symbol(state_)); }
    template <int SIZE> int32_t symbol_or_0(Table<SIZE> &table) { return checked(table.symbol_or_0(state_)); }
    int32_t number(uint32_t size) { return checked(state_.number(size)); }
    int32_t bits(int count) { return checked(state_.bits(count)); }

private:
    static int32_t checked(int32_t value) {
        if (value < 0) throw Fault::no_symbol;
        return value;
    }

    pgs_range_reader &kept_;
    RangeState state_;
};

inline int bit_length(uint64_t v) { return v ? 64 - __builtin_clzll(v) : 0; }

// 2^x for x in Q12 as Q20 (Exp2 of spec 8.3); `powers` are T_HI and T_LO.
inline int64_t exp2(const int64_t *powers, int64_t x) {
    const int64_t f = x & 4095, m = (powers[f >> 6] * powers[64 + (f & 63)] + (1 << 29)) >> 30;
    return m >> (10 - (x >> 12));
}

inline int64_t shift_left(int64_t v, int by) { return v * (int64_t(1) << by); } // of either sign

inline int32_t clip(int64_t v, int64_t low, int64_t high) { return int32_t(std::clamp(v, low, high)); }
inline int32_t clip_position(int64_t v) { return clip(v, -(1 << 23), (1 << 23) - 1); }
inline int16_t clip_colour(int64_t v) { return int16_t(clip(v, -32768, 32767)); }
inline void clip_shape(const int64_t *v, int32_t *shape) {
    shape[0] = clip(v[0], A_LOW, 40960);
    shape[1] = clip(v[1], -SHEAR_LIMIT, SHEAR_LIMIT);
    shape[2] = clip(v[2], A_LOW, 40960);
}

int energy_bits(const Header &h, const int64_t *energy);
inline int slant_bits(int64_t shear) { return bit_length(uint64_t((1 << 24) + shear * shear)) - 25; }
inline int shear_exponent(const Header &h, int bits) { return clip((h.shape_precision - bits) >> 1, FINEST, COARSEST); }
inline int scale_exponent(const Header &h, int bits, int slant) {
    return clip((h.shape_precision + 1 - bits - slant) >> 1, FINEST, COARSEST);
}
void position_exponents(const Header &h, int bits, int slant, const int32_t *shape, int *exponents);
int64_t colour_exponent(const Header &h, int component, const int32_t *shape);
void colours(const Header &h, const int64_t *energy, const int32_t *shape, int64_t *colour);

// n signed numbers, the i-th at out[i * stride], with tables lengths[context(i)].
template <typename Context>
void code_signed(pgs_range_reader &data, Lengths *lengths, Halves &halves, size_t n, const Context &context, int64_t *out,
                 size_t stride) {
    Reader reader(data);
    std::vector<size_t> places(n); // of the numbers that have more to come: loops over these need not ask each one
    size_t long_ones = 0, others = 0;
    for (size_t i = 0; i < n; i++) {
        const int32_t length = reader.symbol(lengths[context(i)]);
        out[i * stride] = length;
        places[long_ones] = i * stride;
        long_ones += length >= 2;
    }
    std::vector<uint8_t> rests(long_ones);
    for (size_t k = 0; k < long_ones; k++) {
        int64_t &value = out[places[k]];
        rests[k] = uint8_t(value - 2);
        value = 2 + reader.symbol(halves[value]);
    }
    for (size_t k = 0; k < long_ones; k++) {
        int64_t &value = out[places[k]];
        value = value << rests[k] | reader.bits(rests[k]);
    }
    for (size_t i = 0; i < n; i++) {
        places[others] = i * stride;
        others += out[i * stride] > 0;
    }
    for (size_t k = 0; k < others; k++)
        if (reader.bits(1)) out[places[k]] = -out[places[k]];
}

// n splats of a key frame slice, or that are born in a predicted frame.
void key_splats(pgs_range_reader &data, const Header &h, const KeyTables &first, size_t n, const Splats &out);

} // namespace pgs
