"""A CSV, TSV or Parquet file -> named columns of text, exactly as they stand in it."""
import csv
import gc
import io
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from deepen.core.words import say
from deepen.sources._column import MISSING, is_amount, is_number
from deepen.sources._encoding import bytes_of, decode
from deepen.sources._finding import Finding, Trouble

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|", "space": " "}
CELL_LIMIT = 100_000_000                                # characters; a quote that is never closed eats the whole file


@dataclass
class Sheet:
    """The text of a table: columns of equal length, not yet understood."""
    file: str
    names: list[str]
    columns: list[pa.Array]                             # of text
    lines: np.ndarray                                   # the line of the file each row begins on
    delimiter: str = ","
    named: bool = True                                  # did the file name its columns?
    findings: list[Finding] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.lines)

    def line(self, row: int) -> str:
        return say("line {line}", line=int(self.lines[row]))


def read(path: Path, delimiter: str = "auto", header: str = "auto", encoding: str = "", on_bad: str = "stop") -> Sheet:
    """Read a file; `auto` is found by looking. Rows of a wrong length raise `Trouble`, or are left out and counted
    with `on_bad="skip"`."""
    raw = bytes_of(path)
    if raw[:4] == b"PAR1":
        return _parquet(raw, path.name)
    text, found = decode(raw, path.name, encoding)
    del raw
    if not text[:1000].strip("\ufeff \t\r\n") and not text.strip("\ufeff \t\r\n"):
        raise Trouble(say("the file is empty"), say("check that the right file was given"), path.name)
    text = text.rstrip("\r\n")
    if asked := re.match(r"sep=([,;\t|])\r?\n", text):           # a line that Excel writes and reads
        text, delimiter = "\n" + text[asked.end():], next(name for name, sign in DELIMITERS.items() if sign == asked[1])
    text, above = _without_notes(text)
    with _large_cells():
        mark = DELIMITERS[delimiter] if delimiter != "auto" else sniff(text)
        sample = _sample(text[: 1 << 21], mark, 1000)
        if title := _titles(sample):
            text, above = _blanked(text, mark, title), [*above, *(row[0] for row in sample[:title])]
            sample = sample[title:]
    width = len(sample[0])
    if width == 1 and max(map(len, sample)) == 1:
        raise Trouble(say("every line has one cell only: {start}", start=text.lstrip().splitlines()[0][:60]),
                      say("name what stands between the cells: data.delimiter=comma, semicolon, tab, bar or space"), path.name)
    named = has_header(sample) if header == "auto" else header == "yes"
    columns, lines, findings = _columns(text, mark, width, path.name, on_bad)
    if "\ufffd" in text:
        findings.append(Finding("warning", say("{count} letters were lost when the file was written (they are �)",
                                               count=text.count("\ufffd")),
                                say("save it again from where it came from, as UTF-8"), path.name))
    start = int(lines[0]) if len(lines) else 1
    names = [cells[0].as_py() for cells in columns] if named else [f"c{i + 1}" for i in range(width)]
    if named:
        columns, lines = [cells[1:] for cells in columns], lines[1:]
        names = _names(names, path.name, findings)
    if not len(lines):
        raise Trouble(say("there is a line of names and no row under it"), say("check that the right file was given"),
                      path.name)
    shown = next(name for name, sign in DELIMITERS.items() if sign == mark)
    findings.insert(0, Finding("note", (
        say("read as {encoding}, delimiter {delimiter}, names of the columns in line {line}", encoding=found,
            delimiter=shown, line=start) if named else
        say("read as {encoding}, delimiter {delimiter}; no line of names was found, so the columns are c1…c{width}",
            encoding=found, delimiter=shown, width=width)), "" if named else say("if there is one, say data.header=yes"),
        path.name))
    if above:
        findings.append(Finding("note", say("{count} lines above the table are a title or remarks and are no rows: {text}",
                                            count=len(above), text=" / ".join(line.strip()[:40] for line in above[:3])), "",
                                path.name))
    return Sheet(path.name, names, columns, lines, mark, named, findings)


def first_row(path: Path) -> list[str] | None:
    """The names of the columns, from the first lines alone; None when there are none."""
    with path.open("rb") as file:
        raw = file.read(1 << 17)
    if len(raw) == 1 << 17 and b"\0" not in raw:
        raw = raw[: raw.rfind(b"\n") + 1] or raw
    if raw[:4] == b"PAR1":
        return None
    text, _ = _without_notes(decode(raw, path.name)[0].rstrip("\r\n"))
    with _large_cells():
        sample = _sample(text, sniff(text), 200)
    return _names(sample[0], path.name, []) if has_header(sample) else None


