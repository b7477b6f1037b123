"""pgsvc-enc: encode pictures and video into a layered .pgs stream."""

from __future__ import annotations

import argparse
import itertools
import json
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pgsvc.cli.common import note, parser, refuse_same_file, run

if TYPE_CHECKING:
    import torch

    from pgsvc_encoder.settings import Settings
    from pgsvc_encoder.source import Source
    from pgsvc_encoder.targets import Targets

NAME = "pgsvc-enc"
Number = TypeVar("Number", int, float)
EXAMPLES = """\
  pgsvc-enc photo.png photo.pgs                        three layers, medium effort
  pgsvc-enc in_352x288_30fps.yuv out.pgs --layers 3    raw video, size from the name
  pgsvc-enc in.yuv out.pgs --size 352x288 --fps 30     raw video, size given
  pgsvc-enc clip.mp4 out.pgs --frames 30 --splats 4000 --preset fast
  ffmpeg -i clip.mkv -f yuv4mpegpipe - | pgsvc-enc - out.pgs
  pgsvc-enc photo.png out.pgs --splats 2000,5000,9000 --scalability resolution
  pgsvc-enc photo.png out.pgs --bpp 0.1,0.2,0.4        bits per pixel of each level; --psnr 27,30,32: its quality
  pgsvc-enc long.mkv out.pgs --resume                  go on after an interruption"""


def build_parser() -> argparse.ArgumentParser:
    p = parser(NAME, "Encode a picture or a video into layers of 2D Gaussian splats.", EXAMPLES)
    p.add_argument("input", help="raw YUV, Y4M, PNG, JPEG, any video that PyAV reads, or - for standard input")
    p.add_argument("output", help=".pgs file")
    g = p.add_argument_group("stream")
    g.add_argument("--layers", type=int, metavar="N", help="number of layers, 1–16 (default 3)")
    g.add_argument(
        "--splats",
        metavar="N[,N…]",
        help="splats per frame, all layers together (default: 1 per 44 pixels), or of each level: 3000,6000,9000",
    )
    g.add_argument(
        "--bpp",
        metavar="X[,X…]",
        help="instead of --splats: bits per pixel of the top level, or of each level; the splats are searched for",
    )
    g.add_argument(
        "--psnr",
        metavar="X[,X…]",
        help="instead of --splats: PSNR in dB (RGB, grey or luma) of the top level, or of each level",
    )
    g.add_argument(
        "--scalability",
        choices=("quality", "resolution"),
        default="quality",
        help="all levels at full size (default), or each level at a size that fits its splats",
    )
    g.add_argument("--sizes", metavar="WxH,…", help="size of each level, the last that of the picture")
    g.add_argument(
        "--gop",
        type=int,
        default=32,
        metavar="N",
        help="frames per segment at the most, key frame included (default 32)",
    )
    g.add_argument(
        "--key-frames",
        choices=("fixed", "difference", "dynamic"),
        default="difference",
        help="where segments begin: every --gop frames; also where a picture is unlike the one before (default); "
        "or also where trial fits say so, which takes longer than the encoding and reads the input twice",
    )
    g.add_argument(
        "--order",
        choices=("segment", "layer"),
        default="segment",
        help="progression: for streaming, or for progressive download",
    )
    g = p.add_argument_group("input")
    g.add_argument("--frames", "--limit", type=int, metavar="N", help="encode at most N frames")
    g.add_argument("--skip", type=int, default=0, metavar="N", help="leave out the first N frames")
    g.add_argument("--size", metavar="WxH", help="of raw video, if its name does not tell")
    g.add_argument("--pix-fmt", metavar="NAME", help="of raw video: yuv420p (default), yuv422p, yuv444p, gray, …10le")
    g.add_argument("--depth", type=int, choices=(8, 10), help="bits per sample of raw video")
    g.add_argument("--fps", metavar="RATE", help="frames per second, such as 30 or 30000/1001")
    g.add_argument("--input-kind", metavar="KIND", help="y4m, yuv, still or video, whatever the name says")
    g = p.add_argument_group("effort")
    g.add_argument(
        "--preset", choices=("fast", "medium", "slow"), default="medium", help="time against quality (default medium)"
    )
    g.add_argument(
        "--training",
        choices=("joint", "cyclic", "random", "sequential", "pruning", "monolithic"),
        default="joint",
        help="how layers are trained (default joint; the others are there to be compared with)",
    )
    g.add_argument("--level-weights", metavar="W,…", help="of the levels' errors in joint training, base first")
    g.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where to fit (this version: cpu)")
    g.add_argument("--threads", type=int, default=0, metavar="N", help="0 = one per core (default)")
    g.add_argument("--seed", type=int, default=0, metavar="N", help="of every random choice (default 0)")
    g = p.add_argument_group("running")
    g.add_argument("--report", metavar="FILE", help="write the report as JSON")
    g.add_argument("--resume", action="store_true", help="keep the finished segments of an interrupted encode")
    return p


