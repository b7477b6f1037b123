#include "scene_slice.h"

namespace pgs::scene {

void refine(pgs_range_reader &data, int attribute, const std::vector<Part> &parts, const State &state) {
    constexpr int ROWS = 9;
    const uint16_t fresh[3] = {32, 32, 32};
    Table<3> tables[ROWS];
    for (auto &table : tables) table.begin(fresh);
    int32_t *const values = attribute == OPACITY ? state.opacity : attribute == SCALE ? state.scale
                            : attribute == COLOUR ? state.colour : state.sh;
    const size_t width = attribute == OPACITY ? 1 : attribute == SH ? 3 * state.rest : 3;
    const int64_t low = attribute == OPACITY ? FIRST_OPACITY : attribute == SCALE ? -SCALE_LIMIT : -COLOUR_LIMIT;
    const int64_t high = attribute == OPACITY ? LAST_OPACITY : -low;
    Reader reader(data);
    for (const Part &part : parts)
        for (size_t i = part.first; i < part.first + part.count; i++)
            for (size_t k = 0; k < width; k++) {
                const int64_t third = part.thirds[k];
                if (!third) continue;
                int32_t &value = values[width * i + k];
                // Coefficients, most of which are 0, by whether they are.
                const size_t context = attribute == SH ? size_t(value < 0 ? 0 : value > 0 ? 6 : 3) + k % 3 : k;
                value = clip(value + (reader.symbol(tables[context]) - 1) * third, low, high);
            }
}

} // namespace pgs::scene
