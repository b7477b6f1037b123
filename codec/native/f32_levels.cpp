// Joint supervision of all levels (a picture is a sum, spec 3): enlarged rows of the layers, level sums, squared errors, layer
// gradients and what these say of the next octave, a few rows at a time that never leave the first-level cache. The samples of
// octave 0 itself are few where splats are large: only those cells that its splats may reach are in memory.
#include "f32_octaves.h"

namespace {

constexpr int MOST = 4; // layers at once
constexpr int32_t ROWS = 2;        // at once
constexpr int32_t RING = ROWS + 4; // rows that are kept: those that are reduced later, and one
static_assert((RING + WIDE) * ROW <= PGS_LEVELS_ROOM && PGS_CELL_ROWS % ROWS == 0, "room for rows; cells of whole steps");

struct Many {
    typedef Loose V;
};
struct One { // the last columns of a tile
    typedef float V;
};

// Some rows of a component.
struct Samples {
    float *layers; // as many as are done at once
    ptrdiff_t layer;
    const float *target, *map;
    ptrdiff_t columns; // from row to row of target and map
    int32_t width, rows;
    float *running; // rows of PGS_TILE_COLUMNS: the errors of the layers before, and then of these; NULL if these are all
};

struct Line {
    float *layers, *running;
    const float *target, *map;
};

template <typename L, int COUNT, typename Squares>
PGS_INLINE void errors_at(const Line row, ptrdiff_t layer, int32_t at, const float *scale, Squares *squares) {
    typedef typename L::V V;
    const V target = *(const V *)(row.target + at);
    V error, errors[COUNT];
    for (int k = 0; k < COUNT; k++) {
        const V own = *(V *)(row.layers + k * layer + at);
        error = k ? error + own : row.running ? own + *(V *)(row.running + at) : own - target;
        errors[k] = row.map ? *(const V *)(row.map + at) * error : error;
        squares[k] += errors[k] * error;
    }
    if (row.running) *(V *)(row.running + at) = error;
    V gradient;
    for (int k = COUNT - 1; k >= 0; k--) {
        gradient = k < COUNT - 1 ? gradient + scale[k] * errors[k] : scale[k] * errors[k];
        *(V *)(row.layers + k * layer + at) = gradient;
    }
}

// Layers become what their own levels make of the gradient; adds to sse.
template <int COUNT>
void errors_of(const Samples &s, const float *weight, ptrdiff_t stride, double *sse) {
    F squares[COUNT] = {};
    float tail[COUNT] = {}, scale[COUNT];
    for (int k = 0; k < COUNT; k++) scale[k] = 2 * weight[k * stride];
    const int32_t width = s.width; // a member would be read again after each store
    const ptrdiff_t layer = s.layer;
    for (ptrdiff_t y = 0; y < s.rows; y++) {
        const Line row{s.layers + y * ROW, s.running ? s.running + y * PGS_TILE_COLUMNS : nullptr, s.target + y * s.columns,
                      s.map ? s.map + y * s.columns : nullptr};
        int32_t i = 0;
        const float *later = row.target + ROWS * s.columns; // a tile's rows are too short to be foreseen
        for (; i + LANES <= width; i += LANES) {
            __builtin_prefetch(later + i);
            errors_at<Many, COUNT>(row, layer, i, scale, squares);
        }
        for (; i < width; i++) errors_at<One, COUNT>(row, layer, i, scale, tail);
    }
    for (int k = 0; k < COUNT; k++) sse[k * stride] += double(sum(squares[k])) + double(tail[k]);
}

PGS_INLINE void some_errors(int32_t count, const Samples &s, const float *weight, ptrdiff_t stride, double *sse) {
    if (count == 1) errors_of<1>(s, weight, stride, sse);
    else if (count == 2) errors_of<2>(s, weight, stride, sse);
    else if (count == 3) errors_of<3>(s, weight, stride, sse);
    else errors_of<4>(s, weight, stride, sse);
}

void all_errors(const Samples &all, int32_t count, const float *weight, ptrdiff_t stride, double *sse) {
    if (count <= MOST) return some_errors(count, all, weight, stride, sse);
    Samples s = all;
    float running[ROWS * PGS_TILE_COLUMNS];
    for (ptrdiff_t y = 0; y < s.rows; y++)
        for (int32_t i = 0; i < s.width; i++) running[y * PGS_TILE_COLUMNS + i] = -s.target[y * s.columns + i];
    s.running = running;
    float *layers = s.layers;
    for (int32_t k = 0; k < count; k += MOST) {
        s.layers = layers + k * s.layer;
        some_errors(count - k < MOST ? count - k : MOST, s, weight + k * stride, stride, sse + k * stride);
    }
    for (int32_t k = (count - 1) / MOST * MOST - 1; k >= 0; k--) { // what later layers add
        const float *above = layers + (k / MOST + 1) * MOST * s.layer;
        for (ptrdiff_t y = 0; y < s.rows; y++)
            for (int32_t i = 0; i < s.width; i++) layers[k * s.layer + y * ROW + i] += above[y * ROW + i];
    }
}

// What is done with rows of one plane of a tile.
struct Plane {
    float *ring, *own, *coarse_plane; // rows in work space; cells that splats reach; of the next octave
    const uint8_t *cells;             // from row to row of cells
    const float *given;
    ptrdiff_t stride, columns; // of own and of given
    int32_t width, height;
    const pgs_coarse *coarse;

