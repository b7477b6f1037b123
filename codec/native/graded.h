// Graded tools: what key frames and predicted frames share (spec 7.10, 7.11, 8.2). The twin is planar/graded.py, whose names
// these functions have. Unlike the kernels these functions allocate, and throw what is wrong with the data.
#pragma once
#include <cstdlib>

#include "signed.h"
#include "tree.h"

namespace pgs {

constexpr int OCTAVE_HALVES = 24;
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
    pgs_range_reader &kept_;
    RangeState state_;
};

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

inline int energy_bits(const Header &h, const int32_t *energy) {
    int64_t chroma = 0;
    for (int c = 1; c < h.components; c++) chroma += int64_t(energy[c]) * energy[c];
    return bit_length(uint64_t(8 * int64_t(energy[0]) * energy[0] + h.chroma_weight * chroma));
}
inline int slant_bits(int64_t shear) { return bit_length(uint64_t((1 << 24) + shear * shear)) - 25; }
inline int shear_exponent(const Header &h, int bits) { return clip((h.shape_precision - bits) >> 1, FINEST, COARSEST); }
inline int scale_exponent(const Header &h, int bits, int slant) {
    return clip((h.shape_precision + 1 - bits - slant) >> 1, FINEST, COARSEST);
}
inline void position_exponents(const Header &h, int bits, int slant, const int32_t *shape, int *exponents) {
    const int sharp = h.position_precision - bits;
    exponents[0] = (sharp + (2 * shape[0] >> 12) - slant) >> 1;
    exponents[1] = (sharp + (2 * shape[2] >> 12)) >> 1;
}
inline int64_t colour_exponent(const Header &h, int component, const int32_t *shape) {
    const int step = h.energy_step + (component ? 2 * h.chroma_steps[component - 1] : 0);
    return (int64_t(step) << 9) - ((shape[0] + shape[2]) >> 1);
}
template <int COMPONENTS> void colours_of(const Header &h, const int32_t *energy, const int32_t *shape, int64_t *colour) {
    for (int c = 0; c < COMPONENTS; c++) {
        const int64_t x = colour_exponent(h, c, shape), value = energy[c] * exp2(h.powers, x & 4095);
        const int shift = 20 - int(x >> 12);
        colour[c] = shift > 0 ? (value + (int64_t(1) << (shift - 1))) >> shift : shift_left(value, -shift);
    }
    if (COMPONENTS == 1 || !h.is_rgb) return;
    const int64_t y = colour[0], co = colour[1], cg = colour[2];
    colour[0] = y + co - cg, colour[1] = y + cg, colour[2] = y - co - cg;
}
inline void colours(const Header &h, const int32_t *energy, const int32_t *shape, int64_t *colour) {
    if (h.components == 1) colours_of<1>(h, energy, shape, colour);
    else colours_of<3>(h, energy, shape, colour);
}

// A key frame slice, or what is born in a predicted frame.
struct KeySlice {
    pgs_range_reader *reader;
    const Header *header;
    size_t n;
    Splats out;
};

// Splats of up to ABREAST slices, whose symbols are read in turns. What a fault leaves is of no use.
void key_splats(const KeySlice *slices, size_t count, const KeyTables &first);

} // namespace pgs
