// A decoded scene as the numbers of other programs (spec 10.9). The twin is SceneState.splats of scene/state.py.
#pragma once
#include "scene_state.h"

namespace pgs::scene {

// What a function is for each number of 16 bits that it is asked for: logits of opacities, cosines and sines of half turns.
struct Functions {
    const float *logit;
    const double *cosine, *sine;
};

struct Floats {
    float *position, *log_scale, *rotation, *opacity, *sh_dc, *sh_rest;
};

// Splats [begin, end). A basic operation at a time, none of them joined: the same on every machine.
void to_floats(const State &state, double unit, const Functions &functions, const Floats &out, size_t begin, size_t end);

} // namespace pgs::scene
