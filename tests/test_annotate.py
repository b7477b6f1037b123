"""tools/annotate.py shows every chunk of every conformance stream to its last symbol, with all coding tools."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from annotate import Annotator  # noqa: E402

FAULTS = {
    "86-differences-basic-key": "key frame of other tools",
    "87-motion-missing": "no motion fields",
    "88-motion-of-other-tool": "no motion fields",
    "90-motion-frame-count": "no motion fields",
    "45-keep-parameters-first": "never sent",
    "95-differences-left-over": "goes on behind the last symbol",
    "162-splats-left-over": "goes on behind the last symbol",
    "172-refinement-of-refinements": "without splats",
}


def rows(name: str) -> list[str]:
    (path,) = (ROOT / "conformance").glob(f"*/{name}.pgs")
    return list(Annotator().stream(path.read_bytes()))


@pytest.mark.parametrize("name", [p.stem for p in sorted((ROOT / "conformance/valid").glob("*.pgs"))])
def test_every_chunk_is_shown(name: str) -> None:
    text = rows(name)
    chunks = [r for r in text if r.startswith(("KEYF", "PRED", "SPLT", "FINE"))]
    ends = [r for r in text if r.endswith(("no bytes left", "no words left"))]
    assert len(ends) == len(chunks) > 0
    assert not [r for r in text if "error: " in r]


@pytest.mark.parametrize("name", FAULTS)
def test_faults_are_named(name: str) -> None:
    assert any("error: " in r and FAULTS[name] in r for r in rows(name))
