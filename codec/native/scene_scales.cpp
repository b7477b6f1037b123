#include "scene_parts.h"

namespace pgs::scene {

namespace {

constexpr int THICKER = 3; // steps of scales in one of the smallest

} // namespace

// The largest scales in steps, against the neighbours' or the usual one; where these are large for the box, it is likely less.
void Slice::largest(std::vector<int32_t> &out) {
    const int64_t step = h.scale_step * 64;
    std::vector<uint8_t> above(n);
    const auto value = [&](uint32_t s) { return int64_t(known.scale[AXES * size_t(s)]); };
    const auto by_spread = [&](size_t i) {
        const int64_t middle = near.empty() ? h.usual() : mean(near[i], value);
        int sides = 0;
        for (int axis = 0; axis < AXES; axis++) sides += boxes.side_bits(i, axis, h.leaf_bits);
        above[i] = uint8_t(clip(((middle - sides * 4096 / AXES - h.unit * 4096) >> 12) + ABOVE / 2, 0, ABOVE - 1));
        out[i] = int32_t(floor_div(middle + step / 2, step));
        return near.empty() ? SPREADS - 1 : spread(near[i], out[i] * step, step, value);
    };
    read_numbers(data, tables.scale, n, by_spread, numbers.data(), scratch);
    Reader reader(data);
    for (size_t i = 0; i < n; i++)
        if (numbers[i]) out[i] += reader.symbol(tables.less[above[i]]) ? -numbers[i] : numbers[i];
}

// The others: the middle against the largest, the smallest against the finest that matters, which it often is.
void Slice::scale() {
    const int64_t step = h.scale_step * 64, usual = h.usual(), least = h.least();
    std::vector<int32_t> first(n), second(n);
    std::vector<uint32_t> thick;
    std::vector<uint8_t> context(n);
    largest(first);
    const auto by_largest = [&](size_t i) {
        const int level = clip(((first[i] * step - usual) >> 11) + LEVELS / 2, 0, LEVELS - 1);
        return LOOKS * level + look(i, LOOKS, [](const int32_t *scales) { return int64_t(scales[0]) - scales[1]; });
    };
    read_numbers(data, tables.second, n, by_largest, second.data(), scratch);
    {
        Reader reader(data);
        for (size_t i = 0; i < n; i++) {
            second[i] = first[i] - second[i];
            const int height = clip((second[i] * step - least) >> 11, 0, HEIGHTS - 1);
            const int thin = look(i, THICKNESSES, [&](const int32_t *scales) { return scales[2] - least; });
            context[i] = uint8_t(THICKNESSES * height + thin);
            if (!reader.symbol(tables.thin[context[i]])) thick.push_back(uint32_t(i));
        }
    }
    const auto by_height = [&](size_t j) { return context[thick[j]]; };
    read_numbers(data, tables.third, thick.size(), by_height, numbers.data(), scratch);
    const int64_t floor = floor_div(least + step / 2, step);
    size_t j = 0;
    for (size_t i = 0; i < n; i++) {
        const int64_t more = j < thick.size() && thick[j] == i ? THICKER * (1 + int64_t(numbers[j++])) : 0;
        const int64_t steps[] = {first[i], second[i], std::min<int64_t>(second[i], floor + more)};
        for (int k = 0; k < AXES; k++) out.scale[AXES * i + size_t(k)] = clip(steps[k] * step, -SCALE_LIMIT, SCALE_LIMIT);
    }
}

void Slice::opacity() {
    const int32_t last = (65535 + h.opacity_step - 1) / h.opacity_step;
    const auto context = [&](size_t i) {
        const int64_t seen = near.empty() ? 4 : mean(near[i], [&](uint32_t s) { return int64_t(known.opacity[s]); }) >> 14;
        return SIZES * seen + clip(((out.scale[AXES * i] - h.usual()) >> 12) + SIZES / 2, 0, SIZES - 1);
    };
    read_numbers(data, tables.opacity, n, context, out.opacity, scratch);
    for (size_t i = 0; i < n; i++) {
        const int64_t value = int64_t(std::max(last - out.opacity[i], 0)) * h.opacity_step;
        out.opacity[i] = clip(value, FIRST_OPACITY, LAST_OPACITY);
    }
}

} // namespace pgs::scene
