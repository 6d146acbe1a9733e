"""Korean CSVs over encodings, delimiters, line ends and quotings: read exactly, or refused; never a wrong letter in silence."""
import sys
from collections import Counter
from pathlib import Path

import pytest

from deepen.sources._finding import Trouble
from deepen.sources._sheet import read

sys.path.insert(0, str(Path(__file__).parent))
from korean_csvs import ENCODINGS, make


def outcome(path: Path, number: int) -> tuple[str, str]:
    """("exact" | "refused" | "wrong", what was made and what came)."""
    made = make(number)
    path.write_bytes(made.raw)
    try:
        sheet = read(path)
    except Trouble as trouble:
        return "refused", f"{made.what}: {trouble}"
    rows = [list(row) for row in zip(*(column.to_pylist() for column in sheet.columns), strict=True)]
    if sheet.names == made.names and rows == made.rows:
        return "exact", made.what
    if sheet.names != made.names:
        return "wrong", f"{made.what}: names {sheet.names} for {made.names}"
    at = next((i for i, (row, want) in enumerate(zip(rows, made.rows, strict=False)) if row != want), min(len(rows), len(made.rows)))
    return "wrong", f"{made.what}: {len(rows)} rows for {len(made.rows)}; row {at}: {rows[at:at + 1]} for {made.rows[at:at + 1]}"


def count(tmp_path: Path, numbers) -> tuple[Counter, list[str]]:
    told = [outcome(tmp_path / "table.csv", number) for number in numbers]
    return Counter(how for how, _ in told), [what for how, what in told if how != "exact"]


def test_a_thousand_korean_files(tmp_path):
    counts, others = count(tmp_path, range(1000))
    assert counts["wrong"] == 0, "\n".join(others)
    assert counts["exact"] >= 995, f"{counts}\n" + "\n".join(others)


@pytest.mark.slow
def test_five_thousand_more(tmp_path):
    counts, others = count(tmp_path, range(1000, 6000))
    assert counts["wrong"] == 0 and counts["exact"] >= 0.995 * 5000, f"{counts}\n" + "\n".join(others)


def test_the_files_are_what_they_say():
    seen = [make(number) for number in range(48)]
    assert {made.what.split(": ")[1].split(",")[0] for made in seen} == set(ENCODINGS)
    assert make(7) == make(7) and make(7) != make(13)
    assert sum("없음" in made.what or not made.header for made in map(make, range(300))) > 3
