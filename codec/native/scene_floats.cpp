#include "scene_floats.h"

#include <cmath>

namespace pgs::scene {

namespace {

constexpr double SH_C0 = 0.28209479177387814, LOG_SCALE = 0.69314718055994530942 / 4096;

// The sum of squares in the order of numpy's norm.
double norm(const double *v, int n) {
    double sum = v[1] * v[1];
    for (int i = 2; i < n; i++) sum += v[i] * v[i];
    return std::sqrt(v[0] * v[0] + sum);
}

// Columns of the rotation matrix: directions of the axes, largest first.
void axes(const int32_t *rotation, const Functions &f, double (*m)[AXES]) {
    const double u = rotation[0] / 32768.0, v = rotation[1] / 32768.0, px = (u + v) / 2, py = (u - v) / 2;
    double n[] = {px, py, 1 - (std::abs(px) + std::abs(py))};
    const double length = norm(n, AXES);
    for (double &x : n) x /= length;
    const double a = 1 / (1 + n[2]), x = n[0], y = n[1];
    const double first[] = {1 - x * x * a, -x * y * a, -x}, second[] = {-x * y * a, 1 - y * y * a, -y};
    const double c = f.cosine[rotation[2] & 65535], s = f.sine[rotation[2] & 65535];
    const int32_t lift = std::abs(rotation[3]) & 65535;
    const double up = f.cosine[lift], along = rotation[3] < 0 ? -f.sine[lift] : f.sine[lift];
    for (int i = 0; i < AXES; i++) {
        const double flat = c * first[i] + s * second[i];
        m[i][0] = up * flat + along * n[i];
        m[i][1] = c * second[i] - s * first[i];
        m[i][2] = up * n[i] - along * flat;
    }
}

// From the largest of the four numbers, by the sums and differences of the matrix that are products with it.
void quaternion(const double (*m)[AXES], float *out) {
    const double trace = m[0][0] + (m[1][1] + m[2][2]);
    const double squares[] = {1 + trace, 1 + 2 * m[0][0] - trace, 1 + 2 * m[1][1] - trace, 1 + 2 * m[2][2] - trace};
    const int big = int(std::max_element(squares, squares + 4) - squares);
    const double plus[] = {m[2][1] + m[1][2], m[0][2] + m[2][0], m[1][0] + m[0][1]};
    const double minus[] = {m[2][1] - m[1][2], m[0][2] - m[2][0], m[1][0] - m[0][1]};
    double q[4];
    q[big] = squares[big];
    for (int i = 0; i < AXES; i++) { // x, y, z beside w, and beside each other the sum that neither of them names
        if (big == 0) q[i + 1] = minus[i];
        else if (i + 1 == big) q[0] = minus[i];
        else q[i + 1] = plus[AXES - i - (big - 1)];
    }
    const double length = norm(q, 4);
    for (int i = 0; i < 4; i++) out[i] = float(q[i] / length);
}

void to_rgb(const int32_t *colour, double *rgb) {
    const double y = colour[0], red_blue = colour[1], green = colour[2];
    rgb[0] = y - green / 2 + red_blue / 2, rgb[1] = y + green / 2, rgb[2] = y - green / 2 - red_blue / 2;
}

} // namespace

void to_floats(const State &state, double unit, const Functions &functions, const Floats &out, size_t begin, size_t end) {
    for (size_t i = 3 * begin; i < 3 * end; i++) out.position[i] = float(state.position[i] * unit);
    for (size_t i = 3 * begin; i < 3 * end; i++) out.log_scale[i] = float(state.scale[i] * LOG_SCALE);
    for (size_t i = begin; i < end; i++) out.opacity[i] = functions.logit[state.opacity[i] & 65535];
    double m[AXES][AXES], rgb[3];
    for (size_t i = begin; i < end; i++) {
        axes(state.rotation + ROTATION * i, functions, m);
        quaternion(m, out.rotation + 4 * i);
    }
    for (size_t i = begin; i < end; i++) {
        to_rgb(state.colour + 3 * i, rgb);
        for (size_t c = 0; c < 3; c++) out.sh_dc[3 * i + c] = float((rgb[c] / 65536 - 0.5) / SH_C0);
    }
    for (size_t i = begin * state.rest; i < end * state.rest; i++) {
        to_rgb(state.sh + 3 * i, rgb);
        for (size_t c = 0; c < 3; c++) out.sh_rest[3 * i + c] = float(rgb[c] / 65536);
    }
}

} // namespace pgs::scene
