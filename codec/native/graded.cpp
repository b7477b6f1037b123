// Key frames with graded tools: the tree of counts, energies, shapes and places, and what splats follow from them.
#include "graded.h"

namespace pgs {

namespace {

uint32_t gather(uint32_t x) { // the even bits
    x &= 0x55555555;
    x = (x | x >> 1) & 0x33333333;
    x = (x | x >> 2) & 0x0F0F0F0F;
    x = (x | x >> 4) & 0x00FF00FF;
    return (x | x >> 8) & 0x0000FFFF;
}

struct Node {
    uint32_t code;      // Morton prefix, 32 bits at the most
    int32_t size, share; // splats, how many of them lie in the first half
    bool inside;        // whether the second half has cells of the picture
};

// How many splats of each node with two halves lie in the first one, all small ones before all large ones (spec 7.10).
void split(pgs_range_reader &data, KeyTables &t, Node *nodes, size_t count) {
    struct Large { Node *node; int64_t low, high; };
    std::vector<Large> large;
    Reader reader(data);
    for (Node *v = nodes; v < nodes + count; v++)
        if (v->inside && v->size <= SMALL) v->share = reader.symbol(t.small[v->size]);
        else if (v->inside) large.push_back({v, 0, 0});
    for (Large &l : large) {
        const int64_t bucket = reader.symbol(t.large), n = int64_t(l.node->size) + 1;
        l.low = (bucket * n + BUCKETS - 1) / BUCKETS;
        l.high = ((bucket + 1) * n + BUCKETS - 1) / BUCKETS;
    }
    for (const Large &l : large)
        if (l.high <= l.low || l.high - l.low > 65536) throw Fault::no_number;
    for (const Large &l : large) l.node->share = int32_t(l.low + reader.number(uint32_t(l.high - l.low)));
    if (std::any_of(nodes, nodes + count, [](const Node &v) { return v.share > v.size; })) throw Fault::more_than_all;
}

// Morton codes of the cells of n splats, in order.
std::vector<uint32_t> code_cells(pgs_range_reader &data, const Header &h, KeyTables &t, size_t n) {
    const int64_t cell = int64_t(1) << h.cell_bits;
    const int64_t columns = (h.width + cell - 1) >> h.cell_bits, rows = (h.height + cell - 1) >> h.cell_bits;
    // Each node has a splat. One node more, as the last one is written before it is known to be there.
    std::vector<Node> nodes(n + 1), next(n + 1);
    size_t count = n > 0;
    nodes[0] = {0, int32_t(n), 0, false};
    for (int bit = 2 * bit_length(uint64_t(std::max(columns, rows) - 1)) - 1; bit >= 0; bit--) {
        for (size_t i = 0; i < count; i++) {
            Node &v = nodes[i];
            const uint32_t second = (2 * v.code + 1) << bit;
            v.inside = gather(second) < columns && gather(second >> 1) < rows;
            v.share = v.size;
        }
        split(data, t, nodes.data(), count);
        const size_t before = count;
        count = 0;
        for (size_t i = 0; i < before; i++) {
            const Node &v = nodes[i];
            next[count] = {2 * v.code, v.share, 0, false};
            count += v.share > 0;
            next[count] = {2 * v.code + 1, v.size - v.share, 0, false};
            count += v.share < v.size;
        }
        nodes.swap(next);
    }
    std::vector<uint32_t> codes(n);
    size_t at = 0;
    for (size_t i = 0; i < count; i++)
        for (int32_t k = 0; k < nodes[i].size; k++) codes[at++] = nodes[i].code;
    return codes;
}

} // namespace

int energy_bits(const Header &h, const int64_t *energy) {
    int64_t chroma = 0;
    for (int c = 1; c < h.components; c++) chroma += energy[c] * energy[c];
    return bit_length(uint64_t(8 * energy[0] * energy[0] + h.chroma_weight * chroma));
}

void position_exponents(const Header &h, int bits, int slant, const int32_t *shape, int *exponents) {
    const int sharp = h.position_precision - bits;
    exponents[0] = (sharp + (2 * shape[0] >> 12) - slant) >> 1;
    exponents[1] = (sharp + (2 * shape[2] >> 12)) >> 1;
}

int64_t colour_exponent(const Header &h, int component, const int32_t *shape) {
    const int step = h.energy_step + (component ? 2 * h.chroma_steps[component - 1] : 0);
    return (int64_t(step) << 9) - ((shape[0] + shape[2]) >> 1);
}

void colours(const Header &h, const int64_t *energy, const int32_t *shape, int64_t *colour) {
    for (int c = 0; c < h.components; c++) {
        const int64_t x = colour_exponent(h, c, shape), value = energy[c] * exp2(h.powers, x & 4095);
        const int shift = 20 - int(x >> 12);
        colour[c] = shift > 0 ? (value + (int64_t(1) << (shift - 1))) >> shift : shift_left(value, -shift);
    }
    if (!h.is_rgb) return;
    const int64_t y = colour[0], co = colour[1], cg = colour[2];
    colour[0] = y + co - cg, colour[1] = y + cg, colour[2] = y - co - cg;
}

void key_splats(pgs_range_reader &data, const Header &h, const KeyTables &first, size_t n, const Splats &out) {
    KeyTables t = first;
    const size_t components = size_t(h.components);
    const std::vector<uint32_t> cells = code_cells(data, h, t, n);
    const auto fresh_signed = [&](Lengths *lengths, auto context, int64_t *values, size_t stride) {
        Halves halves;
        std::copy_n(first.halves, LENGTHS, halves);
        code_signed(data, lengths, halves, n, context, values, stride);
    };
    std::vector<int64_t> energy(n * components), shear(n), scales(2 * n);
    for (size_t c = 0; c < components; c++) {
        const auto before = [&](size_t i) {
            return c ? std::min(bit_length(uint64_t(std::abs(energy[i * components + c - 1]))), 7) : 0;
        };
        fresh_signed(c == 0 ? t.energy_0 : c == 1 ? t.energy_1 : t.energy_2, before, energy.data() + c, components);
    }
    std::vector<int> bits(n), slant(n), scale_exp(n), widths(2 * n);
    for (size_t i = 0; i < n; i++) bits[i] = energy_bits(h, &energy[i * components]);
    fresh_signed(t.shear, [&](size_t i) { return shear_exponent(h, bits[i]) - FINEST; }, shear.data(), 1);
    for (size_t i = 0; i < n; i++) {
        shear[i] = clip(shift_left(shear[i], 12 + shear_exponent(h, bits[i])), -SHEAR_LIMIT, SHEAR_LIMIT); // Q12 now
        slant[i] = slant_bits(shear[i]);
        scale_exp[i] = scale_exponent(h, bits[i], slant[i]);
    }
    Reader reader(data);
    for (size_t axis = 0; axis < 2; axis++) {
        for (size_t i = 0; i < n; i++) scales[2 * i + axis] = reader.symbol(t.scale[axis][scale_exp[i] - FINEST]);
        for (size_t i = 0; i < n; i++) {
            const int rest = std::max(-1 - scale_exp[i], 0);
            scales[2 * i + axis] = scales[2 * i + axis] << rest | reader.bits(rest);
        }
    }
    for (size_t i = 0; i < n; i++) {
        const int64_t a = scales[2 * i], b = scales[2 * i + 1];
        const int by = 12 + scale_exp[i];
        const int64_t shape[3] = {(a << by) + A_LOW, shear[i], (b << by) + A_LOW};
        clip_shape(shape, out.shape + 3 * i);
        int exponents[2];
        position_exponents(h, bits[i], slant[i], out.shape + 3 * i, exponents);
        for (int axis = 0; axis < 2; axis++)
            widths[2 * i + axis] = clip(h.cell_bits - exponents[axis], 0, h.cell_bits - FINEST_POSITION);
        int64_t colour[3];
        colours(h, &energy[i * components], out.shape + 3 * i, colour);
        for (size_t c = 0; c < components; c++) out.colour[i * components + c] = clip_colour(colour[c]);
    }
    for (int axis = 0; axis < 2; axis++)
        for (size_t i = 0; i < n; i++) {
            const int64_t place = reader.bits(widths[2 * i + axis]), cell = gather(cells[i] >> axis);
            const int64_t part = (2 * place + 1) << (7 + h.cell_bits - widths[2 * i + axis]);
            out.position[2 * i + axis] = clip_position((cell << (8 + h.cell_bits)) + part);
        }
}

} // namespace pgs
