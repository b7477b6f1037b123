// Splats summed in octaves (spec 8.5 to 8.7): each in the grid that is just fine enough for it, and the sums of a grid, enlarged, on
// top of those of the next finer one. Tile by tile, with the tile's part of every octave in the cache. Sums of octave j are kept
// divided by 16^j, and gradients by them times that, so that enlarging and its adjoint need no products.
#pragma once
#include <cstring>
#include <vector>

#include "dispatch.h"
#include "tiles.h"

class Octaves {
public:
    Octaves(const pgs_kernels &kernels, const pgs_grid_f32 &grid, const pgs_splats_f32 &splats)
        : kernels_(kernels), splats_(splats), tiles_(grid, splats) {}

    // Calls use(work) for each tile.
    template <typename Use>
    void each_tile(int threads, const Use &use) {
        gradients_.assign(size_t(tiles_.entries()) * numbers(), 0.0f);
        pgs_parallel(tiles_.count(), threads, [&](int tile) {
            thread_local std::vector<float> floats;
            thread_local std::vector<uint8_t> cells;
            use(Work(*this, tile, floats, cells));
        });
    }

    // Adds up what the tiles say of each splat, in an order that no thread changes.
    void add_gradients(float *by_geometry, float *by_colour) const {
        const float *from = gradients_.data();
        for (int32_t entry = 0; entry < tiles_.entries(); entry++, from += numbers()) {
            const ptrdiff_t n = tiles_.splat(entry), components = splats_.components;
            for (int i = 0; i < 5; i++) by_geometry[5 * n + i] += from[i];
            for (int c = 0; c < components; c++) by_colour[components * n + c] += from[5 + c];
        }
    }

    int count() const { return tiles_.count(); }

    // A tile, with planes in memory of the thread.
    class Work {
    public:
        const int tile;
        const Part part; // of octave 0

        Work(Octaves &all, int tile, std::vector<float> &floats, std::vector<uint8_t> &cells)
            : tile(tile), part(all.tiles_.part(tile, 0)), all_(all), cells_(cells) {
            const size_t room = size_t(PGS_LEVELS_ROOM) * all.splats_.layers;
            size_t count = LINE + room; // some samples beside a plane are read, and not used
            for (int j = 0; j < octaves(); j++) count += all.tiles_.floats(j) + 2 * LINE;
            if (floats.size() < count) floats.resize(count);
            room_ = floats.data() + (-(reinterpret_cast<uintptr_t>(floats.data()) / 4) & (LINE - 1));
            float *data = room_ + room;
            for (int j = 0; j < octaves(); j++) {
                // Of a coarser octave the samples amid the first ones of the octave before begin a cache line.
                const int32_t more = j ? all.tiles_.part(tile, j - 1).x / 2 - all.tiles_.part(tile, j).x : 0;
                planes_[j] = all.tiles_.planes(data + LINE - more, j);
                data += all.tiles_.floats(j) + 2 * LINE;
            }
        }

        // Of octave 0.
        const pgs_planes &planes() const { return planes_[0]; }

        // Writes the sums of octaves from the last one down to this one, each on top of those before.
        void sum(int octave) const {
            for (int j = octaves() - 1; j >= octave; j--) {
                const Part own = all_.tiles_.part(tile, j);
                if (j + 1 < octaves()) {
                    const auto from = coarse(j);
                    all_.kernels_.f32_enlarge(&planes_[j], own.width, own.height, all_.splats_.layers, all_.splats_.components, &from);
                } else {
                    clear(planes_[j], own);
                }
                forward(j);
            }
        }

        // From gradients by the sums of an octave: those by its splats, and by sums and splats of all coarser ones.
        void back(int octave) const {
            for (int j = octave; j < octaves(); j++) {
                backward(j);
                if (j + 1 == octaves()) break;
                const Part own = all_.tiles_.part(tile, j);
                const auto to = coarse(j);
                all_.kernels_.f32_reduce(&planes_[j], own.width, own.height, all_.splats_.layers, all_.splats_.components, &to);
            }
        }

        // Both, with the errors and gradients of levels in between. Writes sse [K, C].
        void step(pgs_levels levels, double *sse) const {
            sum(1);
            note_cells();
            forward(0);
            levels.cells = cells_.data();
            levels.room = room_;
            const auto above = octaves() > 1 ? coarse(0) : pgs_coarse{};
            all_.kernels_.f32_levels(&planes_[0], part.width, part.height, octaves() > 1 ? &above : nullptr, &levels, sse);
            backward(0);
            back(1);
        }

    private:
        static constexpr int32_t LINE = Tiles::LINE;

        int octaves() const { return std::min(PGS_OCTAVES, all_.tiles_.octaves()); } // the compiler does not know it

