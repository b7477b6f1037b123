// What the parts of the Python module share: array types that are never converted or copied, and checks.
#pragma once
#include <stdexcept>

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include "dispatch.h"

namespace nb = nanobind;
using namespace nb::literals;

template <typename T, int D>
using Array = nb::ndarray<T, nb::ndim<D>, nb::c_contig, nb::device::cpu>;
using Position = nb::ndarray<const int32_t, nb::shape<-1, 2>, nb::c_contig, nb::device::cpu>;
using Factor = nb::ndarray<const int32_t, nb::shape<-1, 3>, nb::c_contig, nb::device::cpu>;
using Form = nb::ndarray<const int64_t, nb::shape<-1, 3>, nb::c_contig, nb::device::cpu>;

inline void require(bool ok, const char *message) {
    if (!ok) throw std::invalid_argument(message);
}

template <typename A>
int32_t size(const A &array, int axis) {
    require(array.shape(axis) <= 0x3fffffff, "array too large");
    return int32_t(array.shape(axis));
}

inline const pgs_kernels &kernels(int isa) {
    const pgs_kernels *table = pgs_table(isa);
    require(table != nullptr, "this instruction set is not available; see isa_levels()");
    return *table;
}

// Float sums and their gradients: module_fitting.cpp.
void bind_fitting(nb::module_ &m);
// Decoding up to the sum: module_decoding.cpp.
void bind_decoding(nb::module_ &m);
// The planes that are summed into, and their samples: module_planes.cpp.
void bind_planes(nb::module_ &m);
// The encoder of the range coder: module_writing.cpp.
void bind_writing(nb::module_ &m);
// Slices of a scene: module_scene_decoding.cpp.
void bind_scene_decoding(nb::module_ &m);
// Splats of a scene, drawn and back: module_scene.cpp.
void bind_scene(nb::module_ &m);
