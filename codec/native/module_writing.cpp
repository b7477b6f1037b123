// Python binding of what only writers of streams need: the encoder of the range coder.
#include <algorithm>
#include <numeric>

#include "binding.h"
#include "range_writer.h"

namespace {

template <typename T>
using Flat = Array<T, 1>;

void write_adaptive(pgs::RangeWriter &w, Array<uint16_t, 2> counts, Flat<const int32_t> context,
                    Flat<const int32_t> values) {
    const int32_t rows = size(counts, 0), alphabet = size(counts, 1);
    const size_t n = context.shape(0);
    require(values.shape(0) == n, "one context for each symbol");
    for (size_t i = 0; i < n; i++) {
        require(context.data()[i] >= 0 && context.data()[i] < rows, "no such context");
        require(values.data()[i] >= 0 && values.data()[i] < alphabet, "no such symbol");
    }
    for (int32_t row = 0; row < rows; row++) {
        const uint16_t *c = counts.data() + ptrdiff_t(alphabet) * row;
        require(std::all_of(c, c + alphabet, [](uint16_t v) { return v > 0; }) &&
                    std::accumulate(c, c + alphabet, uint64_t(0)) <= 1u << 15,
                "counts must be positive and sum to 2^15 at the most");
    }
    nb::gil_scoped_release release;
    for (size_t i = 0; i < n; i++)
        w.symbol(counts.data() + ptrdiff_t(alphabet) * context.data()[i], alphabet, values.data()[i]);
}

void write_uniform(pgs::RangeWriter &w, Flat<const int32_t> sizes, Flat<const int32_t> values) {
    require(values.shape(0) == sizes.shape(0), "one size for each number");
    for (size_t i = 0; i < sizes.shape(0); i++) {
        require(sizes.data()[i] >= 1 && sizes.data()[i] <= 65536, "sizes must be in 1..65536");
        require(values.data()[i] >= 0 && values.data()[i] < sizes.data()[i], "a number must be below its size");
    }
    nb::gil_scoped_release release;
    for (size_t i = 0; i < sizes.shape(0); i++) w.number(uint32_t(sizes.data()[i]), uint32_t(values.data()[i]));
}

nb::bytes write_finish(pgs::RangeWriter &w) {
    const auto out = w.finish();
    return nb::bytes(reinterpret_cast<const char *>(out.data()), out.size());
}

} // namespace

void bind_writing(nb::module_ &m) {
    auto a = [](const char *name) { return nb::arg(name).noconvert(); };
    nb::class_<pgs::RangeWriter>(m, "RangeWriter", "The encoder of the adaptive range coder (spec 7.9).")
        .def(nb::init<>())
        .def("adaptive", &write_adaptive, a("counts"), a("context"), a("values"))
        .def("uniform", &write_uniform, a("sizes"), a("values"))
        .def("align", &pgs::RangeWriter::align, "Makes the range a power of two, the next one below.")
        .def("bits", &pgs::RangeWriter::bits, "Bits so far, a fraction for what no whole byte shows yet.")
        .def("finish", &write_finish);
}