def sniff(text: str) -> str:
    """The delimiter: rows of equal length, cells without other delimiters inside, then the most columns."""
    best, score = ",", (0.0, 0.0, 0)
    for mark in (",", ";", "\t", "|"):
        sample = text[: 1 << 18]
        rows = _sample(sample, mark, 200)
        rows = rows[:-1] if len(sample) < len(text) and len(rows) > 1 and len(rows) < 200 else rows
        width, count = Counter(map(len, rows)).most_common(1)[0]
        if width == 1:
            continue
        cells = [cell for row in rows for cell in row]
        clean = sum(not any(other in cell for other in ",;\t|" if other != mark) or is_number(cell) for cell in cells)
        this = (round(count / len(rows), 2), round(clean / len(cells), 2), width)
        if this > score:
            best, score = mark, this
    return best


def has_header(rows: list[list[str]]) -> bool:
    """Does the first row name the columns? Names are different words, and numbers or other words stand below them."""
    first, below = [cell.strip() for cell in rows[0]], [row for row in rows[1:] if len(row) == len(rows[0])]
    if any(is_number(cell) or cell == "?" or re.match(r"\d{4}[-/.]\d", cell) for cell in first):
        return False
    if not below:
        return True
    for name, cells in zip(first, zip(*below, strict=True), strict=True):
        full = [cell for cell in cells if cell.strip() not in MISSING]
        if name and name not in MISSING and full and all(is_amount(cell) for cell in full) and not is_amount(name):
            return True
        if name and full and all(is_number(cell) for cell in full):     # 2014년, over numbers
            return True
    seen = [name in {cell.strip() for cell in cells} for name, cells in zip(first, zip(*below, strict=True), strict=True)]
    return sum(seen) == 0 or sum(seen) < 0.2 * len(seen)


def _sample(text: str, mark: str, count: int) -> list[list[str]]:
    rows = _rows(io.StringIO(text, newline=""), mark, strict=False)
    return list(islice((row for row in rows if any(cell.strip() for cell in row)), count))


def _rows(lines, mark: str, strict: bool = True):
    return csv.reader(lines, delimiter=mark, skipinitialspace=True, strict=strict)


def _without_notes(text: str) -> tuple[str, list[str]]:
    """Lines that begin with # above a table are remarks; the last of them may be the names of the columns."""
    lines = text[: 1 << 16].splitlines(keepends=True)
    count = next((i for i, line in enumerate(lines) if not line.startswith("#")), len(lines))
    if not count or count == len(lines):
        return text, []
    rest = text[sum(map(len, lines[:count])):]
    mark = sniff(rest)
    if len(_sample(lines[count - 1], mark, 1)[0]) == len(_sample(rest[: 1 << 16], mark, 1)[0]):
        names = lines[count - 1]
        return "\n" * (count - 1) + (names[1:].lstrip() if names.startswith("# ") else names) + rest, lines[: count - 1]
    return "\n" * count + rest, lines[:count]


def _titles(sample: list[list[str]]) -> int:
    """How many rows above the table hold one cell only, while its rows have three or more."""
    width, count = Counter(map(len, sample)).most_common(1)[0]
    if width < 3 or count < 0.8 * (len(sample) - 2):
        return 0
    return next((i for i, row in enumerate(sample[:5]) if sum(bool(cell.strip()) for cell in row) > 1), 0)


def _blanked(text: str, mark: str, count: int) -> str:
    """The text with its first `count` rows (of one line each) empty: lines are still counted from the top."""
    at = 0
    while count:
        end = text.find("\n", at) + 1
        count -= bool(text[at:end].strip(f"{mark} \r\n"))
        at = end
    return "\n" * text.count("\n", 0, at) + text[at:]


def _columns(text: str, mark: str, width: int, file: str, on_bad: str) -> tuple[list[pa.Array], np.ndarray, list[Finding]]:
    """Cells by column, and the line of each row. Where a row is a line pyarrow splits the text, which is four times as
    fast; everything else goes through `csv`, which knows its lines."""
    plain = "\n\n" not in text and "\n\r" not in text and text.count("\r") == text.count("\r\n")
    if plain and text[0] not in "\r\n" and len(text) > 1 << 20 and mark != " ":
        from pyarrow import csv as arrow
        names, raw = [str(i) for i in range(width)], text.encode("utf-8")
        quotes = b'"' in raw
        try:
            if quotes and not _well_quoted(raw, mark):
                return _exact(text, mark, width, file, on_bad)
            table = arrow.read_csv(
                pa.py_buffer(raw), arrow.ReadOptions(column_names=names, block_size=1 << 24),
                arrow.ParseOptions(delimiter=mark, quote_char='"' if quotes else False, ignore_empty_lines=False),
                arrow.ConvertOptions(column_types=dict.fromkeys(names, pa.large_string()), strings_can_be_null=False))
            if len(table) == raw.count(b"\n") + 1:
                return [column.combine_chunks() for column in table.columns], np.arange(1, len(table) + 1), []
        except pa.ArrowInvalid:                         # a row of another length: which line is told below
            return _exact(text, mark, width, file, on_bad)
    return _exact(text, mark, width, file, on_bad)


