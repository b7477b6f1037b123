// Signed numbers of several payloads in turns (spec 7.11).
#pragma once
#include "turns.h"

namespace pgs {

constexpr int LENGTHS = 16;
using Lengths = Table<LENGTHS>;
using Halves = Table<2>[LENGTHS];

// n numbers, with tables lengths[context[i]].
struct SignedNumbers {
    pgs_range_reader *reader;
    size_t n;
    Lengths *lengths;
    const uint8_t *context;
    Table<2> *halves;
    int32_t *out;
};

// Numbers of up to ABREAST payloads.
void code_signed(const SignedNumbers *numbers, size_t count);

} // namespace pgs
