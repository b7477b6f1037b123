/* The flat C ABI of the scene kernels: 3D Gaussian splats seen by a pinhole camera. Part of pgs_kernel.h, whose rules hold.
 *
 * A splat is projected to a spot, an ellipse of the picture [EWA: Zwicker et al. 2001], and spots are blended from front to
 * back in tiles of PGS_TILE x PGS_TILE pixels [Kerbl et al. 2023]. The support of a spot is where its alpha is at least
 * 1 / 255, as in gsplat 1.5 [Ye et al. 2024]: no pixel depends on the size of the tiles.
 *
 * N: splats; K: coefficients behind the constant one, 0, 3, 8 or 15; H, W: rows and columns of the picture.
 */
#ifndef PGS_SCENE_H
#define PGS_SCENE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { PGS_TILE = 16, PGS_SPOT_SUMS = 9 };

/* x right, y down, z forward; column i of the picture has its centre at i + 0.5. */
typedef struct pgs_camera {
    float rotation[9], translation[3]; /* from the scene to the camera, by rows */
    float centre[3];                   /* in the scene */
    float fx, fy, cx, cy;              /* pixels */
    float near_plane;                  /* splats whose centre is nearer are not drawn; positive */
    float dilation;                    /* pixel^2, added to the projected covariance */
    int32_t compensate;                /* opacity falls as the area grows by it [Mip-Splatting: Yu et al. 2024] */
    int32_t width, height;
} pgs_camera;

typedef struct pgs_scene {
    const float *position, *log_scale, *rotation; /* [N,3], [N,3], [N,4] w x y z of any length but 0 */
    const float *opacity;                         /* [N], logits */
    const float *sh_dc, *sh_rest;                 /* [N,3], [N,K,3] */
    int32_t count, rest;
} pgs_scene;

/* log2(alpha) at (dx, dy) from the centre is peak - u^2 - m dy^2 with u = l (dx + k dy): no needle is thin enough for
 * its terms to cancel. */
typedef struct pgs_spot {
    float x, y, l, k, m, peak;
    float colour[3], depth;
    float reach_x, reach_y; /* of the support, from the centre, with some slack for rounding; negative: not to be seen */
} pgs_spot;

/* Spots order[0 .. count - 1], from front to back, may reach these pixels of the picture. */
typedef struct pgs_scene_tile {
    int32_t left, top, width, height;
    const int32_t *order;
    int32_t count;
} pgs_scene_tile;

/* Outputs of the blending; `columns` pixels from row to row; depth, weight and hits may be NULL. */
typedef struct pgs_scene_view {
    float *rgb, *alpha, *depth; /* [H,W,3] on the background, [H,W], [H,W] sum of alpha T z */
    int32_t columns;
    float background[3];
    float *weight; /* for each entry of tile->order: the sum of alpha T over the tile, */
    int32_t *hits; /* and of how many pixels */
} pgs_scene_view;

/* What the blending gave, and gradients by it. */
typedef struct pgs_scene_adjoint {
    const float *rgb, *alpha, *grad_rgb, *grad_alpha;
    int32_t columns;
} pgs_scene_adjoint;

/* Gradients by pgs_scene; mean [N,2] is that by the centre of the spot, per pixel. */
typedef struct pgs_scene_gradients {
    float *position, *log_scale, *rotation, *opacity, *sh_dc, *sh_rest, *mean;
} pgs_scene_gradients;

#ifdef __cplusplus
}
#endif
#endif