def _well_quoted(raw: bytes, mark: str) -> bool:
    """Does every quote stand at an end of a cell, or beside another quote?"""
    letters = np.frombuffer(raw, np.uint8)
    quotes = np.flatnonzero(letters == ord('"'))
    ends = np.zeros(256, bool)
    ends[[ord(mark), *b'\r\n"']] = True
    before = ends[letters[np.maximum(quotes - 1, 0)]] | (quotes == 0)
    after = ends[letters[np.minimum(quotes + 1, len(letters) - 1)]]
    return len(quotes) % 2 == 0 and bool((before | after).all())


def _exact(text: str, mark: str, width: int, file: str, on_bad: str) -> tuple[list[pa.Array], np.ndarray, list[Finding]]:
    parts: list[list[pa.Array]] = []
    lines: list[int] = []
    ragged: list[tuple[int, int]] = []
    good: list[list[str]] = []
    reader, began = _rows(io.StringIO(text, newline=""), mark), 1
    with _large_cells():
        try:
            for row in reader:
                if len(row) == width:
                    good.append(row)
                    lines.append(began)
                elif any(cell.strip() for cell in row):
                    ragged.append((began, len(row)))
                began = reader.line_num + 1
                if len(good) == 20_000:
                    parts.append([pa.array(cells, pa.large_string()) for cells in zip(*good, strict=True)])
                    good.clear()
        except csv.Error as error:
            cause = (say("a quote \" is opened here and never closed")
                     if "end of data" in str(error) or "limit" in str(error) else
                     say("after a closing quote \" there is more text before the next delimiter"))
            raise Trouble(cause, say("close it, or write a quote inside a cell twice: \"\""), file,
                          say("line {line}", line=began)) from None
    if good or not parts:
        parts.append([pa.array(cells, pa.large_string()) for cells in (zip(*good, strict=True) if good else [()] * width)])
    findings = _ragged(ragged, width, file, on_bad)
    return [pa.concat_arrays([part[i] for part in parts]) for i in range(width)], np.array(lines, np.int64), findings


@contextmanager
def _large_cells() -> Iterator[None]:
    """Cells of any size; and no search for rubbish while millions of rows are made, none of which is rubbish."""
    limit, collecting = csv.field_size_limit(CELL_LIMIT), gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        csv.field_size_limit(limit)
        if collecting:
            gc.enable()


def _ragged(ragged: list[tuple[int, int]], width: int, file: str, on_bad: str) -> list[Finding]:
    if not ragged:
        return []
    shown = ", ".join(say("line {line} has {cells}", line=line, cells=cells) for line, cells in ragged[:5])
    shown += ", …" if len(ragged) > 5 else ""
    cause = say("{count} rows have another number of cells than the first line, which has {width}: {shown}",
                count=len(ragged), width=width, shown=shown)
    mend = say("mend these lines (a cell with the delimiter in it needs quotes), or leave them out with --on-bad skip")
    if on_bad == "stop":
        raise Trouble(cause, mend, file, say("line {line}", line=ragged[0][0]))
    return [Finding("warning", say("{cause}; they are left out", cause=cause), "", file)]


def _names(names: list[str], file: str, findings: list[Finding]) -> list[str]:
    import unicodedata
    names = [unicodedata.normalize("NFC", name).strip() for name in names]
    twice = [name for name, count in Counter(names).items() if count > 1 and name]
    if twice:
        raise Trouble(say("more than one column is named {names}", names=", ".join(twice[:5])),
                      say("give each column a name of its own"), file, say("line {line}", line=1))
    nameless = [i for i, name in enumerate(names) if not name]
    if nameless:
        called = ", ".join(f"c{i + 1}" for i in nameless[:5])
        findings.append(Finding("note", say("columns without a name are called {names}", names=called), "", file,
                                say("line {line}", line=1)))
    return [name or f"c{i + 1}" for i, name in enumerate(names)]


def _parquet(raw: bytes, file: str) -> Sheet:
    from pyarrow import parquet
    try:
        table = parquet.read_table(pa.py_buffer(raw))
        columns = [pc.fill_null(column.cast(pa.large_string()), "").combine_chunks() for column in table.columns]
    except (pa.ArrowException, OSError) as error:
        raise Trouble(say("the Parquet file cannot be read ({reason})", reason=str(error).splitlines()[0][:100]),
                      say("write it again with plain columns of numbers and text"), file) from None
    findings = [Finding("note", say("read as Parquet"), "", file)]
    return Sheet(file, _names(table.column_names, file, findings), columns, np.arange(1, len(table) + 1), findings=findings)
