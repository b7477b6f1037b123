// One slice of splats: all its symbols in their order, and the state that they set (spec 10.5 to 10.8). Twin: scene/slice.py.
#pragma once
#include "scene_curve.h"

namespace pgs::scene {

// Writes rows [known, known + n) of the state, whose rows before are the splats that `lower` holds.
// `codewords`: entries of the slice's codebook, Q14. Positions by another tool than the tree are given as boxes.
void read_slice(pgs_range_reader &data, const Header &h, const Angles &angles, const int16_t *codewords, const Boxes *given,
                Tables &tables, const Curve &lower, const State &state, size_t known, size_t n);

constexpr int OPACITY = 0, SCALE = 1, COLOUR = 2, SH = 3; // attributes of scene/refine.py

// Splats of one slice, and a third of the step of each of their numbers.
struct Part {
    size_t first, count;
    const int32_t *thirds;
};

// Makes an attribute of some slices three times as fine (spec 10.9). The twin is scene/refine.py.
void refine(pgs_range_reader &data, int attribute, const std::vector<Part> &parts, const State &state);

} // namespace pgs::scene
