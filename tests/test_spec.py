"""The specification and the decoder say the same: syntax tables, numbers, limits, clause references."""

from __future__ import annotations

import random
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from pgsvc import container, entropy, errors, headers, limits
from pgsvc.picture import Chroma
from pgsvc.planar import differences, graded_counts, motion, splats, symbols
from pgsvc.scene import colour, content, morton, positions, rotation, state, steps
from pgsvc.scene import symbols as scene_symbols
from pgsvc.scene.splats import COLOUR_SPACES, FRAMES, KERNELS
from pgsvc.syntax import Field, Structure

ROOT = Path(__file__).parents[1]
SPEC = {p.name: p.read_text() for p in sorted((ROOT / "spec").glob("*.md"))}
REGISTRY = tomllib.loads((ROOT / "spec" / "registry.toml").read_text())
GRADED_TABLES = ("ENERGY_0", "ENERGY_1", "ENERGY_2", "SHEAR", "SCALE_0", "SCALE_1")
STRUCTURES = {s.name: s for s in vars(headers).values() if isinstance(s, Structure)}

# --- syntax tables ----------------------------------------------------------------------------------------------------

BLOCK = re.compile(r"^```syntax (\w+) (\S+)\n(.*?)^```$", re.M | re.S)
ROW = re.compile(r"^(\w+) {2,}(leb|bytes|[ui]\(\d+\)|[a-z_]+)(?:\[([^\]]+)\])?(?: {2,}([-\d., ]+))?$")
TABLES = {name: (clause, rows) for page in SPEC.values() for name, clause, rows in BLOCK.findall(page)}


def printed_rows(name: str, condition: str | None = None) -> list[tuple[str, str, str | None, str | None, str | None]]:
    """(name, descriptor, count, values, condition) of each field, included tables expanded."""
    out = []
    for line in TABLES[name][1].splitlines():
        line = line.strip()
        if opening := re.fullmatch(r"if \((.+)\) \{", line):
            condition = opening[1]
        elif line == "}":
            condition = None
        elif included := re.fullmatch(r"(\w+)\(\)", line):
            out += printed_rows(included[1], condition)
        else:
            row = ROW.match(line)
            assert row, f"table {name}: cannot read the row '{line}'"
            out.append((*row.groups(), condition))
    return out


def same_values(field: Field, printed: str | None) -> bool:
    if field.allowed is None or printed is None:
        return field.allowed is None and printed is None
    if ".." in printed:
        first, last = map(int, printed.split(".."))
        return isinstance(field.allowed, range) and field.allowed == range(first, last + 1)
    return sorted(field.allowed) == sorted(int(v) for v in printed.split(","))


def evaluate(expression: str, scope: dict[str, int]) -> int:
    return int(eval(re.sub(r"!(?!=)", " not ", expression).strip(), {"__builtins__": {}}, scope))  # noqa: S307 - our own tables


def test_every_structure_is_printed():
    assert set(STRUCTURES) <= set(TABLES)
    extra = set(TABLES) - set(STRUCTURES)
    assert extra == {"stream", "chunk", "residual_quantiser"}  # not structures of their own in the code


@pytest.mark.parametrize("name", STRUCTURES)
def test_syntax_table(name):
    structure = STRUCTURES[name]
    rows = printed_rows(name)
    assert TABLES[name][0] == structure.clause
    assert [r[0] for r in rows] == [f.name for f in structure.fields]
    rng = random.Random(1)
    for field, (_, descriptor, count, values, condition) in zip(structure.fields, rows, strict=True):
        mine = field.descriptor.name if isinstance(field.descriptor, Structure) else field.descriptor
        assert re.sub(r"[()]", "", descriptor) == mine, field.name
        assert same_values(field, values), field.name
        assert (count is None) == (field.count is None), field.name
        assert (condition is None) == (field.when is None), field.name
        for _ in range(20):
            scope = {f.name: rng.randrange(1, 5) for f in structure.fields}
            scope |= {
                "components": rng.choice([1, 3]),
                "codebook_bits": rng.randrange(7),
                "keep_parameters": rng.randrange(2),
                "sh_degree": rng.randrange(4),
            }
            if count is not None:
                expected = field.count(scope) if callable(field.count) else field.count
                assert evaluate(count, scope) == expected, field.name
            if condition is not None:
                assert bool(evaluate(condition, scope)) == field.when(scope), field.name


