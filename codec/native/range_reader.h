// The adaptive range coder's decoder (spec 7.9): each symbol waits for the range that the one before leaves, so what counts is
// the length of that chain; where payloads take turns (turns.h), the number of instructions. Nothing in it branches on data, and
// of two divisions one is left.
#pragma once
#include <algorithm>
#include <cstring>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "pgs_kernel.h"

namespace pgs {

constexpr uint32_t STEP = 32, LIMIT = 1u << 15; // what a symbol's count grows by, and the largest sum of counts

// The state before the first symbol.
inline pgs_range_reader begin(const uint8_t *data, size_t size) {
    uint32_t code = 0;
    for (size_t i = 0; i < 4; i++) code = code << 8 | (i < size ? data[i] : 0);
    return {data, size, 4, code, 0xFFFFFFFF};
}

// A reader's state with the operations on it. Loops work on a copy of their own, which stays in registers.
struct RangeState : pgs_range_reader {
    explicit RangeState(const pgs_range_reader &state) : pgs_range_reader(state) {}

    // Leaves the share [begin, end) of the code, in units.
    void narrow(uint32_t unit, uint32_t begin, uint32_t end) { leave(begin * unit, (end - begin) * unit); }

    // Leaves the code from `begin` on, as much as `rest`.
    void leave(uint32_t begin, uint32_t rest) {
        code -= begin;
        range = rest;
        // The range is 2^8 or more, as counts sum to 2^15 and sizes are 2^16 at the most: it takes two bytes at the most.
        const int shift = __builtin_clz(range) & ~7;
        code = uint32_t((uint64_t(code) << 32 | word(position)) << shift >> 32);
        range <<= shift;
        position += uint32_t(shift) >> 3;
    }

    // A number below `size`, 1 .. 65536, all equally likely; -1: the data is no code.
    int32_t number(uint32_t size) {
        const uint32_t unit = range / size, value = code / unit;
        if (value >= size) return -1;
        narrow(unit, value, value + 1);
        return int32_t(value);
    }
    // Likewise below 2^bits.
    int32_t bits(int bits) {
        const uint32_t unit = range >> bits, value = code / unit;
        if (value >> bits) return -1;
        narrow(unit, value, value + 1);
        return int32_t(value);
    }

    // value / of, exact for values of 32 bits, from the inverse 2^64 / of, too large by less than 2^32 / of.
    static uint32_t share(uint64_t inverse, uint32_t value) { return uint32_t((unsigned __int128)inverse * value >> 64); }

    // Four bytes, zeros behind the data.
    uint32_t word(uint64_t at) const {
        if (__builtin_expect(at + 4 <= size, 1)) {
            const uint8_t *p = data + at;
            return uint32_t(p[0]) << 24 | uint32_t(p[1]) << 16 | uint32_t(p[2]) << 8 | p[3];
        }
        return last(data, size, at);
    }

private:
    // Apart, with no pointer to the state, which stays in registers.
    __attribute__((noinline, cold)) static uint32_t last(const uint8_t *data, uint64_t size, uint64_t position) {
        uint32_t out = 0;
        for (uint64_t at = position; at < position + 4; at++) out = out << 8 | (at < size ? data[at] : 0);
        return out;
    }
};

// range / total without a division.
struct Total {
    uint64_t inverse;
    uint32_t value;

