"""The options of pgsvc-enc that are about scenes."""

from __future__ import annotations

import argparse

DESTINATIONS = {
    "quality", "quality_layers", "slices", "tiles", "layering", "importance", "repair", "frame", "units", "kernel",
    "colour_space", "labels", "no_views", "adapt", "growth", "drop",
}  # fmt: skip
TRAINING = {"method", "iterations", "sh_degree", "background", "downscale", "test", "hold", "images"}


def add_scene_options(p: argparse.ArgumentParser) -> None:
    g = p.add_argument_group(
        "scenes", "beside --layers, --splats and --order, such as --layers 4 --splats 200000 --quality 65 --drop 0.1"
    )
    g.add_argument(
        "--quality",
        type=float,
        metavar="Q",
        help="0–100, how finely positions, shapes and colours are rounded (default 60); "
        "10 more halve the steps, so 70 takes more bytes",
    )
    g.add_argument(
        "--quality-layers",
        type=int,
        metavar="N",
        help="the last N of the layers hold no splats but make those below finer (default 0): --layers 4 --quality-layers 1 are "
        "three layers of splats and one of precision",
    )
    g.add_argument(
        "--adapt",
        type=int,
        metavar="N",
        help="steps in which opacities and colours make up for the rounding of shapes and places, in rendered views (default 72); "
        "--adapt 0 is much faster",
    )
    g.add_argument(
        "--slices",
        type=int,
        metavar="N",
        help="parts that each layer is sent in, important splats first (default 3): what has arrived of a layer is shown too",
    )
    g.add_argument(
        "--tiles",
        type=int,
        metavar="N",
        help="cut space into N parts (default 1), so that pgsvc-dec --tiles 1,3 or pgsvc-cut --tiles 1,3 takes some alone",
    )
    g.add_argument(
        "--growth",
        type=int,
        metavar="VIEWS",
        help="rendered views in which it is found how much larger the splats of each beginning are shown, until others come "
        "(default 4); --growth 0: not at all",
    )
    g.add_argument(
        "--layering",
        choices=("mixed", "importance", "octree"),
        help="what comes first: the most important splats, those of each cell of an octree, evenly all over the scene, or those of "
        "each cell in the lower half of the layers and then the most important ones (mixed, default)",
    )
    g.add_argument(
        "--importance",
        choices=("auto", "volume", "weight"),
        help="how important a splat is: what it adds to rendered views (weight; so does auto, the default), or opacity times "
        "volume (volume), which takes no rendering",
    )
    g.add_argument(
        "--repair",
        action="store_true",
        help="mend or leave out splats with numbers that none can have, such as NaN or infinite opacity, and say so, instead of "
        "refusing the file",
    )
    g.add_argument(
        "--frame",
        "--axes",
        metavar="NAME",
        help="where x, y and z point, one letter each (right or left, up or down, forward or back): rdf, rub, luf, ruf, lub, rfu, "
        "flu, or unspecified; replaces what the input says, turns nothing",
    )
    g.add_argument(
        "--units",
        type=float,
        metavar="METRES",
        help="length of a unit of the scene, such as 0.01 for centimetres (default: what the input says, if anything)",
    )
    g.add_argument(
        "--kernel",
        metavar="NAME",
        help="how renderers widen splats, replaces what the input says: classic (by 0.3 pixel², as most training programs), "
        "antialiased (the same, energy kept) or none",
    )
    g.add_argument(
        "--colour-space",
        metavar="NAME",
        help="srgb_rec709_display (usual) or lin_rec709_display (linear light); replaces what the input says, changes no colour",
    )
    g.add_argument(
        "--labels",
        metavar="FILE",
        help='the object, 0–15, of each splat in the order of the input: an array in a .npy, or a text such as "0 0 1"; each '
        "object has layers of its own (pgsvc-dec --objects 1)",
    )
    g.add_argument(
        "--no-views",
        action="store_true",
        help="leave PSNR and SSIM out of the report; measuring them in rendered test views takes time",
    )
    g.add_argument(
        "--drop",
        type=float,
        metavar="T",
        help="leave out splats of which rendered views lose less than the share T, 0 to 1, of what their bits are worth at this "
        "quality; --drop 0.1 takes what is hidden or next to nothing (default 0: none)",
    )


def add_training_options(p: argparse.ArgumentParser) -> None:
    g = p.add_argument_group(
        "posed pictures",
        "beside --layers, --splats (default 20000 at the top), --seed, --resume and the options of scenes",
    )
    g.add_argument(
        "--method",
        choices=("joint", "layered", "recover", "sort"),
        help="how layers are trained: all levels in turn (joint, default); one after the other over frozen ones (layered), or so "
        "from a whole model (recover, as L3GS); a whole model sorted by importance (sort)",
    )
    g.add_argument("--iterations", type=int, metavar="N", help="pictures looked at in all (default 6000)")
    g.add_argument("--sh-degree", type=int, metavar="N", help="of the colours, 0–3 (default 2)")
    g.add_argument("--background", choices=("white", "black"), help="behind pictures with alpha (default white)")
    g.add_argument("--downscale", type=int, metavar="N", help="make pictures N times smaller (default 1)")
    g.add_argument(
        "--test",
        metavar="FILE",
        help="a transforms.json of pictures that nothing is trained with and every level is compared with (default: "
        "transforms_test.json beside a transforms_train.json)",
    )
    g.add_argument(
        "--hold",
        type=int,
        metavar="N",
        help="without such a file, keep every N-th picture for the test (default 8; 0: none)",
    )
    g.add_argument("--images", metavar="FOLDER", help="where the pictures of a COLMAP model are")
