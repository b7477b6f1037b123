"""Print a stream chunk by chunk: offset, bytes, field, value (annex F is made with this).

    python tools/annotate.py FILE.pgs                              all chunks
    python tools/annotate.py FILE.pgs --into spec/annex-f-example.md   replace what is between the markers there

Walks the syntax tables of ``pgsvc.headers``, so a field that is added there shows here.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import numpy as np
from annotate_scene import SceneNotes

from pgsvc import container, headers
from pgsvc.bits import BitReader
from pgsvc.entropy import SymbolReader
from pgsvc.errors import BadStream, NeedMoreData, PgsError
from pgsvc.index import read_index
from pgsvc.planar.dequantise import key_frame, predicted_frames
from pgsvc.planar.differences import Frame, code_frames
from pgsvc.planar.graded import code_graded
from pgsvc.planar.graded import key_frame as graded_key_frame
from pgsvc.planar.motion import code_fields
from pgsvc.planar.splats import SplatSet
from pgsvc.planar.symbols import code_key, code_predicted
from pgsvc.range_coder import RangeReader
from pgsvc.segment import MOTION
from pgsvc.syntax import Record, Structure
from pgsvc.syntax_writing import leb128

BEGIN, END = "<!-- annotate: begin -->", "<!-- annotate: end -->"
BYTES_PER_LINE = 8
KEPT = ("shape_scale", "shape_offset", "stage_count", "codebook_bits", "codebooks")
STRUCTURES = {
    container.HEAD: headers.HEAD,
    container.INDEX: headers.INDEX_HEADER,
    container.KEY_FRAME: headers.KEY_FRAME,
    container.PREDICTED: headers.PREDICTED_FRAMES,
    container.HASH: headers.HASH,
    container.SPLATS: headers.SPLATS,
    container.REFINEMENT: headers.REFINEMENT,
}


def row(offset: int, data: bytes, text: str) -> Iterator[str]:
    """A field on as many lines as its bytes need."""
    for at in range(0, max(1, len(data)), BYTES_PER_LINE):
        part = data[at : at + BYTES_PER_LINE].hex(" ")
        yield f"{offset + at:06x}  {part:<{3 * BYTES_PER_LINE}} {text if at == 0 else ''}".rstrip()


class Walker:
    """Reads structures field by field from ``data``, which begins at ``offset`` of the stream, and prints each."""

    def __init__(self, data: bytes, offset: int) -> None:
        self.data, self.offset = data, offset
        self.reader = BitReader(data)

    @property
    def rest(self) -> bytes:
        return self.data[self.reader.pos // 8 :]

    @property
    def rest_offset(self) -> int:
        return self.offset + self.reader.pos // 8

    def field_rows(self, begin: int, end: int, text: str) -> Iterator[str]:
        """Rows for some bits."""
        first, last = begin // 8, (end + 7) // 8
        if begin % 8 or end % 8:
            bits = f"{int.from_bytes(self.data[first:last], 'big'):0{8 * (last - first)}b}"
            shown = "." * (begin % 8) + bits[begin % 8 : begin % 8 + end - begin] + "." * (8 * last - end)
            yield f"{self.offset + first:06x}  {shown:<{3 * BYTES_PER_LINE}} {text}"
        else:
            yield from row(self.offset + first, self.data[first:last], text)

    def structure(self, structure: Structure, record: Record, context: Record, indent: str = "  ") -> Iterator[str]:
        """Rows of a structure; fills ``record``."""
        begin = self.reader.pos
        record.update(structure.read(self.reader, context))
        end = yield from self._fields(structure, record, dict(context), begin, indent)
        assert end == self.reader.pos

    def _fields(
        self, structure: Structure, record: Record, scope: Record, at: int, indent: str
    ) -> Generator[str, None, int]:
        """Rows of the fields of a record that begins at a bit; returns the bit behind it."""
        for field in structure.fields:
            there, value = field.when is None or field.when(scope), record[field.name]
            scope[field.name] = value
            if not there:
                continue
            items = [value] if field.count is None else value
            if isinstance(field.descriptor, Structure):
                for number, item in enumerate(items):
                    yield f"{'':{3 * BYTES_PER_LINE + 8}} {indent}{field.name}[{number}]"
                    at = yield from self._fields(field.descriptor, item, dict(scope), at, indent + "  ")
                continue
            widths = [8 * len(leb128(v)) if field.descriptor == "leb" else int(field.descriptor[1:]) for v in items]
            shown = value
            if field.name in ("type", "types"):
                shown = " ".join(v.to_bytes(4, "big").decode() for v in items)
            elif "crc" in field.name:
                shown = f"{value:08x}"
            yield from self.field_rows(at, at + sum(widths), f"{indent}{field.name} = {shown}")
            at += sum(widths)
        return at


class LoggedReader(SymbolReader):
    """A symbol reader that notes what it reads."""

    end = "end state: State = 0, no words left"

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.lines: list[str] = []

    def table(self, size: int, values: np.ndarray | None = None) -> np.ndarray:
        out = super().table(size)
        self.lines.append(f"table of {size}: " + ", ".join(f"F[{i}] = {f}" for i, f in enumerate(out.tolist()) if f))
        return out

    def symbols(self, table: np.ndarray, count: int, values: np.ndarray | None = None) -> np.ndarray:
        out = super().symbols(table, count)
        self.lines.append(f"{count} symbols: " + " ".join(map(str, out.tolist())))
        return out

    def raw(self, widths: np.ndarray, values: np.ndarray | None = None) -> np.ndarray:
        out = super().raw(widths)
        pairs = zip(out.tolist(), widths.tolist(), strict=True)
        self.lines.append(f"{len(out)} raw numbers (width): " + " ".join(f"{v}({w})" for v, w in pairs))
        return out


class LoggedRangeReader(RangeReader):
    """A range reader that notes what it reads."""

    end = "no bytes left"

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.lines: list[str] = []

    def adaptive(self, counts: np.ndarray, context: np.ndarray, values: np.ndarray | None = None) -> np.ndarray:
        out = super().adaptive(counts, context)
        pairs = zip(out.tolist(), context.tolist(), strict=True)
        self.lines.append(f"{len(out)} adaptive symbols (context): " + " ".join(f"{v}({c})" for v, c in pairs))
        return out

    def uniform(self, sizes: np.ndarray, values: np.ndarray | None = None) -> np.ndarray:
        out = super().uniform(sizes)
        pairs = zip(out.tolist(), sizes.tolist(), strict=True)
        self.lines.append(f"{len(out)} uniform numbers (below): " + " ".join(f"{v}({n})" for v, n in pairs))
        return out


class Annotator:
    """Keeps what later chunks need of earlier ones: the format, the splats of each track, kept parameters, motion fields."""

    def __init__(self) -> None:
        self.frame = Frame(1, 1, 3, False)
        self.states: dict[tuple[int, ...], SplatSet] = {}
        self.with_energies: set[tuple[int, ...]] = set()  # tracks with a key frame of tools 2
        self.kept: dict[tuple[int, ...], Record] = {}
        self.fields: dict[tuple[int, int], list[np.ndarray | None]] = {}
        self.scene: SceneNotes | None = None

    def stream(self, data: bytes) -> Iterator[str]:
        """All rows of a stream; a truncated one ends with what is left over."""
        parser = container.ChunkParser(len(data))
        parser.feed(data)
        yield from row(0, data[:8], "signature")
        while parser.offset < len(data):
            try:
                chunk = parser.next_chunk()
            except NeedMoreData:
                yield from row(parser.offset, data[parser.offset :], "incomplete chunk")
                return
            except PgsError as error:
                yield f"error: {error}"
                yield from row(parser.offset, data[parser.offset :], "rest")
                return
            yield ""
            try:
                yield from self.chunk(chunk)
            except PgsError as error:
                yield f"error: {error}"

    def chunk(self, chunk: container.Chunk) -> Iterator[str]:
        walker = Walker(chunk.raw, chunk.offset)
        yield f"{chunk.type.decode()} ({len(chunk.raw)} bytes)"
        yield from walker.structure(headers.CHUNK_HEADER, {}, {}, "")
        body = Walker(chunk.payload, walker.rest_offset)
        structure = STRUCTURES.get(chunk.type)
        record: Record = {}
        if structure is not None:
            degree = self.scene.header["sh_degree"] if self.scene else 0
            yield from body.structure(structure, record, {"components": self.frame.components, "sh_degree": degree})
        if chunk.type == container.TILES:
            while body.reader.remaining:
                yield from body.structure(headers.TILE, {}, {})
        if chunk.type == container.HEAD and record["profile"] == headers.SCENE:
            self.scene = SceneNotes(record)
        elif chunk.type == container.HEAD:
            components = 1 if record["chroma_format"] == 0 else 3
            is_rgb = record["chroma_format"] == 3 and record["matrix_coefficients"] == 0
            self.frame = Frame(record["width"], record["height"], components, is_rgb)
        if chunk.type == container.INDEX and not record["compression"]:
            for number in range(record["entry_count"]):
                yield f"{'':{3 * BYTES_PER_LINE + 8}}   entry[{number}]"
                yield from body.structure(headers.INDEX_ENTRY, {}, {}, "    ")
        elif chunk.type == container.INDEX:
            yield from row(body.rest_offset, body.rest, "  entries, compressed; they are:")
            for number, entry in enumerate(read_index(chunk.payload)):
                text = " ".join(f"{name} {value}" for name, value in entry.address._asdict().items())
                yield f"{'':{3 * BYTES_PER_LINE + 8}}   entry[{number}] {entry.type.decode()} {text} chunk_size {entry.size}"
        elif body.rest:
            yield from row(
                body.rest_offset, body.rest, "  symbols" if chunk.type in container.DATA_TYPES else "  payload"
            )
        if chunk.type in container.DATA_TYPES:
            for line in self.symbols(chunk, record, body.rest):
                yield f"{'':{3 * BYTES_PER_LINE + 8}}   {line}"
        yield from row(chunk.offset + len(chunk.raw) - 4, chunk.raw[-4:], "crc")

    def symbols(self, chunk: container.Chunk, record: Record, data: bytes) -> list[str]:
        """What the entropy-coded part says, one line per array."""
        a = chunk.address
        if chunk.type in container.SCENE_TYPES:
            return self.of_scene(chunk, record, data)
        track = (a.segment, a.layer, a.object, a.slice)
        start = None if chunk.type == container.KEY_FRAME else self.states.pop(track, None)
        if chunk.type == container.PREDICTED and start is None:
            return ["(no frame before)"]
        lines: list[str] = []
        try:
            tool = record["shape_tool" if start is None else "prediction_tool"]
            if tool == headers.GRADED:
                reader = LoggedRangeReader(data)
                lines = reader.lines
                state = self.graded(reader, a, record, start)
            else:
                reader = LoggedReader(data)
                lines = reader.lines
                state = self.basic(reader, track, record, start)
            reader.finish()
        except PgsError as error:
            return [*lines, f"error: {error}"]
        self.states[track] = state
        return [*lines, reader.end]

    def of_scene(self, chunk: container.Chunk, record: Record, data: bytes) -> list[str]:
        """The same for a scene."""
        if self.scene is None:
            return ["(no scene)"]
        lines: list[str] = []
        try:
            reader = LoggedRangeReader(data)
            lines = reader.lines
            self.scene.read(reader, chunk, record, lines.append)
            reader.finish()
        except PgsError as error:
            return [*lines, f"error: {error}"]
        return [*lines, reader.end]

    def basic(self, reader: LoggedReader, track: tuple[int, ...], record: Record, start: SplatSet | None) -> SplatSet:
        """The splats after a chunk of tools 1."""
        f = self.frame
        if start is None:
            return key_frame(record, code_key(reader, record), f.width, f.height, f.components)
        if record["keep_parameters"]:
            if track not in self.kept:
                raise BadStream("keeps parameters that were never sent", clause="6.4")
            record.update({name: self.kept[track][name] for name in KEPT})
        self.kept[track] = record
        return [start, *predicted_frames(record, code_predicted(reader, record, len(start)), start)][-1]

    def graded(
        self, reader: LoggedRangeReader, a: container.Address, record: Record, start: SplatSet | None
    ) -> SplatSet:
        """The splats after a chunk of tools 2."""
        f = self.frame
        if start is None:
            symbols = code_graded(reader, record, f.width, f.height, f.components)
            self.with_energies.add((a.segment, a.layer, a.object, a.slice))
            return graded_key_frame(record, symbols, is_rgb=f.is_rgb)
        if (a.layer, a.object, a.slice) == MOTION:
            reader.lines.append("motion fields")
            self.fields[a.segment, a.frame] = code_fields(reader, record, f.width, f.height)
            reader.lines.append("differences")
        fields = self.fields.get((a.segment, a.frame), [])
        if (a.segment, a.layer, a.object, a.slice) not in self.with_energies:
            raise BadStream("graded differences to a key frame of other tools", clause="6.4")
        if len(fields) != record["frame_count"]:
            raise BadStream("no motion fields of these frames in the base layer", clause="6.4")
        return code_frames(reader, record, start, fields, f)[0][-1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stream", type=Path)
    parser.add_argument("--into", type=Path, help="a Markdown file with the two annotate markers")
    arguments = parser.parse_args()
    text = "\n".join(Annotator().stream(arguments.stream.read_bytes())) + "\n"
    if arguments.into is None:
        sys.stdout.write(text)
        return 0
    page = arguments.into.read_text()
    head, rest = page.split(BEGIN)
    tail = rest.split(END)[1]
    note = f"File `{arguments.stream.name}`:"
    arguments.into.write_text(f"{head}{BEGIN}\n{note}\n\n```text\n{text}```\n{END}{tail}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
