#include "bands.h"

#include <algorithm>

#include "room.h"

namespace pgs {

namespace {

constexpr size_t KEPT_SPLATS = 1 << 18; // whose memory stays

thread_local std::vector<pgs_reach> kept_reach;
thread_local std::vector<int32_t> kept_order;

} // namespace

BandRows bands_of(const pgs_grid_i32 *grids, int32_t count) {
    BandRows rows;
    for (size_t j = 0; j < PGS_OCTAVES; j++) rows[j] = (grids[j].height + count - 1) / count;
    return rows;
}

Bands::Bands(const pgs_kernels &k, const pgs_grid_i32 *grids, const pgs_splats_i32 &splats, const BandRows &rows)
    : k_(k), all_(splats), rows_(rows), reach_(kept_reach), order_(kept_order) {
    const size_t count = size_t(k.reach_i16(grids, &splats, at_least(reach_, size_t(splats.count) + 1)));
    int32_t lists = 0;
    uint64_t share[PGS_OCTAVES]; // 2^32 / rows, rounded up: exact enough for quotients of numbers below 2^16
    for (size_t j = 0; j < PGS_OCTAVES; j++) {
        counts_[j] = (grids[j].height + rows[j] - 1) / rows[j];
        lists_[j] = lists;
        lists += counts_[j];
        share[j] = (uint64_t(1) << 32) / uint64_t(rows[j]) + 1;
    }
    first_.assign(size_t(lists) + 1, 0);
    const auto each = [&](const auto &use) {
        for (size_t n = 0; n < count; n++) {
            const pgs_reach &r = reach_[n];
            const size_t j = size_t(r.octave);
            const auto list_of = [&](int32_t row) { return lists_[j] + int32_t(uint64_t(row) * share[j] >> 32); };
            for (int32_t list = list_of(r.first_row), last = list_of(r.last_row); list <= last; list++) use(size_t(list), n);
        }
    };
    each([&](size_t list, size_t) { first_[list + 1]++; });
    for (size_t i = 1; i < first_.size(); i++) first_[i] += first_[i - 1];
    int32_t *const order = at_least(order_, size_t(first_.back()));
    std::vector<int32_t> next(first_.begin(), first_.end() - 1);
    each([&](size_t list, size_t n) { order[next[list]++] = int32_t(n); });
}

Bands::~Bands() {
    if (reach_.size() > KEPT_SPLATS) std::vector<pgs_reach>().swap(reach_);
    if (order_.size() > 2 * KEPT_SPLATS) std::vector<int32_t>().swap(order_);
}

void Bands::add(int16_t *acc, const pgs_grid_i32 &grid, int octave, int band, bool subtract) const {
    const size_t list = size_t(lists_[size_t(octave)] + band);
    const int32_t begin = top(octave, band), end = std::min(grid.height, begin + rows_[size_t(octave)]);
    k_.sum_i16(acc, &grid, &all_, reach_.data(), order_.data() + first_[list], first_[list + 1] - first_[list], subtract, begin, end);
}

} // namespace pgs
