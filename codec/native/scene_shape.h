// How finely a splat's numbers are sent, by its shape (spec 10.6, 10.7). The twins are scene/rotation.py and scene/steps.py.
#pragma once
#include "scene_state.h"

namespace pgs::scene {

// Bits of an angle between axes whose scales differ so much, Q12 octaves.
int angle_bits(const Angles &angles, int precision, int64_t difference);

// log2 of the steps of positions along x, y, z in grid units; `effective`: scales, Q12 octaves.
void place_exponents(const Angles &angles, const Header &h, const int64_t *effective, const int32_t *rotation, int64_t *out);

} // namespace pgs::scene