        pgs_coarse coarse(int octave) const {
            const Part own = all_.tiles_.part(tile, octave), next = all_.tiles_.part(tile, octave + 1);
            return {planes_[octave + 1], next.width, next.height, own.x / 2 - next.x, own.y / 2 - next.y};
        }

        void forward(int octave) const {
            thread_local std::vector<int32_t> starts;
            const auto grid = all_.tiles_.grid(tile, octave);
            const auto splats = all_.tiles_.splats(tile, octave, all_.splats_, starts);
            all_.kernels_.f32_forward(&planes_[octave], &grid, &splats);
        }

        void backward(int octave) const {
            thread_local std::vector<int32_t> starts;
            const auto grid = all_.tiles_.grid(tile, octave);
            const auto splats = all_.tiles_.splats(tile, octave, all_.splats_, starts);
            all_.kernels_.f32_backward(&planes_[octave], &grid, &splats,
                                       all_.gradients_.data() + ptrdiff_t(all_.tiles_.first(tile, octave)) * all_.numbers());
        }

        void clear(const pgs_planes &planes, const Part &own) const {
            const size_t bytes = 4 * size_t(Tiles::up_to(own.width, LINE));
            for (ptrdiff_t k = 0; k < all_.splats_.layers; k++)
                for (ptrdiff_t y = 0; y < own.height; y++)
                    for (ptrdiff_t c = 0; c < all_.splats_.components; c++)
                        std::memset(planes.data + k * planes.layer + y * planes.row + c * planes.component, 0, bytes);
        }

        void note_cells() const;

        Octaves &all_;
        std::vector<uint8_t> &cells_;
        float *room_;
        pgs_planes planes_[PGS_OCTAVES];
    };

private:
    int32_t numbers() const { return 5 + splats_.components; }

    const pgs_kernels &kernels_;
    const pgs_splats_f32 splats_;
    const Tiles tiles_;
    std::vector<float> gradients_; // of each entry of the tiles
};

// Notes the cells of octave 0 that its splats may reach, whole vectors of samples at a time, and clears them.
inline void Octaves::Work::note_cells() const {
    constexpr int32_t VECTOR = 16; // columns, at most
    thread_local std::vector<int32_t> starts;
    const auto grid = all_.tiles_.grid(tile, 0);
    const auto splats = all_.tiles_.splats(tile, 0, all_.splats_, starts);
    const int32_t rows = (part.height + PGS_CELL_ROWS - 1) / PGS_CELL_ROWS;
    cells_.assign(size_t(rows) * splats.layers, 0);
    const auto place = [](float at, int32_t size) { return at > 0 ? int32_t(std::min(at, float(size - 1))) : 0; };
    for (int32_t k = 0; k < splats.layers; k++)
        for (int32_t i = splats.starts[k]; i < splats.starts[k + 1]; i++) {
            const float *g = splats.geometry + 5 * ptrdiff_t(splats.order[i]);
            const float x = (g[0] - grid.origin_x) / grid.step_x, y = (g[1] - grid.origin_y) / grid.step_y;
            const float root = std::sqrt(PGS_SUPPORT); // and a sample of slack
            const float across = root / (g[2] * grid.step_x) + 1;
            const float along = root * std::sqrt(g[2] * g[2] + g[4] * g[4]) / (g[2] * g[3] * grid.step_y) + 1;
            const int32_t left = place(x - across, part.width) & -VECTOR, right = place(x + across, part.width) | (VECTOR - 1);
            const int32_t first = left / PGS_CELL_COLUMNS, last = std::min(right + VECTOR, part.width - 1) / PGS_CELL_COLUMNS;
            const uint8_t bits = uint8_t((2 << last) - (1 << first));
            const int32_t top = place(y - along, part.height) / PGS_CELL_ROWS, bottom = place(y + along, part.height) / PGS_CELL_ROWS;
            for (int32_t r = top; r <= bottom; r++) cells_[size_t(k) * rows + r] |= bits;
        }
    for (ptrdiff_t k = 0; k < splats.layers; k++)
        for (int32_t r = 0; r < rows; r++)
            for (int32_t column = 0; column < PGS_TILE_COLUMNS / PGS_CELL_COLUMNS; column++) {
                if (!(cells_[size_t(k) * rows + r] >> column & 1)) continue;
                const pgs_planes &p = planes_[0];
                float *cell = p.data + k * p.layer + ptrdiff_t(r) * PGS_CELL_ROWS * p.row + column * PGS_CELL_COLUMNS;
                typedef float Four __attribute__((vector_size(16))); // GCC makes a slow memset of loops
                for (ptrdiff_t y = 0; y < PGS_CELL_ROWS; y++)
                    for (ptrdiff_t c = 0; c < splats.components; c++) {
                        Four *to = reinterpret_cast<Four *>(cell + y * p.row + c * p.component);
                        to[0] = to[1] = to[2] = to[3] = to[4] = to[5] = to[6] = to[7] = Four{};
                    }
            }
}
