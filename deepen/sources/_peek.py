"""The beginning of somebody's file: enough to tell what it is, however large it is."""
import csv
import io
import re
import zlib
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from deepen.sources._encoding import decode
from deepen.sources._finding import Trouble

HEAD = 1 << 18                      # bytes
LABELS = 20                         # different labels at most
LEAST = 40                          # rows; a shorter list of sentences is as well a table
ANSWERS = ("label", "class", "target", "y", "sentiment", "category", "rating", "레이블", "라벨", "감정", "분류")
TEXTS = ("text", "document", "review", "sentence", "comment", "content", "message", "title", "q", "question", "본문",
         "문장", "리뷰", "내용")


@dataclass(frozen=True)
class Columns:
    """Which columns of a list hold what: their numbers from 0, None where there is none."""
    names: tuple[str, ...]          # from the first line; empty when it names nothing
    text: int | None = None
    label: int | None = None
    picture: int | None = None


def head(path: Path) -> bytes:
    """The first bytes of a file, of what is inside where it is a .gz."""
    if not path.is_file():                      # a pipe would be waited on for ever
        return b""
    with open(path, "rb") as file:
        raw = file.read(HEAD)
    if raw[:2] == b"\x1f\x8b":
        try:
            return zlib.decompressobj(31).decompress(raw, HEAD)
        except zlib.error:
            return raw
    return raw


def words(raw: bytes) -> str | None:
    """The beginning of a text; None when it is none. The last line, cut off, is left out."""
    if len(raw) >= HEAD:
        wide = raw[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in raw[:200]
        raw = raw[:len(raw) // 2 * 2] if wide else _whole(raw)
    try:
        return decode(raw.replace(b"\0", b"") if raw.count(b"\0") < len(raw) / 50 else raw, "")[0]
    except Trouble:
        return None


def _whole(raw: bytes) -> bytes:
    end = max(raw.rfind(b"\n"), raw.rfind(b"\r"))
    if end > 0:
        return raw[:end]
    while raw and raw[-1] & 0xc0 == 0x80:
        raw = raw[:-1]
    return raw[:-1] if raw and raw[-1] >= 0xc0 else raw


def columns(text: str, pictures: tuple[str, ...]) -> Columns | None:
    """The columns of a list in which one column is a text (with a label beside it) or a picture's name (with a text
    beside it); None when it is another table or no table at all."""
    from deepen.sources._sheet import has_header, sniff
    if not re.search(r"[^\s,;|]", text):
        return None
    try:
        mark = "\t" if text.partition("\n")[0].count("\t") else sniff(text)
        rows = list(islice(csv.reader(io.StringIO(text, newline=""), delimiter=mark), 400))
    except csv.Error:
        return None
    rows = [row for row in rows if any(cell.strip() for cell in row)]
    width = len(rows[0]) if rows else 0
    if not 2 <= width <= 5 or len(rows) < 3:
        return None
    named = has_header(rows) or any(cell.strip().lower() in ANSWERS + TEXTS for cell in rows[0])
    names = tuple(cell.strip().lstrip("\ufeff") for cell in rows[0]) if named else ()
    body = [row for row in rows[named:] if len(row) >= width]
    if len(body) < 2:
        return None
    cells = [[row[i].strip() for row in body] for i in range(width)]
    for i in range(width):
        if sum(cell.partition("#")[0].lower().endswith(pictures) for cell in cells[i]) > 0.9 * len(body):
            told = max((j for j in range(width) if j != i), key=lambda j: _spoken(cells[j]))
            spoken = _spoken(cells[told]) >= 2 or "caption" in (names[told].lower() if names else "")
            return Columns(names, told if spoken else None, None if spoken else told, i)
    return _labelled(names, cells, len(body))


def _labelled(names: tuple[str, ...], cells: list[list[str]], count: int) -> Columns | None:
    """Sentences in one column, few different labels in another. A table with a column of names is none of this."""
    long = [i for i, column in enumerate(cells) if _spoken(column) >= (2 if names and names[i].lower() in TEXTS else 4)
            and len(set(column)) > 0.8 * count]
    few = [i for i, column in enumerate(cells) if i not in long and len(set(column)) <= min(LABELS, max(2, count // 3))]
    few.sort(key=lambda i: (names[i].lower() not in ANSWERS if names else 0, -i))
    if not long or not few or count < LEAST:
        return None
    others = [i for i in range(len(cells)) if i not in (*long, few[0])]
    if any(len(set(cells[i])) < 0.9 * count and _spoken(cells[i]) < 2 for i in others):     # more than an id: a table
        return None
    return Columns(names, long[0], few[0])


def _spoken(column: list[str]) -> float:
    """Words a cell has on average, where the cells are letters."""
    letters = sum(any(letter.isalpha() for letter in cell) for cell in column)
    return sum(len(cell.split()) for cell in column) / len(column) if letters > 0.7 * len(column) else 0.0


def numbers(text: str) -> bool:
    """Rows of numbers with blanks, tabs or commas between: a table without names (or with)."""
    from deepen.sources._column import is_number
    lines = [line for line in text.splitlines()[:200] if line.strip()]
    for mark in ("\t", ",", ";", "|", None):
        rows = [line.split(mark) for line in lines]
        width = len(rows[-1])
        even = sum(len(row) == width for row in rows) > 0.95 * len(rows)
        cells = [cell for row in rows[1:] for cell in row]
        if width > 1 and len(rows) > 1 and even and (mark == "\t" or sum(map(is_number, cells)) > 0.4 * len(cells)):
            return True
    return False
