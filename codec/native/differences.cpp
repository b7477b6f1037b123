// Predicted frames with graded tools: motion fields, splats as they are predicted, and what is sent besides.
#include "differences.h"

namespace pgs {

namespace {

constexpr int64_t LOWEST = -(1 << 15), HIGHEST = (1 << 15) - 1; // of vectors
constexpr int FINEST_MOVE = -3, COARSEST_MOVE = 3, VECTOR_SHIFT = 7;

// One component of a field [rows, columns], in place, from what the median of left, above and above right does not promise.
void restore(int32_t *v, int32_t rows, int32_t columns) {
    for (int32_t row = 0; row < rows; row++)
        for (int32_t i = 0; i < columns; i++) {
            int32_t *here = v + int64_t(row) * columns + i, left = i ? here[-1] : 0, above = left, right = left;
            if (row) {
                above = here[-columns];
                right = here[-columns + (i + 1 < columns)];
                if (i == 0) left = above;
            }
            const int32_t median = std::max(std::min(left, above), std::min(std::max(left, above), right));
            *here = clip(int64_t(*here) + median, LOWEST, HIGHEST);
        }
}

// The field at a place, interpolated bilinearly; Q8.
void vector_at(const Header &h, const int32_t *field, int32_t columns, const int32_t *position, int64_t *out) {
    const int shift = 8 + h.motion_bits;
    const int64_t x = clip(position[0], 0, (int64_t(h.width) << 8) - 1);
    const int64_t y = clip(position[1], 0, (int64_t(h.height) << 8) - 1);
    const int64_t one = int64_t(1) << shift, fx = x & (one - 1), fy = y & (one - 1);
    const int32_t *top = field + 2 * ((y >> shift) * columns + (x >> shift)), *bottom = top + 2 * columns;
    for (int axis = 0; axis < 2; axis++) {
        const int64_t t = top[axis] * (one - fx) + top[2 + axis] * fx;
        const int64_t b = bottom[axis] * (one - fx) + bottom[2 + axis] * fx;
        out[axis] = (shift_left(t * (one - fy) + b * fy, VECTOR_SHIFT) + (int64_t(1) << (2 * shift - 1))) >> 2 * shift;
    }
}

// (x left + y right) / (left + right), rounded; all terms stay far below 2^31.
int32_t mixed(int32_t x, int32_t y, int32_t left, int32_t right) {
    const int32_t whole = left + right, total = x * left + y * right + (whole >> 1);
    return total / whole - (total % whole < 0);
}

// Magnitudes of the energies of a decoded splat in steps of its components.
void energies(const Header &h, const int16_t *colour, const int32_t *shape, int32_t *out) {
    int64_t of[3];
    for (int c = 0; c < h.components; c++) of[c] = colour[c];
    if (h.is_rgb) {
        const int64_t r = colour[0], g = colour[1], b = colour[2];
        of[0] = (r + 2 * g + b) >> 2, of[1] = 2 * (r - b) >> 2, of[2] = (2 * g - r - b) >> 2;
    }
    for (int c = 0; c < h.components; c++) {
        const int64_t x = colour_exponent(h, c, shape), unit = exp2(h.powers, x & 4095);
        const int shift = 20 - int(x >> 12);
        out[c] = int32_t(std::min((std::abs(of[c]) << std::max(shift, 0)) / (unit << std::max(-shift, 0)), MOST));
    }
}

class Chain {
public:
    Chain(pgs_range_reader &data, const Header &h, const Fields &fields, const DifferenceTables &tables, const KeyTables &born,
          size_t n, int32_t frames, const Splats &states)
        : data(data), h(h), fields(fields), tables(tables), born(born), n(n), states(states),
          births(n * size_t(frames + 1)), updated(n * size_t(frames + 1)), update(n), bits(n), slant(n),
          measured_shape(3 * n, INT32_MIN), measured_colour(size_t(h.components) * n) {}

    void frame(int32_t number, const Step &step) {
        predict(step, fields.modes[number] == STILL ? nullptr : fields.vectors + field_size() * size_t(number));
        code(number + 1, step);
    }

private:
    pgs_range_reader &data;
    const Header &h;
    const Fields &fields;
    DifferenceTables tables;
    const KeyTables &born;
    const size_t n;
    const Splats &states;
    std::vector<uint8_t> births, updated; // [frames + 1, N]: the number of the step in which it was born; 1: updated
    std::vector<uint8_t> update;
    std::vector<int> bits, slant;
    std::vector<int32_t> measured_shape; // of what bits and slant were found last, at first no shape at all
    std::vector<int16_t> measured_colour;

