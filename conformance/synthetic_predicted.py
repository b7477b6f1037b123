"""Random predicted frames with graded differences and motion fields (spec 7.12, 7.13), for streams of :class:`synthetic.Maker`."""

from __future__ import annotations

import numpy as np
from synthetic import Maker, decode_all

from pgsvc import headers
from pgsvc.container import PREDICTED, Address
from pgsvc.planar.differences import BORN, Chain, DifferenceSymbols, Frame, code_frames
from pgsvc.planar.motion import CHANGED, NEW, STILL, FieldCoder, FieldSymbols, coding_order
from pgsvc.planar.splats import SplatSet
from pgsvc.planar.symbols import UPDATE_COLOUR, UPDATE_POSITION, UPDATE_SHAPE
from pgsvc.range_coder import RangeWriter
from pgsvc.segment import MOTION
from pgsvc.states import track_states
from pgsvc.syntax import Record

ALL_MODES = (STILL, NEW, CHANGED)


class PredictedMaker(Maker):
    """A stream whose predicted frames may have ``prediction_tool`` 2."""

    def __init__(self, seed: int, width: int, height: int, chroma: int, **fields: int) -> None:
        super().__init__(seed, width, height, chroma, **{"profile": headers.PROFILES["video"], **fields})
        self._fields: dict[tuple[int, int], list[np.ndarray | None]] = {}

    def differences_header(self, frames: int, **changes) -> Record:
        """PRED fields with ``prediction_tool`` 2."""
        graded = self.graded_header(0)
        names = ("cell_bits", "shape_precision", "position_precision", "energy_step", "chroma_steps", "chroma_weight")
        return {
            "frame_count": frames,
            "prediction_tool": headers.GRADED,
            "group_bits": 0,
            "motion_bits": 5,
            **{name: graded[name] for name in names},
            **changes,
        }

    def differences(
        self,
        address: Address,
        frames: int = 1,
        *,
        modes: tuple[int, ...] = ALL_MODES,
        vectors: int = 12,
        still: int = 50,
        births: int = 8,
        size: int = 5,
        **changes,
    ) -> None:
        """Add a PRED chunk with motion fields and graded differences.

        Args:
            modes: motion modes to choose from; vectors: bound on what neighbours do not promise of vectors.
            still, births: percentages of splats that are as predicted, and that are born.
            size: bound on differences.
            changes: header fields.
        """
        header, writer = self.differences_header(frames, **changes), RangeWriter()
        start = self.state(address)
        if (address.layer, address.object, address.slice) == MOTION:
            self._fields[address.segment, address.frame] = self._motion(writer, header, modes, vectors)
        fields = self._fields[address.segment, address.frame]
        frame = Frame(self.header["width"], self.header["height"], self.components, self._is_rgb)
        symbols, chain = [], Chain(header, start, frame)
        for i, step in enumerate(coding_order(frames, header["group_bits"])):
            symbols.append(self.changes(header, len(start), still, births, size))
            chain.advance(i + 1, step, chain.predicted(step, fields[i]), symbols[-1])
        code_frames(writer, header, start, fields, frame, symbols)
        written = headers.PREDICTED_FRAMES.to_bytes(header, {"components": self.components})
        self.add(PREDICTED, address, written + writer.finish())

    @property
    def _is_rgb(self) -> bool:
        return self.components > 1 and self.header["matrix_coefficients"] == 0

    def state(self, address: Address) -> SplatSet:
        """The splats of a track after its last frame so far."""
        stream = decode_all(self.build(index=None))
        segment = stream.segments[address.segment]
        return list(track_states(segment, segment.tracks[address.layer, address.object, address.slice], stream.format))[
            -1
        ]

    def _motion(
        self, writer: RangeWriter, header: Record, modes: tuple[int, ...], vectors: int
    ) -> list[np.ndarray | None]:
        coder = FieldCoder(writer, header, self.header["width"], self.header["height"])
        out = []
        for step in coding_order(header["frame_count"], header["group_bits"]):
            mode = modes[int(self.random.integers(0, len(modes), 1)[0])]
            residual = self.random.integers(-vectors, vectors + 1, coder.last.shape)
            out.append(coder.code(step, FieldSymbols(mode, residual)))
        return out

    def changes(self, header: Record, count: int, still: int, births: int, size: int) -> DifferenceSymbols:
        """Random symbols of one frame."""
        draw = self.random.integers(0, 100, count)
        update = np.where(draw < still, 0, self.random.integers(1, 8, count))
        update = np.where((draw >= still) & (draw < still + births), BORN, update).astype(np.int32)
        born = self.graded_symbols({**header, "splat_count": int((update == BORN).sum())})
        numbers = (
            self.random.integers(-size, size + 1, (int(((update & bit) > 0).sum()), columns))
            for bit, columns in ((UPDATE_POSITION, 2), (UPDATE_SHAPE, 3), (UPDATE_COLOUR, self.components))
        )
        return DifferenceSymbols(update, born, *numbers)
