/* The flat C ABI of the pgsvc kernels (spec 8.4 to 8.6; the float twins serve encoder training).
 *
 * Freestanding: no allocation, no globals written, no exceptions, no threads; the caller owns all memory and hands out
 * disjoint row bands, tiles or splat ranges to threads. One table of functions exists per instruction set (see dispatch.h);
 * the integer kernel gives the same bits in all of them.
 *
 * All arrays are C-contiguous. H, W: rows and columns of the grid; C: components; N: splats; K: layers.
 *   int kernels    position  int32 [N,2]  centre cx, cy, Q8 luma samples           (spec 8.1)
 *                  form      int64 [N,3]  P, K, R of the quadratic form, Q32        (spec 8.3)
 *                  colour    int16 [N,C]  Q13
 *                  acc       int16 [C,H,W] Q13, arithmetic modulo 2^16              (spec 8.6), one for each octave; the
 *                                          strides are the grid's
 *   float kernels  geometry  float [N,5]  x, y, A, B, C in luma samples; u = A dx, v = B dy - C dx, q = u^2 + v^2
 *                  colour    float [N,C];  layers float [K,C,H,W];  starts int32 [K+1], splats of layer k are
 *                  starts[k] .. starts[k+1]-1
 */
#ifndef PGS_KERNEL_H
#define PGS_KERNEL_H

#include <stddef.h>
#include <stdint.h>

#include "scene.h"

/* The support of a splat is the ellipse q < 4, of the integer sum all but 2^-12 of it (spec 8.5). */
#define PGS_SUPPORT 4.0f

/* Planes of each component, each with half as many rows and columns as the one before, the last ones rounded up (8.5). */
#define PGS_OCTAVES 4

