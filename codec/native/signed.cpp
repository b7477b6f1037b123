#include "signed.h"

namespace pgs {

namespace {

struct Signed {
    const SignedNumbers &numbers;
    std::vector<uint8_t> length, half;
    Places places;

    explicit Signed(const SignedNumbers &of) : numbers(of), length(of.n), half(of.n), places(of.n) {}

    // The places of numbers longer than `least`.
    void find(int least) {
        const uint8_t *lengths = length.data();
        places.find(numbers.n, least, [=](size_t i) { return lengths[i]; });
    }

    // What the lengths and halves say; the places are then those with bits behind, which are as many as their values.
    void join() {
        int32_t *out = numbers.out;
        std::copy(length.begin(), length.end(), out);
        uint32_t *at = places.at.data();
        uint8_t *value = places.value.data();
        const uint8_t *halves = half.data();
        size_t more = 0;
        for (size_t k = 0, count = places.count; k < count; k++) {
            const uint32_t place = at[k];
            const int rest = value[k] - 2;
            out[place] = 2 + halves[k];
            at[more] = place, value[more] = uint8_t(rest);
            more += rest > 0;
        }
        places.count = more;
    }
};

} // namespace

void code_signed(const SignedNumbers *numbers, size_t count) {
    std::vector<Signed> all(numbers, numbers + count);
    Turns<Symbols<LENGTHS>> lengths;
    for (Signed &s : all)
        lengths.add(*s.numbers.reader, s.numbers.n, {s.numbers.lengths, s.numbers.context, s.length.data()});
    lengths.run();
    Turns<Symbols<2>> halves;
    for (Signed &s : all) {
        s.find(1);
        halves.add(*s.numbers.reader, s.places.count, {s.numbers.halves, s.places.value.data(), s.half.data()});
    }
    halves.run();
    Turns<LowBits> rests;
    for (Signed &s : all) {
        s.join();
        rests.add(*s.numbers.reader, s.places.count, {s.places.at.data(), s.places.value.data(), s.numbers.out});
    }
    rests.run();
    Turns<Signs> signs;
    for (Signed &s : all) {
        s.find(0);
        signs.add(*s.numbers.reader, s.places.count, {s.places.at.data(), s.numbers.out});
    }
    signs.run();
}

} // namespace pgs