@pytest.mark.parametrize("name", [n for n in STRUCTURES if n not in ("address", "chunk_header")])
def test_every_field_has_semantics(name):
    """Each field's name occurs in the text of chapters 4 or 6 outside the syntax tables."""
    prose = BLOCK.sub("", SPEC["04-container.md"] + SPEC["06-syntax.md"])
    for field in STRUCTURES[name].fields:
        if not field.name.startswith("reserved"):
            stem = field.name.removesuffix("_numerator").removesuffix("_denominator")
            assert stem in prose, field.name


def test_tables_end_on_byte_boundaries():
    for name in TABLES:
        if name in ("stream", "chunk"):
            continue
        bits: dict[str | None, int] = {}
        for _, d, count, _, condition in printed_rows(name):
            if d[1] == "(":
                bits[condition] = bits.get(condition, 0) + int(d[2:-1]) * (
                    int(count) if count and count.isdigit() else 1
                )
        assert all(n % 8 == 0 for n in bits.values()), name


# --- clauses ----------------------------------------------------------------------------------------------------------

HEADINGS = {
    m
    for page in SPEC.values()
    for m in re.findall(r"^#+ (?:Annex )?([0-9]+(?:\.[0-9]+)*|[A-H](?:\.[0-9]+)*)\b", page, re.M)
}
SOURCES = [p for p in (ROOT / "codec").rglob("*") if p.suffix in (".py", ".cpp", ".h")]
NUMBER = r"(?:10|[0-9A-H])(?:\.[0-9]+)?"
CITED = re.compile(rf"\b(?:[Ss]pec|annex|[Cc]lauses?) ((?:{NUMBER}(?:, | and | to |–|\b))+)")


def citations(text: str) -> set[str]:
    found = set(re.findall(r'clause="([^"]*)"', text))
    for group in CITED.findall(text):
        found |= set(re.findall(NUMBER, group))
    return found


def test_clauses_cited_in_code_exist():
    missing = [
        f"{path.relative_to(ROOT)}: {clause}"
        for path in SOURCES
        for clause in sorted(citations(path.read_text()) | {s.clause for s in STRUCTURES.values()})
        if clause not in HEADINGS
    ]
    assert not missing


def test_clauses_cited_in_the_text_exist():
    known = re.compile(
        r"(?:\(|\bof |\bby |\bas |\bsee |\bin |\bkeeps |, )((?:[2-9]|10|[A-H])\.[1-9][0-9]?)(?=[),.;: |]|$)", re.M
    )
    missing = [f"{name}: {c}" for name, page in SPEC.items() for c in known.findall(page) if c not in HEADINGS]
    # numbers such as "formats 0.x" do not match; the few decimals that do are listed here
    assert not missing


def test_contents_lists_every_file():
    listed = set(re.findall(r"\]\(([\w.-]+)\)", SPEC["README.md"]))
    there = {p.name for p in (ROOT / "spec").iterdir() if p.is_file()} - {"README.md"}
    assert listed == there


def test_requirements_use_one_form():
    """Rules on streams can be found with one search."""
    for name, page in SPEC.items():
        if name[:2] in ("04", "05", "06", "07", "10") or name == "annex-a-limits.md":
            mentions = len(re.findall("of bitstream conformance", page))
            in_form = len(re.findall("[Ii]t is a requirement of bitstream conformance that", page))
            assert mentions - in_form == (1 if name == "06-syntax.md" else 0), (
                name
            )  # 06 speaks once of its value columns


# --- registry ---------------------------------------------------------------------------------------------------------


def allowed(structure: Structure, name: str) -> list[int]:
    return sorted(next(f.allowed for f in structure.fields if f.name == name))


def numbers(table: str) -> list[int]:
    return sorted(REGISTRY[table].values())


def test_registry_format():
    assert REGISTRY["format"]["major"] == headers.FORMAT_MAJOR
    assert REGISTRY["format"]["minor"] == headers.FORMAT_MINOR
    assert bytes.fromhex(REGISTRY["format"]["signature"]) == container.SIGNATURE