    size_t field_size() const { return 2 * size_t(fields.rows) * size_t(fields.columns); }
    Splats state(int32_t frame) const {
        const size_t at = n * size_t(frame);
        return {states.position + 2 * at, states.shape + 3 * at, states.colour + size_t(h.components) * at};
    }
    uint8_t *of(std::vector<uint8_t> &values, int32_t frame) { return values.data() + n * size_t(frame); }

    // What a frame is expected to be.
    void predict(const Step &step, const int32_t *field) {
        const Splats out = state(step.frame), before = state(step.before);
        const int32_t left = step.after - step.frame, right = step.frame - step.before;
        const bool is_inner = step.after >= 0, first_is_near = !is_inner || right <= left;
        const int32_t near_frame = first_is_near ? step.before : step.after;
        const Splats near = state(near_frame);
        std::copy_n(near.position, 2 * n, out.position);
        std::copy_n(near.shape, 3 * n, out.shape);
        std::copy_n(near.colour, size_t(h.components) * n, out.colour);
        std::copy_n(of(births, near_frame), n, of(births, step.frame));
        if (is_inner) {
            const Splats after = state(step.after);
            const uint8_t *a = of(births, step.before), *b = of(births, step.after);
            const auto mix = [&](auto *to, const auto *x, const auto *y, size_t i, size_t width) {
                for (size_t k = i * width; k < (i + 1) * width; k++)
                    if (x[k] != y[k]) to[k] = std::remove_reference_t<decltype(*to)>(mixed(x[k], y[k], left, right));
            };
            for (size_t i = 0; i < n; i++) {
                if (a[i] != b[i]) continue;
                mix(out.position, before.position, after.position, i, 2);
                mix(out.shape, before.shape, after.shape, i, 3);
                mix(out.colour, before.colour, after.colour, i, size_t(h.components));
            }
        }
        if (field == nullptr) return;
        for (size_t i = 0; i < n; i++) {
            int64_t move[2];
            vector_at(h, field, fields.columns, out.position + 2 * i, move);
            for (size_t k = 0; k < 2; k++) out.position[2 * i + k] = clip_position(out.position[2 * i + k] + move[k]);
        }
    }

    // The symbols of a frame, the `number`-th in coding order, from 1, and what follows from them.
    void code(int32_t number, const Step &step) {
        const Splats out = state(step.frame);
        const size_t components = size_t(h.components);
        const int inner = step.after >= 0;
        const uint8_t *before = of(updated, step.before), *after = inner ? of(updated, step.after) : before;
        code_updates(inner, before, after, out);
        for (size_t i = 0; i < n; i++) of(updated, step.frame)[i] = update[i] > 0;
        const auto count = size_t(std::count(update.begin(), update.end(), BORN));
        std::vector<int32_t> fresh_position(2 * count), fresh_shape(3 * count);
        std::vector<int16_t> fresh_colour(components * count);
        const Splats fresh{fresh_position.data(), fresh_shape.data(), fresh_colour.data()};
        const KeySlice slice{&data, &h, count, fresh};
        if (count) key_splats(&slice, 1, born);

        const Quantity of_shape[] = {SCALE, SHEAR, SCALE}, of_colour[] = {ENERGY, CHROMA, CHROMA},
                       of_position[] = {POSITION, POSITION};
        const auto position = columns(UPDATE_POSITION, inner, of_position, 2);
        const auto shape = columns(UPDATE_SHAPE, inner, of_shape, 3);
        const auto energy = columns(UPDATE_COLOUR, inner, of_colour, components);
        const int32_t *p = position.data(), *s = shape.data(), *e = energy.data();
        const size_t p_rows = position.size() / 2, s_rows = shape.size() / 3, e_rows = energy.size() / components;
        size_t taken = 0;
        for (size_t i = 0; i < n; i++) {
            int32_t *to_position = out.position + 2 * i, *to_shape = out.shape + 3 * i;
            int16_t *to_colour = out.colour + components * i;
            if (update[i] == BORN) {
                std::copy_n(fresh.position + 2 * taken, 2, to_position);
                std::copy_n(fresh.shape + 3 * taken, 3, to_shape);
                std::copy_n(fresh.colour + components * taken, components, to_colour);
                of(births, step.frame)[i] = uint8_t(number);
                taken++;
                continue;
            }
            if (update[i] & UPDATE_POSITION) { // steps follow from the predicted splat: shape and colour change after
                int exponents[2];
                position_exponents(h, bits[i], slant[i], to_shape, exponents);
                for (int k = 0; k < 2; k++) {
                    const int by = 8 + int(clip(exponents[k], FINEST_MOVE, COARSEST_MOVE));
                    to_position[k] = clip_position(to_position[k] + shift_left(p[size_t(k) * p_rows], by));
                }
                p++;
            }
            if (update[i] & UPDATE_COLOUR) {
                int32_t of_splat[3];
                int64_t colour[3];
                for (size_t c = 0; c < components; c++) of_splat[c] = e[c * e_rows];
                colours(h, of_splat, to_shape, colour);
                for (size_t c = 0; c < components; c++) to_colour[c] = clip_colour(to_colour[c] + colour[c]);
                e++;
            }
            if (update[i] & UPDATE_SHAPE) {
                const int scale = 12 + scale_exponent(h, bits[i], slant[i]), shear = 12 + shear_exponent(h, bits[i]);
                const int64_t sum[3] = {to_shape[0] + shift_left(s[0], scale), to_shape[1] + shift_left(s[s_rows], shear),
                                        to_shape[2] + shift_left(s[2 * s_rows], scale)};
                clip_shape(sum, to_shape);
                s++;
            }
        }
    }