    Plane(const pgs_planes &p, int32_t width, int32_t height, const pgs_coarse *coarse, const pgs_levels &l, ptrdiff_t k, ptrdiff_t c)
        : ring(l.room + k * PGS_LEVELS_ROOM), own(p.data + k * p.layer + c * p.component),
          coarse_plane(coarse ? coarse->planes.data + k * coarse->planes.layer + c * coarse->planes.component : nullptr),
          cells(l.cells + k * ((height + PGS_CELL_ROWS - 1) / PGS_CELL_ROWS)),
          given(l.given ? l.given + (k * l.components + c) * l.plane : nullptr), stride(p.row), columns(l.columns), width(width),
          height(height), coarse(coarse) {}

    float *row(ptrdiff_t y) const { return ring + y % RING * ROW; }

    // Calls use(in the cell, in the ring) for each vector of the cells of some rows that splats reach.
    template <typename Use>
    PGS_INLINE void each_cell(ptrdiff_t y, int32_t rows, const Use &use) const {
        for (uint8_t rest = cells[y / PGS_CELL_ROWS]; rest; rest &= rest - 1) {
            const int32_t left = __builtin_ctz(rest) * PGS_CELL_COLUMNS;
            for (ptrdiff_t i = 0; i < rows; i++)
                for (int32_t x = left; x < left + PGS_CELL_COLUMNS; x += LANES) use(own + (y + i) * stride + x, row(y + i) + x);
        }
    }

    // The layer's samples; `wide` coarse rows are wide.
    void begin(int32_t y, int32_t rows, int32_t &wide) const {
        if (coarse) {
            Enlarger from{coarse_plane, *coarse, width, ring + RING * ROW};
            if (y) from.next = wide;
            from.pair(y, row(y), row(y + 1));
            wide = from.next;
        } else {
            for (int32_t i = 0; i < rows; i++)
                for (int32_t x = 0; x < width; x += LANES) store(row(y + i) + x, F{});
        }
        for (int32_t i = 0; given && i < rows; i++) {
            const float *from = given + (y + i) * columns;
            float *to = row(y + i);
            for (int32_t x = 0, end = width; x < end; x++) to[x] += from[x];
        }
        each_cell(y, rows, [](float *own, float *row) { store(row, load(row) + load(own)); });
    }

    // The gradient, of which coarse rows [first, last) can be made now.
    void end(int32_t y, int32_t rows, int32_t first, int32_t last) const {
        for (int32_t i = 0; i < rows; i++)
            for (int32_t x = width; x < 2 * whole((width + 1) / 2); x++) row(y + i)[x] = 0;
        each_cell(y, rows, [](float *own, float *row) { store(own, load(row)); });
        for (int32_t r = first; r < last; r++) {
            const auto row_of = [this](ptrdiff_t i) { return row(i); };
            reduce(row_of, width, height, *coarse, r, coarse_plane + r * coarse->planes.row);
        }
    }
};

} // namespace

void PGS_NAME(f32_levels)(const pgs_planes *planes, int32_t width, int32_t height, const pgs_coarse *coarse,
                          const pgs_levels *levels, double *sse) {
    const int32_t count = levels->count, components = levels->components;
    for (int32_t i = 0; i < count * components; i++) sse[i] = 0;
    for (ptrdiff_t i = 0; i < ptrdiff_t(count) * PGS_LEVELS_ROOM; i += LANES) store(levels->room + i, F{});
    for (ptrdiff_t c = 0; c < components; c++) {
        int32_t wide = 0, reduced = 0; // coarse rows
        for (int32_t y = 0; y < height; y += ROWS) {
            const int32_t rows = height - y < ROWS ? height - y : ROWS, before = wide;
            for (ptrdiff_t k = 0; k < count; k++) {
                wide = before;
                Plane(*planes, width, height, coarse, *levels, k, c).begin(y, rows, wide);
            }
            const ptrdiff_t place = y * levels->columns;
            const Samples samples{levels->room + y % RING * ROW, PGS_LEVELS_ROOM, levels->target + c * levels->plane + place,
                                  levels->map ? levels->map + place : nullptr, levels->columns, width, rows, nullptr};
            all_errors(samples, count, levels->weight + c, components, sse + c);
            const int32_t done = y + rows;
            const int32_t end = !coarse ? 0 : done == height ? coarse->height : (done - 1) / 2 + coarse->y;
            for (ptrdiff_t k = 0; k < count; k++) Plane(*planes, width, height, coarse, *levels, k, c).end(y, rows, reduced, end);
            reduced = end;
        }
    }
}
