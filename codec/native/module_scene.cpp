// Binding of the scene kernels: projection, lists of tiles, blending, and all the way back (see scene.h).
#include <algorithm>
#include <cstring>
#include <optional>
#include <vector>

#include <nanobind/stl/optional.h>

#include "binding.h"
#include "scene_lists.h"

namespace {

template <typename T, int D>
using Maybe = std::optional<Array<T, D>>;
template <typename T, int C>
using Columns = nb::ndarray<T, nb::shape<-1, C>, nb::c_contig, nb::device::cpu>;
template <typename T>
using Rest = nb::ndarray<T, nb::shape<-1, -1, 3>, nb::c_contig, nb::device::cpu>;
using Numbers = nb::ndarray<const float, nb::shape<20>, nb::c_contig, nb::device::cpu>;
using Background = nb::ndarray<const float, nb::shape<3>, nb::c_contig, nb::device::cpu>;

constexpr int32_t SPLATS_PER_JOB = 1024;
constexpr float DILATION = 0.3f; // pixel^2

pgs_camera camera_of(const Numbers &numbers, int32_t kernel, int32_t width, int32_t height) {
    require(kernel >= 0 && kernel <= 2, "kernel must be 0 classic, 1 antialiased or 2 none");
    require(width >= 1 && width <= 65535 && height >= 1 && height <= 65535, "sizes must be in 1..65535");
    pgs_camera c{};
    const float *v = numbers.data();
    std::copy_n(v, 9, c.rotation);
    std::copy_n(v + 9, 3, c.translation);
    std::copy_n(v + 12, 3, c.centre);
    c.fx = v[15], c.fy = v[16], c.cx = v[17], c.cy = v[18], c.near_plane = v[19];
    require(c.near_plane > 0 && c.fx > 0 && c.fy > 0, "focal lengths and the near plane must be positive");
    c.dilation = kernel == 2 ? 0 : DILATION;
    c.compensate = kernel == 1;
    c.width = width, c.height = height;
    return c;
}

using Three = Columns<const float, 3>;
using Four = Columns<const float, 4>;
using One = Array<const float, 1>;

pgs_scene scene_of(const Three &position, const Three &log_scale, const Four &rotation, const One &opacity,
                   const Three &sh_dc, const Rest<const float> &sh_rest) {
    const size_t n = position.shape(0);
    require(log_scale.shape(0) == n && rotation.shape(0) == n && opacity.shape(0) == n && sh_dc.shape(0) == n &&
                sh_rest.shape(0) == n,
            "N must agree");
    const int32_t rest = size(sh_rest, 1);
    require(rest == 0 || rest == 3 || rest == 8 || rest == 15, "sh_rest must have 0, 3, 8 or 15 coefficients");
    return {position.data(), log_scale.data(), rotation.data(), opacity.data(), sh_dc.data(), sh_rest.data(),
            size(position, 0), rest};
}

template <typename Job>
void by_splats(int32_t count, int threads, const Job &job) {
    pgs_parallel((count + SPLATS_PER_JOB - 1) / SPLATS_PER_JOB, threads, [&](int j) {
        job(j * SPLATS_PER_JOB, std::min(count, (j + 1) * SPLATS_PER_JOB));
    });
}

std::vector<pgs_spot> spots_of(const pgs_kernels &k, const pgs_camera &camera, const pgs_scene &scene, int threads) {
    std::vector<pgs_spot> spots(scene.count);
    by_splats(scene.count, threads,
              [&](int32_t first, int32_t last) { k.scene_project(&camera, &scene, first, last, spots.data()); });
    return spots;
}

void scene_spots(Three position, Three log_scale, Four rotation, One opacity, Three sh_dc, Rest<const float> sh_rest,
                 Numbers camera, int32_t width, int32_t height, int32_t kernel, Columns<float, 12> out, int isa, int threads) {
    static_assert(sizeof(pgs_spot) == 12 * sizeof(float));
    const pgs_kernels &k = kernels(isa);
    const auto scene = scene_of(position, log_scale, rotation, opacity, sh_dc, sh_rest);
    const auto c = camera_of(camera, kernel, width, height);
    require(size(out, 0) == scene.count, "out must be [N, 12]");
    nb::gil_scoped_release release;
    const auto spots = spots_of(k, c, scene, threads);
    std::memcpy(out.data(), spots.data(), spots.size() * sizeof(pgs_spot));
}

void scene_render(Three position, Three log_scale, Four rotation, One opacity, Three sh_dc, Rest<const float> sh_rest,
                  Numbers camera, int32_t kernel, Background background, Rest<float> rgb, Array<float, 2> alpha,
                  Maybe<float, 2> depth, Maybe<float, 1> weight, Maybe<int32_t, 1> hits, int isa, int threads) {
    const pgs_kernels &k = kernels(isa);
    const int32_t height = size(rgb, 0), width = size(rgb, 1);
    const auto scene = scene_of(position, log_scale, rotation, opacity, sh_dc, sh_rest);
    const auto c = camera_of(camera, kernel, width, height);
    require(size(alpha, 0) == height && size(alpha, 1) == width, "alpha must be [H, W]");
    require(!depth || (size(*depth, 0) == height && size(*depth, 1) == width), "depth must be [H, W]");
    require(weight.has_value() == hits.has_value(), "weight and hits come together");
    require(!weight || (size(*weight, 0) == scene.count && size(*hits, 0) == scene.count), "weight and hits must be [N]");
    pgs_scene_view view{rgb.data(), alpha.data(), depth ? depth->data() : nullptr, width, {}, nullptr, nullptr};
    std::copy_n(background.data(), 3, view.background);
    nb::gil_scoped_release release;
    const auto spots = spots_of(k, c, scene, threads);
    const SceneLists lists(spots, width, height, weight.has_value(), threads);
    std::vector<float> weights(weight ? lists.entries() : 0);
    std::vector<int32_t> counts(weights.size());
    pgs_parallel(lists.tiles(), threads, [&](int t) {
        const auto tile = lists.tile(t);
        auto part = view;
        if (weight) part.weight = weights.data() + lists.first(t), part.hits = counts.data() + lists.first(t);
        k.scene_blend(&tile, lists.spots(), &part);
    });
    if (!weight) return;
    std::fill_n(weight->data(), scene.count, 0.0f);
    std::fill_n(hits->data(), scene.count, 0);
    for (int32_t rank = 0; rank < lists.seen(); rank++)
        lists.entries_of(rank, [&](size_t entry) {
            weight->data()[lists.splat(rank)] += weights[entry];
            hits->data()[lists.splat(rank)] += counts[entry];
        });
}

void scene_backward(Three position, Three log_scale, Four rotation, One opacity, Three sh_dc, Rest<const float> sh_rest,
                    Numbers camera, int32_t kernel, Rest<const float> rgb, Array<const float, 2> alpha,
                    Rest<const float> grad_rgb, Maybe<const float, 2> grad_alpha, Columns<float, 3> by_position,
                    Columns<float, 3> by_log_scale, Columns<float, 4> by_rotation, Array<float, 1> by_opacity,
                    Columns<float, 3> by_sh_dc, Rest<float> by_sh_rest, Columns<float, 2> by_mean, int isa, int threads) {
    const pgs_kernels &k = kernels(isa);
    const int32_t height = size(rgb, 0), width = size(rgb, 1);
    const auto scene = scene_of(position, log_scale, rotation, opacity, sh_dc, sh_rest);
    const auto c = camera_of(camera, kernel, width, height);
    require(size(alpha, 0) == height && size(alpha, 1) == width && size(grad_rgb, 0) == height && size(grad_rgb, 1) == width &&
                (!grad_alpha || (size(*grad_alpha, 0) == height && size(*grad_alpha, 1) == width)),
            "pictures and their gradients must be [H, W]");
    for (size_t n : {by_position.shape(0), by_log_scale.shape(0), by_rotation.shape(0), by_opacity.shape(0),
                     by_sh_dc.shape(0), by_sh_rest.shape(0), by_mean.shape(0)})
        require(n == size_t(scene.count), "N must agree");
    require(size(by_sh_rest, 1) == scene.rest, "K must agree");
    const pgs_scene_adjoint adjoint{rgb.data(), alpha.data(), grad_rgb.data(), grad_alpha ? grad_alpha->data() : nullptr, width};
    const pgs_scene_gradients out{by_position.data(), by_log_scale.data(), by_rotation.data(), by_opacity.data(),
                                  by_sh_dc.data(), by_sh_rest.data(), by_mean.data()};
    nb::gil_scoped_release release;
    const auto spots = spots_of(k, c, scene, threads);
    const SceneLists lists(spots, width, height, true, threads);
    std::vector<float> entries(lists.entries() * PGS_SPOT_SUMS), sums(size_t(scene.count) * PGS_SPOT_SUMS);
    pgs_parallel(lists.tiles(), threads, [&](int t) {
        const auto tile = lists.tile(t);
        k.scene_blend_backward(&tile, lists.spots(), &adjoint, entries.data() + lists.first(t) * PGS_SPOT_SUMS);
    });
    by_splats(lists.seen(), threads, [&](int32_t first, int32_t last) { // in an order that no thread changes
        for (int32_t rank = first; rank < last; rank++) {
            float *sum = sums.data() + size_t(lists.splat(rank)) * PGS_SPOT_SUMS;
            lists.entries_of(rank, [&](size_t entry) {
                for (int i = 0; i < PGS_SPOT_SUMS; i++) sum[i] += entries[entry * PGS_SPOT_SUMS + i];
            });
        }
    });
    by_splats(scene.count, threads, [&](int32_t first, int32_t last) {
        for (int32_t n = first; n < last; n++)
            k.scene_project_backward(&c, &scene, n, &spots[n], sums.data() + size_t(n) * PGS_SPOT_SUMS, &out);
    });
}

} // namespace

