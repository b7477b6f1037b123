// The samples of a run with AVX2: eight rows are listed at once, in lanes, and added when the last one is listed.
#pragma once
#include "sum_ends_avx2.h"
#include "sum_vectors_avx2.h"

namespace {

// PACK[mask] moves the lanes of the mask to the front.
struct Pack {
    alignas(64) uint8_t lanes[256][GROUP];
    constexpr Pack() : lanes() {
        for (int mask = 0; mask < 256; mask++)
            for (int k = 0, n = 0; k < GROUP; k++)
                if (mask >> k & 1) lanes[mask][n++] = uint8_t(k);
    }
};
constexpr Pack PACK;

inline __m256i each64(uint64_t v) { return _mm256_set1_epi64x(int64_t(v)); }

// v * k modulo 2^64, k below 2^32 in each 64-bit lane.
inline __m256i times(uint64_t v, __m256i k) {
    const __m256i low = _mm256_mul_epu32(each64(v), k), high = _mm256_mul_epu32(each64(v >> 32), k);
    return _mm256_add_epi64(low, _mm256_slli_epi64(high, 32));
}

// Eight 64-bit numbers in the order of RunRows after their shift by 24, modulo 2^32.
inline __m256i shifted(const __m256i *v) {
    const __m256i a = _mm256_srli_epi64(v[0], 24), b = _mm256_srli_epi64(v[1], 24);
    const __m256 both = _mm256_shuffle_ps(_mm256_castsi256_ps(a), _mm256_castsi256_ps(b), 0x88);
    return _mm256_castps_si256(both);
}

template <int COMPONENTS, bool SUBTRACT>
class RunRows {
  public:
    RunRows(const Target<COMPONENTS, SUBTRACT> &target, const RunStart &start, int32_t i0, const pgs_grid_i32 &grid)
        : target(target), d2(target.d2), i0(i0), width(grid.width) {
        const __m256i row[2] = {_mm256_setr_epi64x(0, 1, 4, 5), _mm256_setr_epi64x(2, 3, 6, 7)};
        const __m256i pairs[2] = {_mm256_setr_epi64x(0, 0, 6, 10), _mm256_setr_epi64x(1, 3, 15, 21)}; // k (k - 1) / 2
        for (int h = 0; h < 2; h++) {
            const __m256i bends = times(start.q0_bend, pairs[h]);
            const __m256i eights = _mm256_slli_epi64(times(start.q0_bend, row[h]), 3);
            q0[h] = _mm256_add_epi64(each64(start.q0), _mm256_add_epi64(times(start.q0_rise, row[h]), bends));
            q0_rise[h] = _mm256_add_epi64(each64(8 * start.q0_rise + 28 * start.q0_bend), eights);
            d1[h] = _mm256_add_epi64(each64(start.d1), times(start.d1_rise, row[h]));
        }
        starts = _mm256_mullo_epi32(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), each(uint32_t(grid.row)));
        next_starts = each(uint32_t(GROUP * grid.row));
        q0_bend = each64(64 * start.q0_bend);
        d1_rise = each64(8 * start.d1_rise);
    }

