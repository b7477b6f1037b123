#include "scene_tree.h"

namespace pgs::scene {

namespace {

constexpr uint32_t ENOUGH = 2, MANY = 8; // lower splats: that halve a single splat's node, that say more

// Its splats will have the boxes from `rank` on, as many as `size`; [low, high) are the lower splats in it.
struct Node {
    int64_t code;
    uint32_t rank, size, low, high;
};

struct Halving {
    uint32_t between, share; // the first lower splat in the second half; splats in the first
};

uint32_t context_of(uint64_t first, uint64_t all) {
    if (!all) return 0;
    return uint32_t(1 + (2 * first + 1) * CLASSES / (2 * (all + 1))) + (all >= MANY ? CLASSES : 0);
}

// How many of n sorted codes lie before one; without branches on what they are.
uint32_t below(const int64_t *codes, uint32_t n, int64_t middle) {
    const int64_t *first = codes;
    while (n > 1) {
        const uint32_t half = n / 2;
        first += first[half - 1] < middle ? half : 0;
        n -= half;
    }
    return uint32_t(first - codes) + (n && *first < middle);
}

// How many of each node lie in its first half, all small ones before all large ones. A symbol waits for the one before, so that
// places among the lower splats are looked for in the meantime.
void split(pgs_range_reader &data, Tables &tables, const std::vector<Node> &nodes, const int64_t *lower, int bit,
           std::vector<Halving> &halvings) {
    struct Large { size_t node; uint32_t context; int64_t low, span; };
    std::vector<Large> large;
    Reader reader(data);
    bool too_many = false;
    for (size_t i = 0; i < nodes.size(); i++) {
        const Node &v = nodes[i];
        const uint32_t inside = below(lower + v.low, v.high - v.low, (2 * v.code + 1) << bit);
        const uint32_t context = context_of(inside, v.high - v.low);
        halvings[i] = {v.low + inside, 0};
        if (v.size > uint32_t(SMALL)) {
            large.push_back({i, context, 0, 0});
            continue;
        }
        const uint32_t share = uint32_t(reader.symbol(tables.small[context][v.size]));
        halvings[i].share = share;
        too_many |= share > v.size;
    }
    for (Large &l : large) {
        const int64_t bucket = reader.symbol(tables.large[l.context]), n = int64_t(nodes[l.node].size) + 1;
        l.low = (bucket * n + BUCKETS - 1) / BUCKETS;
        l.span = ((bucket + 1) * n + BUCKETS - 1) / BUCKETS - l.low;
    }
    for (const Large &l : large)
        if (l.span <= 0) throw Fault::no_number;
    // Nodes may hold more splats than one number can say: two parts, the coarse one first.
    const auto fine_bits = [](const Large &l) { return std::max(0, bit_length(uint64_t(l.span)) - 16); };
    for (const Large &l : large) {
        const int shift = fine_bits(l);
        halvings[l.node].share = uint32_t(l.low) + (uint32_t(reader.number(uint32_t((l.span - 1) >> shift) + 1)) << shift);
    }
    for (const Large &l : large) {
        halvings[l.node].share += uint32_t(reader.bits(fine_bits(l)));
        too_many |= halvings[l.node].share > nodes[l.node].size;
    }
    if (too_many) throw Fault::more_than_all;
}

} // namespace

Boxes read_boxes(pgs_range_reader &data, size_t n, int depth, const std::vector<int64_t> &lower, Tables &tables) {
    Boxes out{std::vector<int64_t>(n), std::vector<uint8_t>(n)};
    std::vector<Node> nodes, next;
    std::vector<Halving> halvings;
    if (n) nodes.push_back({0, 0, uint32_t(n), 0, uint32_t(lower.size())});
    for (int bit = AXES * depth - 1; bit >= 0 && !nodes.empty(); bit--) {
        size_t kept = 0;
        for (const Node &v : nodes) { // what is written of nodes that go on will be written again
            out.code[v.rank] = v.code << (bit + 1);
            out.height[v.rank] = uint8_t(bit + 1);
            nodes[kept] = v;
            kept += !(v.size == 1 && v.high - v.low < ENOUGH);
        }
        nodes.resize(kept);
        halvings.resize(kept);
        split(data, tables, nodes, lower.data(), bit, halvings);
        next.resize(2 * kept);
        size_t used = 0;
        for (size_t i = 0; i < kept; i++) {
            const Node &v = nodes[i];
            const uint32_t share = halvings[i].share, between = halvings[i].between;
            next[used] = {2 * v.code, v.rank, share, v.low, between};
            used += share > 0;
            next[used] = {2 * v.code + 1, v.rank + share, v.size - share, between, v.high};
            used += share < v.size;
        }
        next.resize(used);
        nodes.swap(next);
    }
    for (const Node &v : nodes) { // single cells
        std::fill_n(out.code.begin() + v.rank, v.size, v.code);
        std::fill_n(out.height.begin() + v.rank, v.size, uint8_t(0));
    }
    return out;
}

} // namespace pgs::scene
