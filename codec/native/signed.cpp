#include "signed.h"

#include "plain.h"

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
    for (Signed &s : all) {
        s.join();
        read_low_bits(*s.numbers.reader, s.places, s.numbers.out);
    }
    for (Signed &s : all) {
        s.find(0);
        const uint32_t *at = s.places.at.data();
        int32_t *out = s.numbers.out;
        read_plain(*s.numbers.reader, s.places.count, [](size_t) { return 1; }, [=](size_t k, uint32_t is_minus) {
            const int32_t minus = -int32_t(is_minus);
            out[at[k]] = (out[at[k]] ^ minus) - minus;
        });
    }
}

void read_low_bits(pgs_range_reader &reader, const Places &places, int32_t *out) {
    const uint32_t *at = places.at.data();
    const uint8_t *width = places.value.data();
    read_plain(reader, places.count, [=](size_t k) { return int(width[k]); }, [=](size_t k, uint32_t bits) {
        out[at[k]] = out[at[k]] << width[k] | int32_t(bits);
    });
}

} // namespace pgs
