// Arrays of plain numbers (spec 7.9). Where they are many, they are the bits of the code and of the bytes behind it.
#pragma once
#include "turns.h"

namespace pgs {

constexpr uint64_t ALIGNED = 256; // bits of an array from which the range is made a power of two first

// Reads numbers of width(k) bits, 0 .. 16, for k below count: use(k, width, number).
template <typename Width, typename Use>
void read_plain(pgs_range_reader &reader, size_t count, const Width &width, const Use &use) {
    RangeState state(reader);
    uint64_t left = 0;
    for (size_t k = 0; k < count; k++) left += uint64_t(width(k));
    size_t k = 0;
    if (left >= ALIGNED) {
        const int code_bits = 31 - __builtin_clz(state.range);
        if (state.code >> code_bits) throw Fault::no_symbol;
        // Of the code, with the four bytes behind it, as long as a number begins in it: not all are of no bits.
        uint64_t at = 8 * state.position - uint64_t(code_bits), end = at + left; // places among the payload's bits
        const uint64_t both = uint64_t(state.code) << 32 | state.word(state.position);
        for (const uint64_t bytes = 8 * state.position; at < bytes; k++) {
            const int n = width(k);
            at += uint64_t(n);
            use(k, n, uint32_t(both >> (bytes + 32 - at)) & ((1u << n) - 1));
        }
        for (; k < count; k++) {
            const int n = width(k);
            use(k, n, uint32_t(uint64_t(state.word(at >> 3) << (at & 7)) >> (32 - n)));
            at += uint64_t(n);
        }
        const uint64_t kept = 24 + (8 - end % 8) % 8; // bits of the code, whose last one ends a byte
        state.position = (end + kept) / 8;
        state.code = uint32_t((uint64_t(state.word(end >> 3)) << 32 | state.word((end >> 3) + 4)) << (end & 7) >> (64 - kept));
        state.range = 1u << kept;
    } else {
        for (; k < count; k++) {
            const int n = width(k);
            use(k, n, n ? uint32_t(checked(state.bits(n))) : 0);
        }
    }
    reader = state;
}

} // namespace pgs
