// Gradients by the splats from those by their spots: the chain rule through scene_project.cpp.
#include "scene_harmonics.h"
#include "scene_pose.h"

namespace {

struct Symmetric {
    float xx, xy, yy;
};

// By the covariance of the spot, from sums over its pixels of s times what log2(alpha) is made of (scene_blend_backward.cpp).
inline Symmetric by_covariance(const pgs_camera &camera, const pgs_spot &spot, const Pose &pose, const float *sums) {
    const float v1 = spot.l / HALF_LOG2_E, v2 = spot.m / HALF_LOG2_E, k = spot.k;
    const float suu = v1 * v1 * sums[3], suy = v1 * v2 * sums[4], syy = v2 * v2 * sums[5];
    Symmetric h{0.5f * suu, 0.5f * (k * suu + suy), 0.5f * (k * k * suu + 2 * k * suy + syy)};
    if (camera.compensate) { // log(opacity) has half the difference of the determinants' logarithms
        const float e = camera.dilation, own = 0.5f * sums[0] / pose.bare_det, wide = 0.5f * sums[0] / pose.det;
        h.xx += own * pose.bare[2] - wide * (pose.bare[2] + e);
        h.xy += (wide - own) * pose.bare[1];
        h.yy += own * pose.bare[0] - wide * (pose.bare[0] + e);
    }
    return h;
}

// By the given quaternion, from the gradient by the rotation matrix.
inline void to_quaternion(const Pose &pose, const float *g, float *out) {
    const float w = pose.q[0], x = pose.q[1], y = pose.q[2], z = pose.q[3];
    const float by[4] = {
        2 * (x * (g[7] - g[5]) + y * (g[2] - g[6]) + z * (g[3] - g[1])),
        2 * (w * (g[7] - g[5]) - 2 * x * (g[4] + g[8]) + y * (g[1] + g[3]) + z * (g[2] + g[6])),
        2 * (w * (g[2] - g[6]) + x * (g[1] + g[3]) - 2 * y * (g[0] + g[8]) + z * (g[5] + g[7])),
        2 * (w * (g[3] - g[1]) + x * (g[2] + g[6]) + y * (g[5] + g[7]) - 2 * z * (g[0] + g[4])),
    };
    const float radial = by[0] * w + by[1] * x + by[2] * y + by[3] * z;
    for (int i = 0; i < 4; i++) out[i] = (by[i] - pose.q[i] * radial) / pose.length;
}

// By coefficients; returns by `position` what the direction of sight brings.
inline void to_colour(const pgs_camera &camera, const pgs_scene &scene, ptrdiff_t n, const pgs_spot &spot, const float *sums,
                      const pgs_scene_gradients &out, float *position) {
    float d[3], value[15], weight[15], slope[3] = {0, 0, 0}, g[3];
    const float distance = direction_to(camera, scene.position + 3 * n, d);
    for (int c = 0; c < 3; c++) {
        g[c] = spot.colour[c] > 0 ? sums[6 + c] : 0;
        out.sh_dc[3 * n + c] = SH_0 * g[c];
    }
    harmonics(scene.rest, d, value);
    const float *rest = scene.sh_rest + 3 * scene.rest * n;
    float *by_rest = out.sh_rest + 3 * scene.rest * n;
    for (int k = 0; k < scene.rest; k++) {
        weight[k] = g[0] * rest[3 * k] + g[1] * rest[3 * k + 1] + g[2] * rest[3 * k + 2];
        for (int c = 0; c < 3; c++) by_rest[3 * k + c] = value[k] * g[c];
    }
    harmonics_slope(scene.rest, d, weight, slope);
    const float radial = slope[0] * d[0] + slope[1] * d[1] + slope[2] * d[2];
    for (int i = 0; i < 3; i++) position[i] += (slope[i] - radial * d[i]) / distance;
}

// By scales, rotation and the centre in the camera's axes, from the gradient by the covariance M M^T of the spot.
inline void to_shape(const pgs_camera &camera, const Pose &pose, const Symmetric &h, float *log_scale, float *rotation, float *t) {
    float by_m[6], by_pr[6], by_r[9], by_p[6];
    for (int i = 0; i < 3; i++) {
        by_m[i] = 2 * (h.xx * pose.m[i] + h.xy * pose.m[3 + i]);
        by_m[3 + i] = 2 * (h.xy * pose.m[i] + h.yy * pose.m[3 + i]);
        log_scale[i] = by_m[i] * pose.m[i] + by_m[3 + i] * pose.m[3 + i];
        by_pr[i] = by_m[i] * pose.scale[i];
        by_pr[3 + i] = by_m[3 + i] * pose.scale[i];
    }
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++) by_r[3 * i + k] = pose.p[i] * by_pr[k] + pose.p[3 + i] * by_pr[3 + k];
    to_quaternion(pose, by_r, rotation);
    for (int row = 0; row < 2; row++)
        for (int i = 0; i < 3; i++) {
            const float *g = by_pr + 3 * row, *r = pose.r + 3 * i;
            by_p[3 * row + i] = g[0] * r[0] + g[1] * r[1] + g[2] * r[2];
        }
    const float z = pose.t[2];
    for (int axis = 0; axis < 2; axis++) {
        const float *g = by_p + 3 * axis, *w = camera.rotation + 3 * axis, *wz = camera.rotation + 6;
        const float scale = pose.j[2 * axis], lean = pose.lean[axis];
        const float by_scale = g[0] * w[0] + g[1] * w[1] + g[2] * w[2], by_lean = g[0] * wz[0] + g[1] * wz[1] + g[2] * wz[2];
        t[2] -= scale / z * by_scale; // scale = focal / z, and -scale * lean
        t[2] += scale / z * lean * by_lean;
        if (pose.held[axis]) continue;
        t[axis] -= scale / z * by_lean;
        t[2] += scale / z * lean * by_lean;
    }
}

