// Where a splat lies before the camera and the covariance of its spot, with what the way back needs [EWA: Zwicker et al. 2001].
#pragma once
#include "scene_lanes.h"

namespace {

constexpr float LEAST = -7.99435344f; // log2(1 / 255): less alpha is none
constexpr float HALF_LOG2_E = 0.5f * LOG2_E;

// The projected covariance is M M^T plus the dilation, M = J W R S: a product, so that determinants are sums of squares.
struct Pose {
    float t[3];            // the centre in the camera's axes
    float q[4], length;    // unit quaternion; length of the given one
    float r[9], scale[3];  // from the splat's axes to the scene's; standard deviations
    float lean[2];         // x / z and y / z, where the picture ends at most some way before the border of the field of view
    bool held[2];          // lean is at that limit
    float j[4];            // J: dx/dX, dx/dZ, dy/dY, dy/dZ
    float p[6], m[6];      // J W and M, two rows of three
    float bare[3];         // M M^T: xx, xy, yy
    float bare_det, det;   // of it, and with the dilation
};

inline void rotation_of(const float *q, float *r) {
    const float w = q[0], x = q[1], y = q[2], z = q[3];
    r[0] = 1 - 2 * (y * y + z * z), r[1] = 2 * (x * y - w * z), r[2] = 2 * (x * z + w * y);
    r[3] = 2 * (x * y + w * z), r[4] = 1 - 2 * (x * x + z * z), r[5] = 2 * (y * z - w * x);
    r[6] = 2 * (x * z - w * y), r[7] = 2 * (y * z + w * x), r[8] = 1 - 2 * (x * x + y * y);
}

// The linear approximation is bad far outside of the picture: it is made at most 30 % of the half picture beyond the border,
// as in gsplat and its predecessors.
inline void lean_to(float along, float focal, float middle, float size, float &lean, bool &held) {
    const float spare = 0.15f * size, low = -(middle + spare) / focal, high = (size - middle + spare) / focal;
    held = !(along >= low && along <= high);
    lean = between(along, low, high);
}

// False: nearer than the near plane, or no shape at all.
inline bool find_pose(const pgs_camera &camera, const pgs_scene &scene, ptrdiff_t n, Pose &pose) {
    const float *c = camera.rotation, *at = scene.position + 3 * n;
    for (int i = 0; i < 3; i++)
        pose.t[i] = c[3 * i] * at[0] + c[3 * i + 1] * at[1] + c[3 * i + 2] * at[2] + camera.translation[i];
    const float z = pose.t[2];
    if (!(z >= camera.near_plane)) return false;
    const float *q = scene.rotation + 4 * n;
    pose.length = __builtin_sqrtf(q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3]);
    if (!(pose.length > 0)) return false;
    for (int i = 0; i < 4; i++) pose.q[i] = q[i] / pose.length;
    rotation_of(pose.q, pose.r);
    for (int i = 0; i < 3; i++) pose.scale[i] = exp_of(scene.log_scale[3 * n + i]);

    lean_to(pose.t[0] / z, camera.fx, camera.cx, float(camera.width), pose.lean[0], pose.held[0]);
    lean_to(pose.t[1] / z, camera.fy, camera.cy, float(camera.height), pose.lean[1], pose.held[1]);
    pose.j[0] = camera.fx / z, pose.j[1] = -pose.j[0] * pose.lean[0];
    pose.j[2] = camera.fy / z, pose.j[3] = -pose.j[2] * pose.lean[1];
    for (int i = 0; i < 3; i++) {
        pose.p[i] = pose.j[0] * c[i] + pose.j[1] * c[6 + i];
        pose.p[3 + i] = pose.j[2] * c[3 + i] + pose.j[3] * c[6 + i];
    }
    for (int row = 0; row < 2; row++)
        for (int i = 0; i < 3; i++) {
            const float *p = pose.p + 3 * row;
            pose.m[3 * row + i] = (p[0] * pose.r[i] + p[1] * pose.r[3 + i] + p[2] * pose.r[6 + i]) * pose.scale[i];
        }
    const float *a = pose.m, *b = pose.m + 3, e = camera.dilation;
    pose.bare[0] = a[0] * a[0] + a[1] * a[1] + a[2] * a[2];
    pose.bare[1] = a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
    pose.bare[2] = b[0] * b[0] + b[1] * b[1] + b[2] * b[2];
    const float u = a[1] * b[2] - a[2] * b[1], v = a[2] * b[0] - a[0] * b[2], w = a[0] * b[1] - a[1] * b[0];
    pose.bare_det = u * u + v * v + w * w;
    pose.det = pose.bare_det + e * (pose.bare[0] + pose.bare[2]) + e * e;
    return pose.det > 1e-30f && pose.det < 1e30f; // smaller than any distance to a pixel, or out of the range of floats
}

// alpha of the splat at its centre, before the limit of 0.999.
inline float opacity_of(const pgs_camera &camera, const pgs_scene &scene, ptrdiff_t n, const Pose &pose) {
    const float alpha = 1 / (1 + exp_of(-scene.opacity[n]));
    return camera.compensate ? alpha * __builtin_sqrtf(pose.bare_det / pose.det) : alpha;
}

// The unit direction from the camera to the splat; returns the distance.
inline float direction_to(const pgs_camera &camera, const float *position, float *d) {
    for (int i = 0; i < 3; i++) d[i] = position[i] - camera.centre[i];
    const float distance = __builtin_sqrtf(d[0] * d[0] + d[1] * d[1] + d[2] * d[2]);
    for (int i = 0; i < 3; i++) d[i] /= distance;
    return distance;
}

} // namespace
