"""What ``annotate`` must keep of a scene to read the symbols of its chunks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pgsvc import container
from pgsvc.errors import BadStream
from pgsvc.range_coder import RangeReader
from pgsvc.scene.neighbours import LowerSet
from pgsvc.scene.refine import Refinable, refine
from pgsvc.scene.slice import code_slice
from pgsvc.scene.state import SceneState
from pgsvc.scene.tables import SliceTables
from pgsvc.syntax import Record


class SceneNotes:
    """Tables and splats of each object in a tile.

    Args:
        header: the stream header.
    """

    def __init__(self, header: Record) -> None:
        self.header = header
        self.tables: dict[tuple[int, int], SliceTables] = {}
        self.slices: dict[tuple[int, int], dict[int, list[Refinable]]] = {}

    def read(self, reader: RangeReader, chunk: container.Chunk, record: Record, note: Callable[[str], None]) -> None:
        """Read all symbols of a SPLT or FINE chunk; ``note`` is told what the symbols before it were of.

        Raises:
            BadStream: the data or what they refer to are wrong.
        """
        a = chunk.address
        own = self.slices.setdefault((a.segment, a.object), {})
        if chunk.type == container.REFINEMENT:
            if record["target_layer"] not in own:
                raise BadStream("a refinement of a layer without splats", clause="6.9")
            refine(reader, record, own[record["target_layer"]])
            return
        states = [part.state for layer in sorted(own) for part in own[layer]]
        known = SceneState.concatenate(states) if states else SceneState.none(0)
        lower = LowerSet(known, np.array(record["origin"], np.int64), record["cube_bits"], record["leaf_bits"])
        tables = self.tables.setdefault((a.segment, a.object), SliceTables())
        state = code_slice(reader, record, self.header, lower, tables, note=lambda part: note(f"({part})"))
        own.setdefault(a.layer, []).append(Refinable(state, record))
