// Which kernel tables exist in this build and run on this processor.
#include "dispatch.h"

extern "C" const pgs_kernels pgs_scalar_kernels;
#ifdef PGS_X86_LEVELS
extern "C" const pgs_kernels pgs_v3_kernels, pgs_v4_kernels;
#endif

const pgs_kernels *pgs_table(int isa) {
    if (isa == PGS_SCALAR) return &pgs_scalar_kernels;
#ifdef PGS_X86_LEVELS
    __builtin_cpu_init();
    if (isa == PGS_V3 && __builtin_cpu_supports("x86-64-v3")) return &pgs_v3_kernels;
    if (isa == PGS_V4 && __builtin_cpu_supports("x86-64-v4")) return &pgs_v4_kernels;
#endif
    return nullptr;
}