void bind_scene(nb::module_ &m) {
    auto a = [](const char *name) { return nb::arg(name).noconvert(); };
    m.def("scene_spots", &scene_spots, a("position"), a("log_scale"), a("rotation"), a("opacity"), a("sh_dc"),
          a("sh_rest"), a("camera"), "width"_a, "height"_a, "kernel"_a, a("out"), "isa"_a, "threads"_a,
          "Project splats to spots [N,12]: x, y, l, k, m, peak, red, green, blue, depth, reach x and y.");
    m.def("scene_render", &scene_render, a("position"), a("log_scale"), a("rotation"), a("opacity"), a("sh_dc"),
          a("sh_rest"), a("camera"), "kernel"_a, a("background"), a("rgb"), a("alpha"), a("depth").none(),
          a("weight").none(), a("hits").none(), "isa"_a, "threads"_a,
          "Draw splats to rgb [H,W,3] and alpha [H,W], perhaps depth [H,W], and weight and hits [N]; camera [20] is "
          "rotation, translation, centre, fx, fy, cx, cy, near plane; kernel 0 classic, 1 antialiased, 2 none.");
    m.def("scene_backward", &scene_backward, a("position"), a("log_scale"), a("rotation"), a("opacity"), a("sh_dc"),
          a("sh_rest"), a("camera"), "kernel"_a, a("rgb"), a("alpha"), a("grad_rgb"), a("grad_alpha").none(),
          a("by_position"), a("by_log_scale"), a("by_rotation"), a("by_opacity"), a("by_sh_dc"), a("by_sh_rest"),
          a("by_mean"), "isa"_a, "threads"_a,
          "Gradients by all numbers of the splats, and by their centres in the picture [N,2], from those by what "
          "scene_render made, which are given with it.");
}
