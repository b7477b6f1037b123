"""What makes short encodes shorter: steps by curvature, and the start and end of a command."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import pytest

torch = pytest.importorskip("torch", reason="fitting needs the encoder extra")

from test_fit import FORMATS, objective_of  # noqa: E402

from pgsvc_encoder.fit.relocate import Relocation  # noqa: E402
from pgsvc_encoder.fit.splats import Splats  # noqa: E402
from pgsvc_encoder.fit.train import Schedule, fit  # noqa: E402
from pgsvc_encoder.fit.training import Training  # noqa: E402

COMMAND = """
from pgsvc_encoder.start import import_torch, leave
import_torch()
import atexit, torch
torch.Generator().manual_seed(1)
atexit.register(print, "end")
leave(3)
"""


@pytest.mark.parametrize("name", ["joint", "random", "sequential"])
def test_a_short_fit(name: str) -> None:
    objective = objective_of(FORMATS["420"], 3)
    nothing = objective.error(Splats.unused([1, 1, 1], 3), 2)
    adam = Schedule(60, rounds=3, relocation=Relocation(rounds=4, share=0.2), final_rate=0.1)
    errors = []
    for schedule in (adam, dataclasses.replace(adam, newton=0.5)):
        splats = Splats.unused([10, 10, 10], 3)
        fit(Training(name), objective, splats, schedule, torch.Generator().manual_seed(1), lambda *_: None)
        errors.append(objective.error(splats, 2))
    assert errors[1] < 0.03 * nothing
    assert errors[1] < 1.5 * errors[0]


def test_start_and_end_of_a_command() -> None:
    done = subprocess.run([sys.executable, "-c", COMMAND], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (3, "end\n", "")
