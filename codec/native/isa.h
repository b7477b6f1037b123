// Names of one instruction-set build: PGS_ISA is scalar, v3 or v4, given by the build. Everything else in a kernel
// object lives in an anonymous namespace: an inline function shared between objects could be linked in its AVX copy.
#pragma once
#include "pgs_kernel.h"

#define PGS_JOIN_(a, b, c) a##b##_##c
#define PGS_JOIN(a, b, c) PGS_JOIN_(a, b, c)
#define PGS_NAME(function) PGS_JOIN(pgs_, PGS_ISA, function)

namespace {

#if defined(__AVX512BW__)
constexpr int VECTOR_BYTES = 64;
#elif defined(__AVX2__)
constexpr int VECTOR_BYTES = 32;
#else
constexpr int VECTOR_BYTES = 16;
#endif

} // namespace

extern "C" {
ptrdiff_t PGS_NAME(reach_i16)(const pgs_grid_i32 *, const pgs_splats_i32 *, pgs_reach *);
void PGS_NAME(sum_i16)(int16_t *, const pgs_grid_i32 *, const pgs_splats_i32 *, const pgs_reach *, const int32_t *, ptrdiff_t, int,
                       int32_t, int32_t);
void PGS_NAME(join)(const pgs_join *);
void PGS_NAME(samples_8)(const int16_t *, ptrdiff_t, uint8_t *);
void PGS_NAME(samples_10)(const int16_t *, ptrdiff_t, uint16_t *);
void PGS_NAME(f32_forward)(const pgs_planes *, const pgs_grid_f32 *, const pgs_splats_f32 *);
void PGS_NAME(f32_backward)(const pgs_planes *, const pgs_grid_f32 *, const pgs_splats_f32 *, float *);
void PGS_NAME(f32_curvature)(float *, const pgs_grid_f32 *, const pgs_splats_f32 *, const float *, float, int32_t,
                             int32_t);
void PGS_NAME(f32_levels)(const pgs_planes *, int32_t, int32_t, const pgs_coarse *, const pgs_levels *, double *);
void PGS_NAME(f32_enlarge)(const pgs_planes *, int32_t, int32_t, int32_t, int32_t, const pgs_coarse *);
void PGS_NAME(f32_reduce)(const pgs_planes *, int32_t, int32_t, int32_t, int32_t, const pgs_coarse *);
void PGS_NAME(scene_project)(const pgs_camera *, const pgs_scene *, int32_t, int32_t, pgs_spot *);
void PGS_NAME(scene_blend)(const pgs_scene_tile *, const pgs_spot *, const pgs_scene_view *);
void PGS_NAME(scene_blend_backward)(const pgs_scene_tile *, const pgs_spot *, const pgs_scene_adjoint *, float *);
void PGS_NAME(scene_project_backward)(const pgs_camera *, const pgs_scene *, int32_t, const pgs_spot *, const float *,
                                      const pgs_scene_gradients *);
extern const pgs_kernels PGS_NAME(kernels);
}
