// Splats of a scene to spots of a picture: centre, ellipse, opacity, colour.
#include "scene_harmonics.h"
#include "scene_pose.h"

namespace {

constexpr pgs_spot UNSEEN = {0, 0, 0, 0, 0, 0, {0, 0, 0}, 0, -1, -1};

// Colour from the direction of sight: max(0, 0.5 + sum of harmonics).
inline void find_colour(const pgs_camera &camera, const pgs_scene &scene, ptrdiff_t n, float *colour) {
    float d[3], value[15];
    direction_to(camera, scene.position + 3 * n, d);
    harmonics(scene.rest, d, value);
    for (int c = 0; c < 3; c++) colour[c] = 0.5f + SH_0 * scene.sh_dc[3 * n + c];
    const float *rest = scene.sh_rest + 3 * scene.rest * n;
    for (int k = 0; k < scene.rest; k++)
        for (int c = 0; c < 3; c++) colour[c] += value[k] * rest[3 * k + c];
    for (int c = 0; c < 3; c++) colour[c] = colour[c] > 0 ? colour[c] : 0;
}

inline pgs_spot project(const pgs_camera &camera, const pgs_scene &scene, ptrdiff_t n) {
    Pose pose;
    if (!find_pose(camera, scene, n, pose)) return UNSEEN;
    const float alpha = opacity_of(camera, scene, n, pose);
    if (!(alpha >= 1.0f / 255)) return UNSEEN;
    const float xx = pose.bare[0] + camera.dilation, xy = pose.bare[1], yy = pose.bare[2] + camera.dilation;
    pgs_spot spot;
    spot.x = camera.fx * (pose.t[0] / pose.t[2]) + camera.cx;
    spot.y = camera.fy * (pose.t[1] / pose.t[2]) + camera.cy;
    spot.peak = log2_of(alpha);
    const float excess = spot.peak > LEAST ? spot.peak - LEAST : 0, sigmas = __builtin_sqrtf(excess / HALF_LOG2_E);
    spot.reach_x = 1.0001f * sigmas * __builtin_sqrtf(xx) + 0.001f;
    spot.reach_y = 1.0001f * sigmas * __builtin_sqrtf(yy) + 0.001f;
    if (!(spot.x + spot.reach_x > 0 && spot.x - spot.reach_x < float(camera.width) && spot.y + spot.reach_y > 0 &&
          spot.y - spot.reach_y < float(camera.height)))
        return UNSEEN;
    spot.l = __builtin_sqrtf(HALF_LOG2_E * yy / pose.det);
    spot.k = -xy / yy;
    spot.m = HALF_LOG2_E / yy;
    spot.depth = pose.t[2];
    find_colour(camera, scene, n, spot.colour);
    return spot;
}

} // namespace

void PGS_NAME(scene_project)(const pgs_camera *camera, const pgs_scene *scene, int32_t first, int32_t last, pgs_spot *spots) {
    for (int32_t n = first; n < last; n++) spots[n] = project(*camera, *scene, n);
}