def test_registry_chunk_types():
    c = container
    types = [entry["type"].encode() for entry in REGISTRY["chunk_type"]]
    assert sorted(types) == sorted([c.HEAD, c.INDEX, *c.DATA_TYPES, c.TILES, c.HASH, c.END])
    assert {entry["clause"] for entry in REGISTRY["chunk_type"]} <= HEADINGS
    for kind in types:
        assert not kind[1] & 32 and not kind[2] & 32  # public, reserved bit
        assert f"`{kind.decode()}`" in SPEC["04-container.md"]


def test_registry_numbers():
    assert REGISTRY["profile"] == headers.PROFILES
    assert REGISTRY["progression_order"] == {"segment": headers.SEGMENT_ORDER, "layer": headers.LAYER_ORDER}
    assert REGISTRY["chroma_format"] == {c.name.lower(): int(c) for c in Chroma}
    assert numbers("chroma_format") == allowed(headers.HEAD, "chroma_format")
    assert numbers("index_compression") == allowed(headers.INDEX_HEADER, "compression")
    for tool in ("position_tool", "shape_tool", "colour_tool", "shape_domain"):
        assert numbers(tool) == allowed(headers.KEY_FRAME, tool)
    assert REGISTRY["position_tool"]["anchors"] == headers.ANCHORS
    assert numbers("scene_position_tool") == allowed(headers.SPLATS, "position_tool")
    tools = {"tree": positions.TREE, "occupancy": positions.OCCUPANCY, "anchors": positions.ANCHORS}
    assert REGISTRY["scene_position_tool"] == tools
    assert REGISTRY["prediction"]["choice"] == colour.CHOICE
    assert numbers("prediction") == allowed(headers.SPLATS, "prediction")
    for field, names in (("kernel", KERNELS), ("axes", FRAMES), ("colour_space", COLOUR_SPACES)):
        assert REGISTRY[field] == {name: i for i, name in enumerate(names)}
        assert numbers(field) == allowed(headers.HEAD, field)
    assert numbers("prediction_tool") == allowed(headers.PREDICTED_FRAMES, "prediction_tool")
    assert REGISTRY["shape_domain"] == {"cholesky": splats.CHOLESKY, "log_cholesky": splats.LOG_CHOLESKY}
    updates = {"position": symbols.UPDATE_POSITION, "shape": symbols.UPDATE_SHAPE, "colour": symbols.UPDATE_COLOUR}
    assert REGISTRY["update_bit"] == updates
    assert REGISTRY["update"] == {"born": differences.BORN}
    assert REGISTRY["motion_mode"] == {"still": motion.STILL, "new": motion.NEW, "changed": motion.CHANGED}


def test_registry_exit_status():
    status = REGISTRY["exit_status"]
    assert status["bad_stream"] == errors.BadStream.exit_code
    assert status["hash_mismatch"] == errors.HashMismatch.exit_code
    assert status["usage"] == errors.UsageError.exit_code
    assert status["unsupported"] == errors.Unsupported.exit_code
    assert status["limit_exceeded"] == errors.LimitExceeded.exit_code
    table = SPEC["annex-b-conformance.md"]
    for name in ("BadStream", "HashMismatch", "UsageError", "Unsupported", "LimitExceeded"):
        row = re.search(rf"^\| {name} \|.*\| (\d+) \|$", table, re.M)
        assert int(row[1]) == getattr(errors, name).exit_code


def test_registry_ranges_are_disjoint():
    for width, ranges in REGISTRY["ranges"].items():
        spans = sorted(ranges.values())
        assert spans[0][0] == 0 and spans[-1][1] == (1 << int(width[1:])) - 1
        assert all(a[1] + 1 == b[0] for a, b in zip(spans, spans[1:], strict=False))


# --- limits and tables ------------------------------------------------------------------------------------------------