    // Of 2 or more. The inverse is too large by less than 2^32 / total, which is exact enough for 32 bits, and found among
    // doubles, as symbols need the other divider.
    void set(uint32_t total) {
        value = total;
        inverse = 2 * (uint64_t(int64_t(0x1p63 / int32_t(total))) + 4096);
    }
    uint32_t unit(uint32_t range) const { return RangeState::share(inverse, range); }
};

// Counts of SIZE symbols, kept as the ends of their shares, so that vectors find a symbol and learn it.
template <int SIZE> class Table {
public:
    static constexpr int COUNTS = SIZE;

    void begin(const uint16_t *counts) {
        uint32_t sum = 0;
        for (int i = 0; i < LANES; i++) ends_[START + i] = uint16_t(sum += i < SIZE ? counts[i] : 0);
        std::fill_n(ends_, START, uint16_t(0));
        total_.set(sum);
    }

    // Counts become half as large until they add up to `most` or less.
    void forget(uint32_t most) {
        while (total_.value > most) halve();
    }

    // A symbol, which is learned; -1: the data is no code.
    int32_t symbol(RangeState &r) { return other(r, total_.unit(r.range)); }

    // Likewise where it may be 0 most of the time: that is seen without a division.
    int32_t symbol_or_0(RangeState &r) {
        const uint32_t unit = total_.unit(r.range), first = ends_[START] * unit;
        if (2u * ends_[START] < total_.value || r.code >= first) return other(r, unit);
        r.leave(0, first);
        for (int i = 0; i < LANES; i++) ends_[START + i] += STEP;
        grow();
        return 0;
    }

private:
    int32_t other(RangeState &r, uint32_t unit) {
        const uint32_t value = r.code / unit;
        if (value >= total_.value) return -1;
        Vector ends[VECTORS], below[VECTORS]; // all bits for symbols that end at the value or before
        for (int i = 0; i < VECTORS; i++) {
            std::memcpy(&ends[i], ends_ + START + WIDTH * i, sizeof ends[i]);
            below[i] = Vector(ends[i] <= uint16_t(value));
            ends[i] += ~below[i] & uint16_t(STEP);
        }
        const size_t s = count(below);
        const uint32_t first = ends_[START + s - 1], end = ends_[START + s];
        for (int i = 0; i < VECTORS; i++) std::memcpy(ends_ + START + WIDTH * i, &ends[i], sizeof ends[i]);
        grow();
        r.narrow(unit, first, end);
        return int32_t(s);
    }

    static constexpr int WIDTH = 8, START = WIDTH, VECTORS = (SIZE + WIDTH - 1) / WIDTH, LANES = VECTORS * WIDTH;
    typedef uint16_t Vector __attribute__((vector_size(2 * WIDTH)));

    // How many lanes are set, all of them before the others; the last one never is.
    static size_t count(const Vector *below) {
#ifdef __SSE2__
        static_assert(VECTORS <= 4);
        uint32_t bits = 0;
        for (int i = 0; i < VECTORS; i += 2) {
            const auto pair = _mm_packs_epi16(__m128i(below[i]), __m128i(below[std::min(i + 1, VECTORS - 1)]));
            bits |= uint32_t(_mm_movemask_epi8(pair)) << (WIDTH * i);
        }
        return size_t(__builtin_ctzll(~uint64_t(bits)));
#else
        Vector sum{};
        for (int i = 0; i < VECTORS; i++) sum -= below[i];
        uint64_t halves[2];
        std::memcpy(halves, &sum, sizeof halves);
        return size_t((halves[0] + halves[1]) * 0x0001000100010001 >> 48);
#endif
    }

    void grow() {
        if (total_.value + STEP > LIMIT) halve();
        else total_.set(total_.value + STEP);
    }

    void halve() {
        uint16_t counts[SIZE];
        for (int i = 0; i < SIZE; i++) counts[i] = uint16_t((ends_[START + i] - ends_[START + i - 1] + 1) >> 1);
        begin(counts);
    }

    alignas(16) uint16_t ends_[START + LANES]; // zeros, then the ends; behind the last symbol the total
    Total total_;
};

// Counts of two symbols.
template <> class Table<2> {
public:
    static constexpr int COUNTS = 2;

    void begin(const uint16_t *counts) {
        first_ = counts[0];
        total_.set(uint32_t(counts[0]) + counts[1]);
    }

    void forget(uint32_t most) {
        while (total_.value > most) halve(total_.value);
    }

    int32_t symbol(RangeState &r) {
        const uint32_t unit = total_.unit(r.range), first = first_ * unit, all = total_.value * unit;
        if (r.code >= all) return -1;
        const bool s = r.code >= first;
        const uint32_t second = -uint32_t(s); // all bits, so that no branch is made of it
        r.leave(first & second, first + ((all - 2 * first) & second));
        first_ += STEP & ~second;
        if (total_.value + STEP > LIMIT) halve(total_.value + STEP);
        else total_.set(total_.value + STEP);
        return s;
    }

private:
    void halve(uint32_t total) {
        const uint16_t counts[] = {uint16_t((first_ + 1) >> 1), uint16_t((total - first_ + 1) >> 1)};
        begin(counts);
    }

    uint32_t first_;
    Total total_;
};

} // namespace pgs
