// The adaptive range coder (spec 7.9), its decoder; one symbol after the other, the same in every instruction set.
#include "range_reader.h"

int pgs_range_decode(pgs_range_reader *r, uint16_t *counts, int32_t size, const int32_t *context, ptrdiff_t n,
                     int32_t *out) {
    for (ptrdiff_t i = 0; i < n; i++) {
        out[i] = pgs::symbol(r, counts + ptrdiff_t(size) * context[i], size);
        if (out[i] < 0) return 1;
    }
    return 0;
}

int pgs_range_uniform(pgs_range_reader *r, const int32_t *size, ptrdiff_t n, int32_t *out) {
    for (ptrdiff_t i = 0; i < n; i++) {
        out[i] = pgs::number(r, uint32_t(size[i]));
        if (out[i] < 0) return 1;
    }
    return 0;
}