def check_extras() -> None:
    """Raises MissingExtra with the pip line if the encoder's libraries are not installed."""
    import importlib.util

    from pgsvc.errors import MissingExtra

    if any(importlib.util.find_spec(name) is None for name in ("torch", "tqdm", "PIL", "av", "pytorch_msssim")):
        raise MissingExtra("encoding", "encoder")


def check_device(device: str) -> None:
    """This version fits on the CPU only.

    Raises:
        UsageError: cuda was asked for.
    """
    from pgsvc.errors import UsageError

    if device == "cuda":
        raise UsageError("--device cuda: this version has no GPU kernels yet; use --device cpu")


def settings_from(a: argparse.Namespace) -> Settings:
    """Checked settings.

    Raises:
        UsageError: a value is out of range.
    """
    from pgsvc.errors import UsageError
    from pgsvc_encoder.settings import Settings

    splats = None if a.splats is None else _numbers("--splats", a.splats, int)
    sizes = None if a.sizes is None else tuple(_size(text) for text in a.sizes.split(","))
    targets = _targets(a)
    asked = None if targets is None else targets.values
    listed = [len(x) for x in (splats, asked, sizes) if x is not None and len(x) > 1]
    layers = a.layers if a.layers is not None else (listed or [3])[0]
    if not 1 <= layers <= 16:
        raise UsageError(f"--layers {layers}: a stream has 1 to 16 layers")
    if splats is not None and len(splats) not in (1, layers):
        raise UsageError(f"--splats {a.splats}: give one number, or one for each of the {layers} levels")
    if splats is not None and not layers <= max(splats) <= 1 << 24:
        raise UsageError(
            f"--splats {a.splats}: give at least one for each of the {layers} layers, and at most {1 << 24}"
        )
    if splats is not None and (splats[0] < 1 or any(x >= y for x, y in itertools.pairwise(splats))):
        raise UsageError(f"--splats {a.splats}: the numbers must rise from level to level")
    if targets is not None and len(targets.values) not in (1, layers):
        raise UsageError(
            f"--{targets.kind} {getattr(a, targets.kind)}: give one number, or one for each of the {layers} levels"
        )
    weights = None if a.level_weights is None else _numbers("--level-weights", a.level_weights, float)
    if weights is not None and (len(weights) != layers or min(weights) < 0 or weights[-1] <= 0):
        raise UsageError(
            f"--level-weights {a.level_weights}: give one number ≥ 0 for each of the {layers} levels, the last > 0"
        )
    if a.training == "monolithic" and layers > 1:
        raise UsageError(
            "--training monolithic makes one model for each level, which is not a layered stream; encode each with --layers 1"
        )
    if a.gop < 1:
        raise UsageError(f"--gop {a.gop}: a segment has at least its key frame; give 1 or more")
    if a.seed < 0 or a.threads < 0:
        raise UsageError("--seed and --threads must not be negative")
    return Settings(
        layers=layers,
        splats=splats[0] if splats is not None and len(splats) == 1 else splats,
        targets=targets,
        scalability=a.scalability if sizes is None else "resolution",
        sizes=sizes,
        gop=a.gop,
        key_frames=a.key_frames,
        order=a.order,
        seed=a.seed,
        preset=a.preset,
        threads=a.threads,
        training_name=a.training,
        level_weights=weights,
    )


def _targets(a: argparse.Namespace) -> Targets | None:
    """What is asked for in place of a number of splats.

    Raises:
        UsageError: more than one way is used, or the numbers make no sense.
    """
    from pgsvc.errors import UsageError
    from pgsvc_encoder.targets import Targets

    ways = [name for name in ("splats", "bpp", "psnr") if getattr(a, name) is not None]
    if len(ways) > 1:
        raise UsageError(f"{' and '.join('--' + name for name in ways)}: give only one of --splats, --bpp and --psnr")
    if not ways or ways == ["splats"]:
        return None
    kind, text = ways[0], getattr(a, ways[0])
    values = _numbers(f"--{kind}", text, float)
    if not all(0 < v < math.inf for v in values):
        raise UsageError(f"--{kind} {text}: the numbers must be greater than 0")
    if any(x >= y for x, y in itertools.pairwise(values)):
        raise UsageError(f"--{kind} {text}: the numbers must rise from level to level")
    return Targets(kind, values)


