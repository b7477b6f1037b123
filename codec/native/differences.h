// Predicted frames with graded tools (spec 7.12, 7.13). The twins are planar/motion.py and planar/differences.py.
#pragma once
#include "graded.h"

namespace pgs {

constexpr int STILL = 0, CHANGED = 2, CLASSES = 3, KINDS = 5, UPDATES = 9, BORN = 8;
constexpr int UPDATE_POSITION = 1, UPDATE_SHAPE = 2, UPDATE_COLOUR = 4;

// A frame of a chunk in coding order: frames count from 1, 0 is the one before; after is -1 where there is none.
struct Step {
    int32_t frame, before, after;
};

struct MotionTables {
    Table<3> modes[2];
    Lengths lengths[2];
    Halves halves;

    template <typename Use> void each(const Use &use) { visit_all(use, modes, lengths, halves); }
};

enum Quantity { POSITION, SCALE, SHEAR, ENERGY, CHROMA, QUANTITIES };

struct DifferenceTables {
    Table<UPDATES> update[KINDS * CLASSES];
    Lengths lengths[QUANTITIES][2];
    Halves halves[QUANTITIES];

    template <typename Use> void each(const Use &use) { visit_all(use, update, lengths, halves); }
};

struct Fields {
    int32_t rows, columns;
    int32_t *modes;   // [frames], in coding order
    int32_t *vectors; // [frames, rows, columns, 2], halves of a luma sample; not written where the mode is STILL
};

// The motion fields of a chunk.
void code_fields(pgs_range_reader &data, const Step *steps, int32_t frames, MotionTables tables, const Fields &out);

// The splats of all frames of a chunk: arrays [frames + 1, N, ...] in time order, of which the first is there.
void code_frames(pgs_range_reader &data, const Header &h, const Step *steps, int32_t frames, const Fields &fields,
                 DifferenceTables tables, const KeyTables &born, size_t n, const Splats &states);

} // namespace pgs
