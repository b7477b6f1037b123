// Symbols of several payloads in turns: each symbol of a payload waits for the one before (spec 7.9), those of others do not.
#pragma once
#include <algorithm>
#include <vector>

#include "range_reader.h"

namespace pgs {

enum class Fault { none, no_symbol, no_number, more_than_all, zero_end, rest }; // in the order of planar/compiled.py

constexpr size_t ABREAST = 3; // payloads at the most: states of more would not stay in registers

inline int32_t checked(int32_t value) {
    if (value < 0) throw Fault::no_symbol;
    return value;
}

// What is read of one payload: step(state, i) for i below n.
template <typename Step> struct Turn {
    pgs_range_reader *reader;
    size_t n;
    Step step;
};

// Steps of up to ABREAST payloads in turns. Which one has how many does not matter: the longest end alone.
template <typename Step> class Turns {
public:
    void add(pgs_range_reader &reader, size_t n, const Step &step) {
        size_t at = count_++;
        for (; at > 0 && turns_[at - 1].n < n; at--) turns_[at] = turns_[at - 1];
        turns_[at] = {&reader, n, step};
    }

    void run() {
        size_t i = 0;
        if (count_ == 3) i = three(i, turns_[2].n);
        if (count_ >= 2) i = two(i, turns_[1].n);
        if (count_ >= 1) one(i, turns_[0].n);
    }

private:
    struct State { // of a turn, copied so that it stays in registers
        explicit State(const Turn<Step> &turn) : kept(*turn.reader), reader(kept), step(turn.step) {}
        ~State() { kept = reader; }
        State(const State &) = delete;
        void next(size_t i) { step(reader, i); }

        pgs_range_reader &kept;
        RangeState reader;
        const Step step;
    };

    size_t three(size_t i, size_t end) {
        State a(turns_[0]), b(turns_[1]), c(turns_[2]);
        for (; i < end; i++) a.next(i), b.next(i), c.next(i);
        return i;
    }

    size_t two(size_t i, size_t end) {
        State a(turns_[0]), b(turns_[1]);
        for (; i < end; i++) a.next(i), b.next(i);
        return i;
    }

    void one(size_t i, size_t end) {
        State a(turns_[0]);
        for (; i < end; i++) a.next(i);
    }

    Turn<Step> turns_[ABREAST]; // the longest first
    size_t count_ = 0;
};

// Symbols of tables[context[i]].
template <int SIZE> struct Symbols {
    Table<SIZE> *tables;
    const uint8_t *context;
    uint8_t *out;

    void operator()(RangeState &reader, size_t i) const { out[i] = uint8_t(checked(tables[context[i]].symbol(reader))); }
};

// Some places in an array, each with a number; in order.
struct Places {
    std::vector<uint32_t> at;
    std::vector<uint8_t> value;
    size_t count = 0;

    explicit Places(size_t n) : at(n), value(n) {}
};

} // namespace pgs
