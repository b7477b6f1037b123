// Splats in lists by octaves and bands of rows, each with what it reaches.
#pragma once
#include <array>
#include <vector>

#include "pgs_kernel.h"

namespace pgs {

// Rows of a band, of each octave.
using BandRows = std::array<int32_t, PGS_OCTAVES>;

// So many bands of each octave, or fewer.
BandRows bands_of(const pgs_grid_i32 *grids, int32_t count);

// Lists of a thread, one at a time: memory for them is that of the thread's last ones.
class Bands {
  public:
    Bands(const pgs_kernels &k, const pgs_grid_i32 *grids, const pgs_splats_i32 &splats, const BandRows &rows);
    ~Bands();
    Bands(const Bands &) = delete;

    int count(int octave) const { return counts_[size_t(octave)]; }
    int32_t top(int octave, int band) const { return rows_[size_t(octave)] * band; } // its first row

    // Adds the splats of a band to its rows, of which acc holds the first one first.
    void add(int16_t *acc, const pgs_grid_i32 &grid, int octave, int band, bool subtract) const;

  private:
    const pgs_kernels &k_;
    const pgs_splats_i32 &all_;
    const BandRows rows_;
    std::array<int32_t, PGS_OCTAVES> counts_, lists_; // lists: where those of an octave begin
    std::vector<pgs_reach> &reach_;
    std::vector<int32_t> first_, &order_; // where lists begin; entries of reach, list by list
};

} // namespace pgs
