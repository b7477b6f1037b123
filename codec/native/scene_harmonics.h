// Real spherical harmonics up to degree 3, in the order and with the signs of 3D Gaussian Splatting [Kerbl et al. 2023].
#pragma once

namespace {

constexpr float SH_0 = 0.282094792f, SH_1 = 0.488602512f;
constexpr float SH_2XY = 1.09254843f, SH_2ZZ = 0.315391565f, SH_2XX = 0.546274215f;
constexpr float SH_3A = 0.590043589f, SH_3B = 2.89061144f, SH_3C = 0.457045799f, SH_3D = 0.373176333f, SH_3E = 1.44530572f;

// Values at a unit direction of the `count` functions behind the constant one.
inline void harmonics(int count, const float *d, float *value) {
    const float x = d[0], y = d[1], z = d[2], xx = x * x, yy = y * y, zz = z * z;
    if (count < 3) return;
    value[0] = -SH_1 * y;
    value[1] = SH_1 * z;
    value[2] = -SH_1 * x;
    if (count < 8) return;
    value[3] = SH_2XY * x * y;
    value[4] = -SH_2XY * y * z;
    value[5] = SH_2ZZ * (2 * zz - xx - yy);
    value[6] = -SH_2XY * x * z;
    value[7] = SH_2XX * (xx - yy);
    if (count < 15) return;
    value[8] = -SH_3A * y * (3 * xx - yy);
    value[9] = SH_3B * x * y * z;
    value[10] = -SH_3C * y * (4 * zz - xx - yy);
    value[11] = SH_3D * z * (2 * zz - 3 * xx - 3 * yy);
    value[12] = -SH_3C * x * (4 * zz - xx - yy);
    value[13] = SH_3E * z * (xx - yy);
    value[14] = -SH_3A * x * (xx - 3 * yy);
}

// Adds to `slope` the gradient by the direction of sum_k weight[k] value[k].
inline void harmonics_slope(int count, const float *d, const float *weight, float *slope) {
    const float x = d[0], y = d[1], z = d[2], xx = x * x, yy = y * y, zz = z * z;
    const float *w = weight;
    if (count < 3) return;
    slope[0] -= SH_1 * w[2];
    slope[1] -= SH_1 * w[0];
    slope[2] += SH_1 * w[1];
    if (count < 8) return;
    slope[0] += SH_2XY * (y * w[3] - z * w[6]) - 2 * SH_2ZZ * x * w[5] + 2 * SH_2XX * x * w[7];
    slope[1] += SH_2XY * (x * w[3] - z * w[4]) - 2 * SH_2ZZ * y * w[5] - 2 * SH_2XX * y * w[7];
    slope[2] += -SH_2XY * (y * w[4] + x * w[6]) + 4 * SH_2ZZ * z * w[5];
    if (count < 15) return;
    slope[0] += -6 * SH_3A * x * y * w[8] + SH_3B * y * z * w[9] + 2 * SH_3C * x * y * w[10] - 6 * SH_3D * x * z * w[11] -
                SH_3C * (4 * zz - 3 * xx - yy) * w[12] + 2 * SH_3E * x * z * w[13] - 3 * SH_3A * (xx - yy) * w[14];
    slope[1] += -3 * SH_3A * (xx - yy) * w[8] + SH_3B * x * z * w[9] - SH_3C * (4 * zz - xx - 3 * yy) * w[10] -
                6 * SH_3D * y * z * w[11] + 2 * SH_3C * x * y * w[12] - 2 * SH_3E * y * z * w[13] + 6 * SH_3A * x * y * w[14];
    slope[2] += SH_3B * x * y * w[9] - 8 * SH_3C * y * z * w[10] + SH_3D * (6 * zz - 3 * xx - 3 * yy) * w[11] -
                8 * SH_3C * x * z * w[12] + SH_3E * (xx - yy) * w[13];
}

} // namespace