def test_limit_levels():
    page = SPEC["annex-a-limits.md"]
    names = re.search(r"^\| limit level \| (.+) \|$", page, re.M)[1].split(" | ")
    assert names == list(limits.Limits.__dataclass_fields__)
    rows = re.findall(r"^\| (\d+) \| (2\^.+) \|$", page, re.M)
    printed = {int(level): [2 ** int(v.removeprefix("2^")) for v in row.split(" | ")] for level, row in rows}
    assert printed == {k: [getattr(v, n) for n in names] for k, v in limits.LEVELS.items()}
    assert {int(k): list(v.values()) for k, v in REGISTRY["limit_level"].items()} == printed
    assert all(list(v) == names for v in REGISTRY["limit_level"].values())
    assert f"limit level {limits.DEFAULT_LEVEL}." in page


def block(name: str) -> list[int]:
    page = next(p for p in SPEC.values() if f"```numbers {name}\n" in p)
    return [int(x) for x in re.search(rf"```numbers {name}\n(.*?)```", page, re.S)[1].split()]


@pytest.mark.parametrize(
    "name, table",
    [
        ("LEVEL_WEIGHT", entropy.LEVEL_WEIGHT),
        ("AFTER_ZERO", entropy.AFTER_ZERO),
        ("AFTER_OTHER", entropy.AFTER_OTHER),
        ("ANISOTROPY", rotation.ANISOTROPY),
        ("T_HI", splats.T_HI),
        ("T_LO", splats.T_LO),
        ("FIRST_VECTOR", np.array(motion.FIRST_LENGTH)),
        ("FIRST_UPDATE", np.array(differences.FIRST_UPDATE).reshape(-1)),
        (
            "FIRST_DIFFERENCE",
            np.concatenate([differences.Tables().lengths[kind][0] for kind in ("position", "energy", "chroma")]),
        ),
        *((name, getattr(graded_counts, name).ravel()) for name in GRADED_TABLES),
    ],
)
def test_printed_numbers(name, table):
    assert block(name) == table.tolist()


def test_covered_samples_formula():
    """A.3 as printed, in plain integers."""
    rng = np.random.default_rng(3)
    factor = np.stack(
        [rng.integers(1024, 2966168, 200), rng.integers(1024, 2966168, 200), rng.integers(-(2**24), 2**24, 200)], 1
    )
    total = 0
    for a, b, c in factor.tolist():
        hw = 3548 * 2**10 // a + 1
        hh = 3548 * 2**10 * (a + abs(c)) // (a * b) + 1
        total += min(2 * hw + 1, 352) * min(2 * hh + 1, 288)
    assert splats.covered_samples(factor.astype(np.int32), 352, 288) == total


def test_constants_in_the_text():
    assert f"ReadTable({symbols.CLASSES})" in SPEC["07-entropy.md"]
    page = SPEC["10-scene.md"]
    assert f"({', '.join(map(str, steps.EIGHTHS.tolist()))})" in page
    assert f"| −{state.SCALE_LIMIT} … {state.SCALE_LIMIT} " in page
    assert f"| {state.FIRST_OPACITY} … {state.LAST_OPACITY} |" in page
    assert (state.POSITION_LIMIT, state.COLOUR_LIMIT) == (1 << 30, 1 << 24)
    assert (morton.SIDE_BITS, scene_symbols.LENGTHS, content.MOST_SLICES) == (20, 18, 64)
    assert limits.SCENE_SPLATS == 4 and "≤ 4 · splats" in SPEC["annex-a-limits.md"]
    from pgsvc import index

    assert index.MAX_INDEX_BYTES == 1 << 26 and "at most 2^26 bytes" in SPEC["06-syntax.md"]
    assert container.SIGNATURE.hex(" ").upper() in SPEC["04-container.md"]


def test_worked_example_is_current(tmp_path: Path) -> None:
    """Annex F is what tools/annotate.py makes of its conformance stream."""
    annex = ROOT / "spec" / "annex-f-example.md"
    copy = tmp_path / annex.name
    copy.write_text(annex.read_text())
    stream = ROOT / "conformance" / "valid" / "08-still-one-colour.pgs"
    command = [sys.executable, str(ROOT / "tools" / "annotate.py"), str(stream), "--into", str(copy)]
    subprocess.run(command, check=True)
    assert copy.read_text() == annex.read_text()