#ifdef __cplusplus
extern "C" {
#endif

/* Sampling grid of a plane group, Q8 luma samples (spec 8.4): column i lies at origin_x + i * step_x. Its sums: `row` from
 * one row to the next, at least the width and at most 2^17, `plane` from one component to the next. */
typedef struct pgs_grid_i32 {
    int32_t width, height, step_x, step_y, origin_x, origin_y;
    int32_t row;
    ptrdiff_t plane;
} pgs_grid_i32;

/* The same in luma samples. */
typedef struct pgs_grid_f32 {
    int32_t width, height;
    float step_x, step_y, origin_x, origin_y;
} pgs_grid_f32;

typedef struct pgs_splats_i32 {
    const int32_t *position;
    const int64_t *form;
    const int16_t *colour;
    ptrdiff_t count;
    int32_t components; /* 1..3 */
} pgs_splats_i32;

/* The octave that a splat is summed in, and the rows and columns of it that hold its support. */
typedef struct pgs_reach {
    int32_t splat;
    int32_t first_row, last_row, first_column, last_column;
    int32_t anchor; /* ic - 32, where a run starts (spec 8.5) */
    int32_t octave;
    int32_t is_low; /* 1: q stays below 2^31 at all these samples */
} pgs_reach;

/* Rows [top, top + rows) of an octave of a component, from the sums and the coarser octave (spec 8.7), and of these the columns
 * [left, left + columns). `left` is even. */
typedef struct pgs_join {
    const int16_t *coarser; /* [height, width], rows `coarser_row` apart */
    ptrdiff_t coarser_row;
    int32_t width, height;
    int32_t top, left, rows, columns;
    const int16_t *sums; /* from row `top` and column `left` on; NULL: all are 0 */
    int16_t *out;        /* likewise; may be `sums` */
    ptrdiff_t sums_row, out_row;
} pgs_join;

/* Entries starts[k] .. starts[k+1]-1 are layer k; entry i is the splat order[i]. */
typedef struct pgs_splats_f32 {
    const float *geometry, *colour;
    const int32_t *starts;
    const int32_t *order;
    float gain; /* of the colours */
    int32_t layers, components; /* components 1..3 */
} pgs_splats_f32;

/* A change of picture size, with the grid of a plane group (spec 8.4). */
typedef struct pgs_scale {
    int32_t width, height, new_width, new_height, step_x, step_y;
} pgs_scale;

/* Centre, form and colour of splats at another size; the form of `in` is not read, `factor` int32 [N,3] is A, B, C in
 * Q20 within the ranges of spec 8.3. The same in every instruction set, and no work worth one. */
void pgs_scale_splats(const pgs_scale *sizes, const int32_t *factor, const pgs_splats_i32 *in, int32_t *position,
                      int64_t *form, int16_t *colour);

/* The adaptive range coder's decoder (spec 7.9). `position` may pass `size`: what lies behind the data is zero. */
typedef struct pgs_range_reader {
    const uint8_t *data;
    uint64_t size, position;
    uint32_t code, range;
} pgs_range_reader;

/* Symbols below `size` from counts [contexts, size], which learn; context[i] picks the row. Not 0: the data is no code. */
int pgs_range_decode(pgs_range_reader *reader, uint16_t *counts, int32_t size, const int32_t *context, ptrdiff_t n,
                     int32_t *out);
/* Numbers below size[i], 1 .. 65536, all equally likely. */
int pgs_range_uniform(pgs_range_reader *reader, const int32_t *size, ptrdiff_t n, int32_t *out);

/* Planes of floats whose rows begin at multiples of 64 bytes and have room for whole vectors; what lies behind the grid's
 * width must be finite. Row, component and layer: floats from one to the next. */
typedef struct pgs_planes {
    float *data;
    ptrdiff_t row, component, layer;
} pgs_planes;

/* Most columns of a tile of float planes, and rows and columns of the cells by which its splats are noted. */
#define PGS_TILE_COLUMNS 256
#define PGS_CELL_COLUMNS 32
#define PGS_CELL_ROWS 4

/* The samples of the next octave that a tile, which begins at even rows and columns, takes from, and more: `x` columns and `y`
 * rows before the one amid the tile's first samples. Where they end without one more than are nearest to the tile's, their
 * plane ends. */
typedef struct pgs_coarse {
    pgs_planes planes;
    int32_t width, height, x, y;
} pgs_coarse;

/* What the sums of layers should come to. */
typedef struct pgs_levels {
    int32_t count, components;
    const float *weight;       /* [K,C] */
    /* Map: a factor for each sample, or NULL; given: samples of layers on top of which the others come, or NULL. */
    const float *target, *map, *given;
    ptrdiff_t columns, plane; /* of these from row to row, and from one component to the next */
    /* [K, rows of cells]: bit i of column i of cells is 1 where the planes hold samples. */
    const uint8_t *cells;
    float *room; /* K * PGS_LEVELS_ROOM, at a multiple of 64 bytes */
} pgs_levels;

#define PGS_LEVELS_ROOM (9 * (PGS_TILE_COLUMNS + 16))

typedef struct pgs_kernels {
    /* What splats reach, of those that reach anything; returns their number. There is room for all, and one more. */
    ptrdiff_t (*reach_i16)(const pgs_grid_i32 *grids, const pgs_splats_i32 *splats, pgs_reach *out);
    /* Adds (or subtracts) the rounded contributions of some splats of one octave, whose grid is `grid`, to its rows
     * [row_begin, row_end), of which acc holds the first one first: those of reach[order[i]] for i below count. */
    void (*sum_i16)(int16_t *acc, const pgs_grid_i32 *grid, const pgs_splats_i32 *splats, const pgs_reach *reach,
                    const int32_t *order, ptrdiff_t count, int subtract, int32_t row_begin, int32_t row_end);
    void (*join)(const pgs_join *rows);
    /* Samples of 8 or of 10 bits (spec 8.7). */
    void (*samples_8)(const int16_t *sums, ptrdiff_t count, uint8_t *out);
    void (*samples_10)(const int16_t *sums, ptrdiff_t count, uint16_t *out);
    /* Adds colour * weight of the splats of each layer to its planes. */
    void (*f32_forward)(const pgs_planes *planes, const pgs_grid_f32 *grid, const pgs_splats_f32 *splats);
    /* Gradients from those by the planes: gradients [entries, 5 + C] of x, y, A, B, C and colour, for each entry of
     * splats->order. */
    void (*f32_backward)(const pgs_planes *planes, const pgs_grid_f32 *grid, const pgs_splats_f32 *splats,
                         float *gradients);
    /* Adds the Gauss-Newton diagonal of entries [first, last), times `scale`, to curvature [N,6]: for x, y, A, B, C the
     * sum over samples of (dw/dparameter)^2 times sum_c channel_weight[c] * colour[c]^2; last column: the sum of w^2. */
    void (*f32_curvature)(float *curvature, const pgs_grid_f32 *grid, const pgs_splats_f32 *splats,
                          const float *channel_weight, float scale, int32_t first, int32_t last);
    /* Width x height samples of a tile: with S_k = sum_{j<=k} layer_j, of layers as the planes have them in their cells on top
     * of f32_enlarge (unless coarse is NULL), and r_k = S_k - target, each sample with its factor m: sse[k], double
     * [K,C], is sum m r_k^2, and gradient k is sum_{j>=k} 2 m weight_j r_j. Cells of the planes become that, and the
     * coarse planes what f32_reduce makes of it. */
    void (*f32_levels)(const pgs_planes *planes, int32_t width, int32_t height, const pgs_coarse *coarse,
                       const pgs_levels *levels, double *sse);
    /* Writes the planes of a tile: the coarse ones, enlarged, times 16, so that no product is needed. */
    void (*f32_enlarge)(const pgs_planes *planes, int32_t width, int32_t height, int32_t layers, int32_t components,
                        const pgs_coarse *coarse);
    /* The adjoint, times 16: writes the coarse planes; clears what of a row lies behind the width. */
    void (*f32_reduce)(const pgs_planes *planes, int32_t width, int32_t height, int32_t layers, int32_t components,
                       const pgs_coarse *coarse);
    /* Spots of splats [first, last). */
    void (*scene_project)(const pgs_camera *camera, const pgs_scene *scene, int32_t first, int32_t last, pgs_spot *spots);
    /* Writes the pixels of a tile, and what was seen of its entries; those are zero before. */
    void (*scene_blend)(const pgs_scene_tile *tile, const pgs_spot *spots, const pgs_scene_view *view);
    /* Writes sums [tile->count, PGS_SPOT_SUMS], which are zero before: of s, s u, s dy, s u^2, s u dy, s dy^2 with s the
     * gradient by log(alpha), and the gradients by the colour. */
    void (*scene_blend_backward)(const pgs_scene_tile *tile, const pgs_spot *spots, const pgs_scene_adjoint *adjoint,
                                 float *sums);
    /* Writes the gradients by splat n from the sums of its spot. */
    void (*scene_project_backward)(const pgs_camera *camera, const pgs_scene *scene, int32_t n, const pgs_spot *spot,
                                   const float *sums, const pgs_scene_gradients *gradients);
} pgs_kernels;

#ifdef __cplusplus
}
#endif
#endif