    // The next GROUP rows.
    void add(const Columns &columns) {
        const __m256i begin = each(uint32_t(i0)), end = each(uint32_t(i0 + RUN)), one = each(1), bend = each(d2);
        const __m256i first = load(columns.first);
        const __m256i last = load(columns.last);
        __m256i i = _mm256_max_epi32(first, begin);
        __m256i left = _mm256_sub_epi32(_mm256_min_epi32(_mm256_add_epi32(last, one), end), i); // columns left
        const __m256i m = _mm256_sub_epi32(i, begin);
        const __m256i bends = _mm256_srli_epi32(_mm256_mullo_epi32(m, _mm256_sub_epi32(m, one)), 1);
        __m256i d = _mm256_sub_epi32(_mm256_setzero_si256(), _mm256_slli_epi32(shifted(d1), Z_BITS)); // fall
        const __m256i z0 = _mm256_sub_epi32(each(z_of(0)), _mm256_slli_epi32(shifted(q0), Z_BITS)); // z_of
        __m256i z = _mm256_add_epi32(_mm256_add_epi32(z0, _mm256_mullo_epi32(m, d)), _mm256_mullo_epi32(bends, bend));
        d = _mm256_add_epi32(d, _mm256_mullo_epi32(m, bend));
        __m256i offset = _mm256_add_epi32(starts, i);
        auto advance = [&](__m256i some, int n) {
            const __m256i columns = _mm256_and_si256(some, each(uint32_t(n)));
            const __m256i bends = each(uint32_t(n * (n - 1) / 2) * d2);
            const __m256i rise = _mm256_add_epi32(_mm256_mullo_epi32(d, each(uint32_t(n))), bends);
            z = _mm256_add_epi32(z, _mm256_and_si256(some, rise));
            d = _mm256_add_epi32(d, _mm256_and_si256(some, each(uint32_t(n) * d2)));
            i = _mm256_add_epi32(i, columns);
            offset = _mm256_add_epi32(offset, columns);
            left = _mm256_sub_epi32(left, columns);
        };
        for (;;) {
            const __m256i some = _mm256_cmpgt_epi32(left, each(WIDE - 1));
            const unsigned mask = lanes(some);
            if (!mask) break;
            put(wide, mask, z, d, offset);
            advance(some, WIDE);
        }
        for (;;) {
            const __m256i some = _mm256_cmpgt_epi32(left, _mm256_setzero_si256());
            unsigned mask = lanes(some);
            if (!mask) break;
            const __m256i count = _mm256_min_epi32(left, each(UNIT));
            const __m256i outside = _mm256_and_si256(some, _mm256_cmpgt_epi32(i, each(uint32_t(width - UNIT))));
            if (const unsigned border = lanes(outside)) {
                add_parts(border, z, d, offset, count);
                mask &= ~border;
            }
            store(units.half + units.count, _mm256_permutevar8x32_epi32(_mm256_slli_epi32(count, 3), pack(mask)));
            put(units, mask, z, d, offset);
            advance(some, UNIT);
        }
        starts = _mm256_add_epi32(starts, next_starts);
        for (int h = 0; h < 2; h++) {
            q0[h] = _mm256_add_epi64(q0[h], q0_rise[h]);
            q0_rise[h] = _mm256_add_epi64(q0_rise[h], q0_bend);
            d1[h] = _mm256_add_epi64(d1[h], d1_rise);
        }
    }

    void finish() {
        add_wide(target, wide);
        add_units(target, units);
    }

  private:
    static unsigned lanes(__m256i mask) { return unsigned(_mm256_movemask_ps(_mm256_castsi256_ps(mask))); }

    static __m256i pack(unsigned mask) {
        return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i *>(PACK.lanes[mask])));
    }

    // Appends what the lanes of the mask hold.
    static void put(Units &units, unsigned mask, __m256i z, __m256i d1, __m256i offset) {
        const __m256i front = pack(mask);
        store(units.z + units.count, _mm256_permutevar8x32_epi32(z, front));
        store(units.d1 + units.count, _mm256_permutevar8x32_epi32(d1, front));
        store(units.offset + units.count, _mm256_permutevar8x32_epi32(offset, front));
        units.count += __builtin_popcount(mask);
    }

    // Units of which not all lanes lie in the row.
    __attribute__((noinline)) void add_parts(unsigned mask, __m256i z, __m256i d1, __m256i offset,
                                             __m256i columns) const {
        alignas(32) uint32_t a_z[GROUP], a_d1[GROUP];
        alignas(32) int32_t a_offset[GROUP], a_columns[GROUP];
        store(a_z, z);
        store(a_d1, d1);
        store(a_offset, offset);
        store(a_columns, columns);
        for (int k = 0; k < GROUP; k++)
            if (mask >> k & 1) target.add_part(a_offset[k], a_z[k], a_d1[k], a_columns[k]);
    }

    const Target<COMPONENTS, SUBTRACT> &target;
    const uint32_t d2;
    const int32_t i0, width;
    Units units, wide;
    __m256i starts, next_starts; // offsets of the group's rows
    __m256i q0[2], q0_rise[2], d1[2], q0_bend, d1_rise; // rows 0, 1, 4, 5 and 2, 3, 6, 7 of a group
};

} // namespace
