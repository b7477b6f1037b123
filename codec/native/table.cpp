// The function table of one instruction-set build.
#include "isa.h"

const pgs_kernels PGS_NAME(kernels) = {PGS_NAME(reach_i16), PGS_NAME(sum_i16), PGS_NAME(join), PGS_NAME(samples_8),
                                       PGS_NAME(samples_10),
                                       PGS_NAME(f32_forward), PGS_NAME(f32_backward), PGS_NAME(f32_curvature),
                                       PGS_NAME(f32_levels), PGS_NAME(f32_enlarge), PGS_NAME(f32_reduce),
                                       PGS_NAME(scene_project), PGS_NAME(scene_blend),
                                       PGS_NAME(scene_blend_backward), PGS_NAME(scene_project_backward)};
