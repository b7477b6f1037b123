// The vector instructions of x86.
#pragma once
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized" // GCC 12 warns of its own intrinsics (bug 105593)
#include <immintrin.h>
#pragma GCC diagnostic pop