inline void clear(const pgs_scene &scene, ptrdiff_t n, const pgs_scene_gradients &out) {
    for (int i = 0; i < 3; i++) out.position[3 * n + i] = out.log_scale[3 * n + i] = out.sh_dc[3 * n + i] = 0;
    for (int i = 0; i < 4; i++) out.rotation[4 * n + i] = 0;
    for (int i = 0; i < 3 * scene.rest; i++) out.sh_rest[3 * scene.rest * n + i] = 0;
    out.opacity[n] = out.mean[2 * n] = out.mean[2 * n + 1] = 0;
}

} // namespace

void PGS_NAME(scene_project_backward)(const pgs_camera *camera, const pgs_scene *scene, int32_t n, const pgs_spot *spot,
                                      const float *sums, const pgs_scene_gradients *out) {
    Pose pose;
    if (!(spot->reach_x >= 0) || !find_pose(*camera, *scene, n, pose)) return clear(*scene, n, *out);
    const ptrdiff_t at = n;
    const float by_x = spot->l / HALF_LOG2_E * sums[1], by_y = spot->k * by_x + spot->m / HALF_LOG2_E * sums[2];
    const float z = pose.t[2], across = camera->fx / z, down = camera->fy / z;
    out->mean[2 * at] = by_x;
    out->mean[2 * at + 1] = by_y;
    float t[3] = {across * by_x, down * by_y, -(across * by_x * pose.t[0] + down * by_y * pose.t[1]) / z};
    to_shape(*camera, pose, by_covariance(*camera, *spot, pose, sums), out->log_scale + 3 * at, out->rotation + 4 * at, t);
    float *position = out->position + 3 * at;
    for (int i = 0; i < 3; i++)
        position[i] = camera->rotation[i] * t[0] + camera->rotation[3 + i] * t[1] + camera->rotation[6 + i] * t[2];
    to_colour(*camera, *scene, at, *spot, sums, *out, position);
    out->opacity[at] = sums[0] / (1 + exp_of(scene->opacity[at]));
}
