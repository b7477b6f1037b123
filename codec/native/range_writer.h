// The adaptive range coder (spec 7.9), its encoder: a low end with carry, and the bytes written so far.
#pragma once
#include <cstdint>
#include <vector>

namespace pgs {

class RangeWriter {
public:
    // A symbol below `size` by its table, which learns.
    void symbol(uint16_t *counts, int32_t size, int32_t value);
    // A number below `size`, 1 .. 65536, all equally likely.
    void number(uint32_t size, uint32_t value);
    // Bits so far, as if the last one had ended where it does.
    void align(); // the range becomes a power of two
    double bits() const;
    // The shortest bytes that are read back as all of this, with zeros behind them.
    std::vector<uint8_t> finish();

private:
    void narrow(uint64_t below, uint32_t size);
    void shift();

    uint64_t low_ = 0;
    uint32_t range_ = 0xFFFFFFFFu;
    std::vector<uint8_t> out_;
};

} // namespace pgs
