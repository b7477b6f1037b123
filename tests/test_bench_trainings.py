"""The fits and tables that the benchmarks of trainings are made of."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="fitting needs the encoder extra")
pytest.importorskip("matplotlib", reason="benchmarks need the bench extra")

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

from scalability_tables import tables  # noqa: E402
from test_fit import FORMATS, smooth_picture  # noqa: E402
from trainings import Pictures, counts_and_sizes, fit_frames, quality  # noqa: E402

from pgsvc_encoder.fit.relocate import Relocation  # noqa: E402
from pgsvc_encoder.fit.train import Schedule  # noqa: E402
from pgsvc_encoder.fit.training import Training  # noqa: E402

SCHEDULE = Schedule(60, rounds=2, relocation=Relocation(rounds=2))


@pytest.mark.parametrize("scalability", ["quality", "resolution"])
@pytest.mark.parametrize("name", ["joint", "monolithic", "pruning"])
def test_frames_of_every_model(name: str, scalability: str) -> None:
    pictures = [smooth_picture(FORMATS["420"], seed) for seed in (0, 0)]
    counts, sizes = counts_and_sizes(30, 3, pictures[0], scalability)
    assert counts == [10, 10, 10] and sizes[-1] == (41, 27)
    assert (sizes[0] == (41, 27)) == (scalability == "quality")
    fitted = list(fit_frames(pictures, Training(name), counts, sizes, SCHEDULE, preset="fast"))
    assert [f.iterations for f in fitted][0] == (180 if name == "monolithic" else 60)
    for f in fitted:
        assert [(p.format.width, p.format.height) for p in f.levels] == sizes
        rows = quality(f.sources, f.levels)
        assert rows[2]["psnr"] > 30
        if name != "pruning":
            assert rows[0]["psnr"] > 22


def test_pictures_are_a_source() -> None:
    pictures = [smooth_picture(FORMATS["grey"])] * 3
    source = Pictures("three", pictures, is_still=False)
    assert source.frame_count == 3 and list(source) == pictures and list(source) == pictures


def row(codec: str, level: int, psnr: float, **more: object) -> dict:
    base = {"source": "clip", "codec": codec, "stream": "60 splats", "splats": 60, "level": level, "size": [8, 8]}
    base |= {"psnr": psnr, "ms_ssim": None, "bpp": 0.5, "seconds_key": 1.0, "seconds_predicted": 0.5}
    return base | {"splats_in_level": 20 * (level + 1)} | more


def test_tables_show_gaps_and_joins() -> None:
    rows = [row("joint", k, 30.0 + k) for k in range(3)]
    rows += [row("monolithic", k, 30.5 + k) for k in range(3)]
    rows += [row("joint", k, 29.0 + k, splats=40, splats_in_level=(14, 27, 40)[k]) for k in range(3)]
    rows += [row("joint", k, 31.0 + k, stream="unquantised") for k in range(3)]
    text = tables(rows)
    assert text.count("-0.50 |") == 3  # joint to monolithic, at the larger budget only
    join = next(line for line in text.splitlines() if "level 1 of 60" in line)
    assert "level 2 of 40" in join and "+0.00 dB" in join  # 31 dB each with 40 splats
    assert "| clip | 60 | fit only | 1.00 | 0.50 |" in text
