// What the decoder of scenes shares: the splats' numbers in memory, and the numbers of a slice's header (spec 6.8, 10.2).
#pragma once
#include <cstddef>
#include <cstdint>

#include "graded.h"

namespace pgs::scene {

constexpr int AXES = 3, ROTATION = 4 /* numbers of a rotation */, SIDE_BITS = 20; // of a cube whose cells have codes
constexpr int64_t POSITION_LIMIT = 1 << 30, SCALE_LIMIT = 31 << 12, COLOUR_LIMIT = 1 << 24;
constexpr int64_t FIRST_OPACITY = 1024, LAST_OPACITY = 65535;

// Arrays of scene/state.py, one row for each splat; `rest` coefficients behind the constant one.
struct State {
    int32_t *position, *scale, *rotation, *opacity, *colour, *sh;
    size_t rest;
};

struct Cube {
    int64_t origin[AXES];
    int cube_bits, leaf_bits;

    bool operator==(const Cube &o) const {
        return std::equal(origin, origin + AXES, o.origin) && cube_bits == o.cube_bits && leaf_bits == o.leaf_bits;
    }
    // Coordinates of the grid become units of which a side of the cube has 2^20 at the most.
    int shift() const { return std::max(0, cube_bits - SIDE_BITS); }
};

// Tables of scene/rotation.py.
struct Angles {
    const int64_t *cosine, *anisotropy; // [513], Q14 over half a turn; [16]
};

// In the order of scene/compiled.py.
struct Header {
    int32_t tool, prediction, place_precision, finest_scale, usual_scale, scale_step, rotation_precision, opacity_step,
        codebook_bits, unit, colour_steps[3], sh_steps[3][3]; // 0: that degree is not sent
    int32_t origin[AXES], cube_bits, leaf_bits;

    int64_t usual() const { return usual_scale * 1024 + unit * 4096; } // Q12 octaves
    int64_t least() const { return finest_scale * 1024 + unit * 4096; }
    Cube cube() const { return {{origin[0], origin[1], origin[2]}, cube_bits, leaf_bits}; }
};

inline int64_t floor_div(int64_t a, int64_t b) { // b is positive
    const int64_t q = a / b;
    return q - (a % b < 0);
}

inline int64_t gather3(int64_t x) { // every third bit
    x &= 0x1249249249249249;
    x = (x | x >> 2) & 0x10C30C30C30C30C3;
    x = (x | x >> 4) & 0x100F00F00F00F00F;
    x = (x | x >> 8) & 0x1F0000FF0000FF;
    x = (x | x >> 16) & 0x1F00000000FFFF;
    return (x | x >> 32) & 0x1FFFFF;
}

inline int64_t spread3(int64_t x) {
    x = (x | x << 32) & 0x1F00000000FFFF;
    x = (x | x << 16) & 0x1F0000FF0000FF;
    x = (x | x << 8) & 0x100F00F00F00F00F;
    x = (x | x << 4) & 0x10C30C30C30C30C3;
    return (x | x << 2) & 0x1249249249249249;
}

} // namespace pgs::scene
