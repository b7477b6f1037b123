#include "signed.h"

#include "clones.h"
#include "plain.h"

namespace pgs {

namespace {

struct Signed {
    const SignedNumbers &numbers;
    std::vector<uint8_t> length, half;
    Places places;

    explicit Signed(const SignedNumbers &of) : numbers(of), length(of.n), half(of.n), places(of.n) {}

    // The places of numbers of more than one bit.
    void find_long() {
        const uint8_t *lengths = length.data(); // locals: what is written could be any of these
        uint32_t *at = places.at.data();
        uint8_t *values = places.value.data();
        size_t found = 0;
        for (size_t i = 0; i < numbers.n; i++) {
            at[found] = uint32_t(i), values[found] = lengths[i];
            found += lengths[i] > 1;
        }
        places.count = found;
    }

    // The bits below the first two, then the signs.
    void read_plain_parts() {
        const uint8_t *lengths = length.data(), *halves = half.data();
        int32_t *out = numbers.out;
        std::copy(length.begin(), length.end(), out);
        for (size_t k = 0, count = places.count; k < count; k++) out[places.at[k]] = 2 + halves[k];
        const auto rest = [=](size_t i) { return std::max(lengths[i] - 2, 0); };
        read_plain(*numbers.reader, numbers.n, rest, [=](size_t i, int width, uint32_t bits) { out[i] = out[i] << width | int32_t(bits); });
        const auto has_sign = [=](size_t i) { return int(lengths[i] > 0); };
        read_plain(*numbers.reader, numbers.n, has_sign, [=](size_t i, int, uint32_t is_minus) {
            const int32_t minus = -int32_t(is_minus);
            out[i] = (out[i] ^ minus) - minus;
        });
    }
};

} // namespace

PGS_CLONES void code_signed(const SignedNumbers *numbers, size_t count) {
    std::vector<Signed> all(numbers, numbers + count);
    Turns<Symbols<LENGTHS>> lengths;
    for (Signed &s : all)
        lengths.add(*s.numbers.reader, s.numbers.n, {s.numbers.lengths, s.numbers.context, s.length.data()});
    lengths.run();
    Turns<Symbols<2>> halves;
    for (Signed &s : all) {
        s.find_long();
        halves.add(*s.numbers.reader, s.places.count, {s.numbers.halves, s.places.value.data(), s.half.data()});
    }
    halves.run();
    for (Signed &s : all) s.read_plain_parts();
}

} // namespace pgs