def _numbers(option: str, text: str, kind: Callable[[str], Number]) -> tuple[Number, ...]:
    """Numbers separated by commas.

    Raises:
        UsageError: something else is there.
    """
    from pgsvc.errors import UsageError

    try:
        return tuple(kind(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"{option} {text}: numbers separated by commas are wanted") from None


def _size(text: str) -> tuple[int, int]:
    from pgsvc.errors import UsageError

    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise UsageError(f"--sizes: '{text}' is not of the form WxH")
    return int(width), int(height)


class ProgressBar:
    """tqdm over fit iterations, with the time left and the current top-level PSNR.

    How many key frames will come is not known: the total takes the longest segments for granted and is corrected at each key frame.
    """

    def __init__(self, settings: Settings, source: Source, *, quiet: bool) -> None:
        from tqdm import tqdm

        effort = settings.effort()
        self._quiet = quiet
        self._key = effort.schedule.iterations + effort.precision.iterations
        self._predicted = effort.difference.iterations + effort.difference.adapt_iterations
        self._gop = 1 if source.is_still else settings.gop
        self._keys = 0
        self._frames = source.frame_count
        trials = 0  # of each frame, before the first is encoded
        if settings.key_frames == "dynamic" and not source.is_still:
            trials = settings.dynamic.key_iterations + settings.dynamic.predicted_iterations
        self._before = 0
        total = None if self._frames is None else self._due(self._frames, 0) + self._frames * trials
        self._bar = tqdm(total=total, unit="it", desc=source.name, disable=True if quiet else None, dynamic_ncols=True)

    def _due(self, frames: int, since: int) -> int:
        """Iterations up to that frame, if key frames come only every gop after frame ``since``, the next key frame."""
        keys = self._keys + math.ceil((frames - since) / self._gop)
        return self._before + keys * self._key + (frames - keys) * self._predicted

    def key_frame(self, frame: int) -> None:
        """A segment begins at the frame."""
        if frame == 0:
            self._before = self._bar.n
        if self._frames is not None:
            self._bar.total = self._due(self._frames, frame)
        self._keys += 1

    def __call__(self, frame: int, errors: torch.Tensor | None) -> None:
        if errors is None:
            self._bar.update(max(0, self._due(frame + 1, frame + 1) - self._bar.n))
            return
        self._bar.update(1)
        if self._bar.n % 20 == 0:
            self._bar.set_postfix_str(
                f"frame {frame}, {-10 * math.log10(max(float(errors[-1]), 1e-12)):.2f} dB", refresh=False
            )

    def say(self, text: str) -> None:
        """A line above the bar, or where there is no bar."""
        if not self._quiet:
            self._bar.write(f"{NAME}: {text}", file=sys.stderr)

    def close(self) -> None:
        self._bar.close()


def body(argv: Sequence[str] | None) -> int:
    a = build_parser().parse_args(argv)
    check_extras()
    check_device(a.device)
    settings = settings_from(a)
    from pgsvc.errors import UsageError
    from pgsvc_encoder import report
    from pgsvc_encoder.encode import encode
    from pgsvc_encoder.source import open_source

    output = Path(a.output)
    if not output.parent.is_dir():
        raise UsageError(f"the folder of {output} does not exist")
    refuse_same_file(a.input, a.output)
    with open_source(
        a.input,
        size=a.size,
        pix_fmt=a.pix_fmt,
        depth=a.depth,
        fps=a.fps,
        skip=a.skip,
        frames=a.frames,
        kind=a.input_kind,
    ) as source:
        bar = ProgressBar(settings, source, quiet=a.quiet)
        try:
            result = encode(
                source, output, settings, resume=a.resume, progress=bar, on_key=bar.key_frame, notice=bar.say
            )
        except KeyboardInterrupt:
            note(
                a.quiet, f"{NAME}: finished segments are kept in {output}.parts; the same command with --resume goes on"
            )
            raise
        finally:
            bar.close()
    if a.report is not None:
        write_report(Path(a.report), result, sys.argv[1:] if argv is None else list(argv))
    note(a.quiet, report.format_table(result["levels"], result["seconds"], len(result["frames"])))
    return 0


def write_report(path: Path, result: dict[str, Any], command: list[str]) -> None:
    """The report as JSON, with what is needed to run it again."""
    import platform

    import torch

    import pgsvc
    from pgsvc.output.target import write_whole

    result = {
        "command": [NAME, *command],
        "versions": {"pgsvc": pgsvc.__version__, "torch": torch.__version__, "python": platform.python_version()},
        "machine": {"processor": platform.processor() or platform.machine(), "system": platform.platform()},
        **result,
    }
    write_whole(str(path), (json.dumps(_finite(result), indent=1, allow_nan=False) + "\n").encode())


def _finite(value: Any) -> Any:
    """JSON has no infinity: the PSNR of identical pictures becomes null."""
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def main(argv: Sequence[str] | None = None) -> int:
    return run(NAME, body, argv)


if __name__ == "__main__":
    sys.exit(main())
