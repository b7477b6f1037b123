// A second copy of functions that are no kernels, for processors of the level x86-64-v3 (2013 on), chosen when the module is loaded:
// shifts by numbers that are not known take one step there, not three. What they call is copied into them.
#pragma once
#include <cstdlib> // says which library this is

#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12
#define PGS_CLONES __attribute__((target_clones("arch=x86-64-v3", "default"), flatten))
#else
#define PGS_CLONES
#endif
