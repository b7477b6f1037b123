"""Where a data chunk may stand: its address, and the order of all of them (spec 5.2, 5.3)."""

from __future__ import annotations

from pgsvc.container import Chunk
from pgsvc.errors import BadStream
from pgsvc.headers import SEGMENT_ORDER


class Progression:
    """Holds data chunks against the header, one after the other.

    Args:
        order: the progression order of the stream.
        layer_count: of the stream.
        object_layers: layers of each object.
    """

    def __init__(self, order: int, layer_count: int, object_layers: tuple[int, ...]) -> None:
        self._order, self._layer_count, self._object_layers = order, layer_count, object_layers
        self._last: tuple[int, ...] | None = None

    def check(self, chunk: Chunk) -> None:
        """Take the next chunk.

        Raises:
            BadStream: there is no such layer or object, or it stands behind its place.
        """
        a = chunk.address
        if a.layer >= self._layer_count:
            raise BadStream(f"layer {a.layer} of {self._layer_count}", clause="5.2", offset=chunk.offset)
        if a.object >= len(self._object_layers):
            raise BadStream(f"object {a.object} of {len(self._object_layers)}", clause="5.2", offset=chunk.offset)
        layers = self._object_layers[a.object]
        if a.layer >= layers:
            raise BadStream(
                f"layer {a.layer} of object {a.object}, which has {layers}", clause="5.2", offset=chunk.offset
            )
        place = tuple(a) if self._order == SEGMENT_ORDER else (a.layer, *a)
        if self._last is not None and place <= self._last:
            raise BadStream("chunks are not in progression order", clause="5.3", offset=chunk.offset)
        self._last = place
