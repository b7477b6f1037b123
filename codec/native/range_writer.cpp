#include "range_writer.h"

#include <cmath>

#include "range_reader.h"

namespace pgs {

namespace {
constexpr uint64_t FULL = 0xFFFFFFFFu;
constexpr uint32_t TOP = 1u << 24; // what the range stays above
}

void RangeWriter::symbol(uint16_t *counts, int32_t size, int32_t value) {
    uint32_t total = 0, below = 0;
    for (int32_t i = 0; i < size; i++) total += counts[i];
    for (int32_t i = 0; i < value; i++) below += counts[i];
    const uint32_t unit = range_ / total;
    narrow(uint64_t(below) * unit, counts[value] * unit);
    counts[value] = uint16_t(counts[value] + STEP);
    if (total + STEP > LIMIT)
        for (int32_t i = 0; i < size; i++) counts[i] = uint16_t((counts[i] + 1) >> 1);
}

void RangeWriter::number(uint32_t size, uint32_t value) {
    const uint32_t unit = range_ / size;
    narrow(uint64_t(value) * unit, unit);
}

void RangeWriter::align() { range_ = 1u << (31 - __builtin_clz(range_)); }

void RangeWriter::narrow(uint64_t below, uint32_t size) {
    low_ += below;
    range_ = size;
    while (range_ < TOP) {
        shift();
        range_ <<= 8;
    }
}

void RangeWriter::shift() {
    if (low_ > FULL) { // a carry: the number written so far goes up by one
        size_t i = out_.size() - 1;
        while (out_[i] == 255) out_[i--] = 0;
        out_[i]++;
        low_ &= FULL;
    }
    out_.push_back(uint8_t(low_ >> 24));
    low_ = low_ << 8 & FULL;
}

double RangeWriter::bits() const { return 8.0 * double(out_.size()) + 32 - std::log2(double(range_)); }

std::vector<uint8_t> RangeWriter::finish() {
    uint64_t value = low_;
    for (int kept = 0; kept < 5; kept++) {
        const uint64_t mask = (uint64_t(1) << (32 - 8 * kept)) - 1;
        value = (low_ + mask) & ~mask;
        if (value < low_ + range_) break;
    }
    low_ = value;
    for (int i = 0; i < 4; i++) shift();
    while (!out_.empty() && out_.back() == 0) out_.pop_back();
    return out_;
}

} // namespace pgs
