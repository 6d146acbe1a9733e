"""Data that people give by mistake: how much of it is told rightly, and how many Korean CSVs are read letter for letter.

    python bench/pack.py [--quick]

One JSON line a claim. The bad inputs are made by tests/app/bad_*.py, the Korean files by tests/sources/korean_csvs.py;
the peers get the same bytes: Python's csv module and its Sniffer for the delimiter, with UTF-8 (what a script in a
course does), and the same with the usual second try, CP949.
"""
import csv
import io
import json
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

HOUSE = Path(__file__).parent.parent
sys.path[:0] = [str(HOUSE / "tests" / "app"), str(HOUSE / "tests" / "sources")]
from bad_inputs import all_cases  # noqa: E402
from korean_csvs import make  # noqa: E402
from pack_judge import forbidden, tried  # noqa: E402

from deepen.sources._finding import Trouble  # noqa: E402
from deepen.sources._sheet import read  # noqa: E402


def line(claim: str, ours: float, peer: float | None, peer_name: str | None, unit: str, runs: int) -> None:
    print(json.dumps({"claim": claim, "ours": round(ours, 3), "peer": peer, "peer_name": peer_name,
                      "ratio": round(ours / peer, 3) if peer else None, "unit": unit, "runs": runs, "spread": 0}), flush=True)


def bad_inputs(step: int) -> None:
    """Each in an empty folder of its own: check, and where check refuses, train."""
    cases = [case for case in all_cases()[::step] if not forbidden(case)]
    came: Counter[str] = Counter()
    began, home = time.monotonic(), Path.cwd()
    for case in cases:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["XDG_CACHE_HOME"] = folder
            given = Path(folder, "given")
            given.mkdir()
            os.chdir(given)
            try:
                tried(case)
                came["right"] += 1
            except AssertionError as error:
                told = str(error)
                came["tracebacks" if "Traceback" in told else "silent" if "train accepts" in told or "came: []" in told else "wrong"] += 1
                print(f"{case.name}: {told.splitlines()[0][:200]}", file=sys.stderr)
            finally:
                os.chdir(home)
    line("bad inputs told rightly", 100 * came["right"] / len(cases), None, None, "%", len(cases))
    line("bad inputs that end in a traceback", came["tracebacks"], None, None, "inputs", len(cases))
    line("bad inputs accepted in silence", came["silent"], None, None, "inputs", len(cases))
    line("time for one bad input (check, and train where it is refused)", 1000 * (time.monotonic() - began) / len(cases), None, None, "ms", len(cases))


def plainly(raw: bytes, encodings: tuple[str, ...]) -> list[list[str]] | None:
    """What a script reads: the first encoding that does not fail, and the delimiter that csv.Sniffer finds."""
    for encoding in encodings:
        try:
            text = raw.decode(encoding)
            return list(csv.reader(io.StringIO(text, newline=""), csv.Sniffer().sniff(text[:4096], ",;\t|")))
        except (UnicodeDecodeError, csv.Error):
            continue
    return None


def korean(count: int) -> None:
    """Exact: every name and every cell. Wrong: other letters or cells without a word about it."""
    ours: Counter[str] = Counter()
    peers = {("utf-8-sig",): Counter(), ("utf-8-sig", "cp949"): Counter()}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        for number in range(count):
            made = make(number)
            path.write_bytes(made.raw)
            try:
                sheet = read(path)
                rows = [list(row) for row in zip(*(column.to_pylist() for column in sheet.columns), strict=True)]
                ours["exact" if (sheet.names, rows) == (made.names, made.rows) else "wrong"] += 1
            except Trouble:
                ours["refused"] += 1
            wanted = ([made.names] if made.header else []) + made.rows
            for encodings, came in peers.items():
                found = plainly(made.raw, encodings)
                came["refused" if found is None else "exact" if found == wanted else "wrong"] += 1
    for encodings, came in peers.items():
        name = f"csv.Sniffer with {' then '.join(encodings)}"
        line("Korean CSVs read exactly", 100 * ours["exact"] / count, 100 * came["exact"] / count, name, "%", count)
        line("Korean CSVs read wrongly without a word", ours["wrong"], came["wrong"], name, "files", count)


def main() -> None:
    quick = "--quick" in sys.argv
    korean(100 if quick else 1000)
    bad_inputs(10 if quick else 1)


if __name__ == "__main__":
    main()
