#include "scene_parts.h"

namespace pgs::scene {

namespace {

constexpr int CHOICE = 2, GREY = 1 << 15, LARGE = 127; // of sizes that contexts tell from each other, far more

} // namespace

// What a colour is predicted as where nobody chooses: the neighbours' mean.
void Slice::guess(size_t i) {
    int32_t *c = out.colour + 3 * i;
    c[0] = GREY, c[1] = c[2] = 0;
    for (size_t k = 0; k < 3 && !near.empty(); k++)
        c[k] = int32_t(mean(near[i], [&](uint32_t s) { return int64_t(known.colour[3 * size_t(s) + k]); }));
}

void Slice::choose() {
    Reader reader(data);
    for (size_t i = 0; i < n; i++) {
        guess(i);
        if (reader.symbol(tables.choice)) std::copy_n(known.colour + 3 * size_t(near[i].nearest), 3, out.colour + 3 * i);
    }
}

void Slice::colour(const int16_t *codewords) {
    const bool chosen = h.prediction == CHOICE && !near.empty();
    if (chosen) choose();
    const auto add = [&](size_t i, size_t k, int64_t difference) {
        int32_t &c = out.colour[3 * i + k];
        c = clip(c + difference, -COLOUR_LIMIT, COLOUR_LIMIT);
    };
    if (h.codebook_bits) {
        std::vector<uint16_t> table(size_t(1) << h.codebook_bits, 4);
        const std::vector<int32_t> context(n, 0);
        const int size = 1 << h.codebook_bits;
        if (pgs_range_decode(&data, table.data(), size, context.data(), ptrdiff_t(n), numbers.data())) throw Fault::no_symbol;
        for (size_t i = 0; i < n; i++) {
            if (!chosen) guess(i);
            for (size_t k = 0; k < 3; k++) add(i, k, codewords[3 * size_t(numbers[i]) + k] * 4);
        }
        return;
    }
    const auto apart = [&](size_t i, size_t k) { // how much the neighbours differ
        const auto value = [&](uint32_t s) { return int64_t(known.colour[3 * size_t(s) + k]); };
        return near.empty() ? SPREADS - 1 : spread(near[i], out.colour[3 * i + k], h.colour_steps[k], value);
    };
    std::vector<uint8_t> before(n); // bit lengths of the differences of the component before
    const auto component = [&](size_t k, auto &table, const auto &context) {
        read_signed(data, table, n, context, numbers.data(), scratch);
        for (size_t i = 0; i < n; i++) {
            add(i, k, int64_t(numbers[i]) * h.colour_steps[k]);
            before[i] = uint8_t(std::min(bit_length(uint64_t(std::abs(numbers[i]))), 7));
        }
    };
    component(0, tables.colour_0, [&](size_t i) {
        if (!chosen) guess(i);
        return apart(i, 0);
    });
    component(1, tables.colour_1, [&](size_t i) { return SPREADS * before[i] + apart(i, 1); });
    component(2, tables.colour_2, [&](size_t i) { return before[i]; });
}

// Further coefficients: whether a splat has any, then each of those, by the last three and its components before.
void Slice::sh() {
    const size_t row = 3 * out.rest;
    std::fill_n(out.sh, row * n, 0);
    const size_t degrees = out.rest == 15 ? 3 : out.rest == 8 ? 2 : out.rest == 3 ? 1 : 0;
    bool any = false;
    for (size_t d = 0; d < degrees; d++) any |= h.sh_steps[d][0] > 0;
    if (!any) return;
    std::vector<uint32_t> has;
    {
        Reader reader(data);
        for (size_t i = 0; i < n; i++)
            if (reader.symbol(tables.has_sh)) has.push_back(uint32_t(i));
    }
    const size_t m = has.size();
    std::vector<uint8_t> sizes(m * out.rest, 0); // of |q| in component 0, then twice that of 1 added; what is large is alike
    struct Last {
        uint8_t size[3];
    };
    std::vector<Last> last(m, Last{});
    for (size_t c = 0; c < 3; c++)
        for (size_t degree = 0, k = 0; degree < degrees; k += 2 * degree + 3, degree++) {
            const int64_t step = h.sh_steps[degree][c];
            for (size_t own = k; step && own < k + 2 * degree + 3; own++) {
                uint8_t *others = sizes.data() + m * own;
                const auto context = [&](size_t j) {
                    const auto &[a, b, d] = last[j].size;
                    const int recent = std::min(bit_length(uint64_t(a + b + d)), RECENT - 1);
                    return size_t(OTHERS) * (RECENT * degree + size_t(recent)) + size_t(std::min(bit_length(others[j]), OTHERS - 1));
                };
                read_signed(data, tables.sh[c], m, context, numbers.data(), scratch);
                for (size_t j = 0; j < m; j++) {
                    const int64_t value = numbers[j];
                    const int size = int(std::min<int64_t>(std::abs(value), LARGE));
                    last[j] = {{last[j].size[1], last[j].size[2], uint8_t(size)}};
                    others[j] = uint8_t(std::min(others[j] + (c == 0 ? size : 2 * size), 255));
                    if (value) out.sh[row * has[j] + 3 * own + c] = clip(value * step, -COLOUR_LIMIT, COLOUR_LIMIT);
                }
            }
        }
}

} // namespace pgs::scene