    // Bits and slant of a splat, which most splats have from the frame coded before: finding them takes divisions.
    void measure(size_t i, const int32_t *shape, const int16_t *colour) {
        const size_t components = size_t(h.components);
        int32_t *last_shape = measured_shape.data() + 3 * i;
        int16_t *last_colour = measured_colour.data() + components * i;
        if (std::equal(shape, shape + 3, last_shape) && std::equal(colour, colour + components, last_colour)) return;
        std::copy_n(shape, 3, last_shape);
        std::copy_n(colour, components, last_colour);
        int32_t energy[3];
        energies(h, colour, shape, energy);
        bits[i] = energy_bits(h, energy);
        slant[i] = slant_bits(shape[1]);
    }

    // What is updated of each splat, by what was in the frames that it is predicted from and by its energy.
    void code_updates(int inner, const uint8_t *before, const uint8_t *after, const Splats &predicted) {
        const size_t components = size_t(h.components);
        Reader reader(data);
        for (size_t i = 0; i < n; i++) {
            measure(i, predicted.shape + 3 * i, predicted.colour + components * i);
            const int kind = before[i] + (inner ? 2 + after[i] : 0), energy_class = clip((bits[i] - 4) >> 1, 0, CLASSES - 1);
            update[i] = uint8_t(reader.symbol(tables.update[kind * CLASSES + energy_class]));
        }
    }

    // Differences of the splats with a bit, one column after the other; [width, rows].
    std::vector<int32_t> columns(int bit, int inner, const Quantity *quantities, size_t width) {
        size_t rows = 0;
        for (const uint8_t u : update) rows += (u & bit) > 0;
        std::vector<int32_t> out(rows * width);
        const std::vector<uint8_t> context(rows, uint8_t(inner));
        for (size_t c = 0; rows && c < width; c++) {
            const Quantity q = quantities[c];
            const SignedNumbers numbers{&data, rows, tables.lengths[q], context.data(), tables.halves[q],
                                        out.data() + c * rows};
            code_signed(&numbers, 1);
        }
        return out;
    }
};

} // namespace

void code_fields(pgs_range_reader &data, const Step *steps, int32_t frames, MotionTables tables, const Fields &out) {
    const size_t plane = size_t(out.rows) * size_t(out.columns);
    std::vector<int32_t> residual(2 * plane);
    std::vector<uint8_t> axes(2 * plane);
    std::fill_n(axes.begin() + ptrdiff_t(plane), plane, uint8_t(1));
    std::vector<int32_t> last(2 * plane);
    for (int32_t f = 0; f < frames; f++) {
        out.modes[f] = Reader(data).symbol(tables.modes[steps[f].after >= 0]);
        if (out.modes[f] == STILL) continue;
        const SignedNumbers numbers{&data, 2 * plane, tables.lengths, axes.data(), tables.halves, residual.data()};
        code_signed(&numbers, 1);
        for (size_t axis = 0; axis < 2; axis++) {
            restore(residual.data() + axis * plane, out.rows, out.columns);
            for (size_t i = 0; i < plane; i++) {
                const int64_t base = out.modes[f] == CHANGED ? last[2 * i + axis] : 0;
                last[2 * i + axis] = clip(residual[axis * plane + i] + base, LOWEST, HIGHEST);
            }
        }
        std::copy(last.begin(), last.end(), out.vectors + 2 * plane * size_t(f));
    }
}

void code_frames(pgs_range_reader &data, const Header &h, const Step *steps, int32_t frames, const Fields &fields,
                 DifferenceTables tables, const KeyTables &born, size_t n, const Splats &states) {
    Chain chain(data, h, fields, tables, born, n, frames, states);
    for (int32_t f = 0; f < frames; f++) chain.frame(f, steps[f]);
}

} // namespace pgs
