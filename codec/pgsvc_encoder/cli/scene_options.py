"""The options of pgsvc-enc that are about scenes."""

from __future__ import annotations

import argparse

DESTINATIONS = {
    "quality", "quality_layers", "slices", "tiles", "layering", "importance", "repair", "frame", "units", "kernel",
    "colour_space", "labels", "no_views", "adapt", "growth", "drop",
}  # fmt: skip
TRAINING = {"method", "iterations", "sh_degree", "background", "downscale", "test", "hold", "images"}


def add_scene_options(p: argparse.ArgumentParser) -> None:
    g = p.add_argument_group("scenes", "beside --layers, --splats and --order")
    g.add_argument(
        "--quality",
        type=float,
        metavar="Q",
        help="0–100, how fine the numbers are: 10 more are half the steps (default 60)",
    )
    g.add_argument(
        "--quality-layers",
        type=int,
        metavar="N",
        help="how many of the layers, the last ones, hold no splats but make those below finer (default 0)",
    )
    g.add_argument(
        "--adapt",
        type=int,
        metavar="N",
        help="iterations in which opacities and colours make up for the rounding of shapes and places, in rendered views "
        "(default 72; 0: none, much faster)",
    )
    g.add_argument(
        "--growth",
        type=int,
        metavar="VIEWS",
        help="rendered views in which it is found how much larger the splats of each beginning are shown, until others come "
        "(default 4; 0: not at all)",
    )
    g.add_argument("--slices", type=int, metavar="N", help="of each layer; every one that arrives is shown (default 3)")
    g.add_argument("--tiles", type=int, metavar="N", help="parts of space that are decoded apart (default 1)")
    g.add_argument(
        "--layering",
        choices=("mixed", "importance", "octree"),
        help="what comes first: the most important splats, those of each cell of an octree, or those of each cell in the lower "
        "half of the layers and then the most important ones (mixed, default)",
    )
    g.add_argument(
        "--importance",
        choices=("auto", "volume", "weight"),
        help="of a splat: its opacity by its volume, or its share of rendered views (weight; auto, the default, is that)",
    )
    g.add_argument(
        "--repair", action="store_true", help="mend numbers that no splat can have, instead of refusing them"
    )
    g.add_argument(
        "--frame",
        "--axes",
        metavar="NAME",
        help="where x, y, z point: rdf (right, down, forward), rub, luf, ruf, lub, rfu, flu or unspecified, whatever "
        "the input says",
    )
    g.add_argument("--units", type=float, metavar="METRES", help="length of a unit of the scene (default: not known)")
    g.add_argument(
        "--kernel",
        metavar="NAME",
        help="what renderers add to splats: classic (0.3 pixel²), antialiased (the same, energy kept) or none",
    )
    g.add_argument(
        "--colour-space", metavar="NAME", help="srgb_rec709_display or lin_rec709_display, whatever the input says"
    )
    g.add_argument(
        "--labels", metavar="FILE", help="an object, 0–15, for each splat of the input: .npy, or integers in a text"
    )
    g.add_argument(
        "--no-views", action="store_true", help="do not measure levels in rendered test views, which takes time"
    )
    g.add_argument(
        "--drop",
        type=float,
        metavar="T",
        help="leave out splats that add less than T of what the average splat adds to rendered views (default 0: none)",
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
    g.add_argument("--test", metavar="FILE", help="a transforms.json of pictures that are for tests alone")
    g.add_argument("--hold", type=int, metavar="N", help="else every N-th picture is (default 8; 0: none)")
    g.add_argument("--images", metavar="FOLDER", help="where the pictures of a COLMAP model are")
