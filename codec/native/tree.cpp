#include "tree.h"

#include "clones.h"

namespace pgs {

namespace {

// How many splats of a large node lie in its first half: a sixteenth of what is possible, then a number in it.
struct Sixteenths {
    Table<BUCKETS> *table;
    const uint32_t *size, *at; // of nodes; large ones
    uint32_t *low, *span;

    void operator()(RangeState &reader, size_t k) const {
        const uint64_t s = uint64_t(checked(table->symbol(reader))), n = uint64_t(size[at[k]]) + 1;
        low[k] = uint32_t((s * n + BUCKETS - 1) / BUCKETS);
        span[k] = uint32_t(((s + 1) * n + BUCKETS - 1) / BUCKETS) - low[k];
    }
};

struct Numbers {
    const uint32_t *at, *low, *span;
    uint32_t *share;

    void operator()(RangeState &reader, size_t k) const {
        share[at[k]] = low[k] + uint32_t(checked(reader.number(span[k])));
    }
};

uint32_t spread(uint32_t x) { // to the even bits
    x = (x | x << 8) & 0x00FF00FF;
    x = (x | x << 4) & 0x0F0F0F0F;
    x = (x | x << 2) & 0x33333333;
    return (x | x << 1) & 0x55555555;
}

// Nodes that hold splats, in order, level by level.
class Nodes {
public:
    // Each node has a splat. One node more, as the last one is written before it is known to be there.
    explicit Nodes(const Tree &of)
        : tree(of), code(of.n + 1), size(of.n + 1), share(of.n + 1), next_code(of.n + 1), next_size(of.n + 1),
          symbol(of.n), small(of.n), large(of.n / SMALL + 1), low(of.n / SMALL), span(of.n / SMALL), count(of.n > 0) {
        size[0] = uint32_t(of.n);
    }

    // Finds which nodes have two halves in the picture. Where they begin is in it: only the bit that is added can leave it.
    void sort(int bit) {
        const uint32_t *codes = code.data(), *sizes = size.data();
        uint32_t *shares = share.data(), *at = small.at.data(), *large_at = large.data();
        uint8_t *value = small.value.data();
        const uint32_t axis = bit & 1 ? 0xAAAAAAAA : 0x55555555;
        const uint32_t end = bit & 1 ? spread(tree.rows) << 1 : spread(tree.columns);
        size_t smalls = 0, larges = 0;
        for (size_t i = 0, all = count; i < all; i++) {
            const uint32_t n = sizes[i];
            const bool inside = (((2 * codes[i] + 1) << bit) & axis) < end, is_small = n <= SMALL;
            shares[i] = n;
            at[smalls] = large_at[larges] = uint32_t(i), value[smalls] = uint8_t(n);
            smalls += inside & is_small;
            larges += inside & !is_small;
        }
        small.count = smalls, large_count = larges;
    }

    void check_large() const {
        for (size_t k = 0; k < large_count; k++)
            if (span[k] == 0 || span[k] > 65536) throw Fault::no_number;
    }

    void halve() {
        const uint32_t *codes = code.data(), *sizes = size.data(), *at = small.at.data();
        uint32_t *shares = share.data(), *to_codes = next_code.data(), *to_sizes = next_size.data();
        for (size_t k = 0, end = small.count; k < end; k++) shares[at[k]] = symbol[k];
        size_t to = 0, end = count;
        bool is_more = false;
        for (size_t i = 0; i < end; i++) is_more |= shares[i] > sizes[i];
        if (is_more) throw Fault::more_than_all;
        for (size_t i = 0; i < end; i++) {
            const uint32_t n = sizes[i], first = shares[i], prefix = 2 * codes[i];
            to_codes[to] = prefix, to_sizes[to] = first;
            to += first > 0;
            to_codes[to] = prefix + 1, to_sizes[to] = n - first;
            to += first < n;
        }
        count = to;
        code.swap(next_code), size.swap(next_size);
    }

    std::vector<uint32_t> codes() const {
        std::vector<uint32_t> out(tree.n);
        uint32_t *to = out.data();
        for (size_t i = 0; i < count; i++) to = std::fill_n(to, size[i], code[i]);
        return out;
    }

    const Tree &tree;
    std::vector<uint32_t> code, size, share; // prefixes of Morton codes; splats, how many of them lie in the first half
    std::vector<uint32_t> next_code, next_size;
    std::vector<uint8_t> symbol;
    Places small;
    std::vector<uint32_t> large, low, span;
    size_t count, large_count = 0;
};

int depth(const Tree &tree) { return bit_length(std::max(tree.columns, tree.rows) - 1); }

} // namespace

PGS_CLONES void code_cells(const Tree *trees, size_t count, std::vector<uint32_t> *codes) {
    std::vector<Nodes> all(trees, trees + count);
    int bits = 0;
    for (size_t k = 0; k < count; k++) bits = std::max(bits, 2 * depth(trees[k]));
    for (int bit = bits - 1; bit >= 0; bit--) {
        Turns<Symbols<SMALL + 1>> small;
        Turns<Sixteenths> sixteenths;
        Turns<Numbers> numbers;
        const auto each = [&](const auto &use) {
            for (Nodes &v : all)
                if (bit < 2 * depth(v.tree)) use(v, *v.tree.reader);
        };
        each([&](Nodes &v, pgs_range_reader &reader) {
            v.sort(bit);
            small.add(reader, v.small.count, {v.tree.small, v.small.value.data(), v.symbol.data()});
            sixteenths.add(reader, v.large_count, {v.tree.large, v.size.data(), v.large.data(), v.low.data(), v.span.data()});
            numbers.add(reader, v.large_count, {v.large.data(), v.low.data(), v.span.data(), v.share.data()});
        });
        small.run();
        sixteenths.run();
        each([](const Nodes &v, pgs_range_reader &) { v.check_large(); });
        numbers.run();
        each([](Nodes &v, pgs_range_reader &) { v.halve(); });
    }
    for (size_t k = 0; k < count; k++) codes[k] = all[k].codes();
}

} // namespace pgs
