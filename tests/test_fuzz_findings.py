"""Streams that were once a finding of tools/fuzz.py, decoded again; and a short run of the fuzzer itself."""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pgsvc.bits import BitReader
from pgsvc.errors import PgsError
from pgsvc.headers import PREDICTED_FRAMES

ROOT = Path(__file__).resolve().parent.parent
FINDINGS = sorted((ROOT / "tests" / "fuzz_findings").glob("*.pgs"))
sys.path.insert(0, str(ROOT / "tools"))

import fuzz  # noqa: E402
import fuzz_damage  # noqa: E402

SECONDS = 2


@pytest.mark.parametrize("path", FINDINGS, ids=lambda p: p.stem)
def test_finding(path: Path) -> None:
    """Decodes or fails with one of our errors (any other exception goes through), soon."""
    began = time.process_time()
    assert fuzz.decode(path.read_bytes())
    assert time.process_time() - began < SECONDS


def test_every_finding_is_explained() -> None:
    told = (ROOT / "tests" / "fuzz_findings" / "README.md").read_text(encoding="utf-8")
    assert [p.name for p in FINDINGS if f"`{p.name}`" not in told] == []


def test_a_short_run_finds_nothing(tmp_path: Path) -> None:
    words = [sys.executable, str(ROOT / "tools" / "fuzz.py"), "--count", "300", "--seed", "77", "--jobs", "2"]
    done = subprocess.run(
        [*words, "--timeout", "8", "--save", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("300 streams")
    assert list(tmp_path.iterdir()) == []


def test_mutations_depend_on_seed_and_number_alone() -> None:
    corpus = [bytes(range(256)) * 4, (ROOT / "conformance/valid/09-video-predicted.pgs").read_bytes()]
    first, second, other = (
        fuzz_damage.Mutator(1, corpus),
        fuzz_damage.Mutator(1, corpus),
        fuzz_damage.Mutator(2, corpus),
    )
    made = [first(n) for n in range(50)]
    assert made == [second(n) for n in reversed(range(50))][::-1]
    assert made != [other(n) for n in range(50)]


def test_other_tools_come_with_their_fields() -> None:
    """A changed prediction_tool takes the fields of the other tool along, so that the stream is more than a broken header."""
    seen = set()
    for name in ("09-video-predicted", "29-video-motion-low-delay"):
        data = (ROOT / f"conformance/valid/{name}.pgs").read_bytes()
        tools = [tools_of(data)]
        for seed in range(400):
            changed = tools_of(bytes(fuzz_damage.change_field(random.Random(seed), bytearray(data))))
            if changed != tools[0]:
                tools.append(changed)
        assert len(tools) > 3
        seen |= {(name[:2], tool) for chunks in tools for tool in chunks}
    assert {("09", 1), ("09", 2), ("29", 1), ("29", 2)} <= seen


def tools_of(data: bytes) -> list[int]:
    """prediction_tool of each PRED chunk whose header is right."""
    out = []
    for start, at, end in fuzz_damage.chunk_places(data):
        if b"PRED" in data[start:at]:
            with contextlib.suppress(PgsError):
                out.append(PREDICTED_FRAMES.read(BitReader(data[at:end]), {"components": 3})["prediction_tool"])
    return out


def test_findings_are_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A decoder that raises something else, or takes too long, or dies, is noticed."""

    def broken(data: bytes, limit_level: int) -> str:
        kind = sum(data) % 20
        if kind == 0:
            raise KeyError("slip")
        if kind == 1:
            sys.stdout.flush()
            import os

            os._exit(9)
        if kind == 2:
            time.sleep(0.2)
        return "decoded"

    monkeypatch.setattr(fuzz, "decode", broken)
    assert fuzz.main(["--count", "60", "--jobs", "2", "--timeout", "0.1", "--save", str(tmp_path)]) == 1
    captured = capsys.readouterr()
    assert "KeyError" in captured.err
    assert "crash" in captured.err
    assert "0.2 s" in captured.err
    assert 2 < len(list(tmp_path.iterdir())) <= captured.err.count("\n")  # equal streams share a file
