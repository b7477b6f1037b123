"""Quality layers: numbers of splats that are there already, three times as fine (spec 10.9).

A step is divided into thirds, and one symbol says in which the number lies. The middle third is where it was, so nothing moves
that need not, and a refinement can be refined again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from pgsvc.range_coder import AdaptiveCoder
from pgsvc.scene import steps
from pgsvc.scene.state import SceneState
from pgsvc.scene.symbols import as_context
from pgsvc.syntax import Record

ATTRIBUTES = ("opacity", "scale", "colour", "sh")  # in the order in which they are sent


@dataclass
class Refinable:
    """A decoded slice that may be refined.

    Args:
        state: what it is now.
        header: of its SPLT chunk, whose steps are divided.
        times: how often each attribute has been refined.
    """

    state: SceneState
    header: Record
    times: dict[str, int] = field(default_factory=dict)

    def steps(self, attribute: str) -> np.ndarray:
        """The steps of an attribute now, of the shape of one splat's numbers; at least 1."""
        third = 3 ** self.times.get(attribute, 0)
        return np.maximum(first_steps(self.header, attribute, self.state.sh.shape[1]) // third, 1)


def first_steps(header: Record, attribute: str, rest_count: int) -> np.ndarray:
    """The steps that a slice was sent with; int64, of the shape of one splat's numbers. 0: not sent."""
    if attribute == "opacity":
        return np.array(header["opacity_step"], np.int64)
    if attribute == "scale":
        return np.array([1, 1, steps.THICKER], np.int64) * (header["scale_step"] << 6)
    if attribute == "colour":
        return np.array(steps.colour_steps(header), np.int64)
    out = np.zeros((rest_count, 3), np.int64)
    k = 0
    for degree, of_degree in enumerate(steps.sh_steps(header)):
        if of_degree:
            out[k : k + 2 * degree + 3] = of_degree
        k += 2 * degree + 3
    return out


def refine(
    coder: AdaptiveCoder, header: Record, slices: list[Refinable], wanted: Mapping[str, np.ndarray] | None = None
) -> None:
    """All symbols of a FINE payload; changes the states of ``slices``.

    Args:
        wanted: by attribute, what the numbers of all slices' splats should be, when writing.
    """
    for attribute in attributes(header):
        tables = np.full((9, 3), 32, np.uint16)
        at = 0
        for part in slices:
            n = len(part.state)
            now = getattr(part.state, attribute).astype(np.int64)
            step = np.broadcast_to(part.steps(attribute), now.shape)
            aim = None if wanted is None else wanted[attribute][at : at + n]
            third = _code_thirds(coder, tables, attribute, now, step // 3, aim)
            part.state = replace(part.state, **{attribute: now + third * (step // 3)}).clipped()
            part.times[attribute] = part.times.get(attribute, 0) + 1
            at += n


def attributes(header: Record) -> Iterator[str]:
    """Names of what a FINE chunk refines, in the order in which it is sent."""
    return (name for name in ATTRIBUTES if header[f"has_{name}"])


def _code_thirds(
    coder: AdaptiveCoder,
    tables: np.ndarray,
    attribute: str,
    now: np.ndarray,
    third: np.ndarray,
    aim: np.ndarray | None,
) -> np.ndarray:
    """−1, 0 or 1 for each number that has a step to divide; int64 like ``now``.

    The tables go by the component, and for coefficients, most of which are 0, by whether they are.
    """
    context = np.broadcast_to(np.arange(now.shape[-1]) if now.ndim > 1 else np.int64(0), now.shape)
    if attribute == "sh":
        context = 3 * (1 + np.sign(now)) + context
    divided = third > 0
    symbols = None
    if aim is not None:
        off = (aim - now)[divided]
        symbols = (np.clip((2 * off + third[divided]) // (2 * third[divided]), -1, 1) + 1).astype(np.int32)
    out = np.zeros(now.shape, np.int64)
    out[divided] = coder.adaptive(tables, as_context(context[divided]), symbols).astype(np.int64) - 1
    return out
